//! The shape of what Directus answers to a tool call (FACTS section 7), held against the bytes as they come.
//!
//! A result is a message with `jsonrpc`, `id` and `result`; the result has `content`, and may have `structuredContent` and
//! `isError: false`; the content is empty or one part, a text, an image or a sound; the text is JSON again, `raw` or `data`, and may
//! have a `url`. Nothing else is a result: no member twice, none that is not known, and no errors, which have other shapes. What stands
//! under `raw` and `data` may be anything.
//!
//! No more is kept of an answer than a word and a kilobyte or two of a text at a time, so that a long one costs no memory.

mod envelope;
mod text;

#[cfg(test)]
mod tests;

use crate::mcp::Id;
use crate::mcp::scan::{Misshapen, Scanner, Utf8};
use envelope::Envelope;

/// Holds an answer against the shape of a result, piece by piece. Where the pieces begin and end makes no difference.
///
/// # Examples
/// ```
/// use warrener::directus::answer::ResultShape;
/// use warrener::mcp::Id;
///
/// let answer = r#"{"result":{"content":[{"type":"text","text":"{\"raw\":[]}"}]},"jsonrpc":"2.0","id":1}"#;
/// let (head, rest) = answer.as_bytes().split_at(60);
/// let mut shape = ResultShape::to(&Id::Number(1));
/// shape.take(head).unwrap();
/// assert!(shape.is_certain());
/// shape.take(rest).unwrap();
/// assert_eq!(shape.end(), Ok(()));
/// assert_eq!(shape.items(), Some(0));
///
/// let error = r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32603,"message":"no"}}"#;
/// assert!(ResultShape::to(&Id::Number(1)).take(error.as_bytes()).is_err());
/// ```
#[derive(Clone, Debug)]
pub struct ResultShape {
    utf8: Utf8,
    scanner: Scanner,
    envelope: Envelope,
}

impl ResultShape {
    /// For the answer to the request of that id.
    pub fn to(id: &Id) -> Self {
        Self { utf8: Utf8::default(), scanner: Scanner::default(), envelope: Envelope::to(id.clone()) }
    }

    /// Reads the next piece.
    ///
    /// # Errors
    /// When the answer is not a result, as far as it has come. What has come after that is not looked at.
    pub fn take(&mut self, piece: &[u8]) -> Result<(), Misshapen> {
        if !self.utf8.take(piece) {
            return Err(NOT_UTF8);
        }
        self.scanner.take(piece, &mut self.envelope)
    }

    /// Whether it has begun with something that no error of Directus' has, so that it can be passed on as it comes.
    pub fn is_certain(&self) -> bool {
        self.envelope.is_certain()
    }

    /// How many items the result holds, once it has ended: as many as are in a list, and one where it is no list. `None` where it
    /// holds no text, or null.
    pub fn items(&self) -> Option<u64> {
        self.envelope.items()
    }

    /// Says that nothing more comes.
    ///
    /// # Errors
    /// When something is missing.
    pub fn end(&self) -> Result<(), Misshapen> {
        if self.utf8.is_whole() && self.scanner.is_whole() { Ok(()) } else { Err(CUT_OFF) }
    }

    /// Holds a whole answer against the shape of a result.
    ///
    /// # Errors
    /// When it has another one.
    pub fn of(answer: &[u8], id: &Id) -> Result<(), Misshapen> {
        let mut shape = Self::to(id);
        shape.take(answer)?;
        shape.end()
    }
}

const NOT_UTF8: Misshapen = Misshapen("it is not UTF-8");
const CUT_OFF: Misshapen = Misshapen("it ends too early");
const UNKNOWN: Misshapen = Misshapen("it has a member that is not known");
const TWICE: Misshapen = Misshapen("it has a member twice");
const MISSING: Misshapen = Misshapen("a member is missing in it");
const OTHER: Misshapen = Misshapen("a member of it is not what it should be");

/// The members that an object has had, each of which may come once.
#[derive(Clone, Copy, Debug, Default)]
struct Had(u16);

impl Had {
    fn first(&mut self, member: u16) -> Result<(), Misshapen> {
        if self.has(member) {
            return Err(TWICE);
        }
        self.0 |= 1 << member;
        Ok(())
    }

    fn has(self, member: u16) -> bool {
        self.0 & (1 << member) != 0
    }
}

/// The few bytes of a key or a short value that is compared; a longer one is none that is known.
#[derive(Clone, Debug, Default)]
struct Word(Vec<u8>);

/// As long as an id may be.
const LONGEST_WORD: usize = 256;

impl Word {
    fn clear(&mut self) {
        self.0.clear();
    }

    fn take(&mut self, bytes: &[u8]) -> Result<(), Misshapen> {
        if self.0.len() + bytes.len() > LONGEST_WORD {
            return Err(OTHER);
        }
        self.0.extend_from_slice(bytes);
        Ok(())
    }

    fn is(&self, word: &str) -> bool {
        self.0 == word.as_bytes()
    }
}
