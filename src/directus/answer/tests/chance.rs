//! Answers made by chance, whole and damaged: another reader comes to the same verdict, and so do pieces of any size.

use super::super::ResultShape;
use super::verdict;
use crate::mcp::Id;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;
use std::fmt;
use std::marker::PhantomData;

/// The same shape, as `serde` reads it: unknown and repeated members are errors.
mod reference {
    use super::{Deserialize, Deserializer, IgnoredAny, Object, Value};

    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    pub(super) struct Message {
        pub(super) jsonrpc: String,
        pub(super) id: Value,
        pub(super) result: Object<Outcome>,
    }

    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields, rename_all = "camelCase")]
    pub(super) struct Outcome {
        pub(super) content: Vec<Object<Part>>,
        #[serde(default, deserialize_with = "present")]
        pub(super) is_error: Option<bool>,
        #[serde(default, deserialize_with = "present", rename = "structuredContent")]
        pub(super) _structured: Option<Object<Structured>>,
    }

    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    pub(super) struct Structured {
        #[serde(rename = "data")]
        pub(super) _data: IgnoredAny,
    }

    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields, rename_all = "camelCase")]
    pub(super) struct Part {
        pub(super) r#type: String,
        #[serde(default, deserialize_with = "present")]
        pub(super) text: Option<String>,
        #[serde(default, deserialize_with = "present")]
        pub(super) data: Option<String>,
        #[serde(default, deserialize_with = "present")]
        pub(super) mime_type: Option<String>,
    }

    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields, bound = "T: Deserialize<'de>")]
    pub(super) struct Inner<T> {
        #[serde(default, deserialize_with = "present")]
        pub(super) raw: Option<T>,
        #[serde(default, deserialize_with = "present")]
        pub(super) data: Option<T>,
        #[serde(default, deserialize_with = "present", rename = "url")]
        pub(super) _url: Option<String>,
    }

    /// A null is a value, too.
    fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
        deserializer: D,
    ) -> Result<Option<T>, D::Error> {
        T::deserialize(deserializer).map(Some)
    }
}

/// An object, and no list of its members in order, which `serde` takes for one.
struct Object<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Members(PhantomData)).map(Self)
    }
}

struct Members<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Members<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<T, A::Error> {
        T::deserialize(MapAccessDeserializer::new(members))
    }
}

fn is_result(answer: &[u8]) -> bool {
    items(answer).is_ok()
}

/// What is not a result.
#[derive(Debug, PartialEq)]
struct Other;

/// How many items a result holds.
fn items(answer: &[u8]) -> Result<Option<u64>, Other> {
    let answer = std::str::from_utf8(answer).map_err(|_| Other)?;
    let Object(message) = serde_json::from_str::<Object<reference::Message>>(answer).map_err(|_| Other)?;
    let result = message.result.0;
    let part = |part: &reference::Part| match (part.r#type.as_str(), &part.text, &part.data, &part.mime_type)
    {
        ("text", Some(text), None, None) => count(text),
        ("image" | "audio", None, Some(_), Some(_)) => Ok(None),
        _ => Err(Other),
    };
    let fits = message.jsonrpc == "2.0" && message.id == 1 && result.is_error != Some(true);
    match result.content.as_slice() {
        [] if fits => Ok(None),
        [Object(one)] if fits => part(one),
        _ => Err(Other),
    }
}

/// The same of its text.
fn count(text: &str) -> Result<Option<u64>, Other> {
    let Object(inner) =
        serde_json::from_str::<Object<reference::Inner<Option<IgnoredAny>>>>(text).map_err(|_| Other)?;
    let ((None, Some(value)) | (Some(value), None)) = (inner.raw, inner.data) else { return Err(Other) };
    let list = serde_json::from_str::<Object<reference::Inner<Vec<IgnoredAny>>>>(text).ok();
    let list = list.and_then(|Object(inner)| inner.raw.or(inner.data));
    Ok(list.map(|items| items.len() as u64).or_else(|| value.map(|_| 1)))
}

/// Any value, sometimes one that another level would look at.
fn data() -> impl Strategy<Value = String> {
    let plain = prop::sample::select(vec![
        "null",
        "true",
        "false",
        "0",
        "-1.5e-7",
        "1e999",
        "\"\"",
        "\"\\ud83d\\ude00\"",
        "\"\\ud83d\"",
        "\"é\"",
        "\"2.0\"",
        "1",
        "{\"isError\":true}",
        "{\"a\":1,\"a\":2}",
        "[]",
        "nul",
        "01",
        "+1",
        "\"\\x\"",
        "[1,]",
        "{\"raw\":1}",
        "\"{\\\"raw\\\":1}\"",
    ])
    .prop_map(str::to_owned);
    plain.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(|items| format!("[{}]", items.join(" , "))),
            prop::collection::vec((key(), inner), 0..3).prop_map(|members| object(&members)),
        ]
    })
}

fn key() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "jsonrpc",
        "id",
        "result",
        "error",
        "content",
        "structuredContent",
        "isError",
        "isErr\\u006fr",
        "type",
        "text",
        "data",
        "d\\u0061ta",
        "mimeType",
        "raw",
        "url",
        "_meta",
        "",
    ])
    .prop_map(str::to_owned)
}

fn object(members: &[(String, String)]) -> String {
    let members: Vec<String> = members.iter().map(|(key, value)| format!("\"{key}\":{value}")).collect();
    format!("{{{}}}", members.join(","))
}

