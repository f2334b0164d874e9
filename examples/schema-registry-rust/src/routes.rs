//! What the service answers, route by route.

use std::time::Instant;

use crate::audit::{request_id, RequestLog};
use crate::canonical::fingerprint;
use crate::compatibility::incompatibilities;
use crate::defects;
use crate::faults::{self, Fault};
use crate::http::{Request, Response};
use crate::json::{object, Value};
use crate::json_parser::parse;
use crate::references::self_contained;
use crate::schemas::check_schema;
use crate::store::{Registered, Store};
use crate::validation::validate_document;

/// An answer other than a success.
struct Problem {
    status: u16,
    title: String,
    problems: Vec<String>,
}

type Answer = Result<Response, Problem>;

pub struct Service {
    store: Store,
    key: String,
    log: RequestLog,
}

impl Service {
    pub fn new(store: Store, key: String) -> Service {
        Service { store, key, log: RequestLog::default() }
    }

    /// The answer to any request: nobody gets in without the key, and every answer has an id and is recorded.
    pub fn answer(&self, request: &Request) -> Response {
        let started = Instant::now();
        let mut response = if is_same_key(request.header("x-api-key").unwrap_or(""), &self.key) {
            self.route(request).unwrap_or_else(Problem::into_response)
        } else {
            problem(401, "X-API-Key is missing or wrong").into_response()
        };
        let id = request_id();
        self.log.record_request(&id, request, &response, started.elapsed());
        response.headers.push(("X-Request-ID", id));
        if faults::on(Fault::LockOverIo) {
            defects::append_to_journal(&request.path);
        }
        if faults::on(Fault::SpinLock) {
            defects::take_turn();
        }
        if faults::on(Fault::LeakCycle) {
            defects::remember(&request.path, &response.body);
        }
        response
    }

    fn route(&self, request: &Request) -> Answer {
        let segments = request.segments().ok_or_else(|| problem(404, "Not Found"))?;
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        match (request.method.as_str(), segments.as_slice()) {
            ("GET", ["health"]) => self.health(),
            ("GET", ["subjects"]) => self.subjects(),
            ("GET", ["requests", "recent"]) => encode_response(200, &self.log.recent()),
            ("GET", ["schemas", id]) => self.get_by_id(id),
            ("GET", ["subjects", subject, "versions", version]) => self.get_by_version(subject, version),
            ("POST", ["schemas", subject]) => self.register(subject, request),
            ("POST", ["validate", id]) => self.validate(id, request),
            ("POST", ["compatibility", subject]) => self.check_compatibility(subject, request),
            (_, ["health" | "subjects"] | ["requests", "recent"] | ["subjects", _, "versions", _])
            | (_, ["schemas" | "validate" | "compatibility", _]) => Err(problem(405, "Method Not Allowed")),
            _ => Err(problem(404, "Not Found")),
        }
    }

    fn health(&self) -> Answer {
        let subjects = self.store.subjects().len();
        encode_response(200, &object([("status", "ok".into()), ("subjects", subjects.into())]))
    }

    fn subjects(&self) -> Answer {
        let latest = self.store.subjects();
        let overview = |s: &Registered| {
            object([
                ("subject", s.subject.as_str().into()),
                ("version", s.version.into()),
                ("id", s.id.into()),
            ])
        };
        encode_response(200, &latest.iter().map(|schema| overview(schema)).collect())
    }

    fn get_by_id(&self, id: &str) -> Answer {
        describe(&*found(id.parse().ok().and_then(|id| self.store.by_id(id)))?)
    }

    fn get_by_version(&self, subject: &str, version: &str) -> Answer {
        if version == "latest" {
            return describe(&*found(self.store.latest(subject))?);
        }
        if version.is_empty() || version.len() > 9 || !version.bytes().all(|b| b.is_ascii_digit()) {
            return Err(problem(400, "a version is a number or latest"));
        }
        describe(&*found(version.parse().ok().and_then(|version| self.store.by_version(subject, version)))?)
    }

    /// 201 for a new version, 200 for a schema that is known, 409 for one that old documents do not fit.
    fn register(&self, subject: &str, request: &Request) -> Answer {
        let schema = schema_from(request)?;
        let contained = self_contained(&schema).map_err(bad_schema)?;
        let fingerprint = fingerprint(&contained);
        if let Some(known) = self.store.register_again(subject, &fingerprint) {
            return registered(200, &known);
        }
        check_schema(&schema, "$").map_err(bad_schema)?;
        let problems = self.against_latest(subject, &contained)?;
        if !problems.is_empty() {
            return Err(Problem { problems, ..problem(409, "not backward compatible") });
        }
        let added = self.store.add(subject, fingerprint, schema).map_err(|reason| problem(500, &reason))?;
        registered(201, &added)
    }

