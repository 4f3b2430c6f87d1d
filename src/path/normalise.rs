//! Message to accesses, against the schema snapshot. What cannot be told goes on as a value.

use super::decode::Call;
use super::refusal::Refusal;
use super::shed::Breaker;
use crate::accept::Body;
use crate::directus::accesses::Decoded;
use crate::directus::{Dialect, Meaning, Misread, Protocol, SchemaSnapshot, Tool};
use crate::policy::judge;
use crate::telemetry::trace::Stage;
use crate::upstream::{SchemaCache, SchemaUnavailable};
use futures_util::future::BoxFuture;
use http::Response;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::Instant;
use tower::{Layer, Service};

/// A call, what it means and what it would do, if that can be told.
#[derive(Debug)]
pub struct Normalised {
    pub(super) call: Call,
    /// What it means; `None` where that cannot be told.
    pub(super) meaning: Option<Meaning>,
    /// What it would do, or why that cannot be told.
    pub(super) does: Result<Decoded, Misread>,
    /// The snapshot that the accesses were told by; `None` where they do not depend on one, or there is none.
    pub(super) schema: Option<Arc<SchemaSnapshot>>,
    /// There is no snapshot because Directus cannot be reached; when that may be tried again.
    pub(super) unreached: Option<Duration>,
}

/// Layer of [`Normalise`].
#[derive(Clone, Debug)]
pub struct NormaliseLayer {
    dialect: Dialect,
    schema: Arc<SchemaCache>,
    breaker: Breaker,
}

impl NormaliseLayer {
    /// Reads calls as written for what is behind, and tells accesses by the snapshots of this cache.
    ///
    /// A Directus that cannot be asked for its schema is one that cannot be reached, and the breaker is told.
    pub fn new(dialect: Dialect, schema: Arc<SchemaCache>, breaker: Breaker) -> Self {
        Self { dialect, schema, breaker }
    }
}

impl<S> Layer<S> for NormaliseLayer {
    type Service = Normalise<S>;

    fn layer(&self, inner: S) -> Normalise<S> {
        let Self { dialect, schema, breaker } = self.clone();
        Normalise { dialect, schema, breaker, inner }
    }
}

/// Works out what a message would do.
#[derive(Clone, Debug)]
pub struct Normalise<S> {
    dialect: Dialect,
    schema: Arc<SchemaCache>,
    breaker: Breaker,
    inner: S,
}

impl<S> Service<Call> for Normalise<S>
where
    S: Service<Normalised, Response = Response<Body>, Error = Refusal> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Response<Body>;
    type Error = Refusal;
    type Future = BoxFuture<'static, Result<Response<Body>, Refusal>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Refusal>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, call: Call) -> Self::Future {
        let mut inner = super::take_ready(&mut self.inner);
        let (dialect, cache, breaker) = (self.dialect, self.schema.clone(), self.breaker.clone());
        Box::pin(async move { inner.call(normalise(dialect, call, &cache, &breaker).await).await })
    }
}

async fn normalise(dialect: Dialect, call: Call, cache: &SchemaCache, breaker: &Breaker) -> Normalised {
    let _normalising = call.caller.trace.stage(Stage::Normalise);
    let meaning = match &call.message {
        Ok(incoming) => Meaning::read(dialect, &call.query_string, incoming),
        // It was refused before it had a meaning; `decide` passes the refusal on.
        Err(refusal) => Err(Misread::because(refusal.to_string())),
    };
    // Without a schema what touches data goes on, too, but what its error may say is told by one.
    let (schema, unreached) = match &meaning {
        Ok(meaning) if depends_on_schema(meaning) || meaning.touches_data() => match snapshot(cache).await {
            Ok(schema) => (Some(schema), None),
            Err(error) => (None, error.is_unreached().then(|| breaker.unreached(Instant::now()))),
        },
        Ok(_) | Err(_) => (None, None),
    };
    // What a message means is recorded even where it cannot be told what it would do.
    let does = match &meaning {
        Ok(meaning) if depends_on_schema(meaning) && schema.is_none() => Err(Misread::NoSchema),
        Ok(meaning) => judge::decode(meaning, schema.as_deref()),
        Err(misread) => Err(misread.clone()),
    };
    Normalised { call, meaning: meaning.ok(), does, schema, unreached }
}

impl Normalised {
    /// What is decided on.
    pub(super) fn message(&self) -> Result<(&Meaning, &Decoded), &Misread> {
        match (&self.meaning, &self.does) {
            (Some(meaning), Ok(does)) => Ok((meaning, does)),
            (_, Err(misread)) => Err(misread),
            (None, Ok(_)) => Err(&Misread::NoSchema),
        }
    }
}

async fn snapshot(cache: &SchemaCache) -> Result<Arc<SchemaSnapshot>, SchemaUnavailable> {
    cache.current().await.inspect_err(|error| {
        tracing::warn!(
            error = error as &dyn std::error::Error,
            "there is no schema to tell by: what depends on it is refused"
        );
    })
}

/// Whether what it does, or what of it the role may see, is told by the schema.
fn depends_on_schema(meaning: &Meaning) -> bool {
    match meaning {
        Meaning::Tool(call) => call.tool != Tool::SystemPrompt,
        Meaning::Protocol(Protocol::ToolsList(..) | Protocol::Search(_)) => true,
        Meaning::Protocol(
            Protocol::Initialize(_)
            | Protocol::Discover(_)
            | Protocol::Ping
            | Protocol::PromptsList(_)
            | Protocol::PromptsGet { .. }
            | Protocol::Notification,
        )
        | Meaning::Opaque { .. } => false,
    }
}
