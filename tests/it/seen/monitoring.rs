//! The dashboard and the alert rules ask for metrics that there are.

use crate::support::process::checkout;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use warrener::telemetry::metrics::catalogue::ALL;

/// The queries of a text, which are those of a line `expr: …` or a member `"expr"`.
fn queries() -> Vec<(String, String)> {
    let rules = std::fs::read_to_string(checkout("examples/monitoring/alerts.yml")).unwrap();
    let of_rules = rules.lines().filter_map(|line| line.trim().strip_prefix("expr: "));
    let mut all: Vec<_> = of_rules.map(|query| ("alerts.yml".to_owned(), query.to_owned())).collect();
    let dashboard = std::fs::read_to_string(checkout("examples/monitoring/dashboard.json")).unwrap();
    collect(&serde_json::from_str(&dashboard).unwrap(), &mut all);
    all
}

fn collect(value: &Value, all: &mut Vec<(String, String)>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                if let ("expr" | "definition", Some(query)) = (name.as_str(), member.as_str()) {
                    all.push(("dashboard.json".to_owned(), query.to_owned()));
                }
                collect(member, all);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, all)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The words of a query, without what stands in quotes.
fn words(query: &str) -> BTreeSet<&str> {
    let outside = query.split('"').step_by(2);
    outside.flat_map(|part| part.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')).collect()
}

#[test]
fn every_metric_and_label_that_is_asked_for_exists() {
    let series: BTreeMap<String, &[&str]> =
        ALL.iter().flat_map(|one| one.series().into_iter().map(|series| (series, one.labels))).collect();
    let mut seen = BTreeSet::new();
    for (place, query) in queries() {
        let names: Vec<_> = words(&query)
            .into_iter()
            .filter(|word| word.starts_with("warrener_") || word.starts_with("process_"))
            .collect();
        assert!(!names.is_empty(), "{place}: {query}");
        for name in &names {
            assert!(series.contains_key(*name), "{place}: there is no `{name}`: {query}");
        }
        let labels: BTreeSet<&str> =
            names.iter().flat_map(|name| series[*name]).copied().chain(["le", "instance"]).collect();
        for grouped in query.split("by (").skip(1) {
            for label in grouped.split(')').next().unwrap().split(',') {
                assert!(labels.contains(label.trim()), "{place}: no label `{label}`: {query}");
            }
        }
        for selected in query.split('{').skip(1) {
            let selected = selected.split('}').next().unwrap();
            for label in words(selected).into_iter().filter(|word| !word.is_empty()) {
                assert!(labels.contains(label), "{place}: no label `{label}`: {query}");
            }
        }
        seen.extend(names.into_iter().map(str::to_owned));
    }
    assert!(seen.len() > 12, "{seen:?}");
}

#[test]
fn each_alert_says_what_to_do() {
    let rules = std::fs::read_to_string(checkout("examples/monitoring/alerts.yml")).unwrap();
    let alerts = rules.matches("- alert: ").count();
    assert!(alerts >= 8);
    for needed in ["expr: ", "severity: ", "summary: ", "description: "] {
        assert_eq!(rules.matches(needed).count(), alerts, "{needed}");
    }
}
