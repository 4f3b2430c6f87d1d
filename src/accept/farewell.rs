//! A last word to whoever is not served, in cleartext.

use std::io;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long a connection is kept that was told something: closing at once could take the reply away from its reader.
const FAREWELL: Duration = Duration::from_secs(1);

pub(super) const TOO_MANY: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: text/plain; charset=utf-8\r\nretry-after: 1\r\n\
connection: close\r\ncontent-length: 21\r\n\r\ntoo many connections\n";

pub(super) const SPEAK_TLS: &[u8] =
    b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain; charset=utf-8\r\nconnection: close\r\n\
content-length: 42\r\n\r\nthis port speaks TLS: call it by https://\n";

/// Writes the reply, and closes the connection once its reader has had the time to take it.
pub(super) async fn farewell(stream: TcpStream, reply: &'static [u8]) {
    // Nobody is left to be told that it did not arrive.
    let _ = timeout(FAREWELL, say(stream, reply)).await;
}

async fn say(mut stream: TcpStream, reply: &'static [u8]) -> io::Result<()> {
    stream.write_all(reply).await?;
    stream.shutdown().await?;
    // What the client has sent is read and dropped: closing over it would reset the connection, and the reply with it.
    let mut dropped = [0; 4096];
    while stream.read(&mut dropped).await? > 0 {}
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_says_its_own_length() {
        for reply in [TOO_MANY, SPEAK_TLS] {
            let (head, body) = std::str::from_utf8(reply).unwrap().split_once("\r\n\r\n").unwrap();
            let length = format!("content-length: {}", body.len());
            assert!(head.lines().any(|line| line == length), "{head}");
        }
    }
}
