//! Calls for other programs: one a line, in the order in which they ended.

use super::call::Call;
use super::csv;
use super::escape::escape_json;
use super::ocsf;
use super::query::{Place, QueryError, TrailReader};
use super::time::text;
use jiff::Timestamp;
use std::io::{self, Write};

/// How a call is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum ExportFormat {
    /// One JSON object per line, with the columns of the view `calls` and the accesses
    Jsonl,
    /// The same, comma-separated with a header line (RFC 4180)
    Csv,
    /// One event of the OCSF class API Activity (6003) per line
    Ocsf,
}

/// Why an export ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// The trail cannot be read.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// The lines cannot be written.
    #[error("cannot write the lines")]
    Output(#[from] io::Error),
}

/// Lines under way.
#[derive(Debug)]
pub struct Lines {
    format: ExportFormat,
    since: Option<String>,
    until: Option<String>,
    written: u64,
    last: Option<String>,
}

impl Lines {
    /// Nothing is written yet. Calls that ended before `since` will be left out, and the first one that ended at `until` or
    /// later is where it stops: so what is left for later is all that comes after, whatever the clock did.
    pub fn new(format: ExportFormat, since: Option<Timestamp>, until: Option<Timestamp>) -> Self {
        Self { format, since: since.map(text), until: until.map(text), written: 0, last: None }
    }

    /// Writes the calls that ended behind that place, up to the last one that has ended now.
    ///
    /// # Errors
    ///
    /// [`ExportError`], where the trail cannot be read or the line not written.
    pub async fn write(
        &mut self,
        reader: &mut TrailReader,
        from: Place,
        out: &mut dyn Write,
    ) -> Result<(), ExportError> {
        if self.format == ExportFormat::Csv {
            csv::write_head(out)?;
        }
        // Taken once, so that it comes to an end while a gateway is writing.
        let head = reader.head().await?;
        let mut reached = from;
        while reached < head {
            let (calls, place) = reader.ended(reached, head).await?;
            reached = place;
            for ended in calls {
                if self.until.as_ref().is_some_and(|until| ended.at >= *until) {
                    return Ok(out.flush()?);
                }
                if self.since.as_ref().is_none_or(|since| ended.at >= *since) {
                    write_line(self.format, &ended.call, out)?;
                    self.written += 1;
                    self.last = Some(ended.call.id);
                }
            }
        }
        Ok(out.flush()?)
    }

    /// How many calls were written.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// The id of the last one.
    pub fn last(&self) -> Option<&str> {
        self.last.as_deref()
    }
}

/// Writes one call as one line.
///
/// # Errors
///
/// Those of `out`.
pub fn write_line(format: ExportFormat, call: &Call, out: &mut dyn Write) -> io::Result<()> {
    match format {
        ExportFormat::Jsonl => writeln!(out, "{}", escape_json(&serde_json::to_string(call)?)),
        ExportFormat::Csv => csv::write_call(call, out),
        ExportFormat::Ocsf => writeln!(out, "{}", escape_json(&ocsf::event(call).to_string())),
    }
}
