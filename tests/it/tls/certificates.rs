//! Certificates of clients: who comes in with one, and for how long.

use super::{PATIENCE, Place, authority_of, output, python};
use crate::support::authority::Authority;
use crate::support::process::eventually;
use crate::support::trail;
use sqlx::Row as _;

const DESK: &str = "spiffe://example.com/desk";

/// Certificates of the clients of a place: `desk.pem`, `other.pem` of nobody, `expired.pem`, and `strange.pem` of another authority.
async fn place() -> Place {
    let place = Place::new().await;
    let clients = Authority::new(place.folder.path(), "clients");
    clients.put("desk", &clients.client(DESK));
    clients.put("other", &clients.client("spiffe://example.com/other"));
    clients.put("expired", &clients.expired_client(DESK));
    let strangers = Authority::new(place.folder.path(), "strangers");
    strangers.put("strange", &strangers.client(DESK));
    place
}

/// The settings of a gateway whose clients show certificates; with `identity`, they stand for clients.
fn settle(place: &Place, wanted: &str, identity: &str) {
    let tls = format!(", client_ca: {}, client_certificates: {wanted}", place.path("clients.pem").display());
    place.settle(&tls, "", identity);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_somebodys_or_opens_the_door_or_opens_nothing() {
    let place = place().await;
    let somebody = place.site.key("somebody");
    let known = format!(
        "identity: {{certificates: [{{san: '{DESK}', name: desk, role: reader, token_env: WARRENER_TEST_TOKEN}}]}}\n"
    );
    let none = "";
    let no_connection = "000";
    // What is wanted, whether certificates stand for clients, the certificate, the key, and the status.
    for (wanted, identity, certificate, key, expect) in [
        ("required", none, "", "desk", no_connection),
        ("required", none, "strange", "desk", no_connection),
        ("required", none, "expired", "desk", no_connection),
        ("required", none, "other", "desk", "200"),
        ("required", none, "desk", "", "401"),
        ("required", &known, "", "desk", no_connection),
        ("required", &known, "desk", "", "200"),
        ("required", &known, "desk", "desk", "200"),
        ("required", &known, "desk", "somebody", "403"),
        ("required", &known, "desk", "wr_nonsense", "401"),
        ("required", &known, "desk", "a.b.c", "401"),
        ("required", &known, "desk", "static-token", "403"),
        ("required", &known, "other", "desk", "403"),
        ("required", &known, "other", "", "403"),
        ("optional", &known, "", "desk", "200"),
        ("optional", &known, "", "", "401"),
        ("optional", &known, "desk", "", "200"),
        ("optional", &known, "other", "desk", "403"),
        ("optional", &known, "strange", "desk", no_connection),
    ] {
        settle(&place, wanted, identity);
        let mut gateway = place.site.start();
        let key = match key {
            "desk" => Some(place.key.as_str()),
            "somebody" => Some(somebody.as_str()),
            "" => None,
            other => Some(other),
        };
        let (pem, file) = (format!("{certificate}.pem"), format!("{certificate}.key"));
        let mut arguments = vec!["--http2"];
        if !certificate.is_empty() {
            arguments.extend(["--cert", &pem, "--key", &file]);
        }
        let before = place.upstream.seen().len();
        let curled = place.curl(gateway.client("").url(), key, &arguments).await;
        let row = format!("{wanted} {identity} {certificate} {key:?}: {curled:?}");
        assert_eq!(curled.status, expect, "{row}");
        assert_eq!(place.upstream.seen().len() - before, usize::from(expect == "200"), "{row}");
        if expect == no_connection {
            assert!(!curled.said.is_empty(), "{row}");
        }
        // What was counted is written at the end.
        gateway.process.terminate();
        gateway.process.ended(PATIENCE).await;
    }
    let permitted = place.site.calls().await.into_iter().filter(|call| call.decision == "permit");
    let principals: Vec<String> = permitted.map(|call| call.principal).collect();
    for (name, count) in [("certificate:desk", 2), ("desk", 3)] {
        assert_eq!(
            principals.iter().filter(|principal| *principal == name).count(),
            count,
            "{name}: {principals:?}"
        );
    }
    let mut connection = trail::open(&place.site.trail()).await;
    let rows = sqlx::query("SELECT error_code FROM entries WHERE kind = 'refusal'")
        .fetch_all(&mut connection)
        .await
        .unwrap();
    let codes: Vec<String> = rows.iter().filter_map(|row| row.get(0)).collect();
    for code in ["certificate", "disagreeing", "missing", "malformed"] {
        assert!(codes.iter().any(|found| found == code), "{code} is not recorded: {codes:?}");
    }
}

/// Asks over one connection, again and again, until it is answered otherwise.
const LASTING: &str = "
import http.client, json, ssl, sys, time
address, = sys.argv[1:]
context = ssl.create_default_context(cafile='authority.pem')
context.load_cert_chain('desk.pem', 'desk.key')
headers = {'Content-Type': 'application/json', 'Accept': 'application/json, text/event-stream'}
body = json.dumps({'jsonrpc': '2.0', 'id': 1, 'method': 'ping', 'params': {}})
connection = http.client.HTTPSConnection(address, context=context, timeout=20)
def ask():
    connection.request('POST', '/mcp', body, headers)
    reply = connection.getresponse()
    return reply.status, reply.read()
print(ask()[0])
socket = connection.sock
open('asked', 'w').close()
for _ in range(300):
    status, said = ask()
    if status != 200:
        break
    # A connection that is given up in between would be opened anew by itself.
    assert connection.sock is socket, 'it is another connection'
    time.sleep(0.1)
print(status, said.decode())
";

#[tokio::test(flavor = "multi_thread")]
async fn an_authority_that_is_taken_away_shuts_out_whoever_is_in_already() {
    let place = place().await;
    let known = format!("identity: {{certificates: [{{san: '{DESK}', name: desk, role: reader}}]}}\n");
    settle(&place, "required", &known);
    let gateway = place.site.start();
    let address = authority_of(&gateway);
    let (folder, argument) = (place.folder.path().to_owned(), address.clone());
    let asking = tokio::spawn(async move { python(&folder, LASTING, &[&argument]).await });
    eventually(PATIENCE, "the first request", async || place.path("asked").exists()).await;

    // Another authority beside the first one changes nothing for whoever is of the first.
    let clients = std::fs::read_to_string(place.path("clients.pem")).unwrap();
    let strangers = std::fs::read_to_string(place.path("strangers.pem")).unwrap();
    place.authority.write("clients.pem", &format!("{clients}{strangers}"));
    let reloaded = async |times| {
        eventually(PATIENCE, "the authorities are taken", async || {
            gateway.process.log().matches("the certificate was reloaded").count() == times
        })
        .await;
    };
    reloaded(1).await;
    let curled =
        place.curl(gateway.client("").url(), None, &["--cert", "desk.pem", "--key", "desk.key"]).await;
    assert_eq!(curled.status, "200", "{curled:?}");
    place.authority.write("clients.pem", &strangers);
    reloaded(2).await;
    let (printed, said) = asking.await.unwrap();
    assert!(
        printed.starts_with("200\n403 ") && printed.contains("no authority that is accepted"),
        "{printed}{said}"
    );
    let curled =
        place.curl(gateway.client("").url(), None, &["--cert", "desk.pem", "--key", "desk.key"]).await;
    assert_eq!(curled.status, "000", "{curled:?}");
}

/// A session that is resumed is not asked for a certificate: where certificates are wanted there is none.
#[tokio::test(flavor = "multi_thread")]
async fn no_session_is_resumed_where_certificates_are_wanted() {
    let place = place().await;
    for (wanted, version, expect) in [
        (None, "-tls1_2", "Reused"),
        (Some("required"), "-tls1_2", "New"),
        (Some("optional"), "-tls1_2", "New"),
        (Some("required"), "-tls1_3", "New"),
    ] {
        match wanted {
            Some(wanted) => settle(&place, wanted, ""),
            None => place.settle("", "", ""),
        }
        let gateway = place.site.start();
        let address = authority_of(&gateway);
        let mut last = String::new();
        for direction in ["-sess_out", "-sess_in"] {
            let mut command = place.command("sh");
            let connect = format!(
                "printf 'GET /healthz HTTP/1.1\\r\\nhost: localhost\\r\\nconnection: close\\r\\n\\r\\n' | \
                 openssl s_client -connect {address} -CAfile authority.pem {version} -cert desk.pem -key desk.key {direction} session -ign_eof"
            );
            let session = place.path("session");
            if direction == "-sess_in" && !session.exists() {
                // No ticket came at all.
                break;
            }
            command.args(["-c", &connect]);
            last = output(command).await.0;
            assert!(last.contains("HTTP/1.1 200 OK"), "{wanted:?} {version}: {last}");
        }
        assert!(last.contains(&format!("{expect}, TLSv1.")), "{wanted:?} {version}: {last}");
        let _ = std::fs::remove_file(place.path("session"));
    }
}
