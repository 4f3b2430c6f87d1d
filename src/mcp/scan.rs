//! Reading JSON as it comes, in pieces of any size: what it is made of is told to a listener, and no more of it is
//! kept than a short part of a text.
//!
//! The grammar is the strict one of RFC 8259. Where pieces begin and end makes no difference.

/// Deepest nesting that is read, as `serde_json` has it.
const DEEPEST: u8 = 127;

/// Hears what a text is made of, and may refuse it.
pub trait Listener {
    /// Something begins or ends.
    ///
    /// # Errors
    /// When it may not stand there.
    fn event(&mut self, event: Event) -> Result<(), Misshapen>;

    /// Whether what a key or text says is of interest, one of which has just begun. Where it is not, its [bytes](Listener::bytes) may be
    /// left out; it is read as strictly.
    fn hears(&self) -> bool;

    /// A part of the key or text that has begun, unescaped, or of the number or literal, as it is written.
    ///
    /// # Errors
    /// When it may not stand there.
    fn bytes(&mut self, bytes: &[u8]) -> Result<(), Misshapen>;
}

/// What a text is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// An object or a list begins.
    Opens(Bracket),
    /// It ends.
    Closes(Bracket),
    /// The key of a member begins.
    KeyBegins,
    /// It ends.
    KeyEnds,
    /// A text begins, as a value.
    TextBegins,
    /// It ends.
    TextEnds,
    /// A number, `true`, `false` or `null` begins.
    PlainBegins,
    /// It ends.
    PlainEnds,
    /// Half of a surrogate pair stands alone in a key or text: JSON allows it, Unicode does not.
    Lone,
}

/// What holds other values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bracket {
    /// `{}`
    Object,
    /// `[]`
    List,
}

/// Why a text is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Misshapen(pub &'static str);

const NOT_JSON: Misshapen = Misshapen("it is not JSON");

/// Reads one JSON text.
#[derive(Clone, Debug, Default)]
pub struct Scanner {
    state: State,
    /// A bit for each open bracket, the innermost lowest: whether it is an object's.
    open: u128,
    depth: u8,
    is_key: bool,
    /// The first half of a surrogate pair, whose second half has to follow.
    high: Option<u16>,
    unescaped: Unescaped,
}

/// What is told of a text at once.
#[derive(Clone, Debug, Default)]
struct Unescaped(Vec<u8>);

/// About as long as a part of a text is before it is told, in bytes.
const MOST_UNESCAPED: usize = 1024;

#[derive(Clone, Copy, Debug, Default)]
enum State {
    /// A value has to follow.
    #[default]
    Value,
    /// A list has begun: a value or its end follows.
    FirstItem,
    /// An object has begun: a key or its end follows.
    FirstKey,
    /// A key has to follow.
    Key,
    Colon,
    /// A value has ended.
    After,
    Text,
    Escape,
    /// So many digits of `\u0000` are missing.
    Hex(u8, u16),
    Number(Number),
    /// The rest of `true`, `false` or `null`.
    Literal(&'static [u8]),
}

/// The last thing that was read of a number.
#[derive(Clone, Copy, Debug)]
enum Number {
    Minus,
    Zero,
    Digits,
    Point,
    Fraction,
    Exponent,
    ExponentSign,
    ExponentDigits,
}

impl Scanner {
    /// Reads the next piece.
    ///
    /// # Errors
    /// When it is not JSON, or nested too deep, or refused by the listener. The scanner is of no use afterwards.
    pub fn take(&mut self, piece: &[u8], to: &mut impl Listener) -> Result<(), Misshapen> {
        let mut rest = piece;
        while let Some((byte, after)) = rest.split_first() {
            rest = match self.state {
                State::Text => self.text(rest, to)?,
                State::Number(number) => self.number(number, *byte, rest, after, to)?,
                State::Value
                | State::FirstItem
                | State::FirstKey
                | State::Key
                | State::Colon
                | State::After
                | State::Escape
                | State::Hex(..)
                | State::Literal(_) => {
                    self.step(*byte, to)?;
                    after
                }
            };
        }
        Ok(())
    }

    /// Whether the text has ended: nothing but white space may follow. A number alone never ends.
    pub fn is_whole(&self) -> bool {
        self.depth == 0 && matches!(self.state, State::After)
    }

