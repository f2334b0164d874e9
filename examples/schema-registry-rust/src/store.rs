//! Schemas in memory, and in a file from which the next start reads them: a JSON object with `subject` and `schema` a
//! line.

use std::collections::{BTreeMap, HashMap};
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use crate::canonical::fingerprint;
use crate::faults::{self, Fault};
use crate::json::{object, Value};
use crate::json_parser::parse;
use crate::references::self_contained;

/// For how long the fault holds the lock after there is nothing more to do.
const HELD: Duration = Duration::from_millis(1);

/// A schema that the registry knows.
pub struct Registered {
    pub id: usize,
    pub subject: String,
    pub version: usize,
    pub fingerprint: String,
    pub schema: Value,
}

#[derive(Default)]
struct Registry {
    /// `id` is the place in here, from 1.
    schemas: Vec<Arc<Registered>>,
    /// The versions of each subject, the first one first.
    subjects: BTreeMap<String, Vec<Arc<Registered>>>,
    /// How often each schema was registered, by id.
    registrations: HashMap<usize, u64>,
}

pub struct Store {
    registry: Mutex<Registry>,
    path: PathBuf,
}

impl Store {
    /// The registry that `path` describes; empty if there is no such file.
    pub fn open(path: &Path) -> Result<Store, String> {
        let store = Store { registry: Mutex::default(), path: path.into() };
        if path.exists() {
            for (number, line) in store.lines()?.enumerate() {
                let bad = |reason: String| format!("{}: line {}: {reason}", path.display(), number + 1);
                store.replay(&line?).map_err(bad)?;
            }
        }
        Ok(store)
    }

    pub fn by_id(&self, id: usize) -> Option<Arc<Registered>> {
        if faults::on(Fault::Query) {
            return self.search_file(|schema| schema.id == id);
        }
        self.with_registry_lock(|registry| registry.schemas.get(id.checked_sub(1)?).cloned())
    }

    pub fn by_version(&self, subject: &str, version: usize) -> Option<Arc<Registered>> {
        if faults::on(Fault::Query) {
            return self.search_file(|schema| schema.subject == subject && schema.version == version);
        }
        self.with_registry_lock(|registry| {
            registry.subjects.get(subject)?.get(version.checked_sub(1)?).cloned()
        })
    }

    pub fn latest(&self, subject: &str) -> Option<Arc<Registered>> {
        self.with_registry_lock(|registry| registry.subjects.get(subject)?.last().cloned())
    }

    /// The schema of that fingerprint, with one more registration counted; None if there is none.
    pub fn register_again(&self, subject: &str, fingerprint: &str) -> Option<Arc<Registered>> {
        self.with_registry_lock(|registry| {
            let known = registry.known(subject, fingerprint)?;
            *registry.registrations.entry(known.id).or_insert(1) += 1;
            Some(known)
        })
    }

    /// Keep `schema` as the next version of `subject`, here and in the file, if nobody else has meanwhile.
    pub fn add(&self, subject: &str, fingerprint: String, schema: Value) -> Result<Arc<Registered>, String> {
        let line = object([("subject", subject.into()), ("schema", schema.clone())]).to_json();
        self.with_registry_lock(|registry| {
            if let Some(known) = registry.known(subject, &fingerprint) {
                return Ok(known);
            }
            self.append(&line).map_err(|error| format!("{}: {error}", self.path.display()))?;
            Ok(registry.add(subject, fingerprint, schema))
        })
    }

    /// The latest version of every subject.
    pub fn subjects(&self) -> Vec<Arc<Registered>> {
        self.with_registry_lock(|registry| {
            registry.subjects.values().filter_map(|v| v.last()).cloned().collect()
        })
    }

    #[inline(never)] // one function in every profile
    fn with_registry_lock<T>(&self, action: impl FnOnce(&mut Registry) -> T) -> T {
        let mut registry = self.registry.lock().unwrap();
        let result = action(&mut registry);
        if faults::on(Fault::Lock) {
            thread::sleep(HELD);
        }
        result
    }

    fn append(&self, line: &str) -> std::io::Result<()> {
        let mut file = OpenOptions::new().create(true).append(true).open(&self.path)?;
        file.write_all(format!("{line}\n").as_bytes())
    }

    fn lines(&self) -> Result<impl Iterator<Item = Result<String, String>> + '_, String> {
        let explain = |error: std::io::Error| format!("{}: {error}", self.path.display());
        let file = File::open(&self.path).map_err(explain)?;
        Ok(BufReader::new(file).lines().map(move |line| line.map_err(explain)))
    }

    fn replay(&self, line: &str) -> Result<(), String> {
        let (subject, schema) = parse_line(line).ok_or("not an object with subject and schema")?;
        let fingerprint = fingerprint(&self_contained(&schema)?);
        self.with_registry_lock(|registry| registry.add(&subject, fingerprint, schema));
        Ok(())
    }

    /// The fault: what a query without an index does. Reads the file until a schema is the `wanted` one.
    #[inline(never)] // one function in every profile
    fn search_file(&self, wanted: impl Fn(&Registered) -> bool) -> Option<Arc<Registered>> {
        let mut read = Registry::default();
        for line in self.lines().ok()? {
            let (subject, schema) = parse_line(&line.ok()?)?;
            let fingerprint = fingerprint(&self_contained(&schema).ok()?);
            let registered = read.add(&subject, fingerprint, schema);
            if wanted(&registered) {
                return Some(registered);
            }
        }
        None
    }
}

impl Registry {
    fn known(&self, subject: &str, fingerprint: &str) -> Option<Arc<Registered>> {
        self.subjects.get(subject)?.iter().find(|r| r.fingerprint == fingerprint).cloned()
    }

    fn add(&mut self, subject: &str, fingerprint: String, schema: Value) -> Arc<Registered> {
        let versions = self.subjects.entry(subject.into()).or_default();
        let registered = Arc::new(Registered {
            id: self.schemas.len() + 1,
            subject: subject.into(),
            version: versions.len() + 1,
            fingerprint,
            schema,
        });
        versions.push(registered.clone());
        self.schemas.push(registered.clone());
        registered
    }
}

fn parse_line(line: &str) -> Option<(String, Value)> {
    let entry = parse(line.as_bytes())?;
    Some((entry.get("subject")?.as_str()?.into(), entry.get("schema")?.clone()))
}
