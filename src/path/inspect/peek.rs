//! Telling a result from an error by how the answer begins, so that a long result is passed on as it comes.

use super::errors::{HEAD, is_result};
use crate::accept::{Body, BoxError, Unread, whole};
use bytes::{Bytes, BytesMut};
use futures_util::stream;
use http_body::{Body as _, Frame};
use http_body_util::{BodyExt as _, Full, StreamBody};

/// Answers up to this length, in bytes, are read whole before they are looked at, which costs nothing: so are they passed on.
const SHORT: u64 = 64 * 1024;

/// An answer, as far as its beginning tells.
pub(super) enum Peeked {
    /// A result; all of its bytes are still to come.
    Result(Body),
    /// Anything else, whole.
    Other(Bytes),
}

/// Looks at the beginning, and reads on only where that is no result.
///
/// # Errors
/// When the answer breaks off before that can be told, or is longer than the limit and no result.
pub(super) async fn result_or_whole(body: Body, limit: u64) -> Result<Peeked, Unread> {
    if body.size_hint().exact().is_some_and(|size| size <= SHORT) {
        let bytes = whole(body, SHORT).await?;
        return Ok(if is_result(&bytes) { Peeked::Result(full(bytes)) } else { Peeked::Other(bytes) });
    }
    let mut body = body;
    let mut head = BytesMut::new();
    while head.len() < HEAD {
        match body.frame().await {
            None => break,
            Some(frame) => {
                if let Ok(data) = frame.map_err(|_| Unread::Broken)?.into_data() {
                    head.extend_from_slice(&data);
                }
            }
        }
    }
    let head = head.freeze();
    let result = is_result(&head);
    let again = first_then(head, body);
    if result { Ok(Peeked::Result(again)) } else { whole(again, limit).await.map(Peeked::Other) }
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