    fn step(&mut self, byte: u8, to: &mut impl Listener) -> Result<(), Misshapen> {
        match (self.state, byte) {
            (State::Escape, letter) => self.escaped(letter, to),
            (State::Hex(left, code), digit) => self.hex(left, code, digit, to),
            (State::Literal(left), letter) => self.literal(left, letter, to),
            (_, b' ' | b'\t' | b'\n' | b'\r') => Ok(()),
            (State::Value | State::FirstItem, first) if first != b']' => self.value(first, to),
            (State::FirstItem, b']') => self.close(Bracket::List, to),
            (State::FirstKey, b'}') => self.close(Bracket::Object, to),
            (State::FirstKey | State::Key, b'"') => {
                self.is_key = true;
                self.state = State::Text;
                to.event(Event::KeyBegins)
            }
            (State::Colon, b':') => {
                self.state = State::Value;
                Ok(())
            }
            (State::After, b',') if self.depth > 0 => {
                self.state = if self.is_in_object() { State::Key } else { State::Value };
                Ok(())
            }
            (State::After, b'}') if self.depth > 0 && self.is_in_object() => self.close(Bracket::Object, to),
            (State::After, b']') if self.depth > 0 && !self.is_in_object() => self.close(Bracket::List, to),
            (
                State::Value
                | State::FirstItem
                | State::FirstKey
                | State::Key
                | State::Colon
                | State::After
                | State::Text
                | State::Number(_),
                _,
            ) => Err(NOT_JSON),
        }
    }

    fn is_in_object(&self) -> bool {
        self.open & 1 == 1
    }

    fn value(&mut self, first: u8, to: &mut impl Listener) -> Result<(), Misshapen> {
        let plain = match first {
            b'{' => return self.open(Bracket::Object, to),
            b'[' => return self.open(Bracket::List, to),
            b'"' => {
                self.is_key = false;
                self.state = State::Text;
                return to.event(Event::TextBegins);
            }
            b't' => State::Literal(b"rue"),
            b'f' => State::Literal(b"alse"),
            b'n' => State::Literal(b"ull"),
            b'-' => State::Number(Number::Minus),
            b'0' => State::Number(Number::Zero),
            b'1'..=b'9' => State::Number(Number::Digits),
            _ => return Err(NOT_JSON),
        };
        self.state = plain;
        to.event(Event::PlainBegins)?;
        to.bytes(&[first])
    }

    fn open(&mut self, bracket: Bracket, to: &mut impl Listener) -> Result<(), Misshapen> {
        if self.depth == DEEPEST {
            return Err(Misshapen("it is nested too deep"));
        }
        self.depth += 1;
        self.open = self.open << 1 | u128::from(bracket == Bracket::Object);
        self.state = match bracket {
            Bracket::Object => State::FirstKey,
            Bracket::List => State::FirstItem,
        };
        to.event(Event::Opens(bracket))
    }

    fn close(&mut self, bracket: Bracket, to: &mut impl Listener) -> Result<(), Misshapen> {
        self.depth = self.depth.saturating_sub(1);
        self.open >>= 1;
        self.state = State::After;
        to.event(Event::Closes(bracket))
    }

    fn literal(&mut self, left: &'static [u8], letter: u8, to: &mut impl Listener) -> Result<(), Misshapen> {
        let Some((_, left)) = left.split_first().filter(|(next, _)| **next == letter) else {
            return Err(NOT_JSON);
        };
        to.bytes(&[letter])?;
        if left.is_empty() {
            self.state = State::After;
            return to.event(Event::PlainEnds);
        }
        self.state = State::Literal(left);
        Ok(())
    }

