//! Holds every answer against the shape that it should have, and cuts it to the role. Before a call goes on, it makes the checks that the
//! permit asks for.
//!
//! The result of a tool of Directus' passes as a stream; each byte is looked at (`stream`), and none is changed, but a client of the modern
//! era finds more members in front of them. Whatever has to be changed is
//! read whole and made anew from the members that are known: lists of tools and prompts, the data model, and errors, of which only what the role
//! may read stays. What flows and tools of others answer could not be asked for less, and is blanked by the names of redacted fields. What
//! has a shape that is not known is not passed on.

mod check;
mod cut;
mod errors;
mod model;
mod opaque;
mod stream;
mod words;

use super::record::Permitted;
use super::refusal::{Addressee, Refusal, status_of_unknown_method};
use super::reply;
use crate::accept::{Body, Unread, whole};
use crate::directus::answer::ResultShape;
use crate::directus::result::{blank, change_data};
use crate::directus::{Dialect, Meaning, Protocol, SchemaSnapshot};
use crate::mcp::Id;
use crate::mcp::era::Kept;
use crate::mcp::error::{INTERNAL_ERROR, METHOD_NOT_FOUND};
use crate::policy::{Obligation, PolicySet, Principal, Visibility};
use crate::telemetry::trace::Stage;
use futures_util::future::{BoxFuture, Either};
use http::{Response, StatusCode};
use serde_json::{Value, json};
use std::sync::Arc;
use std::task::{Context, Poll};
use stream::Looked;
use tower::{Layer, Service};
use words::{Ears, Heard};

/// Layer of [`Inspect`].
#[derive(Clone, Copy, Debug)]
pub struct InspectLayer {
    dialect: Dialect,
    longest: u64,
}

impl InspectLayer {
    /// Cuts the lists of those tools, and reads at most so many bytes of an answer that has to be cut.
    pub fn new(dialect: Dialect, longest: u64) -> Self {
        Self { dialect, longest }
    }
}

impl<S> Layer<S> for InspectLayer {
    type Service = Inspect<S>;

    fn layer(&self, inner: S) -> Inspect<S> {
        Inspect { dialect: self.dialect, longest: self.longest, inner }
    }
}

/// Holds answers against their shape, and cuts them to the role.
#[derive(Clone, Debug)]
pub struct Inspect<S> {
    dialect: Dialect,
    longest: u64,
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
        let cutter = Cutter::of(self.dialect, self.longest, &permitted);
        if cutter.is_none() && permitted.checks.is_empty() {
            return Either::Left(self.inner.call(permitted));
        }
        let mut inner = super::take_ready(&mut self.inner);
        Either::Right(Box::pin(async move {
            let mut permitted = permitted;
            let trace = permitted.caller.trace.clone();
            let checks = std::mem::take(&mut permitted.checks);
            let checking = (!checks.is_empty()).then(|| trace.stage(Stage::Inspect));
            for checked in checks {
                check::make(inner.clone(), checked).await?;
            }
            drop(checking);
            let answer = inner.call(permitted).await?;
            let _cutting = trace.stage(Stage::Inspect);
            match cutter {
                Some(cutter) => cutter.cut(answer).await,
                None => Ok(answer),
            }
        }))
    }
}

/// What an answer should be, and has to be cut to.
#[derive(Debug)]
struct Cutter {
    /// Whose tools are listed.
    dialect: Dialect,
    /// Longest answer that is read whole, in bytes; a longer one is refused.
    longest: u64,
    answer: Answer,
    id: Id,
    /// The collection that the call is about.
    about: Option<String>,
    principal: Principal,
    policies: Arc<PolicySet>,
    schema: Option<Arc<SchemaSnapshot>>,
    to: Addressee,
}

#[derive(Debug)]
enum Answer {
    Initialize,
    /// What Directus answers to `initialize`, for a client that has asked for `server/discover`.
    Discover,
    Tools,
    Search,
    Prompts,
    Prompt,
    /// What a tool answers, with what the permit asks to be done to it.
    Tool(Vec<Obligation>),
    /// What a tool answers whose results have no one shape: those of others, and those of the Local MCP.
    Opaque,
}

