//! What a proxy with a durable record costs at least: hyper on both sides, and SQLite behind a channel. Nothing is identified, read,
//! decided or sealed.

use bytes::Bytes;
use http::header::HOST;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::path::Path;
use std::sync::mpsc;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// How much a floor does beside passing on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    Nothing,
    /// The body is read as JSON.
    Json,
    /// So many durable rows a call: the first is waited for.
    Rows(u8),
}

type Written = Option<oneshot::Sender<()>>;
type Writer = mpsc::Sender<(Bytes, Written)>;

/// Serves for ever, and says on which port.
pub(crate) async fn serve(upstream: String, work: Work, folder: &Path) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("{}", listener.local_addr().unwrap());
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let client: Client<_, Full<Bytes>> = Client::builder(TokioExecutor::new()).build(connector);
    let writer = matches!(work, Work::Rows(_)).then(|| writer(&folder.join("floor.db")));
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        let (client, upstream, writer) = (client.clone(), upstream.clone(), writer.clone());
        let service = service_fn(move |request: Request<Incoming>| {
            pass(client.clone(), upstream.clone(), work, writer.clone(), request)
        });
        tokio::spawn(
            hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service),
        );
    }
}

async fn pass(
    client: Client<HttpConnector, Full<Bytes>>,
    upstream: String,
    work: Work,
    writer: Option<Writer>,
    request: Request<Incoming>,
) -> Result<Response<Incoming>, hyper_util::client::legacy::Error> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    if work == Work::Json {
        let value: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert!(value.is_object());
    }
    if let Some(writer) = &writer {
        let (done, written) = oneshot::channel();
        writer.send((body.clone(), Some(done))).unwrap();
        written.await.unwrap();
    }
    let mut request = Request::post(format!("http://{upstream}/mcp")).body(Full::new(body.clone())).unwrap();
    *request.headers_mut() = head.headers;
    request.headers_mut().insert(HOST, upstream.parse().unwrap());
    let reply = client.request(request).await;
    if let (Some(writer), Work::Rows(2)) = (&writer, work) {
        writer.send((Bytes::new(), None)).unwrap();
    }
    reply
}

/// A thread that writes as many rows as wait in one transaction.
fn writer(file: &Path) -> Writer {
    let mut connection = rusqlite::Connection::open(file).unwrap();
    connection
        .execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
             CREATE TABLE rows (seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, body BLOB NOT NULL);",
        )
        .unwrap();
    let (sender, rows) = mpsc::channel::<(Bytes, Written)>();
    std::thread::spawn(move || {
        while let Ok(first) = rows.recv() {
            let batch: Vec<_> = std::iter::once(first).chain(rows.try_iter()).collect();
            let transaction = connection.transaction().unwrap();
            {
                let mut insert =
                    transaction.prepare_cached("INSERT INTO rows (at, body) VALUES (0, ?)").unwrap();
                for (body, _) in &batch {
                    insert.execute([&body[..]]).unwrap();
                }
            }
            transaction.commit().unwrap();
            for done in batch.into_iter().filter_map(|(_, done)| done) {
                let _ = done.send(());
            }
        }
    });
    sender
}
