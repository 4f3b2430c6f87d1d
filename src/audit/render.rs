//! Calls as a table for people, JSON lines for programs, or CSV for spreadsheets, written as they come.

use super::call::{Call, CallAccess, Part};
use super::escape::{escape, escape_json, escape_lines};
use comfy_table::{Cell, CellAlignment, ColumnConstraint, Table, Width};
use serde_json::{Value, json};
use std::io::{self, Write};

/// How rows are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// Columns, for people; not all of them
    #[default]
    Table,
    /// One JSON object per line
    Json,
    /// Comma-separated with a header line (RFC 4180)
    Csv,
}

/// Rows that a table is laid out over; the next ones are laid out anew, under the same heads.
const TABLE_PAGE: usize = 100;

/// The table's columns and the width that each has at least, so that one page looks like the next.
const TABLE: [(&str, u16); 10] = [
    ("TIME (UTC)", 23),
    ("DECISION", 8),
    ("OUTCOME", 7),
    ("PRINCIPAL", 12),
    ("ROLE", 14),
    ("TOOL", 8),
    ("ACCESS", 24),
    ("RULE", 20),
    ("MS", 8),
    ("ID", 36),
];

/// Blanks between columns.
const PADDING: u16 = 2;

/// Writes calls in one format.
#[derive(Debug)]
pub struct Renderer {
    format: Format,
    started: bool,
    page: Vec<Call>,
}

impl Renderer {
    /// Nothing is written yet.
    pub fn new(format: Format) -> Self {
        Self { format, started: false, page: Vec::new() }
    }

    /// Writes a call, or keeps it until the table's page is full.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    pub fn push(&mut self, call: Call, out: &mut dyn Write) -> io::Result<()> {
        match self.format {
            Format::Json => {
                self.started = true;
                writeln!(out, "{}", escape_json(&serde_json::to_string(&call)?))
            }
            Format::Csv => {
                self.csv_head(out)?;
                write_csv(&mut csv_fields(&call)?.iter().map(String::as_str), out)
            }
            Format::Table => {
                self.page.push(call);
                if self.page.len() < TABLE_PAGE { Ok(()) } else { self.flush(out) }
            }
        }
    }

    /// Writes what was kept, so that a person who watches sees it.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    pub fn flush(&mut self, out: &mut dyn Write) -> io::Result<()> {
        if !self.page.is_empty() {
            writeln!(out, "{}", table(&self.page, !self.started).trim_fmt())?;
            self.started = true;
            self.page.clear();
        }
        out.flush()
    }

    /// Writes what was kept, and the head of a CSV without rows.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    pub fn finish(mut self, out: &mut dyn Write) -> io::Result<()> {
        if self.format == Format::Csv {
            self.csv_head(out)?;
        }
        self.flush(out)
    }

    fn csv_head(&mut self, out: &mut dyn Write) -> io::Result<()> {
        if self.started {
            return Ok(());
        }
        self.started = true;
        write_csv(&mut Call::COLUMNS.into_iter().chain(["accesses"]), out)
    }
}

/// Writes everything that is known about one call.
///
/// # Errors
///
/// Those of `out`.
pub fn write_call(call: Call, parts: &[Part], format: Format, out: &mut dyn Write) -> io::Result<()> {
    match format {
        Format::Table => write_sheet(&call, parts, out),
        Format::Json => {
            let mut whole = serde_json::to_value(call)?;
            if let Some(object) = whole.as_object_mut() {
                object.insert("entries".to_owned(), json!(parts));
            }
            writeln!(out, "{}", escape_json(&serde_json::to_string_pretty(&whole)?))
        }
        Format::Csv => {
            let mut renderer = Renderer::new(format);
            renderer.push(call, out)?;
            renderer.finish(out)
        }
    }
}

fn table(calls: &[Call], with_head: bool) -> Table {
    let mut table = Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    if with_head {
        table.set_header(TABLE.map(|(name, _)| name));
    }
    for call in calls {
        table.add_row(cells(call));
    }
    for (column, (_, width)) in table.column_iter_mut().zip(TABLE) {
        column.set_padding((0, PADDING));
        column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(width + PADDING)));
    }
    table
}

