//! Behind a proxy: nginx with the file that the documentation shows, and `X-Forwarded-For` of all kinds.

use super::{PATIENCE, Place};
use crate::support::nginx::Nginx;
use crate::support::process::free_port;
use crate::support::trail;
use sqlx::Row as _;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

const NGINX: &str = include_str!("../../../examples/proxies/nginx.conf");

/// nginx with that file, in front of a gateway or whatever else listens there.
fn nginx(place: &Place, behind: &str) -> (Nginx, u16) {
    let port = free_port();
    let folder = place.folder.path().display();
    let text = NGINX
        .replace("127.0.0.1:8080;", &format!("{behind};"))
        .replace("listen 443 ssl", &format!("listen {port} ssl"))
        .replace("/etc/ssl/mcp.example.com/fullchain.pem", &format!("{folder}/server.pem"))
        .replace("/etc/ssl/mcp.example.com/privkey.pem", &format!("{folder}/server.key"));
    assert!(
        !text.contains("/etc/ssl") && text.contains(behind) && text.contains(&port.to_string()),
        "{text}"
    );
    (Nginx::start(&[&text], port), port)
}

/// The arguments with which curl finds the site at that port.
fn resolved(port: u16) -> (String, String) {
    (format!("mcp.example.com:{port}:127.0.0.1"), format!("https://mcp.example.com:{port}/mcp"))
}

/// Where each request of the trail came from, in their order.
async fn addresses(place: &Place) -> Vec<String> {
    let mut connection = trail::open(&place.site.trail()).await;
    let statement = "SELECT coalesce(client_address, '') FROM calls ORDER BY started_at";
    let rows = sqlx::query(statement).fetch_all(&mut connection).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn nginx_with_the_documented_file() {
    let place = Place::new().await;
    place.site.settle(
        "version: 1\nlisten: {address: '127.0.0.1:8080', allowed_hosts: [mcp.example.com], trusted_proxies: [127.0.0.1]}\n",
    );
    let gateway = place.site.start();
    let url = gateway.client("").url().to_owned();
    let (nginx, port) = nginx(&place, url.strip_prefix("http://").unwrap().strip_suffix("/mcp").unwrap());
    let (resolve, site) = resolved(port);
    for (arguments, version) in [(&["--http2"][..], "2"), (&["--http1.1"], "1.1")] {
        // From an address of its own, so that it can be told from nginx's; and with a header that claims another.
        let arguments = [
            arguments,
            &["--resolve", &resolve, "--interface", "127.0.0.2", "-H", "X-Forwarded-For: 203.0.113.9"],
        ]
        .concat();
        let curled = place.curl(&site, Some(&place.key), &arguments).await;
        assert!(curled.is_answered() && curled.version == version, "{curled:?}");
    }
    assert_eq!(addresses(&place).await, ["127.0.0.2", "127.0.0.2"]);
    assert_eq!(place.upstream.seen().len(), 2);
    for (path, arguments, expect) in [
        ("/mcp", &[][..], "401"),
        ("/mcp/", &[], "404"),
        ("/readyz", &[], "404"),
        ("/items/articles", &[], "404"),
        ("/mcp", &["-H", "Host: evil.example"], "403"),
    ] {
        let arguments = [arguments, &["--resolve", &resolve]].concat();
        let curled =
            place.curl(&format!("{}{path}", site.strip_suffix("/mcp").unwrap()), None, &arguments).await;
        assert_eq!(curled.status, expect, "{path} {arguments:?}: {curled:?}");
    }
    let log = nginx.log("warrener.log");
    assert!(log.contains("\"POST /mcp\" 200"), "{log}");
    let secret = format!("{site}?access_token=wr_secret");
    place.curl(&secret, None, &["--resolve", &resolve]).await;
    assert!(!nginx.log("warrener.log").contains("wr_secret"), "a key in the address is not logged");
}

/// What nginx makes of requests, seen by what stands behind it: it streams, keeps its connections, and sends nothing twice.
#[tokio::test(flavor = "multi_thread")]
async fn nginx_streams_and_keeps_its_connections() {
    let place = Place::new().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let behind = listener.local_addr().unwrap().to_string();
    let (heads, connections, go) =
        (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(0)), Arc::new(Notify::new()));
    let (seen, counted, held) = (heads.clone(), connections.clone(), go.clone());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            *counted.lock().unwrap() += 1;
            tokio::spawn(answer(stream, seen.clone(), held.clone()));
        }
    });
    let (_nginx, port) = nginx(&place, &behind);
    let (resolve, site) = resolved(port);
    for _ in 0..3 {
        let mut command = place.command("curl");
        command.args(["-sSN", "--cacert", "authority.pem", "--resolve", &resolve, "-d", "{}", &site]);
        let mut child = command.stdout(std::process::Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = async |lines: &mut tokio::io::Lines<_>| {
            tokio::time::timeout(PATIENCE, lines.next_line()).await.unwrap().unwrap()
        };
        assert_eq!(line(&mut lines).await.as_deref(), Some("first"), "it comes before the second is sent");
        go.notify_one();
        assert_eq!(line(&mut lines).await.as_deref(), Some("second"));
        child.wait().await.unwrap();
    }
    assert_eq!(*connections.lock().unwrap(), 1, "one connection is enough");
    let large = "x".repeat((1 << 20) + 1);
    place.authority.write("large", &large);
    let curled = place.curl(&site, None, &["--resolve", &resolve, "-d", "@large"]).await;
    assert_eq!(curled.status, "413", "{}", curled.said);
    let heads = heads.lock().unwrap();
    assert_eq!(heads.len(), 3);
    for head in heads.iter() {
        assert!(head.contains("Host: mcp.example.com\r\n") && !head.contains("Connection:"), "{head}");
        assert_eq!(head.matches("X-Forwarded-For: 127.0.0.1\r\n").count(), 1, "{head}");
    }
}

