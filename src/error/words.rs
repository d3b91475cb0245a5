//! What others have said, made safe to repeat: one line, nothing that moves a terminal, no secret. Numbers for people.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What stays as it is in an address (RFC 3986, 2.3), and what also does in a path.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
const RESERVED_BUT_SLASH: &AsciiSet = &RESERVED.remove(b'/');
/// Longer messages are cut; no person reads them.
const LONGEST: usize = 1_000;
/// The longest name that a message holds whole; the service's own are no longer.
const LONGEST_NAME: usize = 100;

/// How the header of a JSON Web Token begins (`{"`), a key or a certificate in DER (long sequences), and one in PEM.
const TOKEN: &str = "eyJ";
const DER: &str = "MII";
const PEM: &str = "-----BEGIN ";
/// What is shorter is no token; a line of Base64 is longer than a short word.
const SHORTEST_TOKEN: usize = 20;
const SHORTEST_LINE: usize = 4;

/// One line that is safe to print: nothing that moves a terminal, none of the service's markers for personal data.
pub(crate) fn one_line(text: &str) -> Option<String> {
    let unmarked = text.replace("<pi>", "").replace("</pi>", "");
    let words = unmarked.split(|c: char| c.is_control() || c.is_whitespace() || turns_text(c));
    let line = words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    (!line.is_empty()).then_some(line)
}

/// The same text with `secrets` blotted out, however they are spelled, what looks like one too, and no longer than a person
/// reads.
pub(crate) fn blotted(text: &str, secrets: &[&str]) -> String {
    let known = secrets.iter().filter(|secret| !secret.is_empty());
    let text = known.flat_map(|secret| forms(secret)).fold(text.to_owned(), |text, form| text.replace(&form, "***"));
    without_tokens(&text).chars().take(LONGEST).collect()
}

/// A secret as an answer could repeat it: as it is, in a form or an address, in JSON, in Base64.
fn forms(secret: &str) -> Vec<String> {
    let coded = |kept: &'static AsciiSet| utf8_percent_encode(secret, kept).to_string();
    let json = serde_json::Value::from(secret).to_string();
    let mut forms = vec![
        secret.to_owned(),
        coded(NON_ALPHANUMERIC),
        coded(RESERVED),
        coded(RESERVED_BUT_SLASH),
        json[1..json.len() - 1].to_owned(),
        STANDARD_NO_PAD.encode(secret),
        URL_SAFE_NO_PAD.encode(secret),
    ];
    forms.dedup();
    forms
}

/// A name as a message can hold it, whoever gave it: cut, with nothing that moves a terminal or turns text around, and
/// without what may be a key.
pub(crate) fn shown(name: &str) -> String {
    let (mut shown, name) = (String::new(), without_keys(name));
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

/// So many of something: `1 row`, `2 rows`.
pub(crate) fn amount(count: u64, word: &str) -> String {
    if count == 1 { format!("1 {word}") } else { format!("{count} {word}s") }
}

/// Whether `text` looks like an address, or a part of one, with a key in it: then it is no name, and nobody is shown it.
pub(crate) fn holds_key(text: &str) -> bool {
    behind_key(text).next().is_some() || text.contains("//") && key_in(text).is_some()
}

/// The same text with `***` for everything in it that may be a key: what follows `key=`, the queries of addresses, and what
/// is a token, a key or a certificate by its look.
pub(crate) fn without_keys(text: &str) -> String {
    let text = without_tokens(text);
    let (mut shown, mut rest) = (String::with_capacity(text.len()), text.as_str());
    while let Some(at) = key_in(rest) {
        shown.push_str(&rest[..at]);
        shown.push_str("***");
        rest = &rest[at..];
        rest = &rest[word_end(rest)..];
    }
    shown + rest
}

/// The same text with `***` for JSON Web Tokens, whole or cut, and for what stands in PEM or Base64 files of keys.
fn without_tokens(text: &str) -> String {
    let (mut shown, mut rest) = (String::with_capacity(text.len()), text);
    while let Some((begins, ends)) = token_in(rest) {
        shown.push_str(&rest[..begins]);
        shown.push_str("***");
        rest = &rest[ends..];
    }
    shown + rest
}

/// Where the first of them in `text` begins and ends.
fn token_in(text: &str) -> Option<(usize, usize)> {
    let pem = text.find(PEM).map(|at| (at, at + pem_length(&text[at..])));
    let found = |mark: &'static str| text.match_indices(mark).map(|(at, _)| at);
    let tokens = found(TOKEN).map(|at| (at, at + coded_length(&text[at..])));
    let keys = found(DER).filter(|at| !text[..*at].ends_with(is_coded)).map(|at| (at, at + lines_length(&text[at..])));
    let coded = tokens.chain(keys).filter(|(begins, ends)| ends - begins >= SHORTEST_TOKEN);
    coded.chain(pem).min()
}

fn pem_length(text: &str) -> usize {
    let Some((before, last)) = text.split_once("-----END") else { return text.len() };
    let dashes = "-----";
    text.len() - last.len() + last.find(dashes).map_or_else(|| text.len() - before.len() - 8, |at| at + dashes.len())
}

/// How long Base64 in either of its alphabets goes on, with dots between its parts, as an address may spell it.
fn coded_length(text: &str) -> usize {
    let length = text.find(|c: char| !is_coded(c) && !matches!(c, '.' | '%')).unwrap_or(text.len());
    text[..length].trim_end_matches('.').len()
}

/// The same where it is broken into lines.
fn lines_length(text: &str) -> usize {
    let mut length = coded_length(text);
    loop {
        let rest = &text[length..];
        let line = rest.trim_start();
        let more = coded_length(line);
        if line.len() == rest.len() || more < SHORTEST_LINE {
            return length;
        }
        length += rest.len() - line.len() + more;
    }
}

fn is_coded(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '-' | '_' | '=')
}

