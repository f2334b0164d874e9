//! The command line.

use std::path::PathBuf;

const USAGE: &str = "usage: schema-registry-server [--port 8000] [--threads 16] [--log registry.jsonl]";

pub struct Options {
    pub port: u16,
    /// How many connections are served at once.
    pub threads: usize,
    /// The file with the registered schemas, one a line.
    pub log: PathBuf,
}

impl Options {
    pub fn parse(mut words: impl Iterator<Item = String>) -> Result<Options, String> {
        let mut options = Options { port: 8000, threads: 16, log: "registry.jsonl".into() };
        while let Some(name) = words.next() {
            let value = words.next().ok_or(USAGE)?;
            match name.as_str() {
                "--port" => options.port = number(&value)?,
                "--threads" => options.threads = number(&value)?,
                "--log" => options.log = value.into(),
                _ => return Err(USAGE.into()),
            }
        }
        if options.threads == 0 {
            return Err("--threads: at least one is needed".into());
        }
        Ok(options)
    }
}

fn number<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("{text:?} is no such number; {USAGE}"))
}
