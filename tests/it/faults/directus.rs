//! A stand-in for Directus that answers each call as the call's first key says, down to the bytes.

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};

/// What an upstream does wrong. A call asks for it by its place in this list, as its first key; any other key is answered well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    Hangs = 1,
    Trickles,
    DiesInAShortAnswer,
    DiesInALongAnswer,
    NoHttp,
    NoJson,
    AnotherId,
    Huge,
    Redirects,
    Page,
    Compressed,
    ManyHeaders,
    LongHead,
    ResetsAfter,
    TwoAnswers,
    EndlessHead,
    Errors,
}

const ALL: [Fault; 17] = [
    Fault::Hangs,
    Fault::Trickles,
    Fault::DiesInAShortAnswer,
    Fault::DiesInALongAnswer,
    Fault::NoHttp,
    Fault::NoJson,
    Fault::AnotherId,
    Fault::Huge,
    Fault::Redirects,
    Fault::Page,
    Fault::Compressed,
    Fault::ManyHeaders,
    Fault::LongHead,
    Fault::ResetsAfter,
    Fault::TwoAnswers,
    Fault::EndlessHead,
    Fault::Errors,
];

impl Fault {
    pub(super) fn key(self) -> i64 {
        self as i64
    }

    fn of(key: i64) -> Option<Self> {
        ALL.into_iter().find(|fault| fault.key() == key)
    }
}

/// The upstream; it ends with the value.
#[derive(Debug)]
pub(super) struct Directus {
    address: SocketAddr,
    shared: Arc<Shared>,
    serving: Mutex<AbortHandle>,
}

#[derive(Debug, Default)]
struct Shared {
    /// SHA-256 of each body that came.
    seen: Mutex<Vec<Vec<u8>>>,
    /// Requests to another path than `/mcp`, such as that of a redirect.
    elsewhere: AtomicUsize,
    /// Calls that are being answered, and the most at a time.
    running: AtomicUsize,
    most: AtomicUsize,
    /// Resets each connection as soon as it is made.
    resets: AtomicBool,
    /// Length of a huge answer, in bytes.
    huge: AtomicUsize,
}

