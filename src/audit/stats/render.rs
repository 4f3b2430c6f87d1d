//! Counts as a table with bars for people, JSON lines for programs, or CSV for spreadsheets.

use super::chart::{Chart, Screen};
use super::{Count, Dimension, Group, Interval};
use crate::audit::csv;
use crate::audit::escape::{escape, escape_json};
use crate::audit::render::Format;
use crate::audit::time::text;
use comfy_table::{Cell, CellAlignment, Table};
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use std::io::{self, Write};
use std::time::Duration;

/// What is counted of each group.
const NUMBERS: [&str; 6] = ["calls", "denied", "would_deny", "errors", "median_ms", "p95_ms"];

/// Writes what was counted in one format; a table is written at the end, since its bars have one scale.
#[derive(Debug)]
pub struct StatsRenderer {
    format: Format,
    screen: Screen,
    by: Vec<Dimension>,
    every: Option<Duration>,
    headed: bool,
    kept: Vec<(Timestamp, Group)>,
}

impl StatsRenderer {
    /// Nothing is written yet.
    pub fn new(format: Format, count: &Count, screen: Screen) -> Self {
        let (by, every) = (count.by.clone(), count.every);
        Self { format, screen, by, every, headed: false, kept: Vec::new() }
    }

    /// Writes an interval, or keeps it for the table. One in which nothing was is shown as such where calls are not told
    /// apart.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    pub fn push(&mut self, mut interval: Interval, out: &mut dyn Write) -> io::Result<()> {
        if interval.groups.is_empty() && self.by.is_empty() {
            interval.groups.push(Group::default());
        }
        for group in interval.groups {
            match self.format {
                Format::Table => self.kept.push((interval.start, group)),
                Format::Json => {
                    let line = self.object(interval.start, &group).to_string();
                    writeln!(out, "{}", escape_json(&line))?;
                }
                Format::Csv => {
                    self.csv_head(out)?;
                    let object = self.object(interval.start, &group);
                    let fields: Vec<String> =
                        object.as_object().into_iter().flatten().map(csv_field).collect();
                    csv::write_line(fields.iter().map(String::as_str), out)?;
                }
            }
        }
        out.flush()
    }

    /// Writes what was kept, and the head of a CSV without rows.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    pub fn finish(mut self, out: &mut dyn Write) -> io::Result<()> {
        match self.format {
            Format::Table if !self.kept.is_empty() => self.write_table(out)?,
            Format::Table | Format::Json => {}
            Format::Csv => self.csv_head(out)?,
        }
        out.flush()
    }

    fn columns(&self) -> Vec<&'static str> {
        let time = self.every.map(|_| "start");
        time.into_iter().chain(self.by.iter().map(|by| by.as_str())).chain(NUMBERS).collect()
    }

    fn object(&self, start: Timestamp, group: &Group) -> Value {
        let time = self.every.map(|_| json!(text(start)));
        let values = time.into_iter().chain(group.values.iter().map(|value| json!(value)));
        let numbers = [
            json!(group.calls),
            json!(group.denied),
            json!(group.would_deny),
            json!(group.errors),
            json!(group.median_ms()),
            json!(group.p95_ms()),
        ];
        let names = self.columns().into_iter().map(str::to_owned);
        Value::Object(names.zip(values.chain(numbers)).collect::<Map<_, _>>())
    }

    fn csv_head(&mut self, out: &mut dyn Write) -> io::Result<()> {
        if self.headed {
            return Ok(());
        }
        self.headed = true;
        csv::write_line(self.columns(), out)
    }

    fn write_table(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut table = Table::new();
        table.load_style(comfy_table::presets::NOTHING);
        table.set_header(self.columns().iter().map(|name| name.replace('_', " ").to_uppercase()));
        for (start, group) in &self.kept {
            table.add_row(self.cells(*start, group));
        }
        for column in table.column_iter_mut() {
            column.set_padding((0, 2));
        }
        // All lines of a table have the width of its head, which is of plain letters.
        let lines: Vec<String> = table.lines().collect();
        let width = lines.first().map_or(0, |head| head.chars().count());
        let most = self.kept.iter().map(|(_, group)| group.calls).max().unwrap_or_default();
        let chart = Chart::beside(width, self.screen, most);
        let bars = self.kept.iter().map(|(_, group)| chart.as_ref().map(|chart| chart.bar(group)));
        let head = std::iter::once(chart.as_ref().map(Chart::head));
        for (line, bar) in lines.iter().zip(head.chain(bars)) {
            writeln!(out, "{}", format!("{line}{}", bar.unwrap_or_default()).trim_end())?;
        }
        Ok(())
    }

    fn cells(&self, start: Timestamp, group: &Group) -> Vec<Cell> {
        let time = self.every.map(|every| Cell::new(shown(start, every)));
        let values = group.values.iter().map(|value| match value.as_deref() {
            None | Some("") => Cell::new("-"),
            Some(value) => Cell::new(escape(value)),
        });
        let duration = |duration: Option<f64>| duration.map_or_else(|| "-".to_owned(), milliseconds);
        let counts =
            [group.calls, group.denied, group.would_deny, group.errors].map(|count| count.to_string());
        let numbers = counts.into_iter().chain([duration(group.median_ms()), duration(group.p95_ms())]);
        let numbers = numbers.map(|number| Cell::new(number).set_alignment(CellAlignment::Right));
        time.into_iter().chain(values).chain(numbers).collect()
    }
}

/// The beginning of an interval, as exactly as its length asks for.
fn shown(start: Timestamp, every: Duration) -> String {
    let whole = |unit: u64| every.as_nanos().is_multiple_of(u128::from(unit) * 1_000_000_000);
    let format = match () {
        () if whole(86_400) => "%Y-%m-%d",
        () if whole(60) => "%Y-%m-%d %H:%M",
        () => "%Y-%m-%d %H:%M:%S",
    };
    start.strftime(format).to_string()
}

/// As many digits behind the point as three digits in all leave.
fn milliseconds(duration: f64) -> String {
    let digits = if duration >= 100.0 {
        0
    } else if duration >= 10.0 {
        1
    } else {
        2
    };
    format!("{duration:.digits$}")
}

fn csv_field((_, value): (&String, &Value)) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}
