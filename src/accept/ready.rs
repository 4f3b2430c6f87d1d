//! `GET /readyz`: whether the gateway can do its work.

use super::{Body, refuse};
use futures_util::future::BoxFuture;
use http::{Response, StatusCode};
use serde_json::{Map, Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

/// The answer is kept so long: anyone may ask, and asking must not be a way to keep Directus and the trail busy.
const KEPT: Duration = Duration::from_secs(1);

/// A check that takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(5);

/// One thing that the gateway needs, such as `trail` or `directus`: a word for how it is where it will do, or what is wrong with it.
pub type Check = (&'static str, Result<&'static str, String>);

/// Looks at everything that the gateway needs.
pub type Readiness = Arc<dyn Fn() -> BoxFuture<'static, Vec<Check>> + Send + Sync>;

/// Answers `/readyz`, looking at most once a second.
pub(super) struct Ready {
    look: Readiness,
    last: Mutex<Option<(Instant, Seen)>>,
}

/// What was seen: the checks by name, and whether all are well.
#[derive(Clone, Debug)]
struct Seen {
    well: bool,
    checks: Map<String, Value>,
}

impl Ready {
    pub(super) fn new(look: Readiness) -> Self {
        Self { look, last: Mutex::default() }
    }

    /// 200 when all is well, 503 when not or when the gateway is ending. The reply names what failed; why is in the log.
    pub(super) async fn answer(&self, ending: bool) -> Response<Body> {
        let seen = self.seen().await;
        let ready = seen.well && !ending;
        let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        refuse::json(status, &json!({ "ready": ready, "ending": ending, "checks": seen.checks }))
    }

    async fn seen(&self) -> Seen {
        let mut last = self.last.lock().await;
        if let Some((at, seen)) = &*last
            && at.elapsed() < KEPT
        {
            return seen.clone();
        }
        let late = |_| vec![("all", Err(format!("not answered within {} s", PATIENCE.as_secs())))];
        let seen = Seen::of(timeout(PATIENCE, (self.look)()).await.unwrap_or_else(late));
        *last = Some((Instant::now(), seen.clone()));
        seen
    }
}

impl Seen {
    fn of(checks: Vec<Check>) -> Self {
        let mut seen = Self { well: true, checks: Map::new() };
        for (name, result) in checks {
            if let Err(cause) = &result {
                seen.well = false;
                tracing::warn!(check = name, %cause, "not ready");
            }
            let word = result.unwrap_or("failed");
            seen.checks.insert(name.to_owned(), word.into());
        }
        seen
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt as _;
    use std::sync::atomic::{AtomicUsize, Ordering};

    async fn read(reply: Response<Body>) -> (u16, String) {
        let status = reply.status().as_u16();
        let body = reply.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test(start_paused = true)]
    async fn says_what_failed_but_not_why() {
        let looked = Arc::new(AtomicUsize::new(0));
        let counted = looked.clone();
        let ready = Ready::new(Arc::new(move || {
            let bad = counted.fetch_add(1, Ordering::SeqCst) == 0;
            let directus = if bad { Err("10.0.0.7 refuses".to_owned()) } else { Ok("ok") };
            Box::pin(async move { vec![("trail", Ok("ok")), ("directus", directus)] })
        }));
        let bad = r#"{"ready":false,"ending":false,"checks":{"trail":"ok","directus":"failed"}}"#;
        assert_eq!(read(ready.answer(false).await).await, (503, bad.to_owned()));
        assert_eq!(read(ready.answer(false).await).await.0, 503, "kept for a second");
        tokio::time::advance(KEPT).await;
        assert_eq!(read(ready.answer(false).await).await.0, 200);
        assert_eq!(read(ready.answer(true).await).await.0, 503, "ending");
        assert_eq!(looked.load(Ordering::SeqCst), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_check_that_hangs_has_failed() {
        let ready = Ready::new(Arc::new(|| Box::pin(std::future::pending())));
        assert_eq!(read(ready.answer(false).await).await.0, 503);
    }
}