fn cells(call: &Call) -> [Cell; 10] {
    let text = |text: &str| Cell::new(escape(text));
    let optional = |value: &Option<String>| text(value.as_deref().unwrap_or("-"));
    let duration = call.duration_ms.map_or_else(|| "-".to_owned(), |duration| format!("{duration:.1}"));
    [
        text(call.started_at.get(..23).unwrap_or(&call.started_at)),
        text(decision(call)),
        optional(&call.outcome),
        text(&call.principal),
        text(&call.role),
        text(call.tool.as_deref().unwrap_or(&call.method)),
        text(&accesses(&call.accesses)),
        optional(&call.rule),
        text(&duration).set_alignment(CellAlignment::Right),
        text(&call.id),
    ]
}

/// A denial that was only observed is not to be taken for one that bit.
fn decision(call: &Call) -> &str {
    let observed = call.decision == "deny" && !call.enforced;
    if observed { "(deny)" } else { &call.decision }
}

fn accesses(accesses: &[CallAccess]) -> String {
    match accesses {
        [] => "-".to_owned(),
        [only] => format!("{} {}", only.action, only.collection),
        [first, rest @ ..] => format!("{} {} +{}", first.action, first.collection, rest.len()),
    }
}

fn csv_fields(call: &Call) -> Result<Vec<String>, serde_json::Error> {
    let whole = serde_json::to_value(call)?;
    let fields = whole.as_object().into_iter().flat_map(|object| object.values());
    Ok(fields.map(csv_field).collect())
}

fn csv_field(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            escape_json(&value.to_string()).into_owned()
        }
    }
}

fn write_csv(fields: &mut dyn Iterator<Item = &str>, out: &mut dyn Write) -> io::Result<()> {
    for (n, field) in fields.enumerate() {
        let field = escape_lines(field);
        let separator = if n == 0 { "" } else { "," };
        if field.contains([',', '"', '\r', '\n']) || field.trim() != field {
            write!(out, "{separator}\"{}\"", field.replace('"', "\"\""))?;
        } else {
            write!(out, "{separator}{field}")?;
        }
    }
    out.write_all(b"\r\n")
}

fn write_sheet(call: &Call, parts: &[Part], out: &mut dyn Write) -> io::Result<()> {
    let whole = serde_json::to_value(call)?;
    for (name, value) in whole.as_object().into_iter().flatten() {
        match value {
            Value::Null | Value::Array(_) | Value::Object(_) => {}
            Value::String(text) => writeln!(out, "{name:<17} {}", escape(text))?,
            Value::Bool(_) | Value::Number(_) => writeln!(out, "{name:<17} {value}")?,
        }
    }
    for detail in parts.iter().filter_map(|part| part.detail.as_deref()) {
        writeln!(out, "{:<17} {}", "detail", escape(detail))?;
    }
    writeln!(out, "\naccesses")?;
    for access in &call.accesses {
        writeln!(out, "  {}", escape(&access_line(access)))?;
    }
    if let Some(arguments) = &call.arguments {
        let pretty = serde_json::to_string_pretty(arguments)?;
        writeln!(out, "\narguments\n{}", escape_json(&pretty))?;
    }
    write_parts(parts, out)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn csv(fields: &[&str]) -> String {
        let mut out = Vec::new();
        write_csv(&mut fields.iter().copied(), &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn csv_is_quoted_where_it_must_be() {
        for (fields, expected) in [
            (["a", "", "é"].as_slice(), "a,,é\r\n"),
            (&["a,b", "\"q\"", "l1\r\nl2"], "\"a,b\",\"\"\"q\"\"\",\"l1\r\nl2\"\r\n"),
            (&[" x", "=1+1", "\u{1b}[m"], "\" x\",=1+1,\\u{1b}[m\r\n"),
        ] {
            assert_eq!(csv(fields), expected);
        }
    }
}
