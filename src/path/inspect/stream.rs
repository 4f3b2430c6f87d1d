//! Passing results on as they come, each byte held against the shape that a result has. What the client's era adds to a result is put in
//! front of its first member.

use crate::accept::{Body, BoxError, Unread, whole};
use crate::directus::answer::ResultShape;
use crate::mcp::scan::Misshapen;
use crate::mcp::{Era, beginning};
use crate::path::record::Items;
use bytes::{Bytes, BytesMut};
use futures_util::stream;
use http_body::{Body as _, Frame};
use http_body_util::{BodyExt as _, Full, StreamBody};

/// Answers up to this length, in bytes, are read whole before they are looked at, which costs nothing: so are they passed on.
const SHORT: u64 = 64 * 1024;

/// An answer, as far as its beginning tells.
pub(super) enum Looked {
    /// A result, and how many items it holds. A long one is looked at as it goes on, and breaks off where it is none after all.
    Result(Body, Items),
    /// Anything else, whole.
    Other(Bytes),
}

/// Reads as much of an answer as it takes to tell that it is a result, and all of it where it is not. The era is that of the client.
///
/// # Errors
/// When the answer breaks off before that can be told, or is longer than the limit and no result.
pub(super) async fn look(body: Body, era: Era, mut shape: ResultShape, limit: u64) -> Result<Looked, Unread> {
    let passes = |bytes: Bytes, shape: &ResultShape| {
        let items = Items::default();
        items.tell(shape.items());
        completed(era, bytes).map(|bytes| Looked::Result(full(bytes), items))
    };
    if body.size_hint().exact().is_some_and(|size| size <= SHORT) {
        let bytes = whole(body, SHORT).await?;
        let is_result = shape.take(&bytes).and_then(|()| shape.end()).is_ok();
        return if is_result { passes(bytes, &shape) } else { Ok(Looked::Other(bytes)) };
    }
    let mut body = body;
    let mut head = BytesMut::new();
    let mut fits = true;
    while fits && !shape.is_certain() {
        let Some(frame) = body.frame().await else {
            let bytes = head.freeze();
            return if shape.end().is_ok() { passes(bytes, &shape) } else { Ok(Looked::Other(bytes)) };
        };
        let Ok(data) = frame.map_err(|_| Unread::Broken)?.into_data() else { continue };
        if !u64::try_from(head.len() + data.len()).is_ok_and(|length| length <= limit) {
            return Err(Unread::TooLong);
        }
        fits = shape.take(&data).is_ok();
        head.extend_from_slice(&data);
    }
    let head = head.freeze();
    if fits {
        let items = Items::default();
        let body = held_against(shape, completed(era, head)?, body, items.clone());
        return Ok(Looked::Result(body, items));
    }
    whole(first_then(head, body), limit).await.map(Looked::Other)
}

/// The beginning of a result, with what its era adds. A result of this shape has members of its own to follow, none of them of the same name.
fn completed(era: Era, head: Bytes) -> Result<Bytes, Unread> {
    let members = era.at_the_beginning();
    if members.is_empty() {
        return Ok(head);
    }
    let at = beginning::of_result(&head).ok_or(Unread::Broken)?;
    let (before, after) = head.split_at_checked(at).ok_or(Unread::Broken)?;
    Ok([before, members.as_bytes(), after].concat().into())
}

/// The rest of a result. The piece in which it stops being one does not go on, and its end does not either where something is
/// missing: the client sees it break off.
fn held_against(shape: ResultShape, head: Bytes, rest: Body, items: Items) -> Body {
    let pieces = stream::unfold(Some((shape, Some(head), rest, items)), |state| async move {
        let (mut shape, head, mut rest, items) = state?;
        if let Some(head) = head {
            return Some((Ok(Frame::data(head)), Some((shape, None, rest, items))));
        }
        loop {
            let came = match rest.frame().await {
                None => {
                    let misshapen = shape.end().err();
                    if misshapen.is_none() {
                        items.tell(shape.items());
                    }
                    return misshapen.map(|misshapen| (Err(broken(misshapen)), None));
                }
                Some(Err(error)) => return Some((Err(error), None)),
                Some(Ok(frame)) => frame.into_data(),
            };
            // Trailers are nothing that a client of MCP reads.
            let Ok(data) = came else { continue };
            return Some(match shape.take(&data) {
                Ok(()) => (Ok(Frame::data(data)), Some((shape, None, rest, items))),
                Err(misshapen) => (Err(broken(misshapen)), None),
            });
        }
    });
    StreamBody::new(pieces).boxed_unsync()
}

fn broken(misshapen: Misshapen) -> BoxError {
    tracing::warn!(error = %misshapen, "an answer of Directus breaks off: it is not the result that it began as");
    Box::new(misshapen)
}

fn full(bytes: Bytes) -> Body {
    Full::from(bytes).map_err(|never| match never {}).boxed_unsync()
}

fn first_then(first: Bytes, rest: Body) -> Body {
    let frames = stream::unfold((Some(first), rest), |(first, mut rest)| async move {
        match first {
            Some(bytes) => Some((Ok::<_, BoxError>(Frame::data(bytes)), (None, rest))),
            None => rest.frame().await.map(|frame| (frame, (None, rest))),
        }
    });
    StreamBody::new(frames).boxed_unsync()
}
