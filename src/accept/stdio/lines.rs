//! Lines of a stream, each within a bound.

use bytes::Bytes;
use std::io;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};

/// Reads line by line. What is longer than a line may be is read over, so that the next line is read as if nothing had been.
#[derive(Debug)]
pub(super) struct Lines<R> {
    reader: BufReader<R>,
    longest: usize,
}

/// One line, without its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) bytes: Bytes,
    /// The line was longer, and this is its beginning.
    pub(super) cut: bool,
}

impl<R: AsyncRead + Unpin> Lines<R> {
    /// Lines of at most so many bytes.
    pub(super) fn new(input: R, longest: usize) -> Self {
        Self { reader: BufReader::new(input), longest }
    }

    /// The next line that is not blank; `None` at the end. What stands behind the last line's end is a line too.
    ///
    /// # Errors
    /// When the stream cannot be read.
    pub(super) async fn next(&mut self) -> io::Result<Option<Line>> {
        while let Some(line) = self.read().await? {
            if line.cut || !line.bytes.iter().all(u8::is_ascii_whitespace) {
                return Ok(Some(line));
            }
        }
        Ok(None)
    }

    async fn read(&mut self) -> io::Result<Option<Line>> {
        let (mut line, mut cut, mut begun) = (Vec::new(), false, false);
        loop {
            let piece = self.reader.fill_buf().await?;
            let end = piece.iter().position(|byte| *byte == b'\n');
            let text = end.and_then(|end| piece.get(..end)).unwrap_or(piece);
            let room = self.longest.saturating_sub(line.len());
            line.extend_from_slice(text.get(..room).unwrap_or(text));
            cut |= text.len() > room;
            begun |= !piece.is_empty();
            let (used, over) = (text.len() + usize::from(end.is_some()), piece.is_empty());
            self.reader.consume(used);
            if end.is_some() || over {
                return Ok(begun.then(|| Line { bytes: line.into(), cut }));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn lines(input: &[u8]) -> Vec<(String, bool)> {
        let mut lines = Lines::new(input, 5);
        let mut found = Vec::new();
        while let Some(Line { bytes, cut }) = lines.next().await.unwrap() {
            found.push((String::from_utf8_lossy(&bytes).into_owned(), cut));
        }
        found
    }

    #[tokio::test]
    async fn a_line_too_long_is_cut_and_the_next_one_is_whole() {
        for (input, expect) in [
            (&b""[..], &[][..]),
            (b"\n\r\n \t\n", &[]),
            (b"one\ntwo\n", &[("one", false), ("two", false)]),
            (b"one\r\ntwo", &[("one\r", false), ("two", false)]),
            (b"exact\nlonger\nnext\n", &[("exact", false), ("longe", true), ("next", false)]),
            (b"           \nnext\n", &[("     ", true), ("next", false)]),
            (b"far too long a line", &[("far t", true)]),
            (b"\xff\x00\n", &[("\u{fffd}\0", false)]),
        ] {
            let expect: Vec<_> = expect.iter().map(|(text, cut)| ((*text).to_owned(), *cut)).collect();
            assert_eq!(lines(input).await, expect, "{input:?}");
        }
    }
}
