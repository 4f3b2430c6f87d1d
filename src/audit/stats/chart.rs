//! Bars of block characters, for a terminal.

use super::Group;
use anstyle::AnsiColor;

/// Blocks that fill one to seven eighths of a cell.
const PARTS: [char; 7] = ['▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/// What the bar of a group is made of, in cells; it is told by shape, and by colour where there is one.
const LET_THROUGH: char = '█';
const DENIED: char = '░';

/// Narrower bars tell nothing.
const NARROWEST: usize = 8;

/// Where a table is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Screen {
    /// How many cells a line has; `None` where it is no terminal, and then there are no bars.
    pub width: Option<usize>,
    /// Whether it takes colours.
    pub coloured: bool,
}

/// Bars beside a table, all to one scale.
#[derive(Debug)]
pub(super) struct Chart {
    cells: usize,
    most: u64,
    coloured: bool,
}

impl Chart {
    /// What fits beside a table of that width; `None` where too little does.
    pub(super) fn beside(table: usize, screen: Screen, most: u64) -> Option<Self> {
        let cells = screen.width?.checked_sub(table).filter(|cells| *cells >= NARROWEST)?;
        Some(Self { cells: cells.min(100), most: most.max(1), coloured: screen.coloured })
    }

    /// What stands over the bars.
    pub(super) fn head(&self) -> String {
        let head = format!("{LET_THROUGH} let through  {DENIED} denied");
        if head.chars().count() <= self.cells { head } else { String::new() }
    }

    /// The bar of a group: its length says how many calls it has, its end how many of them were denied.
    pub(super) fn bar(&self, group: &Group) -> String {
        let eighths = self.scaled(group.calls, 8).max(usize::from(group.calls > 0));
        let denied = self.scaled(group.denied, 1).max(usize::from(group.denied > 0)).min(eighths.div_ceil(8));
        let through = eighths.saturating_sub(denied * 8);
        // A part of a cell would leave a gap before the denied ones.
        let (whole, part) = if denied > 0 { (through.div_ceil(8), 0) } else { (through / 8, through % 8) };
        let part = part.checked_sub(1).and_then(|part| PARTS.get(part));
        let mut bar: String =
            std::iter::repeat_n(LET_THROUGH, whole.min(self.cells - denied)).chain(part.copied()).collect();
        let denied: String = std::iter::repeat_n(DENIED, denied).collect();
        if self.coloured && !denied.is_empty() {
            let red = AnsiColor::Red.on_default();
            bar.extend([format!("{red}{denied}{red:#}")]);
        } else {
            bar.push_str(&denied);
        }
        bar
    }

    /// The number to the scale of the chart, in so many steps a cell.
    fn scaled(&self, number: u64, steps: usize) -> usize {
        let width = (self.cells * steps) as u64;
        let scaled =
            (u128::from(number) * u128::from(width) + u128::from(self.most / 2)) / u128::from(self.most);
        usize::try_from(scaled).unwrap_or(usize::MAX).min(self.cells * steps)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bar(calls: u64, denied: u64, coloured: bool) -> String {
        let chart = Chart::beside(10, Screen { width: Some(20), coloured }, 100).unwrap();
        chart.bar(&Group { calls, denied, ..Group::default() })
    }

    #[test]
    fn bars_are_to_scale_and_nothing_that_happened_is_invisible() {
        for (calls, denied, expected) in [
            (0, 0, ""),
            (1, 0, "▏"),
            (50, 0, "█████"),
            (56, 0, "█████▋"),
            (100, 0, "██████████"),
            (100, 1, "█████████░"),
            (100, 30, "███████░░░"),
            (55, 10, "█████░"),
            (1, 1, "░"),
            (100, 100, "░░░░░░░░░░"),
        ] {
            assert_eq!(bar(calls, denied, false), expected, "{denied} of {calls}");
        }
        assert_eq!(bar(100, 10, true), "█████████\u{1b}[31m░\u{1b}[0m");
    }

    #[test]
    fn there_are_bars_where_they_fit_on_a_terminal() {
        let screen = |width| Screen { width, coloured: false };
        assert!(Chart::beside(10, screen(None), 1).is_none());
        assert!(Chart::beside(10, screen(Some(17)), 1).is_none());
        assert!(Chart::beside(10, screen(Some(5)), 1).is_none());
        assert_eq!(Chart::beside(10, screen(Some(18)), 1).unwrap().head(), "");
        assert_eq!(Chart::beside(10, screen(Some(60)), 1).unwrap().head(), "█ let through  ░ denied");
    }
}