/// Where the first key in `text` may begin: behind `key=`, or behind a `?` that a word follows at once, as in a query.
fn key_in(text: &str) -> Option<usize> {
    let queries = text.match_indices('?').map(|(at, _)| at + 1).filter(|at| begins_word(&text[*at..]));
    queries.chain(behind_key(text)).min()
}

/// The places behind each `key=`.
fn behind_key(text: &str) -> impl Iterator<Item = usize> {
    let lower = text.to_ascii_lowercase();
    let behind = |sign: &str| lower.match_indices(sign).map(|(at, _)| at + sign.len()).collect::<Vec<_>>();
    let found = [behind("key="), behind("key%3d")].concat();
    found.into_iter().filter(move |at| begins_word(&text[*at..]))
}

fn begins_word(text: &str) -> bool {
    text.starts_with(|c: char| c.is_alphanumeric() || matches!(c, '%' | '_' | '+'))
}

/// Where a word ends, as an address would: at white space or a quote.
fn word_end(text: &str) -> usize {
    text.find(|c: char| c.is_whitespace() || matches!(c, '`' | '"' | '\'')).unwrap_or(text.len())
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
        for form in ["a+~/\"b", "a%2B%7E%2F%22b", "a%2B~%2F%22b", "a%2B~/%22b", "a+~/\\\"b", "YSt+LyJi"] {
            assert_eq!(blotted(&format!("no {form}."), &["a+~/\"b"]), "no ***.", "{form}");
        }
        let text = blotted(&format!("{}Bearer canary", "x".repeat(LONGEST - 9)), &["", "canary"]);
        assert_eq!(text, format!("{}Bearer **", "x".repeat(LONGEST - 9)));
    }

    #[test]
    fn what_may_be_a_key_is_found() {
        for keyed in [
            "api.powerbi.com/beta/x/rows?key=a",
            "KEY=a",
            "key=a?b",
            "rows?key%3Da",
            "https://example.org/x?sig=a",
            "\u{feff}//host/rows?experience=power-bi",
        ] {
            assert!(holds_key(keyed), "{keyed}");
        }
        for name in [
            "Sales",
            "What sold?",
            "Q?A",
            "?a=1#b",
            "https://example.org",
            "a=b",
            "Was war? x=1",
            "key",
            "key=",
            "(What?)",
            "Größe",
            "",
        ] {
            assert!(!holds_key(name), "{name}");
        }
    }

    #[test]
    fn keys_are_blotted_out_and_nothing_else_is() {
        assert_eq!(
            without_keys("`https://h/rows?ctid=1&key=a%2B` and 'KEY=b', \"//h?c\"; what? key=d e"),
            "`https://h/rows?***` and 'KEY=***', \"//h?***\"; what? key=*** e"
        );
        let plain = "there is no dataset `What sold?`: a=b";
        assert_eq!(without_keys(plain), plain);
        let once = without_keys("x?key=a");
        assert_eq!(without_keys(&once), once);
    }

    #[test]
    fn what_looks_like_a_token_or_a_key_is_blotted_out_wherever_it_stands() {
        let token = "eyJhbGciOiJub25lIn0.eyJhdWQiOiJ4In0.c2ln";
        for (text, shown) in [
            (format!("no {token}."), "no ***."),
            (format!("RuntimeError: ('{token}', 1)"), "RuntimeError: ('***', 1)"),
            (format!("a=Bearer%20{token}&b"), "a=Bearer%20***&b"),
            (format!("{{\"t\":\"{}\"}}", &token[..30]), "{\"t\":\"***\"}"),
            ("-----BEGIN PRIVATE KEY-----\nMIIx\n-----END PRIVATE KEY-----, no".into(), "***, no"),
            ("of `-----BEGIN PRIVATE KEY-----\nMIIx".into(), "of `***"),
            (format!("`MIIK{}\r\n{}\nab/+=` no", "a".repeat(60), "/".repeat(64)), "`***` no"),
        ] {
            assert_eq!(without_keys(&text), shown);
            assert_eq!(blotted(&text, &[]), shown);
        }
        for plain in ["eyJ", "heyJoe says", "MIIT and others who are there", "-----BEGINNING"] {
            assert_eq!(without_keys(plain), plain);
        }
    }

    #[test]
    fn a_name_is_shown_as_it_is_but_for_what_is_not_seen() {
        assert_eq!(shown("Größe \"😀\""), "Größe \"😀\"");
        assert_eq!(shown("a\u{1b}[2J\r\n\u{202E}b\u{2028}"), r"a\u{1b}[2J\r\n\u{202e}b\u{2028}");
        assert_eq!(shown(&"é".repeat(100)), "é".repeat(100));
        assert_eq!(shown(&"é".repeat(101)), format!("{}…", "é".repeat(100)));
    }
}
