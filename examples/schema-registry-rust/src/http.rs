//! HTTP/1.1 on 127.0.0.1 with connections that stay open. Every thread of the pool takes a connection, serves it until
//! the client closes it, and takes the next one.

use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

const LARGEST_BODY: u64 = 256 * 1024;
const LARGEST_HEAD: u64 = 16 * 1024;
/// So much of a body that is too large is still read, so that the client gets to read why it is refused.
const MOST_DISCARDED: u64 = 16 * 1024 * 1024;
const IDLE: Duration = Duration::from_secs(120);

pub struct Request {
    pub method: String,
    /// As it was sent, without the query.
    pub path: String,
    headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Request {
    /// The value of a header; `name` in small letters.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The parts of the path between slashes, decoded; None if they are not UTF-8.
    pub fn segments(&self) -> Option<Vec<String>> {
        self.path.strip_prefix('/')?.split('/').map(percent_decoded).collect()
    }

    fn wants_to_stay(&self) -> bool {
        !self.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"))
    }
}

pub struct Response {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    /// JSON
    pub body: String,
}

/// A started server. It stops when it is told to.
pub struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
    workers: Vec<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    stopping: AtomicBool,
    next: AtomicU64,
    open: Mutex<HashMap<u64, TcpStream>>,
}

impl Server {
    /// `answer` is called from `threads` threads at once.
    pub fn start<F>(port: u16, threads: usize, answer: F) -> io::Result<Server>
    where
        F: Fn(&Request) -> Response + Send + Sync + 'static,
    {
        let listener = Arc::new(TcpListener::bind((Ipv4Addr::LOCALHOST, port))?);
        let (address, shared, answer) =
            (listener.local_addr()?, Arc::new(Shared::default()), Arc::new(answer));
        let worker = |number: usize| {
            let (listener, shared, answer) = (listener.clone(), shared.clone(), answer.clone());
            thread::Builder::new()
                .name(format!("worker-{number}"))
                .spawn(move || take_connections(&listener, &shared, &*answer))
        };
        let workers = (0..threads).map(worker).collect::<io::Result<_>>()?;
        Ok(Server { address, shared, workers })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Requests that are being answered are answered, then everything is closed.
    pub fn stop(self) {
        self.shared.stopping.store(true, Ordering::SeqCst);
        for connection in self.shared.open.lock().unwrap().values() {
            let _ = connection.shutdown(Shutdown::Read);
        }
        for _ in &self.workers {
            let _ = TcpStream::connect(self.address); // wakes a thread that waits for a connection
        }
        for worker in self.workers {
            let _ = worker.join();
        }
    }
}

fn take_connections(listener: &TcpListener, shared: &Shared, answer: &dyn Fn(&Request) -> Response) {
    while !shared.stopping.load(Ordering::SeqCst) {
        let Ok((connection, _)) = listener.accept() else { continue };
        let number = shared.next.fetch_add(1, Ordering::Relaxed);
        if let Ok(copy) = connection.try_clone() {
            shared.open.lock().unwrap().insert(number, copy);
        }
        if !shared.stopping.load(Ordering::SeqCst) {
            let _ = serve(connection, shared, answer); // an error is a client that has gone
        }
        shared.open.lock().unwrap().remove(&number);
    }
}

fn serve(connection: TcpStream, shared: &Shared, answer: &dyn Fn(&Request) -> Response) -> io::Result<()> {
    connection.set_nodelay(true)?;
    connection.set_read_timeout(Some(IDLE))?;
    let mut writer = connection.try_clone()?;
    let mut reader = BufReader::new(connection);
    loop {
        let (response, stay) = match read_request(&mut reader, &mut writer)? {
            Incoming::End => return Ok(()),
            Incoming::Refused(response) => (response, false),
            Incoming::Request(request) => (answer(&request), request.wants_to_stay()),
        };
        let stay = stay && !shared.stopping.load(Ordering::SeqCst);
        write_response(&mut writer, &response, stay)?;
        if !stay {
            return Ok(());
        }
    }
}

enum Incoming {
    Request(Request),
    Refused(Response),
    End,
}

fn refused(status: u16, title: &str) -> io::Result<Incoming> {
    let body = format!("{{\"status\":{status},\"title\":\"{title}\"}}");
    Ok(Incoming::Refused(Response { status, headers: Vec::new(), body }))
}

fn read_request(reader: &mut BufReader<TcpStream>, writer: &mut TcpStream) -> io::Result<Incoming> {
    let mut head = reader.by_ref().take(LARGEST_HEAD);
    let Some(line) = read_line(&mut head)? else { return Ok(Incoming::End) };
    let mut words = line.split(' ');
    let (Some(method), Some(target), Some("HTTP/1.1" | "HTTP/1.0")) =
        (words.next(), words.next(), words.next())
    else {
        return refused(400, "not an HTTP/1.1 request");
    };
    let mut headers = Vec::new();
    loop {
        match read_line(&mut head)? {
            Some(line) if line.is_empty() => break,
            Some(line) => match line.split_once(':') {
                Some((name, value)) => headers.push((name.to_ascii_lowercase(), value.trim().into())),
                None => return refused(400, "a header without a colon"),
            },
            None if head.limit() == 0 => return refused(431, "the headers are too long"),
            None => return Ok(Incoming::End),
        }
    }
    let path = target.split('?').next().unwrap_or(target).into();
    let mut request = Request { method: method.into(), path, headers, body: Vec::new() };
    if request.header("transfer-encoding").is_some() {
        return refused(411, "a body needs its Content-Length");
    }
    let Ok(length) = request.header("content-length").unwrap_or("0").parse::<u64>() else {
        return refused(400, "the Content-Length is no number");
    };
    if request.header("expect").is_some_and(|value| value.eq_ignore_ascii_case("100-continue")) {
        writer.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
    }
    if length > LARGEST_BODY {
        io::copy(&mut reader.take(length.min(MOST_DISCARDED)), &mut io::sink())?;
        return refused(413, &format!("more than {LARGEST_BODY} bytes"));
    }
    request.body.resize(length as usize, 0);
    reader.read_exact(&mut request.body)?;
    Ok(Incoming::Request(request))
}

/// A line without its end; None at the end of the stream.
fn read_line(head: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut line = Vec::new();
    head.read_until(b'\n', &mut line)?;
    if line.pop() != Some(b'\n') {
        return Ok(None);
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    Ok(Some(String::from_utf8_lossy(&line).into_owned()))
}

fn write_response(writer: &mut TcpStream, response: &Response, stay: bool) -> io::Result<()> {
    let mut out = format!(
        "HTTP/1.1 {} {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n",
        response.status,
        reason(response.status),
        response.body.len()
    );
    for (name, value) in &response.headers {
        out.push_str(&format!("{name}: {value}\r\n"));
    }
    out.push_str(if stay { "\r\n" } else { "Connection: close\r\n\r\n" });
    out.push_str(&response.body);
    writer.write_all(out.as_bytes())
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        400 => "Bad Request",
        401 => "Unauthorized",
        404 => "Not Found",
        405 => "Method Not Allowed",
        409 => "Conflict",
        411 => "Length Required",
        413 => "Content Too Large",
        431 => "Request Header Fields Too Large",
        _ => "Internal Server Error",
    }
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut parts = text.split('%');
    let mut out = parts.next()?.as_bytes().to_vec();
    for part in parts {
        out.push(u8::from_str_radix(part.get(..2)?, 16).ok()?);
        out.extend(&part.as_bytes()[2..]);
    }
    String::from_utf8(out).ok()
}
