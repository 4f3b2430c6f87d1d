//! What of MCP is on in Directus.

use super::asking::{Asking, Question};
use super::{Doctor, Finding};
use crate::administer::backend;
use crate::telemetry;
use crate::upstream::Backend;
use http::StatusCode;
use secrecy::SecretString;
use serde_json::Value;

const SETTINGS: &str = "/settings?fields=mcp_allow_deletes,mcp_system_prompt_enabled,mcp_system_prompt";

impl Doctor<'_> {
    /// Whether calls find somebody to take them.
    pub(super) async fn look_at_endpoint(&mut self, asking: &Asking, token: Option<&SecretString>) {
        let Some(token) = token else { return };
        if self.config.upstream.local.is_some() {
            return self.look_at_local(asking, token).await;
        }
        match asking.mcp(Question::Ping, Some(token)).await {
            Ok(came) if came.status == StatusCode::OK => self.report.ok(Finding::Mcp, "MCP is on"),
            // That is told of the token.
            Ok(came) if came.status == StatusCode::UNAUTHORIZED => {}
            Ok(came) => {
                let said = came.body.pointer("/errors/0/message").and_then(Value::as_str).unwrap_or_default();
                let says = format!("Directus answers {} to a ping of its MCP endpoint: {said}", came.status);
                let help = "switch MCP on in Directus' settings under AI, and do not set `MCP_ENABLED=false`";
                self.report.fail(Finding::Mcp, says, help);
            }
            Err(error) => {
                let help = "see whether something between the gateway and Directus holds `POST /mcp` back";
                self.report.fail(Finding::Mcp, error, help);
            }
        }
    }

    async fn look_at_local(&mut self, asking: &Asking, token: &SecretString) {
        let Ok(Backend::Local(local)) = backend::backend(self.config, &asking.0) else {
            let says = "the environment of the Local MCP cannot be made";
            return self.report.fail(
                Finding::LocalMcp,
                says,
                "see that each secret in `upstream.env` is there",
            );
        };
        match local.ready(token).await {
            Ok(()) => self.report.ok(Finding::LocalMcp, "the Local MCP can be started, and answers"),
            Err(error) => {
                let says = format!("the Local MCP: {}", telemetry::chain(&error));
                let help =
                    "start the command of `upstream` by hand with that environment, and see what it says";
                self.report.fail(Finding::LocalMcp, says, help);
            }
        }
        local.close().await;
    }

    pub(super) async fn look_at_switches(&mut self, asking: &Asking, token: Option<&SecretString>) {
        // The Local MCP has switches of its own.
        if self.config.upstream.local.is_some() {
            return;
        }
        let came = asking.get(SETTINGS, token).await;
        let settings = came.as_ref().ok().and_then(|came| came.data());
        let is_on = |name: &str| settings.and_then(|settings| settings.get(name)).and_then(Value::as_bool);
        let unknown = "Directus does not tell this token";
        match is_on("mcp_allow_deletes") {
            Some(true) => {
                let says = "Allow Deletes is on: only the policies, and Directus' own permissions, hold deletes back";
                let help = "switch it off in Directus' settings under AI if no client is to delete; it does not hold \
                            deletes through relations and flows";
                self.report.note(Finding::AllowDeletes, says, help);
            }
            Some(false) => self.report.ok(Finding::AllowDeletes, "Allow Deletes is off"),
            None => {
                self.report.note(
                    Finding::AllowDeletes,
                    format!("{unknown} whether Allow Deletes is on"),
                    SEE,
                );
            }
        }
        let prompt = settings.and_then(|settings| settings.get("mcp_system_prompt")).and_then(Value::as_str);
        match is_on("mcp_system_prompt_enabled") {
            Some(true) if prompt.is_some_and(|prompt| !prompt.trim().is_empty()) => {
                let says = "Directus gives clients a system prompt that somebody wrote";
                let help = "whoever may write Directus' settings tells your clients' models what to do; \
                            `system_prompt` in a policy hides or replaces it";
                self.report.note(Finding::SystemPrompt, says, help);
            }
            Some(true) => {
                self.report.ok(Finding::SystemPrompt, "Directus gives clients its own system prompt");
            }
            Some(false) => self.report.ok(Finding::SystemPrompt, "Directus gives clients no system prompt"),
            None => {
                let says = format!("{unknown} whether it gives clients a system prompt");
                self.report.note(Finding::SystemPrompt, says, SEE);
            }
        }
    }
}

const SEE: &str = "look at Directus' settings under AI";
