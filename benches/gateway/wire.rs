//! As much of HTTP/1.1 as the two ends of the benchmark need: whole messages off a connection.

use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;

/// A connection that is read message by message.
pub(crate) struct Reader {
    stream: TcpStream,
    buffer: Vec<u8>,
    /// Bytes of the buffer that belong to messages that were read.
    done: usize,
}

/// What was read of a message.
#[derive(Clone, Copy)]
pub(crate) struct Message {
    /// Whether it begins as a good reply does.
    pub(crate) ok: bool,
    /// The length of its body.
    pub(crate) body: usize,
}

/// A request for the endpoint.
pub(crate) fn post(authority: &str, bearer: &str, body: &str) -> Vec<u8> {
    format!(
        "POST /mcp HTTP/1.1\r\nhost: {authority}\r\nauthorization: Bearer {bearer}\r\ncontent-type: application/json\r\n\
         accept: application/json, text/event-stream\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

impl Reader {
    pub(crate) fn new(stream: TcpStream) -> Self {
        Self { stream, buffer: Vec::with_capacity(64 * 1024), done: 0 }
    }

    pub(crate) fn stream(&mut self) -> &mut TcpStream {
        &mut self.stream
    }

    /// The message that was read last, as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(self.buffer.get(..self.done.min(2000)).unwrap_or_default()).into_owned()
    }

    /// The next message, read to its end; `None` where the connection ends first.
    pub(crate) async fn message(&mut self) -> Option<Message> {
        self.buffer.drain(..self.done);
        self.done = 0;
        let head = loop {
            if let Some(end) = find(&self.buffer, b"\r\n\r\n") {
                break end + 4;
            }
            self.more().await?;
        };
        let text = String::from_utf8_lossy(self.buffer.get(..head)?).to_ascii_lowercase();
        let ok = text.starts_with("http/1.1 200 ");
        let body = match header(&text, "content-length") {
            Some(length) => self.exactly(head, length.parse().ok()?).await?,
            None if header(&text, "transfer-encoding").is_some() => self.chunks(head).await?,
            None => {
                self.done = head;
                0
            }
        };
        Some(Message { ok, body })
    }

    async fn exactly(&mut self, head: usize, length: usize) -> Option<usize> {
        while self.buffer.len() < head + length {
            self.more().await?;
        }
        self.done = head + length;
        Some(length)
    }

    async fn chunks(&mut self, mut at: usize) -> Option<usize> {
        let mut body = 0;
        loop {
            let line = loop {
                if let Some(end) = find(self.buffer.get(at..)?, b"\r\n") {
                    break end;
                }
                self.more().await?;
            };
            let size = std::str::from_utf8(self.buffer.get(at..at + line)?).ok()?;
            let size = usize::from_str_radix(size.split(';').next()?.trim(), 16).ok()?;
            at += line + 2;
            while self.buffer.len() < at + size + 2 {
                self.more().await?;
            }
            (at, body) = (at + size + 2, body + size);
            if size == 0 {
                self.done = at;
                return Some(body);
            }
        }
    }

    async fn more(&mut self) -> Option<()> {
        self.buffer.reserve(64 * 1024);
        let read = self.stream.read_buf(&mut self.buffer).await.ok()?;
        (read > 0).then_some(())
    }
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let line = head.lines().find(|line| line.split_once(':').is_some_and(|(found, _)| found == name))?;
    line.split_once(':').map(|(_, value)| value.trim())
}