impl Cutter {
    /// `None` where the gateway answers itself.
    fn of(dialect: Dialect, longest: u64, permitted: &Permitted) -> Option<Self> {
        permitted.outgoing.as_ref()?;
        let answer = match &permitted.meaning {
            Meaning::Protocol(Protocol::Initialize(_)) => Answer::Initialize,
            Meaning::Protocol(Protocol::Discover(_)) => Answer::Discover,
            Meaning::Protocol(Protocol::ToolsList(..)) => Answer::Tools,
            Meaning::Protocol(Protocol::Search(_)) => Answer::Search,
            Meaning::Protocol(Protocol::PromptsList(_)) => Answer::Prompts,
            Meaning::Protocol(Protocol::PromptsGet { .. }) => Answer::Prompt,
            Meaning::Protocol(Protocol::Ping | Protocol::Notification) => return None,
            Meaning::Tool(_) => match dialect {
                Dialect::BuiltIn => Answer::Tool(permitted.obligations.clone()),
                // It answers lists, sentences and files in shapes of its own. What it was asked for has been cut already.
                Dialect::Local => Answer::Opaque,
            },
            Meaning::Opaque { .. } => Answer::Opaque,
        };
        let about = match &permitted.meaning {
            Meaning::Tool(call) => call.target(),
            Meaning::Protocol(_) | Meaning::Opaque { .. } => None,
        };
        Some(Self {
            dialect,
            longest,
            answer,
            id: permitted.id(),
            about: about.map(str::to_owned),
            principal: permitted.caller.principal.clone(),
            policies: permitted.policies.clone(),
            schema: permitted.schema.clone(),
            to: permitted.to.clone(),
        })
    }

    async fn cut(self, answer: Response<Body>) -> Result<Response<Body>, Refusal> {
        let (head, body) = answer.into_parts();
        let bytes = if self.passes_results() {
            match stream::look(body, self.to.era, ResultShape::to(&self.id), self.longest).await {
                Ok(Looked::Result(body, items)) => {
                    let mut answer = Response::from_parts(head, body);
                    answer.extensions_mut().insert(items);
                    return Ok(answer);
                }
                Ok(Looked::Other(bytes)) => Ok(bytes),
                Err(unread) => Err(unread),
            }
        } else {
            whole(body, self.longest).await
        };
        let bytes = bytes.map_err(|unread| self.unread(unread))?;
        let mut message =
            self.anew(&bytes).map_err(|what| Refusal::Misshapen { to: self.to.clone(), what })?;
        let status = self.translate(&mut message).unwrap_or(head.status);
        Ok(reply::message(status, &message))
    }

    /// Makes the answer one of the client's era; Directus' own is one of the legacy era. Returns the HTTP status where it is another one.
    fn translate(&self, message: &mut Value) -> Option<StatusCode> {
        let kept = match &self.answer {
            Answer::Discover | Answer::Tools | Answer::Prompts => Kept::Privately,
            Answer::Initialize | Answer::Search | Answer::Prompt | Answer::Tool(_) | Answer::Opaque => {
                Kept::Never
            }
        };
        if let Some(Value::Object(result)) = message.get_mut("result") {
            self.to.era.complete(result, kept);
        }
        let code = message.get_mut("error")?.get_mut("code")?;
        let told = self.to.era.error_code(code.as_i64().unwrap_or(INTERNAL_ERROR));
        *code = Value::from(told);
        (told == METHOD_NOT_FOUND).then(|| status_of_unknown_method(&self.to))
    }

    fn unread(&self, unread: Unread) -> Refusal {
        let what = match unread {
            Unread::TooLong => "it is longer than what is read whole (`limits.inspect_bytes`)",
            Unread::Broken => "it broke off",
        };
        Refusal::Uncut { to: self.to.clone(), what }
    }

