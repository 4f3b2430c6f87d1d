//! Everything that is known about one call, with the rule that decided, as it stands in its file.

use super::call::{Call, CallAccess, Part};
use super::csv;
use super::escape::{escape, escape_json};
use super::render::Format;
use crate::policy::locate::RulePlace;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::io::{self, Write};

/// What is known about one call.
#[derive(Clone, Debug)]
pub struct Sheet {
    /// The call.
    pub call: Call,
    /// The entries that it is made of.
    pub parts: Vec<Part>,
    /// Where the rule stood in the policies that decided, whose texts the trail keeps; `None` where it does not stand there.
    pub decided: Option<RulePlace>,
    /// The policies as they are now; `None` where they cannot be read.
    pub now: Option<Now>,
    /// What Directus itself remembers of it; `None` where that was not asked.
    pub directus: Option<Vec<Activity>>,
}

/// A row of Directus' activity log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Activity {
    /// When, UTC.
    pub timestamp: String,
    /// `create`, `update`, `delete`, `run`, …
    pub action: String,
    /// The Directus collection.
    pub collection: String,
    /// The item's key.
    pub item: String,
    /// The Directus user whose token it was.
    pub user: Option<String>,
}

/// The policies as they are now.
#[derive(Clone, Debug)]
pub struct Now {
    /// The folder, for people.
    pub folder: String,
    /// Whether they are those that decided.
    pub same: bool,
    /// Where the rule stands in them; `None` where it does not.
    pub place: Option<RulePlace>,
}

impl Sheet {
    /// Writes all of it; CSV has the call alone.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    pub fn write(&self, format: Format, out: &mut dyn Write) -> io::Result<()> {
        match format {
            Format::Table => self.write_text(out),
            Format::Json => {
                let mut whole = serde_json::to_value(&self.call)?;
                if let Some(object) = whole.as_object_mut() {
                    object.insert("entries".to_owned(), json!(self.parts));
                    object
                        .insert("rule_decided".to_owned(), self.decided.as_ref().map_or(Value::Null, place));
                    object.insert("rule_now".to_owned(), self.now.as_ref().map_or(Value::Null, Now::to_json));
                    if let Some(directus) = &self.directus {
                        object.insert("directus".to_owned(), json!(directus));
                    }
                }
                writeln!(out, "{}", escape_json(&serde_json::to_string_pretty(&whole)?))
            }
            Format::Csv => {
                csv::write_head(out)?;
                csv::write_call(&self.call, out)
            }
        }
    }

    fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        write_columns(&self.call, &self.parts, out)?;
        self.write_rule(out)?;
        writeln!(out, "\naccesses")?;
        for access in &self.call.accesses {
            writeln!(out, "  {}", escape(&access_line(access)))?;
        }
        if let Some(arguments) = &self.call.arguments {
            let pretty = serde_json::to_string_pretty(arguments)?;
            writeln!(out, "\narguments\n{}", escape_json(&pretty))?;
        }
        write_parts(&self.parts, out)?;
        self.write_directus(out)
    }

    fn write_directus(&self, out: &mut dyn Write) -> io::Result<()> {
        let Some(rows) = &self.directus else { return Ok(()) };
        writeln!(out, "\ndirectus activity")?;
        for row in rows {
            let Activity { timestamp, action, collection, item, user } = row;
            let user = user.as_deref().unwrap_or("-");
            writeln!(out, "  {}", escape(&format!("{timestamp} {action} {collection} {item} by {user}")))?;
        }
        if rows.is_empty() { writeln!(out, "  none: reads leave no activity") } else { Ok(()) }
    }

    fn write_rule(&self, out: &mut dyn Write) -> io::Result<()> {
        let now = self.now.as_ref().and_then(|now| now.sentence(self.decided.as_ref()));
        if self.decided.is_none() && now.is_none() {
            return Ok(());
        }
        writeln!(out, "\nrule")?;
        if let Some(decided) = &self.decided {
            writeln!(out, "  {} of the policies that decided", escape(&line(decided)))?;
        }
        if let Some(sentence) = now {
            writeln!(out, "  {}", escape(&sentence))?;
        }
        let shown = self.decided.as_ref().or_else(|| self.now.as_ref()?.place.as_ref());
        for text in shown.into_iter().flat_map(|place| place.text.lines()) {
            writeln!(out, "    {}", escape(text))?;
        }
        Ok(())
    }
}

impl Now {
    /// Where to look, and whether what is there is what decided.
    fn sentence(&self, decided: Option<&RulePlace>) -> Option<String> {
        let at = |place| format!("{}/{}", self.folder, line(place));
        match (&self.place, self.same) {
            (Some(place), true) => Some(format!("{}, which is the same", at(place))),
            (Some(place), false) => Some(format!(
                "{}; these are not the policies that decided, so it may have moved since",
                at(place)
            )),
            (None, false) if decided.is_some() => {
                Some(format!("not in {}; these are not the policies that decided", self.folder))
            }
            (None, _) => None,
        }
    }

    fn to_json(&self) -> Value {
        json!({ "folder": self.folder, "same_policies": self.same, "place": self.place.as_ref().map(place) })
    }
}

fn place(place: &RulePlace) -> Value {
    json!({ "file": place.file, "line": place.line, "text": place.text })
}

fn line(place: &RulePlace) -> String {
    place.line.map_or_else(|| place.file.clone(), |line| format!("{}:{line}", place.file))
}

fn write_columns(call: &Call, parts: &[Part], out: &mut dyn Write) -> io::Result<()> {
    let whole = serde_json::to_value(call)?;
    for (name, value) in whole.as_object().into_iter().flatten() {
        match value {
            Value::Null | Value::Array(_) | Value::Object(_) => {}
            Value::String(text) => writeln!(out, "{name:<17} {}", escape(text))?,
            Value::Bool(_) | Value::Number(_) => writeln!(out, "{name:<17} {value}")?,
        }
    }
    // Each reason is a line of its own.
    for detail in parts.iter().filter_map(|part| part.detail.as_deref()).flat_map(str::lines) {
        writeln!(out, "{:<17} {}", "detail", escape(detail))?;
    }
    Ok(())
}

fn access_line(access: &CallAccess) -> String {
    let via = if access.via.is_empty() { String::new() } else { format!(" via {}", access.via) };
    let implied = if access.asked { "" } else { " (implied)" };
    let fields = access.fields.join(", ");
    format!("{} {} [{fields}] {}{via}{implied}", access.action, access.collection, access.extent)
}

fn write_parts(parts: &[Part], out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "\nentries")?;
    for part in parts {
        writeln!(out, "  {} {:<8} {} {}", part.seq, part.kind, part.at, part.digest)?;
        for (name, digest) in
            [("received", &part.received), ("forwarded", &part.forwarded), ("schema", &part.schema_digest)]
        {
            if let Some(digest) = digest {
                writeln!(out, "    {name:<9} {}", escape(digest))?;
            }
        }
        if let Some(count) = part.count.filter(|count| *count > 1) {
            writeln!(out, "    stands for {count} requests")?;
        }
    }
    Ok(())
}
