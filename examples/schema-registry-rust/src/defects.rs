//! What services do that costs more than its author thinks: each function is called only where its fault is on (`faults`).

use std::fs::{self, File};
use std::hint::{black_box, spin_loop};
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;
use std::time::Duration;
use std::{env, process};

use crate::json::Value;
use crate::json_parser::parse;

/// How large a page is that answers are laid out on.
const PAGE: usize = 1 << 20;
/// How long a turn takes.
const TURN: Duration = Duration::from_micros(500);

/// `json-twice`: what JSON cannot say is noticed here, and not by a client.
#[inline(never)] // one function in every profile
pub fn as_clients_read(content: &Value) -> Value {
    parse(content.to_json().as_bytes()).unwrap_or(Value::Null)
}

/// `format`: a string for every letter.
#[inline(never)]
pub fn without_controls(body: &str) -> String {
    let mut out = String::new();
    for letter in body.chars().filter(|letter| !letter.is_control()) {
        out += &format!("{letter}");
    }
    out
}

/// `quadratic`: each text is looked for among all that came before it.
#[inline(never)]
pub fn repeated_texts(body: &str) -> usize {
    let mut seen: Vec<String> = Vec::new();
    for (number, text) in body.split('"').enumerate() {
        if !seen.iter().any(|known| known == text) {
            seen.push(format!("{text}@{number}"));
        }
    }
    seen.len()
}

/// `copy-buffer`: a large empty page is copied, to put little on it.
#[inline(never)]
pub fn on_page(body: &str) -> Vec<u8> {
    static EMPTY: OnceLock<Vec<u8>> = OnceLock::new();
    let mut page = EMPTY.get_or_init(|| vec![b' '; PAGE]).clone();
    let length = body.len().min(PAGE);
    page[..length].copy_from_slice(&body.as_bytes()[..length]);
    black_box(page)
}

/// `lock-over-io`: everyone waits for the disk.
#[inline(never)]
pub fn append_to_journal(path: &str) {
    static JOURNAL: Mutex<Option<File>> = Mutex::new(None);
    let mut journal = JOURNAL.lock().unwrap();
    if journal.is_none() {
        let name = env::temp_dir().join(format!("registry-{}.journal", process::id()));
        *journal = File::create(&name).ok();
        let _ = fs::remove_file(name); // gone when the process is
    }
    if let Some(file) = journal.as_mut() {
        let _ = writeln!(file, "{path}");
        let _ = file.sync_data();
    }
}

struct SpinLock(AtomicBool);

impl SpinLock {
    #[inline(never)]
    fn lock(&self) {
        while self.0.swap(true, Ordering::Acquire) {
            spin_loop();
        }
    }

    fn unlock(&self) {
        self.0.store(false, Ordering::Release);
    }
}

/// `spin-lock`: who waits for a turn keeps its processor busy.
#[inline(never)]
pub fn take_turn() {
    static TURNS: SpinLock = SpinLock(AtomicBool::new(false));
    TURNS.lock();
    thread::sleep(TURN);
    TURNS.unlock();
}

struct Visit {
    text: String,
    other: Mutex<Option<Arc<Visit>>>,
}

/// `leak-cycle`: a request and its answer that refer to each other.
#[inline(never)]
pub fn remember(path: &str, body: &str) {
    let asked = Arc::new(Visit { text: path.into(), other: Mutex::new(None) });
    let answered = Arc::new(Visit { text: body.into(), other: Mutex::new(Some(asked.clone())) });
    black_box(asked.text.len() + answered.text.len());
    *asked.other.lock().unwrap() = Some(answered);
}

/// `leak-thread`: a thread that waits for what never comes.
#[inline(never)]
pub fn watch(subject: &str) {
    let subject = subject.repeat(4000);
    thread::spawn(move || loop {
        thread::park();
        black_box(&subject);
    });
}
