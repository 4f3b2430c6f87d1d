//! What it costs to hold an answer against its shape, beside what reading it whole would cost.
//!
//! `cargo bench --bench answers`. Compare the medians of one run with each other; each has the bytes per second beside it.

#![expect(clippy::unwrap_used, reason = "a bench that cannot go on ends, and says why")]

use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use serde_json::{Value, json};
use warrener::directus::answer::ResultShape;
use warrener::directus::result::summarise;
use warrener::mcp::Id;

/// Answers of about so many bytes.
const SIZES: [usize; 3] = [1024, 64 * 1024, 1024 * 1024];

/// A frame of hyper's.
const PIECE: usize = 8 * 1024;

fn main() {
    divan::main();
}

/// Articles as a read of all their fields has them, in legacy mode, or in both copies of registry mode.
fn answer(size: usize, twice: bool) -> Vec<u8> {
    let row = json!({
        "id": 1234, "status": "published", "title": "A walk through \"Bern\"", "slug": "a-walk-through-bern", "price": 12.5,
        "date_created": "2026-01-02T03:04:05.000Z", "user_created": "5c7b1f0e-0000-4000-8000-000000000000", "author": 3,
        "body": "<p>The town lies in a loop of the river; from the Rosengarten one sees all of it.</p>\n".repeat(3),
        "tags": [1, 2, 3], "meta": {"seo": {"index": true, "title": null}},
    });
    let room = if twice { size / 2 } else { size };
    let rows = vec![row.clone(); (room / row.to_string().len()).max(1)];
    let result = if twice {
        json!({"content": [{"type": "text", "text": json!({"data": rows}).to_string()}], "structuredContent": {"data": rows}})
    } else {
        json!({"content": [{"type": "text", "text": json!({"raw": rows}).to_string()}]})
    };
    json!({"result": result, "jsonrpc": "2.0", "id": 1}).to_string().into_bytes()
}

/// All of it against the shape, in the pieces in which it comes.
fn held(bencher: Bencher<'_, '_>, answer: &[u8]) {
    bencher.counter(BytesCount::of_slice(answer)).bench_local(|| {
        let mut shape = ResultShape::to(&Id::Number(1));
        for piece in black_box(answer).chunks(PIECE) {
            shape.take(piece).unwrap();
        }
        shape.end().unwrap();
    });
}

#[divan::bench(args = SIZES)]
fn held_against_its_shape(bencher: Bencher<'_, '_>, size: usize) {
    held(bencher, &answer(size, false));
}

#[divan::bench(args = SIZES)]
fn both_copies_held_against_their_shape(bencher: Bencher<'_, '_>, size: usize) {
    held(bencher, &answer(size, true));
}

/// What the trail notes of it, which was read of every answer before, too.
#[divan::bench(args = SIZES)]
fn summarised(bencher: Bencher<'_, '_>, size: usize) {
    let answer = answer(size, false);
    bencher.counter(BytesCount::of_slice(&answer)).bench_local(|| summarise(black_box(&answer)).items);
}

/// What it would cost to read the answer and its text into values.
#[divan::bench(args = SIZES)]
fn read_into_values(bencher: Bencher<'_, '_>, size: usize) {
    let answer = answer(size, false);
    bencher.counter(BytesCount::of_slice(&answer)).bench_local(|| {
        let message: Value = serde_json::from_slice(black_box(&answer)).unwrap();
        let text = message.pointer("/result/content/0/text").unwrap().as_str().unwrap();
        serde_json::from_str::<Value>(text).unwrap()
    });
}
