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
}

impl Listener for Object {
    fn event(&mut self, event: Event) -> Result<(), Misshapen> {
        if self.inside > 0 {
            match event {
                Event::Opens(_) => self.inside += 1,
                Event::Closes(_) => self.inside -= 1,
                Event::KeyBegins
                | Event::KeyEnds
                | Event::TextBegins
                | Event::TextEnds
                | Event::PlainBegins
                | Event::PlainEnds
                | Event::Lone => {}
            }
            return Ok(());
        }
        match event {
            Event::Opens(_) if self.begun => {
                let value = self.member.take() == Some(VALUE);
                self.inside = 1;
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

    fn bytes(&mut self, bytes: &[u8]) -> Result<(), Misshapen> {
        if self.in_key { self.word.take(bytes) } else { Ok(()) }
    }
}

impl Object {
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
