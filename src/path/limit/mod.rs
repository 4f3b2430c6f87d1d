//! Quotas of permitted calls. It answers nothing itself: what is over a limit goes on as a refusal, to be recorded.

mod quotas;

pub use quotas::Slot;

use super::decide::Decided;
use super::refusal::Refusal;
use crate::accept::Body;
use crate::directus::{Action, Meaning};
use crate::policy::Verdict;
use crate::telemetry::trace::Stage;
use http::Response;
use quotas::{Asker, Quotas};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::task::{Context, Poll};
use tower::{Layer, Service};

/// Layer of [`Limit`].
#[derive(Clone, Debug, Default)]
pub struct LimitLayer {
    quotas: Arc<Quotas>,
}

impl LimitLayer {
    /// Nothing is used up yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Forgets the counts of those who have not called for a while.
    pub(super) fn forget(&self) {
        self.quotas.forget();
    }
}

impl<S> Layer<S> for LimitLayer {
    type Service = Limit<S>;

    fn layer(&self, inner: S) -> Limit<S> {
        Limit { quotas: self.quotas.clone(), inner }
    }
}

/// Counts permitted calls, and refuses those over a limit.
#[derive(Clone, Debug)]
pub struct Limit<S> {
    quotas: Arc<Quotas>,
    inner: S,
}

impl<S> Service<Decided> for Limit<S>
where
    S: Service<Decided, Response = Response<Body>, Error = Refusal>,
{
    type Response = Response<Body>;
    type Error = Refusal;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Refusal>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut decided: Decided) -> S::Future {
        let limiting = decided.normalised.call.caller.trace.stage(Stage::Limit);
        if is_counted(&decided) {
            match self.quotas.take(&decided.policies, &asker(&decided)) {
                Ok(slots) => decided.slots = slots,
                Err(over) => {
                    let to = decided.to.clone();
                    decided.refusal =
                        Some(Refusal::Limited { to, rule: over.rule, retry_after: over.retry_after });
                }
            }
        }
        drop(limiting);
        self.inner.call(decided)
    }
}

/// Permitted calls count; protocol requests do not, and neither does what is refused anyway.
fn is_counted(decided: &Decided) -> bool {
    match &decided.decision.verdict {
        Verdict::Permit(permit) => {
            decided.refusal.is_none() && !matches!(permit.meaning, Meaning::Protocol(_))
        }
        Verdict::Deny(..) => false,
    }
}

fn asker(decided: &Decided) -> Asker<'_> {
    let caller = &decided.normalised.call.caller;
    let actions: BTreeSet<Action> = decided.decision.accesses.iter().map(|access| access.action).collect();
    Asker { name: &caller.principal.name, role: &caller.principal.role, address: caller.address, actions }
}
