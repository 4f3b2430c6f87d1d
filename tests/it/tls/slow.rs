//! Clients that are slow, silent or restless, at each step of a connection.

use crate::support::authority::Authority;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tower::service_fn;
use warrener::accept::{self, Body, Drain, Drained, Options, Route, Tls};
use warrener::telemetry::SystemClock;

const LIMIT: Duration = Duration::from_millis(400);

/// Long enough for a loaded machine, and much shorter than any default.
const SOON: Duration = Duration::from_secs(5);

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const SETTINGS: &[u8] = &[0, 0, 0, 4, 0, 0, 0, 0, 0];

/// A listener with a certificate. Its stack answers at once, waits where the request says so, or sends more than is taken.
struct Listener {
    address: SocketAddr,
    client: Arc<ClientConfig>,
    drain: Drain,
    go: Arc<Notify>,
    entered: Arc<AtomicUsize>,
    ended: JoinHandle<Drained>,
    _folder: TempDir,
}

impl Listener {
    async fn start(options: Options) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::new(folder.path(), "authority");
        authority.put("server", &authority.server());
        let files = warrener::config::Tls {
            certificate: folder.path().join("server.pem"),
            key: folder.path().join("server.key"),
            client_ca: None,
            client_certificates: warrener::config::ClientCertificates::Required,
        };
        let tls = Tls::open(&files, Arc::new(SystemClock)).unwrap();
        let listener = accept::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (go, entered, drain) = (Arc::new(Notify::new()), Arc::new(AtomicUsize::new(0)), Drain::new());
        let (held, inside) = (go.clone(), entered.clone());
        let stack = service_fn(move |request: Request<Body>| {
            let (held, inside) = (held.clone(), inside.clone());
            async move {
                inside.fetch_add(1, Ordering::SeqCst);
                if request.headers().contains_key("wait") {
                    held.notified().await;
                }
                let much = request.headers().contains_key("much");
                let body = if much { vec![b'x'; 4 << 20] } else { b"{}".to_vec() };
                let body = Full::new(Bytes::from(body)).map_err(|never| match never {}).boxed_unsync();
                Ok::<_, Infallible>(Response::<Body>::new(body))
            }
        });
        let readiness: accept::Readiness = Arc::new(|| Box::pin(async { Vec::new() }));
        let route = Route::new(stack, &[], readiness, drain.clone());
        let options = Options { tls: Some(tls), ..options };
        let ended = tokio::spawn(accept::serve(listener, route, options, drain.clone()));
        let client = Arc::new(trusting(authority.pem(), &[b"h2"]));
        Self { address, client, drain, go, entered, ended, _folder: folder }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// A connection on which HTTP/2 is chosen, and nothing said yet.
    async fn secured(&self) -> TlsStream<TcpStream> {
        let name = "localhost".try_into().unwrap();
        TlsConnector::from(self.client.clone()).connect(name, self.connect().await).await.unwrap()
    }

    /// The same with bytes sent over it.
    async fn sends(&self, bytes: &[u8]) -> TlsStream<TcpStream> {
        let mut stream = self.secured().await;
        stream.write_all(bytes).await.unwrap();
        stream.flush().await.unwrap();
        stream
    }

    /// A client of HTTP/2 that behaves.
    async fn client(&self) -> hyper::client::conn::http2::SendRequest<Full<Bytes>> {
        let io = TokioIo::new(self.secured().await);
        let (client, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), io).await.unwrap();
        tokio::spawn(connection);
        client
    }
}

fn trusting(pem: &str, protocols: &[&[u8]]) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    config
}

fn quick() -> Options {
    Options { header_timeout: LIMIT, body_timeout: LIMIT, ..Options::default() }
}

fn call(header: &str) -> Request<Full<Bytes>> {
    let request = Request::post("https://localhost/mcp").header("x", "y");
    let request = if header.is_empty() { request } else { request.header(header, "x") };
    request.body(Full::new(Bytes::from_static(b"{}"))).unwrap()
}

/// A frame of HTTP/2.
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// `POST https://localhost/mcp` with more headers, by name and value, none of them compressed.
fn head(more: &[(&str, &str)]) -> Vec<u8> {
    // `:method: POST` and `:scheme: https` are in the table that everyone has.
    let mut block = vec![0x83, 0x87];
    for (name, value) in [(":path", "/mcp"), (":authority", "localhost")].iter().chain(more) {
        block.push(0);
        for text in [name, value] {
            block.push(u8::try_from(text.len()).unwrap());
            block.extend_from_slice(text.as_bytes());
        }
    }
    block
}