    /// A number ends with the first byte that does not belong to it, which is left to be read again.
    fn number<'a>(
        &mut self,
        number: Number,
        byte: u8,
        from: &'a [u8],
        after: &'a [u8],
        to: &mut impl Listener,
    ) -> Result<&'a [u8], Misshapen> {
        if let Some(next) = number.then(byte) {
            self.state = State::Number(next);
            to.bytes(&[byte])?;
            return Ok(after);
        }
        if !number.may_end() {
            return Err(NOT_JSON);
        }
        self.state = State::After;
        to.event(Event::PlainEnds)?;
        Ok(from)
    }

    /// Everything up to the end of the text, or to an escape that this does not read. What is told of it is put together first: a listener
    /// that reads JSON in a text would otherwise be told each quotation mark for itself.
    fn text<'a>(&mut self, from: &'a [u8], to: &mut impl Listener) -> Result<&'a [u8], Misshapen> {
        // After half a character, what comes next decides on it.
        if self.high.is_some() && from.starts_with(b"\\") {
            self.state = State::Escape;
            return Ok(from.get(1..).unwrap_or_default());
        }
        self.alone(to)?;
        let mut heard = to.hears().then(|| std::mem::take(&mut self.unescaped));
        let mut rest = from;
        let ends = loop {
            rest = match &mut heard {
                Some(heard) => heard.plain(rest, to)?,
                None => after_plain(rest),
            };
            match rest {
                [b'"', after @ ..] => break Some(after),
                [b'\\', letter, after @ ..] if *letter != b'u' => {
                    let meant = meant(*letter)?;
                    if let Some(heard) = &mut heard {
                        heard.0.push(meant);
                    }
                    rest = after;
                }
                // The digits, or the letter in the next piece.
                [b'\\', after @ ..] => {
                    self.state = State::Escape;
                    rest = after;
                    break None;
                }
                [_, ..] => return Err(Misshapen("a text in it has a control character")),
                [] => break None,
            }
        };
        if let Some(mut heard) = heard {
            heard.tell(to)?;
            self.unescaped = heard;
        }
        let Some(after) = ends else { return Ok(rest) };
        self.state = if self.is_key { State::Colon } else { State::After };
        to.event(if self.is_key { Event::KeyEnds } else { Event::TextEnds })?;
        Ok(after)
    }

    fn escaped(&mut self, letter: u8, to: &mut impl Listener) -> Result<(), Misshapen> {
        if letter == b'u' {
            self.state = State::Hex(4, 0);
            return Ok(());
        }
        let meant = meant(letter)?;
        self.state = State::Text;
        self.alone(to)?;
        to.bytes(&[meant])
    }

    fn hex(&mut self, left: u8, code: u16, digit: u8, to: &mut impl Listener) -> Result<(), Misshapen> {
        let value = char::from(digit).to_digit(16).and_then(|value| u16::try_from(value).ok());
        let code = code << 4 | value.ok_or(NOT_JSON)?;
        if left > 1 {
            self.state = State::Hex(left - 1, code);
            return Ok(());
        }
        self.state = State::Text;
        if let Some(high) = self.high.take() {
            if let Some(Ok(character)) = char::decode_utf16([high, code]).next() {
                return to.bytes(character.encode_utf8(&mut [0; 4]).as_bytes());
            }
            to.event(Event::Lone)?;
        }
        match code {
            // The first half of a pair waits for the second.
            0xd800..=0xdbff => self.high = Some(code),
            0xdc00..=0xdfff => to.event(Event::Lone)?,
            0..=0xd7ff | 0xe000.. => {
                let character = char::from_u32(u32::from(code)).unwrap_or(char::REPLACEMENT_CHARACTER);
                to.bytes(character.encode_utf8(&mut [0; 4]).as_bytes())?;
            }
        }
        Ok(())
    }

    /// What comes next is no second half.
    fn alone(&mut self, to: &mut impl Listener) -> Result<(), Misshapen> {
        if self.high.take().is_some() { to.event(Event::Lone) } else { Ok(()) }
    }
}

impl Unescaped {
    /// Takes the bytes at the beginning that are of a text and mean nothing else, and returns what follows them.
    fn plain<'a>(&mut self, from: &'a [u8], to: &mut impl Listener) -> Result<&'a [u8], Misshapen> {
        let mut rest = from;
        while let Some((eight, after)) = rest.split_first_chunk() {
            if self.0.len() >= MOST_UNESCAPED {
                self.tell(to)?;
            }
            self.0.extend_from_slice(eight);
            if let Some(plain) = mark(*eight) {
                self.0.truncate(self.0.len() - eight.len() + plain);
                return Ok(rest.get(plain..).unwrap_or_default());
            }
            rest = after;
        }
        let (plain, after) = few(rest);
        self.0.extend_from_slice(plain);
        Ok(after)
    }

    fn tell(&mut self, to: &mut impl Listener) -> Result<(), Misshapen> {
        if self.0.is_empty() {
            return Ok(());
        }
        to.bytes(&self.0)?;
        self.0.clear();
        Ok(())
    }
}

/// What follows the bytes at the beginning that are of a text and mean nothing else.
fn after_plain(from: &[u8]) -> &[u8] {
    let mut rest = from;
    while let Some((eight, after)) = rest.split_first_chunk() {
        if let Some(plain) = mark(*eight) {
            return rest.get(plain..).unwrap_or_default();
        }
        rest = after;
    }
    few(rest).1
}

/// The plain bytes of fewer than eight, and what follows them.
fn few(rest: &[u8]) -> (&[u8], &[u8]) {
    let ends = |byte: &u8| *byte == b'"' || *byte == b'\\' || *byte < 0x20;
    let plain = rest.iter().position(ends).unwrap_or(rest.len());
    rest.split_at_checked(plain).unwrap_or((rest, &[]))
}

