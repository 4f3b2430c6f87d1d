//! Where the object of a message's result begins, so that members can be put into it while it passes.

use super::scan::{Bracket, Event, Listener, Misshapen, Scanner};

/// The place behind the bracket that opens the `result` of a message; `None` where none does in this part of it.
///
/// It is looked for as the message is read, not as it is written: the name may be escaped, and stand elsewhere too.
pub fn of_result(message: &[u8]) -> Option<usize> {
    let mut scanner = Scanner::default();
    let mut ears = Ears::default();
    for (at, byte) in message.iter().enumerate() {
        scanner.take(std::slice::from_ref(byte), &mut ears).ok()?;
        if ears.has_found {
            return Some(at + 1);
        }
    }
    None
}

#[derive(Debug, Default)]
struct Ears {
    /// Open brackets.
    depth: usize,
    /// The key of the message's own that was heard last.
    key: Vec<u8>,
    is_in_key: bool,
    has_found: bool,
}

impl Listener for Ears {
    fn event(&mut self, event: Event) -> Result<(), Misshapen> {
        match event {
            Event::Opens(bracket) => {
                let is_result = self.depth == 1 && self.key == b"result";
                self.has_found |= is_result && bracket == Bracket::Object;
                self.depth += 1;
            }
            Event::Closes(_) => self.depth = self.depth.saturating_sub(1),
            Event::KeyBegins if self.depth == 1 => {
                self.key.clear();
                self.is_in_key = true;
            }
            Event::KeyEnds => self.is_in_key = false,
            Event::KeyBegins
            | Event::TextBegins
            | Event::TextEnds
            | Event::PlainBegins
            | Event::PlainEnds
            | Event::Lone => {}
        }
        Ok(())
    }

    fn hears(&self) -> bool {
        self.is_in_key
    }

    fn bytes(&mut self, bytes: &[u8]) -> Result<(), Misshapen> {
        if self.is_in_key {
            self.key.extend_from_slice(bytes);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_found_wherever_and_however_it_is_written() {
        for (message, rest) in [
            (r#"{"result":{"content":[]}}"#, Some(r#""content":[]}}"#)),
            (r#" {"id":"{\"result\":{", "r\u0065sult" : {}}"#, Some("}}")),
            (r#"{"x":{"result":{}},"result":{1"#, Some("1")),
            (r#"{"resultx":{},"xresult":{},"result":{"#, Some("")),
            (r#"{"result":[{}]}"#, None),
            (r#"{"result":[],"x":{}}"#, None),
            (r#"{"x":[{"result":{}}]}"#, None),
            (r#"[{"result":{}}]"#, None),
            (r#"{"result":1"#, None),
            ("", None),
        ] {
            let found = of_result(message.as_bytes()).map(|at| message.split_at(at).1);
            assert_eq!(found, rest, "{message}");
        }
    }
}
