//! What was measured, as tables and a chart.

use crate::load::Load;
use std::fmt::Write as _;

/// What a proxy has used.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cost {
    /// Processor time, in seconds.
    pub(crate) cpu: f64,
    /// The most memory at once, in MiB.
    pub(crate) mib: f64,
}

impl Cost {
    pub(crate) fn and(self, other: Self) -> Self {
        Self { cpu: self.cpu + other.cpu, mib: self.mib + other.mib }
    }
}

/// One run.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Run {
    pub(crate) load: Load,
    /// Microseconds of processor time of the proxy for a call.
    pub(crate) cpu: f64,
    pub(crate) mib: f64,
}

/// The runs of one subject under one load.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) runs: Vec<Run>,
}

impl Row {
    pub(crate) fn median(&self, of: impl Fn(&Run) -> f64) -> f64 {
        let mut values: Vec<f64> = self.runs.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
    }

    pub(crate) fn rate(&self) -> f64 {
        self.median(|run| run.load.rate)
    }

    fn spread(&self) -> f64 {
        let rates = || self.runs.iter().map(|run| run.load.rate);
        let (least, most) = (rates().fold(f64::INFINITY, f64::min), rates().fold(0.0, f64::max));
        (most - least) / self.rate() * 100.0
    }
}

/// A table in Markdown; ratios are to the row that is named.
pub(crate) fn table(rows: &[Row], of: &str) -> String {
    let base = rows.iter().find(|row| row.name == of).map(Row::rate);
    let mut text = format!(
        "| | calls/s | ± % | of {of} | CPU µs a call | p50 µs | p99 µs | p99.9 µs | MiB |\n|---|---|---|---|---|---|---|---|---|\n"
    );
    for row in rows {
        let ratio = base.map_or(f64::NAN, |base| row.rate() / base);
        let cpu = row.median(|run| run.cpu);
        let (cpu, mib) = if cpu > 0.0 {
            (format!("{cpu:.0}"), format!("{:.0}", row.median(|run| run.mib)))
        } else {
            (String::new(), String::new())
        };
        writeln!(
            text,
            "| {} | {:.0} | {:.0} | {ratio:.2} | {cpu} | {:.0} | {:.0} | {:.0} | {mib} |",
            row.name,
            row.rate(),
            row.spread() / 2.0,
            row.median(|run| run.load.p50),
            row.median(|run| run.load.p99),
            row.median(|run| run.load.p999),
        )
        .unwrap();
    }
    text
}

/// Calls per second as bars.
pub(crate) fn chart(rows: &[Row], title: &str) -> String {
    let most = rows.iter().map(Row::rate).fold(1.0, f64::max);
    let height = 50 + rows.len() * 26;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 760 {height}\" font-family=\"sans-serif\" font-size=\"13\" role=\"img\">\n\
         <title>{title}</title>\n<rect width=\"760\" height=\"{height}\" fill=\"#ffffff\"/>\n\
         <text x=\"12\" y=\"24\" font-size=\"15\" fill=\"#1f2933\">{title}</text>\n"
    );
    for (number, row) in rows.iter().enumerate() {
        let y = 42 + number * 26;
        let width = row.rate() / most * 400.0;
        let colour = if row.name.starts_with("Warrener") { "#b4541a" } else { "#8796a5" };
        let name = row.name.replace('`', "");
        writeln!(
            svg,
            "<text x=\"252\" y=\"{}\" text-anchor=\"end\" fill=\"#1f2933\">{name}</text>\
             <rect x=\"260\" y=\"{y}\" width=\"{width:.0}\" height=\"18\" rx=\"2\" fill=\"{colour}\"/>\
             <text x=\"{:.0}\" y=\"{}\" fill=\"#1f2933\">{:.0}</text>",
            y + 14,
            268.0 + width,
            y + 14,
            row.rate()
        )
        .unwrap();
    }
    svg + "</svg>\n"
}
