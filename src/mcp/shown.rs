//! What others wrote, as a message repeats it: in one line, of bounded length, and without what a terminal would obey.

/// Most characters of a name that a message repeats.
const NAME: usize = 80;

/// Most characters of a whole message: a line that can still be read.
const LINE: usize = 1000;

/// What of a longer message stays at its end, where it says what to do.
const END: usize = 200;

/// A name, cut.
pub(crate) fn shown(name: &str) -> String {
    name.chars().take(NAME).map(plain).collect()
}

/// A message that holds names of any length: where it is longer than a line, its middle is left out.
///
/// Every message of a denial and of a diagnostic goes through here, so that no name has to be thought of.
pub(crate) fn line(text: &str) -> String {
    let length = text.chars().count();
    let characters = text.chars().map(plain);
    if length <= LINE {
        return characters.collect();
    }
    let end = characters.clone().skip(length - END);
    characters.take(LINE - END).chain([' ', '…', ' ']).chain(end).collect()
}

/// Whether a terminal would obey the character, or it would turn the direction of writing, hide, or hide others.
pub(crate) fn steers(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{ad}'
                | '\u{61c}'
                | '\u{180e}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

fn plain(character: char) -> char {
    if steers(character) { '?' } else { character }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_is_not_shown() {
        for odd in [
            "\u{1b}[2J",
            "\u{9b}2J",
            "\u{202e}",
            "\u{2066}",
            "\u{200b}",
            "\u{feff}",
            "\u{e0041}",
            "\u{ad}",
            "\r\n",
        ] {
            let text = format!("é🐇{odd}z");
            assert!(!shown(&text).contains(steers) && shown(&text).starts_with("é🐇?"), "{odd:?}");
            assert!(!line(&text).contains(steers) && line(&text).ends_with('z'), "{odd:?}");
        }
    }

    #[test]
    fn a_line_keeps_its_beginning_and_its_end() {
        let text = format!("a{}z", "é".repeat(5000));
        let line = line(&text);
        assert!(line.starts_with("aé") && line.ends_with("éz") && line.contains('…'), "{line}");
        assert!(line.chars().count() <= LINE + 3);
        let fits = "x".repeat(LINE);
        assert_eq!(super::line(&fits), fits);
        assert_eq!(shown(&text).chars().count(), NAME);
    }
}
