//! Cuts the answers that tell a client what it may do, the lists of tools and prompts, and those that nobody could ask for less:
//! what flows and tools of others answer is blanked by the names of redacted fields. Before a call goes on, it makes the checks
//! that the permit asks for.
//!
//! Everything else of a permitted answer passes as a stream, unchanged.

mod check;
mod cut;

use super::record::Permitted;
use super::refusal::{Addressee, Refusal};
use super::reply;
use crate::accept::{Body, whole};
use crate::directus::result::blank_answer;
use crate::directus::{Meaning, Protocol};
use crate::policy::Principal;
use futures_util::future::{BoxFuture, Either};
use http::Response;
use serde_json::Value;
use std::task::{Context, Poll};
use tower::{Layer, Service};

/// Longest answer that is read whole to be cut, in bytes; a longer one is refused.
const LONGEST: u64 = 8 * 1024 * 1024;

/// Layer of [`Inspect`].
#[derive(Clone, Copy, Debug, Default)]
pub struct InspectLayer;

impl<S> Layer<S> for InspectLayer {
    type Service = Inspect<S>;

    fn layer(&self, inner: S) -> Inspect<S> {
        Inspect { inner }
    }
}

/// Cuts the lists of tools and prompts to the role.
#[derive(Clone, Debug)]
pub struct Inspect<S> {
    inner: S,
}

impl<S> Service<Permitted> for Inspect<S>
where
    S: Service<Permitted, Response = Response<Body>, Error = Refusal> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Response<Body>;
    type Error = Refusal;
    type Future = Either<S::Future, BoxFuture<'static, Result<Response<Body>, Refusal>>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Refusal>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, permitted: Permitted) -> Self::Future {
        let cutter = Cutter::of(&permitted);
        if cutter.is_none() && permitted.checks.is_empty() {
            return Either::Left(self.inner.call(permitted));
        }
        let mut inner = super::take_ready(&mut self.inner);
        Either::Right(Box::pin(async move {
            let mut permitted = permitted;
            for checked in std::mem::take(&mut permitted.checks) {
                check::make(inner.clone(), checked).await?;
            }
            let answer = inner.call(permitted).await?;
            match cutter {
                Some(cutter) => cutter.cut(answer).await,
                None => Ok(answer),
            }
        }))
    }
}

/// What an answer has to be cut to.
#[derive(Debug)]
struct Cutter {
    list: List,
    principal: Principal,
    policies: std::sync::Arc<crate::policy::PolicySet>,
    schema: Option<std::sync::Arc<crate::directus::SchemaSnapshot>>,
    to: Addressee,
}

#[derive(Clone, Copy, Debug)]
enum List {
    Tools,
    Search,
    Prompts,
    /// No list: an answer of any shape.
    Redacted,
}

impl Cutter {
    fn of(permitted: &Permitted) -> Option<Self> {
        let list = match &permitted.meaning {
            Meaning::Protocol(Protocol::ToolsList(..)) => List::Tools,
            Meaning::Protocol(Protocol::Search(_)) => List::Search,
            Meaning::Protocol(Protocol::PromptsList(_)) => List::Prompts,
            Meaning::Tool(_) | Meaning::Opaque { .. } if permitted.redact => List::Redacted,
            Meaning::Protocol(
                Protocol::Initialize(_)
                | Protocol::Ping
                | Protocol::PromptsGet { .. }
                | Protocol::Notification,
            )
            | Meaning::Tool(_)
            | Meaning::Opaque { .. } => return None,
        };
        Some(Self {
            list,
            principal: permitted.caller.principal.clone(),
            policies: permitted.policies.clone(),
            schema: permitted.schema.clone(),
            to: permitted.to.clone(),
        })
    }

    async fn cut(self, answer: Response<Body>) -> Result<Response<Body>, Refusal> {
        let uncut = |what| Refusal::Uncut { to: self.to.clone(), what };
        let (head, body) = answer.into_parts();
        let bytes = whole(body, LONGEST).await.map_err(|_| uncut("it did not come whole"))?;
        let mut message: Value = serde_json::from_slice(&bytes).map_err(|_| uncut("it is not JSON"))?;
        // An error of the protocol lists nothing.
        if message.get("error").is_none() {
            let done = match (self.list, &self.schema) {
                (List::Redacted, _) => {
                    let role = &self.principal.role;
                    blank_answer(&mut message, &|name| self.policies.blanks(role, name));
                    Some(())
                }
                (List::Prompts, _) => {
                    let role = self.policies.role(&self.principal.role);
                    role.and_then(|role| cut::prompts(&mut message, &role.prompts))
                }
                (List::Tools, Some(schema)) => {
                    let sees = self.policies.visibility(&self.principal, schema);
                    sees.and_then(|sees| cut::tools(&mut message, &sees))
                }
                (List::Search, Some(schema)) => {
                    let sees = self.policies.visibility(&self.principal, schema);
                    sees.and_then(|sees| cut::search(&mut message, &sees))
                }
                (List::Tools | List::Search, None) => None,
            };
            done.ok_or_else(|| uncut("it does not look like a list"))?;
        }
        Ok(reply::message(head.status, &message))
    }
}
