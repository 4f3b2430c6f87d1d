//! The files of the certificate: what is wrong with them at the start, and what becomes of them while calls are running.

use super::{PATIENCE, Place, authority_of, output, python};
use crate::support::authority::Authority;
use crate::support::process::eventually;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_served_with_is_said_at_the_start() {
    let place = Place::new().await;
    let good = place.authority.server();
    let encrypted = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
    let old = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nAAAA\n-----END RSA PRIVATE KEY-----\n";
    let half: String = good.certificate.chars().take(200).collect();
    let mut other = Authority::new(place.folder.path(), "other").server();
    other.certificate.push_str(&good.certificate);
    for (what, certificate, key, expect) in [
        ("no certificate", None, Some(&*good.key), "the certificate file `"),
        ("no key", Some(&*good.certificate), None, "the key file `"),
        ("nothing in the certificate", Some(""), Some(&good.key), "has no certificate in it"),
        ("the key in both", Some(&good.key), Some(&good.key), "has no certificate in it"),
        (
            "the certificate in both",
            Some(&good.certificate),
            Some(&good.certificate),
            "has no private key in it",
        ),
        ("half a certificate", Some(&half), Some(&good.key), "certificate file `"),
        ("an encrypted key", Some(&good.certificate), Some(encrypted), "is encrypted"),
        ("a key encrypted in the old way", Some(&good.certificate), Some(old), "is encrypted"),
        ("another's key", Some(&good.certificate), Some(&other.key), "does not fit the certificate"),
        ("the chain before its end", Some(&other.certificate), Some(&good.key), "has to be the server's own"),
    ] {
        for (name, text) in [("server.pem", certificate), ("server.key", key)] {
            let _ = std::fs::remove_file(place.path(name));
            if let Some(text) = text {
                place.authority.write(name, text);
            }
        }
        place.settle("", "", "");
        let (code, said) = place.site.start_in_vain();
        assert!(code == Some(3) && said.contains(expect), "{what}: {code:?} {said}");
        assert!(!said.contains("PRIVATE KEY-----\nM"), "{what}: no key is printed");
    }
    place.authority.put("server", &good);
    place.settle(&format!(", client_ca: {}", place.path("none.pem").display()), "", "");
    let (code, said) = place.site.start_in_vain();
    assert!(code == Some(3) && said.contains("the file of client authorities `"), "{code:?} {said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_odd_is_logged_at_the_start() {
    let place = Place::new().await;
    place.authority.put("server", &place.authority.expired_server());
    std::fs::set_permissions(place.path("server.key"), std::fs::Permissions::from_mode(0o644)).unwrap();
    place.settle("", "", "");
    let gateway = place.site.start();
    let log = gateway.process.log();
    assert!(
        log.contains("expired at 2020-01-01T00:00:00Z") && log.contains("others can read the key"),
        "{log}"
    );
}

/// Asks over new connections and over one that stays, until it is told to end; anything but 200 ends it with an error.
const TRAFFIC: &str = "
import http.client, json, os, ssl, sys
address, key = sys.argv[1:]
context = ssl.create_default_context(cafile='authority.pem')
headers = {'Authorization': 'Bearer ' + key, 'Content-Type': 'application/json', 'Accept': 'application/json, text/event-stream'}
body = json.dumps({'jsonrpc': '2.0', 'id': 1, 'method': 'ping', 'params': {}})
def connect():
    return http.client.HTTPSConnection(address, context=context, timeout=20)
def ask(connection):
    connection.request('POST', '/mcp', body, headers)
    reply = connection.getresponse()
    reply.read()
    assert reply.status == 200, reply.status
lasting, asked, seen = connect(), 0, set()
ask(lasting)
socket = lasting.sock
first = connect()
ask(first)
seen.add(first.sock.getpeercert()['serialNumber'])
open('begun', 'w').close()
while not os.path.exists('end'):
    fresh = connect()
    ask(fresh)
    seen.add(fresh.sock.getpeercert()['serialNumber'])
    fresh.close()
    ask(lasting)
    assert lasting.sock is socket, 'the lasting connection was dropped'
    asked += 2
print(asked, len(seen))
";

#[tokio::test(flavor = "multi_thread")]
async fn a_new_certificate_is_taken_without_a_failed_request() {
    let (place, gateway) = Place::start().await;
    let address = authority_of(&gateway);
    let (folder, arguments) = (place.folder.path().to_owned(), [address.clone(), place.key.clone()]);
    let traffic =
        tokio::spawn(async move { python(&folder, TRAFFIC, &[&arguments[0], &arguments[1]]).await });

    eventually(PATIENCE, "the first requests", async || place.path("begun").exists()).await;

    let good = place.authority.server();
    // One after the other, with half a pair in between for long enough to be looked at.
    place.authority.write("server.pem", &good.certificate);
    tokio::time::sleep(Duration::from_millis(1300)).await;
    place.authority.write("server.key", &good.key);
    eventually(PATIENCE, "the new certificate", async || shown(&place, &address).await == good.der).await;
    let log = gateway.process.log();
    assert!(log.contains("the certificate stays as it was: the key in `"), "half a pair is refused: {log}");
    assert!(log.contains("the certificate was reloaded"), "{log}");

    // At once, by SIGHUP.
    let next = place.authority.server();
    place.authority.put("server", &next);
    gateway.process.signal("HUP");
    eventually(PATIENCE, "the next certificate", async || shown(&place, &address).await == next.der).await;

    for (name, text, expect) in [
        ("server.pem", place.authority.expired_server().certificate, "does not fit"),
        ("server.pem", "nonsense".to_owned(), "has no certificate in it"),
        ("server.key", "nonsense".to_owned(), "has no private key in it"),
    ] {
        let before = gateway.process.log().matches("stays as it was").count();
        place.authority.put("server", &next);
        place.authority.write(name, &text);
        eventually(PATIENCE, expect, async || {
            let log = gateway.process.log();
            log.matches("stays as it was").count() > before && log.contains(expect)
        })
        .await;
        assert_eq!(shown(&place, &address).await, next.der, "the last good one stays");
    }
    place.authority.put("server", &place.authority.expired_server());
    eventually(PATIENCE, "it says that it expired", async || gateway.process.log().contains("expired at"))
        .await;
    assert_eq!(shown(&place, &address).await, next.der, "an expired one is not put in its place");

    std::fs::write(place.path("end"), "").unwrap();
    let (printed, said) = traffic.await.unwrap();
    let (asked, seen) = printed.trim().split_once(' ').unwrap_or_else(|| panic!("{said}"));
    assert!(asked.parse::<u32>().unwrap() > 10 && seen.parse::<u32>().unwrap() >= 3, "{printed}{said}");
}

/// The certificate that a new connection is shown.
async fn shown(place: &Place, address: &str) -> Vec<u8> {
    let script = "import ssl, sys\nhost, port = sys.argv[1].split(':')\nprint(ssl.get_server_certificate((host, int(port))))";
    let (pem, said) = python(place.folder.path(), script, &[address]).await;
    let mut command = place.command("openssl");
    place.authority.write("shown.pem", &pem);
    command.args(["x509", "-in", "shown.pem", "-outform", "DER", "-out", "shown.der"]);
    output(command).await;
    std::fs::read(place.path("shown.der")).unwrap_or_else(|_| panic!("{said}"))
}
