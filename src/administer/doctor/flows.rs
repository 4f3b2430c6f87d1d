//! Flows: which of them a role may start, and which act without being asked.

use super::asking::{Asking, Came};
use super::{Doctor, Finding, listed};
use crate::directus::SchemaSnapshot;
use crate::directus::access::{Action, Key};
use crate::policy::document::Role;
use crate::policy::proof::Question;
use secrecy::SecretString;
use serde_json::Value;
use std::collections::BTreeSet;

const FLOWS: &str = "/flows?fields=id,name,status,trigger&limit=-1";
const OPERATIONS: &str = "/operations?fields=flow,type,options&limit=-1";

/// Operations that do something whoever has started the flow.
const STRONG: [&str; 3] = ["exec", "request", "trigger"];

/// One flow that is on.
struct Flow {
    id: String,
    name: String,
    trigger: String,
}

impl Doctor<'_> {
    pub(super) async fn look_at_flows(
        &mut self,
        asking: &Asking,
        token: Option<&SecretString>,
        schema: Option<&SchemaSnapshot>,
    ) {
        let came = asking.get(FLOWS, token).await.ok();
        let Some(rows) = came.as_ref().and_then(Came::data).and_then(Value::as_array) else {
            let help = "look at Directus' flows yourself, or give the gateway a token that may read them: `upstream.schema_token_env`";
            return self.report.note(Finding::Flows, "this token may not list Directus' flows", help);
        };
        let flows: Vec<Flow> = rows.iter().filter_map(flow).collect();
        let (manual, own): (Vec<&Flow>, Vec<&Flow>) = flows.iter().partition(|flow| flow.trigger == "manual");
        let operations = asking.get(OPERATIONS, token).await.ok();
        let operations = operations.as_ref().and_then(Came::data).and_then(Value::as_array);
        self.tell_manual(&manual, operations.map(Vec::as_slice), schema);
        if !own.is_empty() {
            let names: Vec<String> =
                own.iter().map(|flow| format!("{} ({})", flow.name, flow.trigger)).collect();
            let says = format!("{} act by themselves, and Warrener does not look into them", listed(&names));
            let help = "a permitted write can start one; look at what they do";
            self.report.note(Finding::OwnFlows, says, help);
        }
    }

    fn tell_manual(
        &mut self,
        manual: &[&Flow],
        operations: Option<&[Value]>,
        schema: Option<&SchemaSnapshot>,
    ) {
        let executors = self.executors(schema);
        let mut told = false;
        for flow in manual {
            let roles = executors
                .iter()
                .filter(|role| self.policies.role(role).is_some_and(|role| starts(role, flow)));
            let roles: Vec<&String> = roles.collect();
            if roles.is_empty() {
                continue;
            }
            told = true;
            let strong = strong(flow, operations.unwrap_or_default());
            let says = format!("{} may start the flow `{}`", listed(&roles), flow.name);
            if operations.is_none() {
                let help = "this token may not read operations: see in Directus what the flow does, and with whose rights";
                self.report.note(Finding::Flows, says, help);
            } else if strong.is_empty() {
                self.report.note(Finding::Flows, says, "`keys` in the permission says which flows are meant");
            } else {
                let says =
                    format!("{says}, which acts with more rights than the caller's: {}", listed(&strong));
                let help = "name in `keys` the flows that are meant, and see in Directus that this one does no more than it should";
                self.report.warn(Finding::Flows, says, help);
            }
        }
        if !told {
            let count = manual.len();
            self.report.ok(
                Finding::Flows,
                format!("no role may start any of the {count} flows that are started by hand"),
            );
        }
    }

    /// The roles that can start some flow.
    fn executors(&self, schema: Option<&SchemaSnapshot>) -> BTreeSet<String> {
        let roles: BTreeSet<String> = self.policies.roles().map(|role| role.name.clone()).collect();
        let answer = Question::read("execute", &["directus_flows"])
            .ok()
            .and_then(|question| self.policies.who_can(&question, &roles, schema).ok());
        // Where that cannot be told, it is taken for a yes.
        let Some(answer) = answer else { return roles };
        let can = |role: &String| {
            answer.findings.iter().any(|finding| finding.role == *role && !finding.verdict.is_refused())
        };
        roles.into_iter().filter(can).collect()
    }
}

fn flow(row: &Value) -> Option<Flow> {
    let text = |name: &str| row.get(name).and_then(Value::as_str).map(str::to_owned);
    if row.get("status").and_then(Value::as_str) != Some("active") {
        return None;
    }
    Some(Flow { id: text("id")?, name: text("name")?, trigger: text("trigger")? })
}

/// Whether a permission of the role names this flow.
fn starts(role: &Role, flow: &Flow) -> bool {
    let key = Key::Text(flow.id.clone());
    role.permissions.iter().any(|permission| {
        permission.actions.contains(&Action::Execute)
            && permission.collections.matches("directus_flows", false)
            && permission.keys.as_ref().is_none_or(|keys| keys.contains(&key))
    })
}

/// What of a flow does not ask what its caller may do.
fn strong(flow: &Flow, operations: &[Value]) -> Vec<String> {
    let text = |row: &Value, pointer: &str| row.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    let of_flow = operations.iter().filter(|row| text(row, "/flow").as_deref() == Some(flow.id.as_str()));
    let strong = of_flow.filter_map(|row| {
        let kind = text(row, "/type")?;
        let rights = text(row, "/options/permissions");
        match rights.as_deref() {
            Some("$full") => Some(format!("{kind} with full permissions")),
            Some(_) | None => STRONG.contains(&kind.as_str()).then_some(kind),
        }
    });
    strong.collect::<BTreeSet<String>>().into_iter().collect()
}
