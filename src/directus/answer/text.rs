//! The JSON in the text of a result: `raw` or `data`, and perhaps a `url`.

use super::{Had, MISSING, Misshapen, OTHER, Scanner, UNKNOWN, Word};
use crate::mcp::scan::{Bracket, Event, Listener};

/// Holds the text of a result against its shape, piece by piece.
#[derive(Clone, Debug, Default)]
pub(super) struct Text {
    scanner: Scanner,
    object: Object,
}

impl Text {
    /// Reads the next piece, unescaped.
    pub(super) fn take(&mut self, piece: &[u8]) -> Result<(), Misshapen> {
        self.scanner.take(piece, &mut self.object)
    }

    pub(super) fn end(&self) -> Result<(), Misshapen> {
        let whole = self.scanner.is_whole() && self.object.had.has(VALUE);
        if whole { Ok(()) } else { Err(MISSING) }
    }

    /// How many items the value stands for: the length of a list, none for null, one for anything else.
    pub(super) fn items(&self) -> Option<u64> {
        match self.object.value {
            Value::Nothing | Value::Null => None,
            Value::List(items) => Some(items),
            Value::Plain | Value::Other => Some(1),
        }
    }

    /// Whether what a result has has begun: an error's text is a list.
    pub(super) fn is_certain(&self) -> bool {
        self.object.had.has(VALUE)
    }
}

/// `raw` in legacy mode, `data` in registry mode.
const VALUE: u16 = 0;
const URL: u16 = 1;

#[derive(Clone, Debug, Default)]
struct Object {
    begun: bool,
    /// The member whose value comes next.
    member: Option<u16>,
    had: Had,
    word: Word,
    in_key: bool,
    /// Open brackets of the value.
    inside: u8,
    value: Value,
}

/// What stands under `raw` or `data`.
#[derive(Clone, Copy, Debug, Default)]
enum Value {
    #[default]
    Nothing,
    /// Neither an object nor a list nor a text: its first letter tells whether it is null.
    Plain,
    Null,
    /// With so many items as yet.
    List(u64),
    Other,
}

impl Listener for Object {
    fn event(&mut self, event: Event) -> Result<(), Misshapen> {
        if self.inside > 0 {
            match event {
                Event::Opens(_) => {
                    self.item();
                    self.inside += 1;
                }
                Event::Closes(_) => self.inside -= 1,
                Event::TextBegins | Event::PlainBegins => self.item(),
                Event::KeyBegins | Event::KeyEnds | Event::TextEnds | Event::PlainEnds | Event::Lone => {}
            }
            return Ok(());
        }
        match event {
            Event::Opens(bracket) if self.begun => {
                let value = self.member.take() == Some(VALUE);
                self.inside = 1;
                self.value = if bracket == Bracket::List { Value::List(0) } else { Value::Other };
                if value { Ok(()) } else { Err(OTHER) }
            }
            Event::Opens(bracket) => {
                self.begun = true;
                if bracket == Bracket::Object { Ok(()) } else { Err(OTHER) }
            }
            Event::Closes(_) => Ok(()),
            Event::KeyBegins => {
                self.in_key = true;
                self.word.clear();
                Ok(())
            }
            Event::KeyEnds => {
                self.in_key = false;
                self.named()
            }
            Event::TextBegins | Event::PlainBegins => {
                let texts = event == Event::TextBegins && self.member == Some(URL);
                if self.member == Some(VALUE) {
                    self.value = if event == Event::PlainBegins { Value::Plain } else { Value::Other };
                }
                if texts || self.member == Some(VALUE) { Ok(()) } else { Err(OTHER) }
            }
            Event::TextEnds | Event::PlainEnds => {
                self.member = None;
                Ok(())
            }
            // A value may be any text; a key that is known, and an address, are none with half a pair in it.
            Event::Lone => {
                if self.in_key || self.member == Some(URL) {
                    Err(UNKNOWN)
                } else {
                    Ok(())
                }
            }
        }
    }

    fn hears(&self) -> bool {
        self.in_key
    }

    fn bytes(&mut self, bytes: &[u8]) -> Result<(), Misshapen> {
        if self.in_key {
            return self.word.take(bytes);
        }
        if matches!(self.value, Value::Plain) {
            self.value = if bytes.starts_with(b"n") { Value::Null } else { Value::Other };
        }
        Ok(())
    }
}

impl Object {
    /// Something begins inside the value: it is an item where it stands in the list itself.
    fn item(&mut self) {
        if let (1, Value::List(items)) = (self.inside, &mut self.value) {
            *items = items.saturating_add(1);
        }
    }

    fn named(&mut self) -> Result<(), Misshapen> {
        let member = if self.word.is("raw") || self.word.is("data") {
            VALUE
        } else if self.word.is("url") {
            URL
        } else {
            return Err(UNKNOWN);
        };
        self.member = Some(member);
        self.had.first(member)
    }
}
