//! The socket: what is too slow, too much or too late ends, and what is under way does not.

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};
use tower::service_fn;
use warrener::accept::{self, Body, BodyTimeout, Drain, Drained, Options, Peer, Route};

const LIMIT: Duration = Duration::from_millis(300);

/// Long enough for a loaded machine, and much shorter than any default.
const SOON: Duration = Duration::from_secs(3);

const CALL: &str = "POST /mcp HTTP/1.1\r\nhost: gateway\r\ncontent-length: 2\r\n\r\n{}";

/// A gateway whose stack answers with the body that came, once `go` says so.
struct Gateway {
    address: SocketAddr,
    drain: Drain,
    go: Arc<Notify>,
    entered: Arc<Notify>,
    ended: JoinHandle<Drained>,
}

impl Gateway {
    async fn start(options: Options) -> Self {
        let listener = accept::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let (go, entered, drain) = (Arc::new(Notify::new()), Arc::new(Notify::new()), Drain::new());
        let (held, inside) = (go.clone(), entered.clone());
        let stack = service_fn(move |request| echo(request, held.clone(), inside.clone()));
        let readiness: accept::Readiness = Arc::new(|| Box::pin(async { Vec::new() }));
        let route = Route::new(stack, &[], readiness, drain.clone());
        let address = listener.local_addr().unwrap();
        let ended = tokio::spawn(accept::serve(listener, route, options, drain.clone()));
        Self { address, drain, go, entered, ended }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    async fn sends(&self, text: &str) -> TcpStream {
        let mut stream = self.connect().await;
        stream.write_all(text.as_bytes()).await.unwrap();
        stream
    }
}

async fn echo(
    request: Request<Body>,
    go: Arc<Notify>,
    entered: Arc<Notify>,
) -> Result<Response<Body>, Infallible> {
    assert!(request.extensions().get::<Peer>().is_some());
    let waits = request.headers().contains_key("wait");
    let panics = request.headers().contains_key("panic");
    let body = match request.into_body().collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) => {
            let status =
                if error.is::<BodyTimeout>() { StatusCode::REQUEST_TIMEOUT } else { StatusCode::BAD_REQUEST };
            return Ok(reply(status, Bytes::new()));
        }
    };
    assert!(!panics, "as the test wants it");
    entered.notify_one();
    if waits {
        go.notified().await;
    }
    Ok(reply(StatusCode::OK, body))
}

fn reply(status: StatusCode, body: Bytes) -> Response<Body> {
    let mut reply = Response::new(Full::new(body).map_err(|never| match never {}).boxed_unsync());
    *reply.status_mut() = status;
    reply
}

fn quick() -> Options {
    Options { header_timeout: LIMIT, body_timeout: LIMIT, ..Options::default() }
}

/// What arrives until the other end closes; it must close soon.
async fn rest(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    // A reset is an end too.
    let _ = timeout(SOON, stream.read_to_end(&mut bytes)).await.expect("the connection stays open");
    String::from_utf8(bytes).unwrap()
}

/// Reads one reply of the echo stack.
async fn one_reply(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"{}") {
        let mut piece = [0; 1024];
        let read = timeout(SOON, stream.read(&mut piece)).await.expect("no reply").unwrap();
        assert!(read > 0, "closed after {:?}", String::from_utf8_lossy(&bytes));
        bytes.extend_from_slice(&piece[..read]);
    }
    String::from_utf8(bytes).unwrap()
}