impl Directus {
    pub(super) async fn start() -> Self {
        let shared = Arc::new(Shared { huge: AtomicUsize::new(1 << 30), ..Shared::default() });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let serving = tokio::spawn(accept(listener, Arc::clone(&shared))).abort_handle();
        Self { address, shared, serving: Mutex::new(serving) }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The digest of each body that came.
    pub(super) fn seen(&self) -> Vec<Vec<u8>> {
        self.shared.seen.lock().unwrap().clone()
    }

    pub(super) fn elsewhere(&self) -> usize {
        self.shared.elsewhere.load(Ordering::SeqCst)
    }

    /// The most calls that it has ever answered at the same time.
    pub(super) fn most_at_once(&self) -> usize {
        self.shared.most.load(Ordering::SeqCst)
    }

    pub(super) fn resets(&self, resets: bool) {
        self.shared.resets.store(resets, Ordering::SeqCst);
    }

    pub(super) fn huge(&self, length: usize) {
        self.shared.huge.store(length, Ordering::SeqCst);
    }

    /// Goes away with all its connections: there is nobody at its port.
    pub(super) fn goes_down(&self) {
        self.serving.lock().unwrap().abort();
    }

    /// Comes back at the same port.
    pub(super) async fn comes_up(&self) {
        let listener = loop {
            match TcpListener::bind(self.address).await {
                Ok(listener) => break listener,
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        };
        *self.serving.lock().unwrap() =
            tokio::spawn(accept(listener, Arc::clone(&self.shared))).abort_handle();
    }
}

impl Drop for Directus {
    fn drop(&mut self) {
        self.goes_down();
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    // They end with it.
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        if shared.resets.load(Ordering::SeqCst) {
            stream.set_zero_linger().unwrap();
            continue;
        }
        let shared = Arc::clone(&shared);
        connections.spawn(async move {
            // Whoever leaves breaks the connection off.
            let _ = serve(stream, &shared).await;
        });
        while connections.try_join_next().is_some() {}
    }
}

/// A request, read whole.
struct Request {
    path: String,
    body: Vec<u8>,
}

async fn request(stream: &mut BufReader<TcpStream>) -> io::Result<Option<Request>> {
    let mut line = String::new();
    if stream.read_line(&mut line).await? == 0 {
        return Ok(None);
    }
    let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut length = 0;
    loop {
        line.clear();
        if stream.read_line(&mut line).await? <= 2 {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    Ok(Some(Request { path, body }))
}

async fn serve(stream: TcpStream, shared: &Shared) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    while let Some(request) = request(&mut stream).await? {
        if request.path != "/mcp" {
            shared.elsewhere.fetch_add(1, Ordering::SeqCst);
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\npong").await?;
            continue;
        }
        let message: Value = serde_json::from_slice(&request.body).unwrap();
        if message["method"] == "tools/call" {
            shared.seen.lock().unwrap().push(Sha256::digest(&request.body).to_vec());
        }
        let key = message["params"]["arguments"]["keys"][0].as_i64().unwrap_or_default();
        let running = shared.running.fetch_add(1, Ordering::SeqCst) + 1;
        shared.most.fetch_max(running, Ordering::SeqCst);
        let answered = match Fault::of(key) {
            Some(fault) => wrong(fault, &mut stream, &message["id"], shared).await,
            None => stream.write_all(&good(&message["id"], key)).await.map(|()| true),
        };
        shared.running.fetch_sub(1, Ordering::SeqCst);
        if !answered? {
            break;
        }
    }
    Ok(())
}

/// An answer as it should be.
fn good(id: &Value, key: i64) -> Vec<u8> {
    let text = json!({"raw": [{"id": key}]}).to_string();
    let body = json!({"result": {"content": [{"type": "text", "text": text}]}, "jsonrpc": "2.0", "id": id});
    with(&body.to_string(), "content-type: application/json; charset=utf-8\r\n")
}

fn with(body: &str, headers: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\n{headers}content-length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

/// How a long answer begins, and how it ends: between them comes any number of letters.
const BEGINNING: &str = r#"{"result":{"content":[{"type":"text","text":"{\"raw\":[\"x"#;

fn ending(id: &Value) -> String {
    format!(r#"\"]}}"}}]}},"jsonrpc":"2.0","id":{id}}}"#)
}

/// Does the wrong thing; says whether the connection goes on.
async fn wrong(
    fault: Fault,
    stream: &mut BufReader<TcpStream>,
    id: &Value,
    shared: &Shared,
) -> io::Result<bool> {
    let json = "content-type: application/json\r\n";
    let bytes = match fault {
        Fault::Hangs => return hang(stream).await,
        Fault::Trickles => return trickle(stream).await,
        Fault::DiesInAShortAnswer => half(json, 1000),
        Fault::DiesInALongAnswer => half(json, 1_000_000),
        Fault::NoHttp => b"220 mail.example.com ESMTP\r\n\r\n".to_vec(),
        Fault::NoJson => with("\u{0}{{{ SELECT", json),
        Fault::AnotherId => good(&json!("somebody else's"), 1),
        Fault::Huge => return huge(stream, id, shared.huge.load(Ordering::SeqCst)).await,
        Fault::Redirects => b"HTTP/1.1 307 Temporary Redirect\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n".to_vec(),
        Fault::Page => with("<html>SELECT</html>", "content-type: text/html\r\n"),
        Fault::Compressed => with("\u{1f}SELECT", &format!("{json}content-encoding: gzip\r\n")),
        Fault::ManyHeaders => with("{}", &format!("{json}{}", "x: y\r\n".repeat(5000))),
        Fault::LongHead => with("{}", &format!("{json}x: {}\r\n", "y".repeat(4 << 20))),
        Fault::EndlessHead => return endless(stream).await,
        Fault::ResetsAfter => {
            stream.get_ref().set_zero_linger()?;
            return Ok(false);
        }
        Fault::TwoAnswers => [good(id, 1), good(id, 666)].concat(),
        Fault::Errors => b"HTTP/1.1 500 Internal Server Error\r\ncontent-type: application/json\r\ncontent-length: 8\r\n\r\n\"SELECT\"".to_vec(),
    };
    stream.write_all(&bytes).await?;
    Ok(fault == Fault::TwoAnswers)
}

/// The beginning of a good answer that says how long it is, and then no more.
fn half(headers: &str, length: usize) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\n{headers}content-length: {length}\r\n\r\n{BEGINNING}").into_bytes()
}

/// Waits until the other side gives up.
async fn hang(stream: &mut BufReader<TcpStream>) -> io::Result<bool> {
    let _ = stream.read(&mut [0]).await?;
    Ok(false)
}

/// A good answer, a byte at a time, that never ends.
async fn trickle(stream: &mut BufReader<TcpStream>) -> io::Result<bool> {
    stream.write_all(&half("content-type: application/json\r\n", 1 << 40)).await?;
    loop {
        stream.write_all(b"x").await?;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn endless(stream: &mut BufReader<TcpStream>) -> io::Result<bool> {
    stream.write_all(b"HTTP/1.1 200 OK\r\nx: ").await?;
    loop {
        stream.write_all(&[b'y'; 16 * 1024]).await?;
    }
}

/// A good answer with so many letters in it.
async fn huge(stream: &mut BufReader<TcpStream>, id: &Value, length: usize) -> io::Result<bool> {
    let ending = ending(id);
    let all = BEGINNING.len() + length + ending.len();
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {all}\r\n\r\n{BEGINNING}"
    );
    stream.write_all(head.as_bytes()).await?;
    let piece = vec![b'x'; 64 * 1024];
    let mut left = length;
    while left > 0 {
        let now = left.min(piece.len());
        stream.write_all(&piece[..now]).await?;
        left -= now;
    }
    stream.write_all(ending.as_bytes()).await?;
    Ok(true)
}