    fn validate(&self, id: &str, request: &Request) -> Answer {
        let document = json_from(request)?;
        let schema = found(id.parse().ok().and_then(|id| self.store.by_id(id)))?;
        let contained = self_contained(&schema.schema).map_err(bad_schema)?;
        let errors: Vec<Value> = validate_document(&contained, &document)
            .into_iter()
            .map(|one| object([("path", one.path.into()), ("message", one.message.into())]))
            .collect();
        encode_response(
            200,
            &object([
                ("id", schema.id.into()),
                ("valid", errors.is_empty().into()),
                ("errors", Value::Array(errors)),
            ]),
        )
    }

    fn check_compatibility(&self, subject: &str, request: &Request) -> Answer {
        let schema = schema_from(request)?;
        check_schema(&schema, "$").map_err(bad_schema)?;
        let contained = self_contained(&schema).map_err(bad_schema)?;
        found(self.store.latest(subject))?;
        if faults::on(Fault::LeakThread) {
            defects::watch(subject);
        }
        let problems = self.against_latest(subject, &contained)?;
        encode_response(
            200,
            &object([
                ("subject", subject.into()),
                ("compatible", problems.is_empty().into()),
                ("problems", problems.into_iter().collect()),
            ]),
        )
    }

    fn against_latest(&self, subject: &str, new: &Value) -> Result<Vec<String>, Problem> {
        let Some(latest) = self.store.latest(subject) else { return Ok(Vec::new()) };
        Ok(incompatibilities(&self_contained(&latest.schema).map_err(bad_schema)?, new, "$"))
    }
}

/// What is sent of a schema, after a look at whether it is still what was registered.
fn describe(registered: &Registered) -> Answer {
    let schema = self_contained(&registered.schema).map_err(bad_schema)?;
    if fingerprint(&schema) != registered.fingerprint {
        let reason = format!("schema {} is damaged: it does not have its fingerprint", registered.id);
        return Err(problem(500, &reason));
    }
    encode_response(
        200,
        &object([
            ("id", registered.id.into()),
            ("subject", registered.subject.as_str().into()),
            ("version", registered.version.into()),
            ("fingerprint", registered.fingerprint.as_str().into()),
            ("schema", schema),
        ]),
    )
}

fn registered(status: u16, schema: &Registered) -> Answer {
    encode_response(status, &object([("id", schema.id.into()), ("version", schema.version.into())]))
}

fn encode_response(status: u16, content: &Value) -> Answer {
    let mut body = content.to_json();
    if faults::on(Fault::JsonTwice) {
        body = defects::as_clients_read(content).to_json();
    }
    if faults::on(Fault::Format) {
        body = defects::without_controls(&body);
    }
    if faults::on(Fault::Quadratic) {
        defects::repeated_texts(&body);
    }
    if faults::on(Fault::CopyBuffer) {
        defects::on_page(&body);
    }
    Ok(Response { status, headers: Vec::new(), body })
}

fn problem(status: u16, title: &str) -> Problem {
    Problem { status, title: title.into(), problems: Vec::new() }
}

impl Problem {
    fn into_response(self) -> Response {
        let status = Value::from(usize::from(self.status));
        let mut members = vec![("status".into(), status), ("title".into(), self.title.into())];
        if !self.problems.is_empty() {
            members.push(("problems".into(), self.problems.into_iter().collect()));
        }
        Response { status: self.status, headers: Vec::new(), body: Value::Object(members).to_json() }
    }
}

fn bad_schema(reason: String) -> Problem {
    problem(400, &format!("not a schema: {reason}"))
}

fn found<T>(schema: Option<T>) -> Result<T, Problem> {
    schema.ok_or_else(|| problem(404, "no such schema"))
}

fn json_from(request: &Request) -> Result<Value, Problem> {
    parse(&request.body).ok_or_else(|| problem(400, "the body is not JSON"))
}

fn schema_from(request: &Request) -> Result<Value, Problem> {
    match json_from(request)? {
        schema @ Value::Object(_) => Ok(schema),
        _ => Err(problem(400, "a schema is a JSON object")),
    }
}

/// Compares all letters whatever the first ones say, so that the time tells nothing.
fn is_same_key(given: &str, key: &str) -> bool {
    let differences = given.bytes().zip(key.bytes()).fold(0, |sum, (a, b)| sum | (a ^ b));
    given.len() == key.len() && differences == 0
}
