//! A result, with the message around it.

use super::text::Text;
use super::{Had, MISSING, Misshapen, OTHER, UNKNOWN, Word};
use crate::mcp::Id;
use crate::mcp::scan::{Bracket, Event, Listener};

/// Holds the message against its shape.
#[derive(Clone, Debug)]
pub(super) struct Envelope {
    id: Id,
    place: Place,
    /// The member whose value comes next, or has begun.
    member: Option<Member>,
    had: Had,
    kind: Option<Kind>,
    word: Word,
    into: Into,
    text: Text,
    /// Open brackets of the structured content's data.
    inside: u8,
}

/// What the bytes belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Before,
    Message,
    Result,
    Content,
    Part,
    Structured,
    After,
}

/// Where bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Into {
    Nothing,
    Key,
    Word,
    Text,
}

/// What a part of the content is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Text,
    Bytes,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Member {
    Version,
    Id,
    Result,
    Content,
    IsError,
    Structured,
    StructuredData,
    /// The one part of the content, which has no name.
    Part,
    Type,
    Text,
    Bytes,
    MimeType,
}

impl Envelope {
    pub(super) fn to(id: Id) -> Self {
        Self {
            id,
            place: Place::Before,
            member: None,
            had: Had::default(),
            kind: None,
            word: Word::default(),
            into: Into::Nothing,
            text: Text::default(),
            inside: 0,
        }
    }

    pub(super) fn is_certain(&self) -> bool {
        self.text.is_certain() || (self.kind == Some(Kind::Bytes) && self.has(Member::Bytes))
    }

    pub(super) fn items(&self) -> Option<u64> {
        self.text.items()
    }

    fn has(&self, member: Member) -> bool {
        self.had.has(member as u16)
    }

    fn first(&mut self, member: Member) -> Result<(), Misshapen> {
        self.had.first(member as u16)
    }

    fn named(&mut self) -> Result<(), Misshapen> {
        let known: &[(&str, Member)] = match self.place {
            Place::Message => &[("jsonrpc", Member::Version), ("id", Member::Id), ("result", Member::Result)],
            Place::Result => &[
                ("content", Member::Content),
                ("structuredContent", Member::Structured),
                ("isError", Member::IsError),
            ],
            Place::Part => &[
                ("type", Member::Type),
                ("text", Member::Text),
                ("data", Member::Bytes),
                ("mimeType", Member::MimeType),
            ],
            Place::Structured => &[("data", Member::StructuredData)],
            Place::Before | Place::Content | Place::After => &[],
        };
        let (_, member) = known.iter().find(|(name, _)| self.word.is(name)).ok_or(UNKNOWN)?;
        self.member = Some(*member);
        self.first(*member)
    }

    fn opens(&mut self, bracket: Bracket) -> Result<(), Misshapen> {
        let list = bracket == Bracket::List;
        self.place = match (self.place, self.member.take()) {
            (Place::Before, None) if !list => Place::Message,
            (Place::Message, Some(Member::Result)) if !list => Place::Result,
            (Place::Result, Some(Member::Content)) if list => Place::Content,
            (Place::Result, Some(Member::Structured)) if !list => Place::Structured,
            (Place::Content, None) if !list => {
                self.first(Member::Part).map_err(|_| Misshapen("it has more than one part"))?;
                Place::Part
            }
            (Place::Structured, Some(Member::StructuredData)) => {
                self.inside = 1;
                Place::Structured
            }
            (
                Place::Before
                | Place::Message
                | Place::Result
                | Place::Content
                | Place::Part
                | Place::Structured
                | Place::After,
                _,
            ) => return Err(OTHER),
        };
        Ok(())
    }

    fn closes(&mut self) -> Result<(), Misshapen> {
        let (needed, around): (&[Member], Place) = match self.place {
            Place::Message => (&[Member::Version, Member::Id, Member::Result], Place::After),
            Place::Result => (&[Member::Content], Place::Message),
            Place::Content => (&[], Place::Result),
            Place::Structured => (&[Member::StructuredData], Place::Result),
            Place::Part => (self.kind.ok_or(MISSING)?.members(), Place::Content),
            Place::Before | Place::After => return Err(OTHER),
        };
        if self.kind.is_some_and(|kind| kind.others().iter().any(|member| self.has(*member))) {
            return Err(UNKNOWN);
        }
        self.place = around;
        if needed.iter().all(|member| self.has(*member)) { Ok(()) } else { Err(MISSING) }
    }

