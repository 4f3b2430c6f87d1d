//! The Local MCP as upstream: a process beside an older Directus, spoken to by lines of JSON on its standard input and output.
//!
//! The gateway starts it, greets it in its own name, and gives it ids of its own: what a client calls its requests never reaches it, and what a
//! process answers to an id that nobody waits for reaches no client. A process has one Directus token in its environment for all that it does,
//! so there is one process for each token, started when it is first needed. One that has ended is started again by a later call, after a
//! pause that grows while it keeps ending. Calls that it was working on fail, since nobody knows whether Directus has acted.

mod lines;
mod noise;
mod pool;
mod process;

use super::{Reply, UpstreamError};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::{BodyExt as _, Full};
use pool::Pool;
use secrecy::SecretString;
use serde_json::{Map, Value};
use std::path::PathBuf;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tower::Service;
use url::Url;

/// The Local MCP of one Directus. Clones share their processes.
///
/// As a [`Service`] it takes the request that would go to Directus over HTTP: the token in it says which process is asked, and the body what.
#[derive(Clone, Debug)]
pub struct LocalMcp(Arc<Pool>);

/// How the process is started, and how long it is waited for.
#[derive(Clone, Debug)]
pub struct LocalMcpOptions {
    /// The program, by its name on the `PATH` of the environment, or by its path.
    pub command: PathBuf,
    /// What it is told on its command line.
    pub args: Vec<String>,
    /// The Directus that it speaks to, in `DIRECTUS_URL`.
    pub url: Url,
    /// Its environment beside `DIRECTUS_URL` and `DIRECTUS_TOKEN`. Nothing of the gateway's own is in it.
    pub environment: Vec<Variable>,
    /// What the log must not have beside the token and what is secret of the environment: credentials in the other texts.
    pub secrets: Vec<SecretString>,
    /// For an answer, and for the process to be ready.
    pub reply_timeout: Duration,
}

/// One variable of the environment.
#[derive(Clone, Debug)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: SecretString,
    /// Whether the log must not have it.
    pub is_secret: bool,
}

/// Why no process can be asked. None has seen anything of the call.
#[derive(Debug, thiserror::Error)]
pub enum NotStarted {
    /// The program cannot be run.
    #[error("`{}` cannot be run", command.display())]
    Spawn {
        /// The program.
        command: PathBuf,
        /// What the system says.
        #[source]
        cause: std::io::Error,
    },
    /// It ended before it could be asked.
    #[error("it ended before it could be asked; the log has what it said")]
    Ended,
    /// It said nothing, or took nothing.
    #[error("it was not ready within {} s", after.as_secs_f64())]
    Silent {
        /// How long it was waited for.
        after: Duration,
    },
    /// It answered the greeting with something else.
    #[error("it does not answer as an MCP server does")]
    Greeting,
    /// It speaks a revision that the gateway does not know.
    #[error("it speaks the revision `{0}` of MCP, which the gateway does not know")]
    Revision(String),
    /// It has just ended, and is not started again at once.
    #[error("it has ended, and is started again in {} ms at the soonest", after.as_millis())]
    Pause {
        /// What is left of the pause.
        after: Duration,
    },
    /// There is a process for as many tokens as there may be, and all of them are at work.
    #[error("there are {most} of them at work already, one for each Directus token")]
    Full {
        /// How many there may be.
        most: usize,
    },
    /// The gateway ends.
    #[error("the gateway is ending")]
    Ending,
}

impl LocalMcp {
    /// No process is started yet. Processes that nobody uses are ended as long as the value is there.
    pub fn new(options: LocalMcpOptions) -> Self {
        let pool = Arc::new(Pool::new(options));
        tokio::spawn(pool::tidy(Arc::downgrade(&pool)));
        Self(pool)
    }

    /// Has a process for that token be there, started now if need be.
    ///
    /// # Errors
    /// When it cannot be started.
    pub async fn ready(&self, token: &SecretString) -> Result<(), NotStarted> {
        self.0.running(token).await.map(|_| ())
    }

    /// Ends all processes: their input is closed, and what does not end by itself in 5 s is ended.
    pub async fn close(&self) {
        self.0.close().await;
    }

    async fn answer(&self, request: Request<Full<Bytes>>) -> Result<Reply, UpstreamError> {
        let (head, body) = request.into_parts();
        let broken = |what: &'static str| UpstreamError::NotRunning(what.into());
        let token = token(&head.headers).ok_or_else(|| broken("the request has no token"))?;
        let body = body.collect().await.map_err(|never| match never {})?.to_bytes();
        let message: Map<String, Value> =
            serde_json::from_slice(&body).map_err(|_| broken("the request is no message"))?;
        let method = message.get("method").and_then(Value::as_str).unwrap_or_default();
        let params = message.get("params").cloned();
        let answer = self.0.ask(&token, method, params).await?;
        Ok(reply(answer, message.get("id")))
    }
}

impl Service<Request<Full<Bytes>>> for LocalMcp {
    type Response = Reply;
    type Error = UpstreamError;
    type Future = BoxFuture<'static, Result<Reply, UpstreamError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), UpstreamError>> {
        // Processes are started as they are needed.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Full<Bytes>>) -> Self::Future {
        let local = self.clone();
        Box::pin(async move { local.answer(request).await })
    }
}

fn token(headers: &HeaderMap) -> Option<SecretString> {
    let token = headers.get(AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")?;
    Some(token.into())
}

/// The answer as Directus would send it over HTTP, under the id that the client knows its request by.
fn reply(mut answer: Value, id: Option<&Value>) -> Reply {
    if let Some(answer) = answer.as_object_mut() {
        answer.insert("id".to_owned(), id.cloned().unwrap_or_default());
    }
    let body = Full::from(answer.to_string()).map_err(|never| match never {}).boxed_unsync();
    let mut reply = Response::new(body);
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    reply
}
