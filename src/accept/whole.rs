//! Reading a body whole, within a bound.

use super::Body;
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;

/// Why a body is not there whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unread {
    /// It is longer than what is read.
    TooLong,
    /// It broke off, or did not come in time.
    Broken,
}

/// The whole body, of at most so many bytes.
pub(crate) async fn whole(mut body: Body, limit: u64) -> Result<Bytes, Unread> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut first = Bytes::new();
    let mut more: Option<BytesMut> = None;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| Unread::Broken)?.into_data() else { continue };
        let length = more.as_ref().map_or(first.len(), BytesMut::len);
        if length.saturating_add(data.len()) > limit {
            return Err(Unread::TooLong);
        }
        // Most bodies come in one piece, which then needs no copy.
        if length == 0 {
            first = data;
        } else {
            more.get_or_insert_with(|| BytesMut::from(first.as_ref())).extend_from_slice(&data);
        }
    }
    Ok(more.map_or(first, BytesMut::freeze))
}
