//! Lines of another process, each within a bound: whatever it writes, no more of it than that is held.

use std::io;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};

/// Lines as they come.
#[derive(Debug)]
pub(super) struct Lines<R> {
    reader: BufReader<R>,
    longest: usize,
}

/// One line, without its end.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// All of it.
    Whole(Vec<u8>),
    /// The beginning of one that is longer than what is held.
    Cut(Vec<u8>),
}

impl<R: AsyncRead + Unpin> Lines<R> {
    /// Of lines longer than `longest`, in bytes, only the beginning is told.
    pub(super) fn new(reader: R, longest: usize) -> Self {
        Self { reader: BufReader::new(reader), longest }
    }

    /// The next line; the last one needs no end. `None` after it.
    pub(super) async fn next(&mut self) -> io::Result<Option<Line>> {
        let (mut line, mut is_cut, mut any) = (Vec::new(), false, false);
        loop {
            let held = self.reader.fill_buf().await?;
            if held.is_empty() {
                return Ok(any.then(|| told(line, is_cut)));
            }
            any = true;
            let end = held.iter().position(|byte| *byte == b'\n');
            let part = held.get(..end.unwrap_or(held.len())).unwrap_or(held);
            let room = self.longest - line.len();
            is_cut |= part.len() > room;
            line.extend_from_slice(part.get(..room).unwrap_or(part));
            let used = end.map_or(held.len(), |end| end + 1);
            self.reader.consume(used);
            if end.is_some() {
                return Ok(Some(told(line, is_cut)));
            }
        }
    }
}

fn told(mut line: Vec<u8>, is_cut: bool) -> Line {
    if is_cut {
        return Line::Cut(line);
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    Line::Whole(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_line_is_no_longer_than_its_bound() {
        let whole = |text: &str| Line::Whole(text.into());
        let cut = |text: &str| Line::Cut(text.into());
        for (text, expected) in [
            ("", vec![]),
            ("a\n", vec![whole("a")]),
            ("a", vec![whole("a")]),
            ("a\r\n\nb", vec![whole("a"), whole(""), whole("b")]),
            ("1234\n12345\n1\n", vec![whole("1234"), cut("1234"), whole("1")]),
            ("12345678901234567890", vec![cut("1234")]),
        ] {
            let mut lines = Lines::new(text.as_bytes(), 4);
            let mut found = Vec::new();
            while let Some(line) = lines.next().await.unwrap() {
                found.push(line);
            }
            assert_eq!(found, expected, "{text:?}");
        }
    }
}
