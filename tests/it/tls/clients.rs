//! Clients, and what is no client of TLS.

use super::{Place, authority_of, output, python};
use tokio::io::AsyncWriteExt as _;

const PYTHON: &str = "
import http.client, json, ssl, sys
address, key = sys.argv[1:]
context = ssl.create_default_context(cafile='authority.pem')
connection = http.client.HTTPSConnection(address, context=context, timeout=20)
for method in ('ping', 'ping'):
    body = json.dumps({'jsonrpc': '2.0', 'id': 1, 'method': method, 'params': {}})
    connection.request('POST', '/mcp', body, {'Authorization': 'Bearer ' + key, 'Content-Type': 'application/json', 'Accept': 'application/json, text/event-stream'})
    reply = connection.getresponse()
    print(reply.status, connection.sock.version(), json.loads(reply.read()).keys() == {'jsonrpc', 'id', 'result'})
";

#[tokio::test(flavor = "multi_thread")]
async fn curl_python_and_openssl_get_through() {
    let (place, gateway) = Place::start().await;
    let (url, address) = (gateway.client("").url().to_owned(), authority_of(&gateway));
    for (arguments, version) in [
        (&["--http1.1"][..], "1.1"),
        (&["--http2"], "2"),
        (&["--http2-prior-knowledge"], "2"),
        (&["--http2", "--tlsv1.2", "--tls-max", "1.2"], "2"),
        (&["--http2", "--tlsv1.3"], "2"),
        (&["--no-alpn"], "1.1"),
    ] {
        let curled = place.curl(&url, Some(&place.key), arguments).await;
        assert!(curled.is_answered() && curled.version == version, "{arguments:?}: {curled:?}");
        let curled = place.curl(&url, Some("wr_unknown"), arguments).await;
        assert_eq!((curled.status.as_str(), curled.version.as_str()), ("401", version), "{arguments:?}");
    }
    assert_eq!(place.upstream.seen().len(), 6, "each was forwarded once");

    let (printed, said) = python(place.folder.path(), PYTHON, &[&address, &place.key]).await;
    assert_eq!(printed, "200 TLSv1.3 True\n200 TLSv1.3 True\n", "{said}");

    let mut command = place.command("openssl");
    command.args([
        "s_client",
        "-connect",
        &address,
        "-CAfile",
        "authority.pem",
        "-verify_return_error",
        "-quiet",
        "-ign_eof",
    ]);
    let mut child =
        command.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped()).spawn().unwrap();
    let request = "GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    child.stdin.take().unwrap().write_all(request.as_bytes()).await.unwrap();
    let answer = tokio::time::timeout(super::PATIENCE, child.wait_with_output()).await.unwrap().unwrap();
    let answer = String::from_utf8_lossy(&answer.stdout).into_owned();
    assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.ends_with("\r\n\r\nok"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_tls_is_told_so_and_what_is_old_is_not_taken() {
    let (place, gateway) = Place::start().await;
    let (url, address) = (gateway.client("").url().to_owned(), authority_of(&gateway));
    let cleartext = url.replace("https:", "http:");
    for arguments in [&["--http1.1"][..], &["--http2"], &["--http1.0"]] {
        let curled = place.curl(&cleartext, Some(&place.key), arguments).await;
        assert!(curled.status == "400" && curled.body.contains("by https://"), "{arguments:?}: {curled:?}");
    }
    let curled = place.curl(&cleartext, Some(&place.key), &["--http2-prior-knowledge"]).await;
    assert_ne!(curled.status, "200", "{curled:?}");
    // An upgrade to HTTP/2 in the middle of a connection is not made, the request is answered as it is.
    let upgrade = [
        "--http1.1",
        "-H",
        "Connection: Upgrade, HTTP2-Settings",
        "-H",
        "Upgrade: h2c",
        "-H",
        "HTTP2-Settings: AAMAAABkAAQAAP__",
    ];
    let curled = place.curl(&url, Some(&place.key), &upgrade).await;
    assert!(curled.status == "200" && curled.version == "1.1", "{curled:?}");

    for arguments in [&["-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0"][..], &["-alpn", "spdy/1"]] {
        let mut command = place.command("openssl");
        command.args(["s_client", "-connect", &address, "-CAfile", "authority.pem"]).args(arguments);
        let (printed, said) = output(command).await;
        assert!(printed.contains("no peer certificate available"), "{arguments:?}: {printed}{said}");
    }
    let mut command = place.command("openssl");
    command.args(["s_client", "-connect", &address, "-CAfile", "authority.pem", "-ign_eof"]);
    let mut child =
        command.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped()).spawn().unwrap();
    let request = "GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    child.stdin.take().unwrap().write_all(request.as_bytes()).await.unwrap();
    let said = child.wait_with_output().await.unwrap();
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    assert!(said.contains("Max Early Data: 0"), "nothing is taken before the handshake is done: {said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_is_one_and_the_gateways() {
    let (place, gateway) = Place::start().await;
    let url = gateway.client("").url().to_owned();
    for (arguments, expect) in [
        (&["--http1.1", "-H", "Host: evil.example"][..], "403"),
        (&["--http1.1", "-H", "Host: localhost"], "200"),
        (&["--http1.1", "-H", "Host: localhost", "--request-target", "https://evil.example/mcp"], "400"),
        (&["--http1.1", "-H", "Host: localhost", "--request-target", "https://localhost/mcp"], "200"),
        (&["--http2", "-H", "Host: evil.example"], "403"),
        (&["--http2", "-H", "Host: localhost"], "200"),
    ] {
        let curled = place.curl(&url, Some(&place.key), arguments).await;
        assert_eq!(curled.status, expect, "{arguments:?}: {curled:?}");
    }
    assert_eq!(place.upstream.seen().len(), 3, "nothing else was forwarded");
}
