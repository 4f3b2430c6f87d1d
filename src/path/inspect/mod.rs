//! Cuts the answers that tell a client what it may do, the lists of tools and prompts and the data model, and those that nobody could
//! ask for less: what flows and tools of others answer is blanked by the names of redacted fields, and what an error says by
//! the words in it. Before a call goes on, it makes the checks that the permit asks for.
//!
//! Everything else of a permitted answer passes as a stream, unchanged.

mod check;
mod cut;
mod errors;
mod model;
mod peek;

use super::record::Permitted;
use super::refusal::{Addressee, Refusal};
use super::reply;
use crate::accept::{Body, whole};
use crate::directus::result::{blank_answer, change_data};
use crate::directus::{Dialect, Meaning, Protocol, SchemaSnapshot};
use crate::policy::{Obligation, PolicySet, Principal, Visibility};
use futures_util::future::{BoxFuture, Either};
use http::Response;
use peek::Peeked;
use serde_json::Value;
use std::sync::Arc;
use std::task::{Context, Poll};
use tower::{Layer, Service};

/// Longest answer that is read whole to be cut, in bytes; a longer one is refused.
const LONGEST: u64 = 8 * 1024 * 1024;

/// Layer of [`Inspect`].
#[derive(Clone, Copy, Debug, Default)]
pub struct InspectLayer {
    dialect: Dialect,
}

impl InspectLayer {
    /// Cuts the lists of those tools.
    pub fn new(dialect: Dialect) -> Self {
        Self { dialect }
    }
}

impl<S> Layer<S> for InspectLayer {
    type Service = Inspect<S>;

    fn layer(&self, inner: S) -> Inspect<S> {
        Inspect { dialect: self.dialect, inner }
    }
}

/// Cuts the lists of tools and prompts to the role.
#[derive(Clone, Debug)]
pub struct Inspect<S> {
    dialect: Dialect,
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
        let cutter = Cutter::of(self.dialect, &permitted);
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
    /// Whose tools are listed.
    dialect: Dialect,
    answer: Answer,
    /// The collection that the call is about.
    about: Option<String>,
    principal: Principal,
    policies: Arc<PolicySet>,
    schema: Option<Arc<SchemaSnapshot>>,
    to: Addressee,
}

#[derive(Debug)]
enum Answer {
    Tools,
    Search,
    Prompts,
    /// What a tool answers, with what the permit asks to be done to it.
    Tool(Vec<Obligation>),
}

impl Cutter {
    fn of(dialect: Dialect, permitted: &Permitted) -> Option<Self> {
        let answer = match &permitted.meaning {
            Meaning::Protocol(Protocol::ToolsList(..)) => Answer::Tools,
            Meaning::Protocol(Protocol::Search(_)) => Answer::Search,
            Meaning::Protocol(Protocol::PromptsList(_)) => Answer::Prompts,
            Meaning::Tool(_) if permitted.outgoing.is_some() => Answer::Tool(permitted.obligations.clone()),
            Meaning::Opaque { .. } if permitted.obligations.contains(&Obligation::Redact) => {
                Answer::Tool(permitted.obligations.clone())
            }
            Meaning::Protocol(
                Protocol::Initialize(_)
                | Protocol::Ping
                | Protocol::PromptsGet { .. }
                | Protocol::Notification,
            )
            | Meaning::Tool(_)
            | Meaning::Opaque { .. } => return None,
        };
        let about = match &permitted.meaning {
            Meaning::Tool(call) => call.target(),
            Meaning::Protocol(_) | Meaning::Opaque { .. } => None,
        };
        Some(Self {
            dialect,
            answer,
            about: about.map(str::to_owned),
            principal: permitted.caller.principal.clone(),
            policies: permitted.policies.clone(),
            schema: permitted.schema.clone(),
            to: permitted.to.clone(),
        })
    }

    fn uncut(&self, what: &'static str) -> Refusal {
        Refusal::Uncut { to: self.to.clone(), what }
    }

    async fn cut(self, answer: Response<Body>) -> Result<Response<Body>, Refusal> {
        let (head, body) = answer.into_parts();
        let bytes = if self.touches_results() {
            whole(body, LONGEST).await.map_err(|_| self.uncut("it did not come whole"))?
        } else {
            match peek::result_or_whole(body, LONGEST).await {
                Ok(Peeked::Result(body)) => return Ok(Response::from_parts(head, body)),
                Ok(Peeked::Other(bytes)) => bytes,
                Err(_) => return Err(self.uncut("it did not come whole")),
            }
        };
        let mut message: Value = serde_json::from_slice(&bytes).map_err(|_| self.uncut("it is not JSON"))?;
        // An error lists nothing, and has nothing to be left out but words.
        if message.get("error").is_none() {
            self.change(&mut message).ok_or_else(|| self.uncut("it does not look like what it should be"))?;
        }
        if let Some(sees) = self.sees() {
            errors::cut(&mut message, &sees, self.about.as_deref());
        }
        Ok(reply::message(head.status, &message))
    }

    /// Whether an answer is changed that is no error.
    fn touches_results(&self) -> bool {
        match &self.answer {
            Answer::Tools | Answer::Search | Answer::Prompts => true,
            Answer::Tool(obligations) => obligations.iter().any(|obligation| match obligation {
                Obligation::Redact | Obligation::Schema | Obligation::AppendPrompt(_) => true,
                Obligation::Project(_)
                | Obligation::Limit(..)
                | Obligation::Filter(..)
                | Obligation::Presets(..)
                | Obligation::ReplacePrompt(_)
                | Obligation::CutImported => false,
            }),
        }
    }

    fn sees(&self) -> Option<Visibility<'_>> {
        let sees = self.policies.visibility(&self.principal, self.schema.as_deref()?)?;
        Some(sees.of(self.dialect))
    }

    /// `None` where the answer does not look like what it should be.
    fn change(&self, message: &mut Value) -> Option<()> {
        match &self.answer {
            Answer::Tools => cut::tools(message, &self.sees()?),
            Answer::Search => cut::search(message, &self.sees()?),
            Answer::Prompts => cut::prompts(message, &self.policies.role(&self.principal.role)?.prompts),
            Answer::Tool(obligations) => {
                obligations.iter().try_for_each(|obligation| self.discharge(obligation, message))
            }
        }
    }

    fn discharge(&self, obligation: &Obligation, message: &mut Value) -> Option<()> {
        match obligation {
            Obligation::Redact => {
                let role = &self.principal.role;
                blank_answer(message, &|name| self.policies.blanks(role, name));
                Some(())
            }
            Obligation::Schema => {
                let sees = self.sees()?;
                change_data(message, &mut |data| model::cut(data, &sees))
            }
            Obligation::AppendPrompt(text) => change_data(message, &mut |data| {
                *data = Value::from(format!("{}\n\n{text}", data.as_str()?));
                Some(())
            }),
            // What is done to the request has been done.
            Obligation::Project(_)
            | Obligation::Limit(..)
            | Obligation::Filter(..)
            | Obligation::Presets(..)
            | Obligation::ReplacePrompt(_)
            | Obligation::CutImported => Some(()),
        }
    }
}