/// What arrives until the other end closes; it must close soon.
async fn rest(mut stream: impl tokio::io::AsyncRead + Unpin) -> Vec<u8> {
    let mut bytes = Vec::new();
    // A reset is an end too.
    let _ = timeout(SOON, stream.read_to_end(&mut bytes)).await.expect("the connection stays open");
    bytes
}

#[tokio::test]
async fn whoever_is_too_slow_is_closed() {
    let listener = Listener::start(quick()).await;
    for (what, sent) in
        [("silent", &b""[..]), ("half a hello", &[22, 3, 1, 2, 0, 1, 0]), ("a byte of TLS", &[22])]
    {
        let began = Instant::now();
        let mut stream = listener.connect().await;
        stream.write_all(sent).await.unwrap();
        rest(stream).await;
        assert!(began.elapsed() >= LIMIT, "{what}: closed too soon");
    }
    let half_head = frame(1, 0, 1, &head(&[])[..4]);
    let half_body = [frame(1, 4, 1, &head(&[])), frame(0, 0, 1, b"{")].concat();
    for (what, sent) in [
        ("silent", vec![]),
        ("half a preface", PREFACE[..9].to_vec()),
        ("a preface", PREFACE.to_vec()),
        ("a preface and settings", [PREFACE, SETTINGS].concat()),
        ("half a head", [PREFACE, SETTINGS, &half_head].concat()),
    ] {
        let began = Instant::now();
        rest(listener.sends(&sent).await).await;
        assert!(began.elapsed() >= LIMIT, "{what}: closed too soon");
    }
    // The stack does not read it, so it is answered; and then the connection is idle.
    rest(listener.sends(&[PREFACE, SETTINGS, &half_body].concat()).await).await;
    assert_eq!(listener.entered.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn an_idle_connection_serves_again_and_is_then_closed() {
    let listener = Listener::start(quick()).await;
    let mut client = listener.client().await;
    for _ in 0..3 {
        let reply = client.send_request(call("")).await.unwrap();
        assert_eq!(reply.into_body().collect().await.unwrap().to_bytes(), "{}");
        tokio::time::sleep(LIMIT / 2).await;
    }
    let closed = timeout(SOON, async {
        while !client.is_closed() {
            tokio::time::sleep(LIMIT / 10).await;
        }
    });
    closed.await.expect("it stays open");
    // A call that takes longer than a connection may be idle is not cut.
    let mut client = listener.client().await;
    let waiting =
        tokio::spawn(async move { client.send_request(call("wait")).await.map(|reply| reply.status()) });
    tokio::time::sleep(3 * LIMIT).await;
    listener.go.notify_one();
    assert_eq!(waiting.await.unwrap().unwrap(), 200);
}

#[tokio::test]
async fn a_reply_that_is_not_taken_ends_the_connection() {
    let listener = Listener::start(Options { body_timeout: SOON / 4, ..quick() }).await;
    let mut client = listener.client().await;
    let reply = client.send_request(call("much")).await.unwrap();
    // Nothing of the body is read, so the window fills; the connection itself goes on answering pings.
    let closed = timeout(SOON, async {
        while !client.is_closed() {
            tokio::time::sleep(LIMIT / 10).await;
        }
    });
    closed.await.expect("it waits for ever");
    assert!(reply.into_body().collect().await.is_err());
    let mut client = listener.client().await;
    let reply = client.send_request(call("much")).await.unwrap();
    assert_eq!(reply.into_body().collect().await.unwrap().to_bytes().len(), 4 << 20);
}

#[tokio::test]
async fn requests_are_not_taken_back_for_ever() {
    let listener = Listener::start(Options { header_timeout: LIMIT, ..Options::default() }).await;
    let mut stream = listener.sends(&[PREFACE, SETTINGS].concat()).await;
    let began = Instant::now();
    let mut number = 1;
    let ended = loop {
        let request = frame(1, 5, number, &head(&[("wait", "x")]));
        let sent = stream.write_all(&[request, frame(3, 0, number, &[0, 0, 0, 8])].concat()).await;
        if sent.is_err() || stream.flush().await.is_err() {
            break true;
        }
        number += 2;
        if began.elapsed() > SOON {
            break false;
        }
        tokio::task::yield_now().await;
    };
    assert!(ended, "{} requests were taken back", number / 2);
    assert!(listener.entered.load(Ordering::SeqCst) < 2000, "{}", listener.entered.load(Ordering::SeqCst));
    // Slowly enough that each gets to the stack.
    let mut stream = listener.sends(&[PREFACE, SETTINGS].concat()).await;
    let mut number = 1;
    loop {
        let before = listener.entered.load(Ordering::SeqCst);
        if stream.write_all(&frame(1, 5, number, &head(&[("wait", "x")]))).await.is_err()
            || stream.flush().await.is_err()
        {
            break;
        }
        let looked = Instant::now();
        while listener.entered.load(Ordering::SeqCst) == before && looked.elapsed() < LIMIT {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let reset = frame(3, 0, number, &[0, 0, 0, 8]);
        if stream.write_all(&reset).await.is_err() || stream.flush().await.is_err() {
            break;
        }
        number += 2;
        assert!(number < 2000, "it goes on for ever");
    }
}

#[tokio::test]
async fn what_is_ambiguous_is_refused() {
    let listener = Listener::start(quick()).await;
    for (what, sent) in [
        ("a length of HTTP/1", frame(1, 5, 1, &head(&[("transfer-encoding", "chunked")]))),
        ("a header of the connection", frame(1, 5, 1, &head(&[("connection", "upgrade")]))),
        (
            "a length that is not the body's",
            [frame(1, 4, 1, &head(&[("content-length", "9")])), frame(0, 1, 1, b"{}")].concat(),
        ),
        ("an extended CONNECT", frame(1, 5, 1, &head(&[(":protocol", "websocket")]))),
        ("a name in capitals", frame(1, 5, 1, &head(&[("Wait", "x")]))),
        ("two hosts", frame(1, 5, 1, &head(&[("host", "evil.example")]))),
        ("an authority twice", frame(1, 5, 1, &head(&[(":authority", "evil.example")]))),
        ("a line break", frame(1, 5, 1, &head(&[("x", "a\r\nb: c")]))),
    ] {
        rest(listener.sends(&[PREFACE, SETTINGS, &sent].concat()).await).await;
        // A length that is too long is only known at the end, so the stack may have seen the head.
        let seen = listener.entered.swap(0, Ordering::SeqCst);
        assert!(seen == 0 || what.starts_with("a length that"), "{what}: it got to the stack");
    }
    rest(
        listener.sends(&[PREFACE, SETTINGS, &frame(1, 5, 1, &head(&[("host", "localhost")]))].concat()).await,
    )
    .await;
    assert_eq!(listener.entered.load(Ordering::SeqCst), 1, "the same without what is wrong");
}

#[tokio::test]
async fn handshakes_take_up_room_and_no_more() {
    let listener = Listener::start(Options { connections: 2, ..quick() }).await;
    let (first, second) = (listener.connect().await, listener.connect().await);
    let began = Instant::now();
    assert!(rest(listener.connect().await).await.is_empty(), "nothing is said in cleartext");
    assert!(began.elapsed() < LIMIT, "it is closed at once");
    rest(first).await;
    rest(second).await;
    let mut client = listener.client().await;
    assert_eq!(client.send_request(call("")).await.unwrap().status(), 200, "there is room again");
}

#[tokio::test]
async fn the_end_closes_what_is_idle_and_finishes_what_is_not() {
    let listener = Listener::start(Options::default()).await;
    let handshaking = listener.connect().await;
    let silent = listener.sends(&[PREFACE, SETTINGS].concat()).await;
    let (mut idle, mut busy) = (listener.client().await, listener.client().await);
    idle.send_request(call("")).await.unwrap();
    let waiting = tokio::spawn(async move {
        let reply = busy.send_request(call("wait")).await.unwrap();
        reply.into_body().collect().await.unwrap().to_bytes()
    });
    while listener.entered.load(Ordering::SeqCst) < 2 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    listener.drain.begin();
    rest(handshaking).await;
    let mut said = vec![0; 256];
    let mut silent = silent;
    let read = timeout(SOON, silent.read(&mut said)).await.unwrap().unwrap();
    assert!(read > 0, "it is told by a frame");
    drop(silent);
    assert!(TcpStream::connect(listener.address).await.is_err(), "the port is closed");
    let gone = timeout(SOON, async {
        while !idle.is_closed() {
            tokio::time::sleep(LIMIT / 10).await;
        }
    });
    gone.await.expect("the idle one stays");
    listener.go.notify_one();
    assert_eq!(waiting.await.unwrap(), "{}");
    assert_eq!(listener.ended.await.unwrap(), Drained::default());
}