/// Where the first quotation mark, backslash or control character stands in eight bytes.
fn mark(eight: [u8; 8]) -> Option<usize> {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    const HIGH: u64 = u64::from_le_bytes([0x80; 8]);
    let bytes = u64::from_le_bytes(eight);
    // The high bit of each byte that is zero, and now and then of one above it, but never of one below the first.
    let zero = |bytes: u64| bytes.wrapping_sub(ONES) & !bytes;
    let control = bytes.wrapping_sub(ONES * 0x20) & !bytes;
    let marks = zero(bytes ^ (ONES * u64::from(b'"'))) | zero(bytes ^ (ONES * u64::from(b'\\'))) | control;
    let marks = marks & HIGH;
    (marks != 0).then(|| (marks.trailing_zeros() / 8) as usize)
}

/// What a letter after a backslash stands for; `u` stands for nothing by itself.
fn meant(letter: u8) -> Result<u8, Misshapen> {
    match letter {
        b'"' | b'\\' | b'/' => Ok(letter),
        b'b' => Ok(0x08),
        b'f' => Ok(0x0c),
        b'n' => Ok(b'\n'),
        b'r' => Ok(b'\r'),
        b't' => Ok(b'\t'),
        _ => Err(NOT_JSON),
    }
}

impl Number {
    fn then(self, byte: u8) -> Option<Self> {
        match (self, byte) {
            (Self::Minus, b'0') => Some(Self::Zero),
            (Self::Minus, b'1'..=b'9') | (Self::Digits, b'0'..=b'9') => Some(Self::Digits),
            (Self::Zero | Self::Digits, b'.') => Some(Self::Point),
            (Self::Point | Self::Fraction, b'0'..=b'9') => Some(Self::Fraction),
            (Self::Zero | Self::Digits | Self::Fraction, b'e' | b'E') => Some(Self::Exponent),
            (Self::Exponent, b'+' | b'-') => Some(Self::ExponentSign),
            (Self::Exponent | Self::ExponentSign | Self::ExponentDigits, b'0'..=b'9') => {
                Some(Self::ExponentDigits)
            }
            _ => None,
        }
    }

    fn may_end(self) -> bool {
        match self {
            Self::Zero | Self::Digits | Self::Fraction | Self::ExponentDigits => true,
            Self::Minus | Self::Point | Self::Exponent | Self::ExponentSign => false,
        }
    }
}

/// Checks that pieces are UTF-8 together; a character may stand across two of them.
#[derive(Clone, Debug, Default)]
pub struct Utf8 {
    begun: [u8; 4],
    length: usize,
}

impl Utf8 {
    /// Whether it is UTF-8 so far.
    pub fn take(&mut self, piece: &[u8]) -> bool {
        let mut rest = piece;
        while self.length > 0 {
            let Some((byte, after)) = rest.split_first() else { return true };
            if !self.begin(*byte) {
                return false;
            }
            rest = after;
            match std::str::from_utf8(self.begun.get(..self.length).unwrap_or_default()) {
                Ok(_) => self.length = 0,
                Err(error) if error.error_len().is_none() => {}
                Err(_) => return false,
            }
        }
        let Err(error) = std::str::from_utf8(rest) else { return true };
        let begun = rest.get(error.valid_up_to()..).unwrap_or_default();
        error.error_len().is_none() && begun.iter().all(|byte| self.begin(*byte))
    }

    /// Whether no character is left half.
    pub fn is_whole(&self) -> bool {
        self.length == 0
    }

    fn begin(&mut self, byte: u8) -> bool {
        let Some(place) = self.begun.get_mut(self.length) else { return false };
        *place = byte;
        self.length += 1;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ends(byte: u8) -> bool {
        byte == b'"' || byte == b'\\' || byte < 0x20
    }

    proptest! {
        // Bytes next to those that are looked for are where such tricks go wrong.
        #[test]
        fn the_first_mark_is_found(eight in prop::array::uniform8(prop_oneof![
            any::<u8>(),
            prop::sample::select(vec![0, 1, 0x1f, 0x20, 0x21, b'"', 0x23, 0x5b, b'\\', 0x5d, 0x7f, 0x80, 0xa2, 0xdc, 0xff]),
        ])) {
            prop_assert_eq!(mark(eight), eight.iter().position(|byte| ends(*byte)));
        }

        #[test]
        fn what_is_plain_is_passed_over(text in prop::collection::vec(prop_oneof![9 => Just(b'x'), 1 => any::<u8>()], 0..40)) {
            let plain = text.iter().position(|byte| ends(*byte)).unwrap_or(text.len());
            prop_assert_eq!(after_plain(&text), &text[plain..]);
        }
    }
}
