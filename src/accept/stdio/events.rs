//! Server-sent events, as far as a stream of messages needs them.

/// Puts the data of each event together; names, ids and comments are read over.
#[derive(Debug, Default)]
pub(super) struct Events {
    line: Vec<u8>,
    data: Option<Vec<u8>>,
    /// The last byte was a carriage return, so that a line feed right behind it ends no line.
    returned: bool,
}

impl Events {
    /// Takes the next piece of the stream, and gives the data of each event that has ended in it.
    pub(super) fn take(&mut self, piece: &[u8]) -> Vec<Vec<u8>> {
        let mut ended = Vec::new();
        for byte in piece {
            let second = *byte == b'\n' && self.returned;
            self.returned = *byte == b'\r';
            match byte {
                b'\n' if second => {}
                b'\n' | b'\r' => ended.extend(self.end_line()),
                other => self.line.push(*other),
            }
        }
        ended
    }

    fn end_line(&mut self) -> Option<Vec<u8>> {
        let line = std::mem::take(&mut self.line);
        if line.is_empty() {
            return self.data.take();
        }
        let value = line.strip_prefix(b"data:").or_else(|| (line == b"data").then_some(&[]))?;
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match &mut self.data {
            Some(data) => {
                data.push(b'\n');
                data.extend_from_slice(value);
            }
            None => self.data = Some(value.to_vec()),
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(stream: &[u8], piece: usize) -> Vec<String> {
        let mut events = Events::default();
        let ended = stream.chunks(piece).flat_map(|piece| events.take(piece));
        ended.map(|data| String::from_utf8(data).unwrap()).collect()
    }

    #[test]
    fn data_is_put_together_however_it_comes() {
        for (stream, expect) in [
            (&b""[..], &[][..]),
            (b"data: {}\n\n", &["{}"]),
            (b"event: message\r\nid: 7\r\ndata: {\r\ndata: }\r\n\r\ndata:x\r\n\r\n", &["{\n}", "x"]),
            (b": keep-alive\n\nretry: 10\n\ndata: a\rdata\r\rdata: b\n\n", &["a\n", "b"]),
            (b"data: never ended\n", &[]),
            (b"database: x\n\n\n\ndata:  two\n\n", &[" two"]),
        ] {
            for piece in [1, 2, 3, 100] {
                assert_eq!(events(stream, piece), expect, "{stream:?} by {piece}");
            }
        }
    }
}