/// The members in any order, each mostly there, sometimes twice, and sometimes with another one.
fn members(honest: Vec<(&'static str, BoxedStrategy<String>)>) -> impl Strategy<Value = String> {
    let honest: Vec<_> = honest
        .into_iter()
        .map(|(name, value)| {
            let value = prop_oneof![12 => value, 1 => data()];
            let times = prop_oneof![20 => Just(1_usize), 1 => Just(0), 1 => Just(2)];
            (times, value).prop_map(move |(times, value)| vec![(name.to_owned(), value); times]).boxed()
        })
        .collect();
    let more = prop_oneof![16 => Just(Vec::new()), 1 => (key(), data()).prop_map(|member| vec![member])];
    (honest, more)
        .prop_map(|(honest, more)| [honest.concat(), more].concat())
        .prop_shuffle()
        .prop_map(|members| object(&members))
}

fn answers() -> impl Strategy<Value = String> {
    let inner = members(vec![("raw", data().boxed()), ("url", Just("\"x\"".to_owned()).boxed())]);
    let text = prop_oneof![8 => inner, 1 => data()].prop_map(|inner| Value::from(inner).to_string());
    let part = prop_oneof![
        3 => members(vec![("type", Just("\"text\"".to_owned()).boxed()), ("text", text.boxed())]),
        1 => members(vec![("type", Just("\"image\"".to_owned()).boxed()), ("data", Just("\"\"".to_owned()).boxed()),
            ("mimeType", Just("\"x\"".to_owned()).boxed())]),
    ];
    let parts = prop_oneof![10 => 1..2_usize, 1 => 0..3_usize];
    let content = parts
        .prop_flat_map(move |count| prop::collection::vec(part.clone(), count))
        .prop_map(|parts| format!("[{}]", parts.join(",")));
    let structured = members(vec![("data", data().boxed())]);
    let flag = prop::sample::select(vec!["false", "false", "true"]).prop_map(str::to_owned);
    let result = prop_oneof![
        members(vec![("content", content.clone().boxed())]),
        members(vec![
            ("content", content.boxed()),
            ("structuredContent", structured.boxed()),
            ("isError", flag.boxed())
        ]),
    ];
    members(vec![
        ("result", result.boxed()),
        ("jsonrpc", Just("\"2.0\"".to_owned()).boxed()),
        ("id", Just("1".to_owned()).boxed()),
    ])
}

/// The answer with a byte more, less, or other.
fn damaged() -> impl Strategy<Value = Vec<u8>> {
    let bytes = prop::sample::select(b"\"\\{}[],:0e-u \n\xc3\xa9\xff\0tx".to_vec());
    (answers(), any::<prop::sample::Index>(), bytes, 0..3_u8).prop_map(|(answer, at, byte, how)| {
        let mut answer = answer.into_bytes();
        let at = at.index(answer.len());
        match how {
            0 => answer.insert(at, byte),
            1 => answer[at] = byte,
            _ => drop(answer.remove(at)),
        }
        answer
    })
}

/// What chance has found.
#[test]
fn half_a_character_stands_in_data_only() {
    for (answer, passes) in [
        (
            r#"{"result":{"content":[{"type":"image","data":"","mimeType":"\ud83d"}]},"jsonrpc":"2.0","id":1}"#,
            false,
        ),
        (
            r#"{"result":{"content":[{"type":"image","data":"\udc00","mimeType":"x"}]},"jsonrpc":"2.0","id":1}"#,
            false,
        ),
        (
            r#"{"result":{"content":[{"type":"text","text":"{\"raw\":1,\"url\":\"\\ud83d\"}"}]},"jsonrpc":"2.0","id":1}"#,
            false,
        ),
        (
            r#"{"result":{"content":[{"type":"text","text":"{\"raw\":\"\\ud83d\"}"}]},"jsonrpc":"2.0","id":1}"#,
            true,
        ),
        (r#"{"result":{"content":[],"structuredContent":{"data":"\ud83d"}},"jsonrpc":"2.0","id":1}"#, true),
        (r#"{"result":{"content":[],"structuredContent":{"data":["\ud83d"]}},"jsonrpc":"2.0","id":1}"#, true),
    ] {
        assert_eq!(verdict(answer.as_bytes()).is_ok(), passes, "{answer}");
        assert_eq!(is_result(answer.as_bytes()), passes, "{answer}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1024, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn another_reader_agrees(answer in prop_oneof![answers().prop_map(String::into_bytes), damaged()]) {
        let mut shape = ResultShape::to(&Id::Number(1));
        let fits = shape.take(&answer).and_then(|()| shape.end()).is_ok();
        let told = if fits { Ok(shape.items()) } else { Err(Other) };
        prop_assert_eq!(told, items(&answer), "{}", String::from_utf8_lossy(&answer));
    }

    #[test]
    fn pieces_make_no_difference(
        answer in prop_oneof![answers().prop_map(String::into_bytes), damaged()],
        sizes in prop::collection::vec(1..20_usize, 1..8),
    ) {
        let mut shape = ResultShape::to(&Id::Number(1));
        let mut rest = &answer[..];
        let mut sizes = sizes.iter().cycle();
        let mut came = Ok(());
        while !rest.is_empty() && came.is_ok() {
            let (piece, after) = rest.split_at(rest.len().min(*sizes.next().unwrap()));
            came = shape.take(piece);
            rest = after;
        }
        // Of two reasons the one that comes first is said, so only the verdict is the same.
        let fits = came.and_then(|()| shape.end()).is_ok();
        prop_assert_eq!(if fits { Ok(shape.items()) } else { Err(Other) }, items(&answer));
    }
}

/// Both kinds have to be seen often, or the properties say nothing.
#[test]
fn answers_by_chance_are_results_and_others() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut results = 0;
    for _ in 0..1000 {
        let answer = answers().new_tree(&mut runner).unwrap().current();
        results += u32::from(is_result(answer.as_bytes()));
    }
    assert!((100..900).contains(&results), "{results} of 1000");
}