    /// A text or a plain value begins.
    fn begins(&mut self, is_text: bool) -> Result<(), Misshapen> {
        self.word.clear();
        self.into = match (self.member, is_text) {
            (Some(Member::Version | Member::Type), true)
            | (Some(Member::Id), _)
            | (Some(Member::IsError), false) => Into::Word,
            (Some(Member::Text), true) => Into::Text,
            (Some(Member::Bytes | Member::MimeType), true) | (Some(Member::StructuredData), _) => {
                Into::Nothing
            }
            (
                None
                | Some(
                    Member::Version
                    | Member::Result
                    | Member::Content
                    | Member::IsError
                    | Member::Structured
                    | Member::Part
                    | Member::Type
                    | Member::Text
                    | Member::Bytes
                    | Member::MimeType,
                ),
                _,
            ) => return Err(OTHER),
        };
        Ok(())
    }

    fn ends(&mut self, is_text: bool) -> Result<(), Misshapen> {
        self.into = Into::Nothing;
        let fits = match self.member.take() {
            Some(Member::Version) => self.word.is("2.0"),
            Some(Member::Id) => match &self.id {
                Id::Number(number) => !is_text && self.word.is(&number.to_string()),
                Id::Text(text) => is_text && self.word.is(text),
            },
            Some(Member::IsError) => self.word.is("false"),
            Some(Member::Type) => {
                self.kind = Kind::named(&self.word);
                self.kind.is_some()
            }
            Some(Member::Text) => return self.text.end(),
            Some(Member::StructuredData | Member::Bytes | Member::MimeType) => true,
            Some(Member::Result | Member::Content | Member::Structured | Member::Part) | None => false,
        };
        if fits { Ok(()) } else { Err(OTHER) }
    }
}

impl Kind {
    fn named(word: &Word) -> Option<Self> {
        if word.is("text") {
            Some(Self::Text)
        } else if word.is("image") || word.is("audio") {
            Some(Self::Bytes)
        } else {
            None
        }
    }

    fn members(self) -> &'static [Member] {
        match self {
            Self::Text => &[Member::Type, Member::Text],
            Self::Bytes => &[Member::Type, Member::Bytes, Member::MimeType],
        }
    }

    /// Members that only a part of the other kind has.
    fn others(self) -> &'static [Member] {
        match self {
            Self::Text => &[Member::Bytes, Member::MimeType],
            Self::Bytes => &[Member::Text],
        }
    }
}

impl Listener for Envelope {
    fn event(&mut self, event: Event) -> Result<(), Misshapen> {
        match event {
            Event::Opens(_) if self.inside > 0 => self.inside += 1,
            Event::Closes(_) if self.inside > 0 => self.inside -= 1,
            Event::KeyBegins
            | Event::KeyEnds
            | Event::TextBegins
            | Event::TextEnds
            | Event::PlainBegins
            | Event::PlainEnds
            | Event::Lone
                if self.inside > 0 => {}
            Event::Opens(bracket) => return self.opens(bracket),
            Event::Closes(_) => return self.closes(),
            Event::KeyBegins => {
                self.word.clear();
                self.into = Into::Key;
            }
            Event::KeyEnds => {
                self.into = Into::Nothing;
                return self.named();
            }
            Event::TextBegins => return self.begins(true),
            Event::TextEnds => return self.ends(true),
            Event::PlainBegins => return self.begins(false),
            Event::PlainEnds => return self.ends(false),
            // The data may be any text; the bytes of a picture, and what kind they are of, are none with half a character in it.
            Event::Lone if self.member == Some(Member::StructuredData) && self.into == Into::Nothing => {}
            Event::Lone => return Err(Misshapen("half a character stands in it")),
        }
        Ok(())
    }

    fn hears(&self) -> bool {
        self.into != Into::Nothing
    }

    fn bytes(&mut self, bytes: &[u8]) -> Result<(), Misshapen> {
        match self.into {
            Into::Nothing => Ok(()),
            Into::Key | Into::Word => self.word.take(bytes),
            Into::Text => self.text.take(bytes),
        }
    }
}