/// Answers each request with a line, and with a second one when it may.
async fn answer(stream: TcpStream, heads: Arc<Mutex<Vec<String>>>, go: Arc<Notify>) {
    let mut stream = BufReader::new(stream);
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if stream.read_line(&mut head).await.unwrap_or(0) == 0 {
                return;
            }
        }
        stream.read_exact(&mut [0; 2]).await.unwrap();
        heads.lock().unwrap().push(head);
        stream
            .write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n6\r\nfirst\n\r\n")
            .await
            .unwrap();
        go.notified().await;
        stream.write_all(b"7\r\nsecond\n\r\n0\r\n\r\n").await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_trusted_proxy_speaks_for_others() {
    let one = |value: &str| vec!["-H".to_owned(), format!("X-Forwarded-For: {value}")];
    let two = [one("127.0.0.1"), one("203.0.113.9")].concat();
    let refused = "";
    for (trusted, headers, expect) in [
        ("[]", one("203.0.113.9"), "127.0.0.1"),
        ("[10.0.0.0/8]", one("203.0.113.9"), "127.0.0.1"),
        ("[127.0.0.0/8]", vec![], "127.0.0.1"),
        ("[127.0.0.0/8]", one("203.0.113.9"), "203.0.113.9"),
        ("[127.0.0.0/8]", one("1.1.1.1, 203.0.113.9, 127.0.0.3"), "203.0.113.9"),
        ("[127.0.0.0/8]", one("[2001:db8::1]:4711"), "2001:db8::1"),
        ("[127.0.0.0/8]", two, "203.0.113.9"),
        ("[127.0.0.0/8]", one("203.0.113.9, unknown"), refused),
        ("[127.0.0.0/8]", one("203.0.113.9,"), refused),
    ] {
        let place = Place::new().await;
        place.site.settle(&format!(
            "version: 1\nlisten: {{address: '127.0.0.1:8080', trusted_proxies: {trusted}}}\n"
        ));
        let gateway = place.site.start();
        let headers: Vec<&str> = headers.iter().map(String::as_str).collect();
        let curled = place.curl(gateway.client("").url(), Some(&place.key), &headers).await;
        let row = format!("{trusted} {headers:?}: {curled:?}");
        if expect == refused {
            assert!(curled.status == "400" && curled.body.contains("X-Forwarded-For"), "{row}");
            assert!(gateway.process.log().contains("cannot be read"), "{row}");
            assert!(place.upstream.seen().is_empty() && addresses(&place).await.is_empty(), "{row}");
        } else {
            assert_eq!(curled.status, "200", "{row}");
            assert_eq!(addresses(&place).await, [expect], "{row}");
        }
    }
}

/// Strangers behind a proxy are counted one by one, and none of them can use up what another has.
#[tokio::test(flavor = "multi_thread")]
async fn strangers_are_told_apart_behind_a_proxy() {
    let place = Place::new().await;
    place.site.settle(
        "version: 1\nlisten: {address: '127.0.0.1:8080', trusted_proxies: [127.0.0.1]}\nlimits: {strangers: 1}\n",
    );
    let gateway = place.site.start();
    for (claimed, expect) in [
        ("203.0.113.9", "401"),
        ("203.0.113.9", "429"),
        ("203.0.113.10, 203.0.113.9", "429"),
        ("203.0.113.10", "401"),
    ] {
        let header = format!("X-Forwarded-For: {claimed}");
        let curled = place.curl(gateway.client("").url(), None, &["-H", &header]).await;
        assert_eq!(curled.status, expect, "{claimed}");
    }
}
