//! What Directus itself remembers of a call: its activity log keeps the `User-Agent`, which ends in the call's id.

use super::AuditError;
use crate::audit::sheet::Activity;
use crate::config::Secret;
use crate::identity::read_secret;
use crate::upstream::{Upstream, UpstreamOptions};
use serde::Deserialize;
use std::time::Duration;
use url::Url;

/// Rows that are asked for; a call that makes more of them is an import or a flow.
const ROWS: usize = 100;

/// Nobody waits longer than that for something beside the answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Where the activity log is read.
#[derive(Clone, Debug)]
pub(in crate::cli) struct ActivityLog {
    /// The address of Directus.
    pub(in crate::cli) url: Url,
    /// A token that may read `directus_activity`.
    pub(in crate::cli) token: Secret,
}

#[derive(Deserialize)]
struct Answer {
    data: Vec<Activity>,
}

impl ActivityLog {
    /// The rows of one call, the earliest first.
    ///
    /// # Errors
    /// [`AuditError::Activity`], where there is no token or Directus does not answer.
    pub(super) async fn of(&self, call: &str) -> Result<Vec<Activity>, AuditError> {
        let failed = |error: &dyn std::error::Error| AuditError::Activity(crate::telemetry::chain(error));
        let token = read_secret(&self.token).map_err(|error| failed(&error))?;
        let options = UpstreamOptions {
            connect_timeout: PATIENCE,
            reply_timeout: PATIENCE,
            ..UpstreamOptions::new(self.url.clone())
        };
        let upstream = Upstream::new(&options).map_err(|error| failed(&error))?;
        let path = format!(
            "/activity?limit={ROWS}&sort=id&fields=timestamp,action,collection,item,user\
             &filter%5Buser_agent%5D%5B_contains%5D=call%2F{call}"
        );
        let answer = upstream.get_json(&path, Some(&token)).await.map_err(|error| failed(&error))?;
        let answer: Answer = serde_json::from_slice(&answer).map_err(|error| failed(&error))?;
        Ok(answer.data)
    }
}
