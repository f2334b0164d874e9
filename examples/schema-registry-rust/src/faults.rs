//! Faults to be found by profilers, switched on by `REGISTRY_FAULT=slow,leak,lock,query` (any of `NAMES`).

use std::env;
use std::sync::OnceLock;

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// `canonicalise` does the work of several.
    Slow,
    /// `record_request` keeps every answer.
    Leak,
    /// `with_registry_lock` holds the lock longer than it has to.
    Lock,
    /// Schemas are looked up in the file instead of in the index.
    Query,
    // The others are calls of a function in `defects`.
    JsonTwice,
    Format,
    Quadratic,
    CopyBuffer,
    LockOverIo,
    SpinLock,
    LeakCycle,
    LeakThread,
}

const NAMES: [(&str, Fault); 12] = [
    ("slow", Fault::Slow),
    ("leak", Fault::Leak),
    ("lock", Fault::Lock),
    ("query", Fault::Query),
    ("json-twice", Fault::JsonTwice),
    ("format", Fault::Format),
    ("quadratic", Fault::Quadratic),
    ("copy-buffer", Fault::CopyBuffer),
    ("lock-over-io", Fault::LockOverIo),
    ("spin-lock", Fault::SpinLock),
    ("leak-cycle", Fault::LeakCycle),
    ("leak-thread", Fault::LeakThread),
];

pub fn on(fault: Fault) -> bool {
    static FAULTS: OnceLock<Vec<Fault>> = OnceLock::new();
    FAULTS.get_or_init(|| switched_on().unwrap_or_default()).contains(&fault)
}

/// What is wrong with `REGISTRY_FAULT`, if anything.
pub fn check() -> Result<(), String> {
    switched_on().map(|_| ())
}

fn switched_on() -> Result<Vec<Fault>, String> {
    let text = env::var("REGISTRY_FAULT").unwrap_or_default();
    text.split(',').filter(|name| !name.is_empty()).map(fault_called).collect()
}

fn fault_called(name: &str) -> Result<Fault, String> {
    match NAMES.iter().find(|(known, _)| *known == name) {
        Some((_, fault)) => Ok(*fault),
        None => {
            let known: Vec<&str> = NAMES.iter().map(|(known, _)| *known).collect();
            Err(format!("REGISTRY_FAULT: {name:?} is not one of {}", known.join(", ")))
        }
    }
}
