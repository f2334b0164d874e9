//! A small schema registry: keeps JSON schemas by subject and version, validates documents, checks compatibility.
//!
//! `API_KEY=… schema-registry-server --port 8000 --log registry.jsonl`; ends cleanly on SIGTERM and SIGINT.

mod audit;
mod canonical;
mod compatibility;
mod defects;
mod faults;
mod formats;
mod http;
mod json;
mod json_parser;
mod options;
mod pattern;
mod references;
mod routes;
mod schemas;
mod sha256;
mod signals;
mod store;
mod validation;

use std::env;
use std::process::ExitCode;

use options::Options;
use routes::Service;
use signals::Termination;
use store::Store;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("error: {reason}");
            ExitCode::from(2)
        }
    }
}

/// Serves until a signal asks to stop.
fn run() -> Result<(), String> {
    let options = Options::parse(env::args().skip(1))?;
    let key = env::var("API_KEY").unwrap_or_default();
    if key.is_empty() {
        return Err("API_KEY is not set: nobody could use the registry".into());
    }
    faults::check()?;
    let termination = Termination::block();
    let service = Service::new(Store::open(&options.log)?, key);
    let server = http::Server::start(options.port, options.threads, move |request| service.answer(request))
        .map_err(|error| format!("127.0.0.1:{}: {error}", options.port))?;
    println!("listening on http://{}", server.address());
    termination.wait();
    server.stop();
    Ok(())
}
