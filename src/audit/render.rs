//! Calls as a table for people, JSON lines for programs, or CSV for spreadsheets, written as they come.

use super::call::{Call, CallAccess};
use super::csv;
use super::escape::{escape, escape_json};
use comfy_table::{Cell, CellAlignment, ColumnConstraint, Table, Width};
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
                csv::write_call(&call, out)
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
        csv::write_head(out)
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
