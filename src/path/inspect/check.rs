//! Making a check: the items that a write names are read under the filter of the permission, before the write goes on.

use crate::accept::{Body, whole};
use crate::directus::Dialect;
use crate::directus::answer::ResultShape;
use crate::path::record::{Checked, Permitted};
use crate::path::refusal::Refusal;
use http::Response;
use tower::{Service, ServiceExt as _};

/// Longest answer to a check, in bytes: one call names at most a thousand keys.
const LONGEST: u64 = 1024 * 1024;

/// Makes one check.
///
/// # Errors
/// When not every item comes back, or when Directus does not answer.
pub(super) async fn make<S>(inner: S, checked: Checked) -> Result<(), Refusal>
where
    S: Service<Permitted, Response = Response<Body>, Error = Refusal>,
{
    let Checked { check, read } = checked;
    let (to, id) = (read.to.clone(), read.id());
    let answer = inner.oneshot(read).await?;
    let bytes = whole(answer.into_body(), LONGEST).await;
    let shaped = |bytes: &[u8]| match check.keys.dialect() {
        Dialect::BuiltIn => ResultShape::of(bytes, &id).is_ok(),
        // Its results have no one shape; what is read of them below is read strictly.
        Dialect::Local => true,
    };
    let met = bytes.is_ok_and(|bytes| shaped(&bytes) && check.keys.is_met_by(&bytes));
    if met { Ok(()) } else { Err(Refusal::Denied { to, reason: check.reason() }) }
}