    /// Whether a result passes as it comes.
    fn passes_results(&self) -> bool {
        match &self.answer {
            Answer::Initialize
            | Answer::Discover
            | Answer::Tools
            | Answer::Search
            | Answer::Prompts
            | Answer::Prompt
            | Answer::Opaque => false,
            Answer::Tool(obligations) => !obligations.iter().any(|obligation| match obligation {
                Obligation::Redact | Obligation::Schema | Obligation::AppendPrompt(_) => true,
                Obligation::Project(_)
                | Obligation::Limit(..)
                | Obligation::Filter(..)
                | Obligation::Search(_)
                | Obligation::Presets(..)
                | Obligation::ReplacePrompt(_)
                | Obligation::CutImported => false,
            }),
        }
    }

    /// The answer anew, or why it is none that is known.
    fn anew(&self, bytes: &[u8]) -> Result<Value, &'static str> {
        let mut message: Value = serde_json::from_slice(bytes).map_err(|_| "it is not JSON")?;
        let id = self.id.to_value();
        if message.get("id") != Some(&id) {
            return Err("it is not the answer to this request");
        }
        let heard = Heard::default();
        let ears = Ears { sees: self.sees(), about: self.about.as_deref(), heard: &heard };
        if let Some(error) = errors::anew(&message, &ears) {
            return Ok(error);
        }
        if message.get("error").is_some() {
            return Err("it is a result and an error");
        }
        match &self.answer {
            // What follows changes both copies of the data in it, and knows no other place where it could be.
            Answer::Tool(_) | Answer::Search => {
                ResultShape::of(bytes, &self.id).map_err(|misshapen| misshapen.0)?;
                self.change(&mut message).ok_or(UNLIKE)?;
                Ok(message)
            }
            Answer::Initialize
            | Answer::Discover
            | Answer::Tools
            | Answer::Prompts
            | Answer::Prompt
            | Answer::Opaque => {
                let result = message.get("result").and_then(|result| self.result(result)).ok_or(UNLIKE)?;
                Ok(json!({ "jsonrpc": "2.0", "id": id, "result": result }))
            }
        }
    }

    fn sees(&self) -> Option<Visibility<'_>> {
        let sees = self.policies.visibility(&self.principal, self.schema.as_deref()?)?;
        Some(sees.of(self.dialect))
    }

    /// A result that is made anew; `None` where it does not look like what it should be.
    fn result(&self, result: &Value) -> Option<Value> {
        match &self.answer {
            Answer::Initialize => cut::initialize(result),
            Answer::Discover => cut::discover(result),
            Answer::Tools => cut::tools(result, &self.sees()?),
            Answer::Prompts => cut::prompts(result, &self.policies.role(&self.principal.role)?.prompts),
            Answer::Prompt => cut::prompt(result),
            Answer::Opaque => opaque::result(result, &|name| self.blanks(name)),
            Answer::Search | Answer::Tool(_) => None,
        }
    }

    /// Changes what a tool has answered; `None` where it does not look like what it should be.
    fn change(&self, message: &mut Value) -> Option<()> {
        match &self.answer {
            Answer::Search => cut::search(message, &self.sees()?),
            Answer::Tool(obligations) => {
                obligations.iter().try_for_each(|obligation| self.discharge(obligation, message))
            }
            Answer::Initialize
            | Answer::Discover
            | Answer::Tools
            | Answer::Prompts
            | Answer::Prompt
            | Answer::Opaque => None,
        }
    }

    fn discharge(&self, obligation: &Obligation, message: &mut Value) -> Option<()> {
        match obligation {
            Obligation::Redact => change_data(message, &mut |data| {
                blank(data, &|name| self.blanks(name));
                Some(())
            }),
            Obligation::Schema => {
                let sees = self.sees()?;
                change_data(message, &mut |data| model::cut(data, sees))
            }
            Obligation::AppendPrompt(text) => change_data(message, &mut |data| {
                *data = Value::from(format!("{}\n\n{text}", data.as_str()?));
                Some(())
            }),
            // What is done to the request has been done.
            Obligation::Project(_)
            | Obligation::Limit(..)
            | Obligation::Filter(..)
            | Obligation::Search(_)
            | Obligation::Presets(..)
            | Obligation::ReplacePrompt(_)
            | Obligation::CutImported => Some(()),
        }
    }

    fn blanks(&self, name: &str) -> bool {
        self.policies.blanks(&self.principal.role, name)
    }
}

const UNLIKE: &str = "it does not look like what it should be";