#[tokio::test]
async fn whoever_is_too_slow_is_closed() {
    let gateway = Gateway::start(quick()).await;
    for (what, sent, expect) in [
        ("silent", "", ""),
        ("half a request line", "POST /m", "408"),
        ("half a head", "POST /mcp HTTP/1.1\r\nhost: g", "408"),
        ("half a preface of HTTP/2", "PRI * HTT", "408"),
        ("half a body", "POST /mcp HTTP/1.1\r\nhost: g\r\ncontent-length: 9\r\n\r\n{", "408"),
        ("half a chunk", "POST /mcp HTTP/1.1\r\nhost: g\r\ntransfer-encoding: chunked\r\n\r\n9\r\n{", "408"),
    ] {
        let began = Instant::now();
        let mut stream = gateway.sends(sent).await;
        let answer = rest(&mut stream).await;
        assert!(began.elapsed() >= LIMIT, "{what}: closed too soon");
        assert!(answer.is_empty() || answer.contains(expect), "{what}: {answer}");
    }
}

#[tokio::test]
async fn an_idle_connection_serves_again_and_is_then_closed() {
    let gateway = Gateway::start(quick()).await;
    let mut stream = gateway.sends(CALL).await;
    assert!(one_reply(&mut stream).await.starts_with("HTTP/1.1 200 OK"));
    stream.write_all(CALL.as_bytes()).await.unwrap();
    one_reply(&mut stream).await;
    let began = Instant::now();
    assert_eq!(rest(&mut stream).await, "");
    assert!(began.elapsed() >= LIMIT / 2, "it was closed at once");
}

