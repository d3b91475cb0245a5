//! What others have said, made safe to repeat: one line, nothing that moves a terminal, no secret. Numbers for people.

use std::fmt;

/// Longer messages are cut; no person reads them.
const LONGEST: usize = 1_000;
/// The longest name that a message holds whole; the service's own are no longer.
const LONGEST_NAME: usize = 100;

/// One line that is safe to print: nothing that moves a terminal, none of the service's markers for personal data.
pub(crate) fn one_line(text: &str) -> Option<String> {
    let unmarked = text.replace("<pi>", "").replace("</pi>", "");
    let words = unmarked.split(|c: char| c.is_control() || c.is_whitespace() || turns_text(c));
    let line = words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    (!line.is_empty()).then_some(line)
}

/// The same text with `secrets` blotted out, and no longer than a person reads.
pub(crate) fn blotted(text: &str, secrets: &[&str]) -> String {
    let known = secrets.iter().filter(|secret| !secret.is_empty());
    let text = known.fold(text.to_owned(), |text, secret| text.replace(secret, "***"));
    text.chars().take(LONGEST).collect()
}

/// A name as a message can hold it, whoever gave it: cut, and with nothing that moves a terminal or turns text around.
pub(crate) fn shown(name: &str) -> String {
    let mut shown = String::new();
    for c in name.chars().take(LONGEST_NAME) {
        if turns_text(c) || c.is_control() { shown.extend(c.escape_default()) } else { shown.push(c) }
    }
    if name.chars().nth(LONGEST_NAME).is_some() {
        shown.push('…');
    }
    shown
}

/// A number as people write it: `1,000,000`.
pub(crate) struct Grouped(pub(crate) u64);

impl fmt::Display for Grouped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 < 1_000 {
            return write!(f, "{}", self.0);
        }
        write!(f, "{},{:03}", Grouped(self.0 / 1_000), self.0 % 1_000)
    }
}

/// Unicode's own signs for lines and for the direction of text, which can make a message read as another.
fn turns_text(c: char) -> bool {
    matches!(c, '\u{200E}' | '\u{200F}' | '\u{061C}' | '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_moves_a_terminal_stays() {
        assert_eq!(one_line("\u{1b}[2Jgone\r\nSet-Cookie:\t x\u{202E}").as_deref(), Some("[2Jgone Set-Cookie: x"));
        assert_eq!(one_line("Table '<pi>Cr</pi>'").as_deref(), Some("Table 'Cr'"));
        assert_eq!(one_line(" \n "), None);
    }

    #[test]
    fn a_number_is_written_in_groups_of_three() {
        let numbers = [0, 999, 1_000, 1_002_003, 12_000_000];
        assert_eq!(numbers.map(|number| Grouped(number).to_string()), ["0", "999", "1,000", "1,002,003", "12,000,000"]);
    }

    #[test]
    fn a_secret_is_blotted_out_before_the_text_is_cut() {
        let text = blotted(&format!("{}Bearer canary", "x".repeat(LONGEST - 9)), &["", "canary"]);
        assert_eq!(text, format!("{}Bearer **", "x".repeat(LONGEST - 9)));
    }

    #[test]
    fn a_name_is_shown_as_it_is_but_for_what_is_not_seen() {
        assert_eq!(shown("Größe \"😀\""), "Größe \"😀\"");
        assert_eq!(shown("a\u{1b}[2J\r\n\u{202E}b\u{2028}"), r"a\u{1b}[2J\r\n\u{202e}b\u{2028}");
        assert_eq!(shown(&"é".repeat(100)), "é".repeat(100));
        assert_eq!(shown(&"é".repeat(101)), format!("{}…", "é".repeat(100)));
    }
}
