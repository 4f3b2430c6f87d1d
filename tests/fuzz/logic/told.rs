//! What people and clients are told: a line that cannot write to a terminal.

/// Longest message of a denial or of a diagnostic, in characters.
pub const LONGEST: usize = 2000;

/// A message is one line of bounded length, of characters that a terminal shows and does not obey.
#[track_caller]
pub fn line(text: &str) {
    assert!(!text.is_empty(), "nothing is said");
    let length = text.chars().count();
    assert!(
        length <= LONGEST,
        "{length} characters in one line: {}…",
        text.chars().take(200).collect::<String>()
    );
    harmless(text);
}

/// No character steers a terminal, turns the direction of writing, or hides.
#[track_caller]
pub fn harmless(text: &str) {
    if let Some(odd) = text.chars().find(|one| steers(*one)) {
        panic!("U+{:04X} is told: {text:?}", u32::from(odd));
    }
}

/// Written out here once more, so that a character which the code forgets is found.
fn steers(one: char) -> bool {
    one.is_control()
        || matches!(u32::from(one), 0xAD | 0x61C | 0x180E | 0x200B..=0x200F | 0x2028..=0x202E | 0x2060..=0x206F | 0xFEFF | 0xFFF9..=0xFFFB | 0xE0000..=0xE007F)
}