#[tokio::test]
async fn a_whole_preface_of_http_2_is_not_waited_for() {
    let gateway = Gateway::start(Options::default()).await;
    let mut stream = gateway.sends("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
    rest(&mut stream).await;
}

#[tokio::test]
async fn http_1_0_is_answered_and_closed() {
    let gateway = Gateway::start(Options::default()).await;
    let mut stream = gateway.sends("GET /healthz HTTP/1.0\r\n\r\n").await;
    let answer = rest(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.0 200 OK") && answer.ends_with("\r\n\r\nok"), "{answer}");
}

#[tokio::test]
async fn what_is_ambiguous_is_refused() {
    let gateway = Gateway::start(Options::default()).await;
    for (what, sent, expect) in [
        (
            "two lengths",
            "POST /mcp HTTP/1.1\r\nhost: g\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{}",
            "400",
        ),
        (
            "a very long head",
            &format!("POST /mcp HTTP/1.1\r\nhost: g\r\nx: {}\r\n\r\n", "x".repeat(40_000)),
            "431",
        ),
        ("a space before the colon", "POST /mcp HTTP/1.1\r\nhost: g\r\ncontent-length : 2\r\n\r\n{}", "400"),
        ("two hosts", "POST /mcp HTTP/1.1\r\nhost: g\r\nhost: h\r\nconnection: close\r\n\r\n", "400"),
        ("another path", "POST /items/articles HTTP/1.1\r\nhost: g\r\nconnection: close\r\n\r\n", "404"),
        ("a stream", "GET /mcp HTTP/1.1\r\nhost: g\r\nconnection: close\r\n\r\n", "405"),
        (
            "a browser",
            "POST /mcp HTTP/1.1\r\nhost: g\r\norigin: https://evil.example\r\nconnection: close\r\n\r\n",
            "403",
        ),
    ] {
        let mut stream = gateway.sends(sent).await;
        let answer = rest(&mut stream).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {expect}")), "{what}: {answer}");
    }
}

/// Where a proxy in front goes by the length and this end by the chunks, or the other way round, what one takes for the rest of a body
/// is a request to the other (RFC 9112, section 6.1).
#[tokio::test]
async fn no_request_hides_behind_another_ones_body() {
    let gateway = Gateway::start(Options::default()).await;
    let hidden = "POST /mcp HTTP/1.1\r\nhost: g\r\ncontent-length: 6\r\n\r\nhidden";
    let both = [
        ("length, then chunks", "content-length: 4\r\ntransfer-encoding: chunked", "200"),
        ("chunks, then length", "transfer-encoding: chunked\r\ncontent-length: 4", "200"),
        ("chunks twice", "transfer-encoding: chunked\r\ntransfer-encoding: identity", "400"),
        ("chunks and something else", "transfer-encoding: chunked, identity", "400"),
        ("chunks of another name", "transfer-encoding: xchunked\r\ncontent-length: 4", "400"),
        ("chunks with a tab", "transfer-encoding:\tchunked\r\ncontent-length: 4", "200"),
        ("chunks on a line of their own", "transfer-encoding:\r\n chunked\r\ncontent-length: 4", "400"),
        ("a length with a sign", "content-length: +4", "400"),
        ("a length twice on a line", "content-length: 4, 4", "400"),
    ];
    for (what, framing, expect) in both {
        let sent =
            format!("POST /mcp HTTP/1.1\r\nhost: g\r\n{framing}\r\n\r\n2\r\n{{}}\r\n0\r\n\r\n{hidden}");
        let answer = rest(&mut gateway.sends(&sent).await).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {expect}")), "{what}: {answer}");
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{what}: {answer}");
        assert!(!answer.contains("hidden"), "{what}: {answer}");
    }
}

#[tokio::test]
async fn one_connection_too_many_is_told_so() {
    let gateway = Gateway::start(Options { connections: 2, ..Options::default() }).await;
    let mut first = gateway.sends(CALL).await;
    one_reply(&mut first).await;
    let mut second = gateway.sends(CALL).await;
    one_reply(&mut second).await;

    let mut third = gateway.sends(CALL).await;
    let answer = rest(&mut third).await;
    assert!(answer.starts_with("HTTP/1.1 503") && answer.contains("retry-after: 1"), "{answer}");

    drop(first);
    let deadline = Instant::now() + SOON;
    loop {
        let mut next = gateway.sends("GET /healthz HTTP/1.0\r\n\r\n").await;
        if rest(&mut next).await.contains("200 OK") {
            break;
        }
        assert!(Instant::now() < deadline, "the place is not free again");
    }
}

#[tokio::test]
async fn a_panic_is_one_requests_trouble() {
    let gateway = Gateway::start(Options::default()).await;
    let mut stream = gateway
        .sends("POST /mcp HTTP/1.1\r\nhost: g\r\npanic: x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        .await;
    let answer = rest(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 500"), "{answer}");
    one_reply(&mut gateway.sends(CALL).await).await;
}

#[tokio::test]
async fn the_end_closes_what_is_idle_and_finishes_what_is_not() {
    let gateway = Gateway::start(Options::default()).await;
    let mut silent = gateway.connect().await;
    let mut idle = gateway.sends(CALL).await;
    one_reply(&mut idle).await;
    gateway.entered.notified().await;
    let mut busy = gateway.sends(&CALL.replace("host:", "wait: x\r\nhost:")).await;
    gateway.entered.notified().await;

    gateway.drain.begin();
    assert_eq!(rest(&mut idle).await, "");
    assert_eq!(rest(&mut silent).await, "");
    assert!(TcpStream::connect(gateway.address).await.is_err(), "the port is closed");
    let recording = gateway.drain.tasks().spawn(tokio::time::sleep(LIMIT));
    gateway.go.notify_one();
    let answer = rest(&mut busy).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.contains("connection: close"), "{answer}");
    assert_eq!(gateway.ended.await.unwrap(), Drained::default());
    assert!(recording.is_finished(), "the end waits for what is recorded");
}

#[tokio::test]
async fn the_end_does_not_wait_for_ever() {
    let gateway = Gateway::start(Options { drain_timeout: LIMIT, ..Options::default() }).await;
    let mut busy = gateway.sends(&CALL.replace("host:", "wait: x\r\nhost:")).await;
    gateway.entered.notified().await;
    gateway.drain.begin();
    let ended = timeout(SOON, gateway.ended).await.expect("it waits").unwrap();
    assert_eq!(ended, Drained { connections: 1, tasks: 0 });
    assert_eq!(rest(&mut busy).await, "");
}
