//! The last requests, for whoever operates the service: GET /requests/recent.

use std::collections::hash_map::RandomState;
use std::collections::VecDeque;
use std::hash::{BuildHasher, Hasher};
use std::sync::Mutex;
use std::time::Duration;

use crate::faults::{self, Fault};
use crate::http::{Request, Response};
use crate::json::{object, Value};

const KEPT: usize = 256;

#[derive(Clone)]
struct Entry {
    id: String,
    request: String,
    status: u16,
    bytes: usize,
    ms: f64,
}

#[derive(Default)]
pub struct RequestLog {
    recent: Mutex<VecDeque<Entry>>,
}

impl RequestLog {
    #[inline(never)] // one function in every profile
    pub fn record_request(&self, id: &str, request: &Request, response: &Response, took: Duration) {
        let entry = Entry {
            id: id.into(),
            request: format!("{} {}", request.method, request.path),
            status: response.status,
            bytes: response.body.len(),
            ms: took.as_secs_f64() * 1000.0,
        };
        if faults::on(Fault::Leak) {
            Box::leak(response.body.clone().into_boxed_str());
        }
        let mut recent = self.recent.lock().unwrap();
        if recent.len() == KEPT {
            recent.pop_front();
        }
        recent.push_back(entry);
    }

    pub fn recent(&self) -> Value {
        let entries: Vec<Entry> = self.recent.lock().unwrap().iter().cloned().collect();
        entries.into_iter().map(Entry::into_value).collect()
    }
}

impl Entry {
    fn into_value(self) -> Value {
        object([
            ("id", self.id.into()),
            ("request", self.request.into()),
            ("status", usize::from(self.status).into()),
            ("bytes", self.bytes.into()),
            ("ms", Value::Number(format!("{:.3}", self.ms))),
        ])
    }
}

/// 32 hexadecimal digits. The hasher's keys are the standard library's only source of random numbers.
pub fn request_id() -> String {
    let half = || RandomState::new().build_hasher().finish();
    format!("{:016x}{:016x}", half(), half())
}
