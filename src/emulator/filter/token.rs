//! The words and signs of a filter, each with the place at which it begins.

use crate::emulator::refusal::Refusal;
use crate::emulator::rules;

/// One word or sign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    /// A name, an operator, `true` or `false`.
    Word(String),
    /// What stood in quotes, `''` read as one quote.
    Quoted(String),
    Open,
    Close,
    Comma,
    End,
}

/// Splits a filter; the last token is the end.
pub(super) fn split(text: &str) -> Result<Vec<(Token, usize)>, Refusal> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(first) = text[at..].chars().next() {
        let (token, length) = match first {
            ' ' | '\t' => {
                at += 1;
                continue;
            }
            '(' => (Token::Open, 1),
            ')' => (Token::Close, 1),
            ',' => (Token::Comma, 1),
            '\'' => quoted(text, at)?,
            _ if is_letter(first) => word(text, at)?,
            _ => return Err(syntax(text, at)),
        };
        tokens.push((token, at));
        at += length;
    }
    tokens.push((Token::End, text.len()));
    Ok(tokens)
}

/// A filter that cannot be read on from `at`.
pub(super) fn syntax(text: &str, at: usize) -> Refusal {
    wrong(format!("Syntax error at position {at} in '{text}'."))
}

/// A filter that is refused with these words.
pub(super) fn wrong(message: String) -> Refusal {
    Refusal::new(&rules::BAD_FILTER, message).of("$filter")
}

fn is_letter(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_'
}

fn word(text: &str, at: usize) -> Result<(Token, usize), Refusal> {
    let rest = &text[at..];
    let length = rest.find(|letter| !is_letter(letter)).unwrap_or(rest.len());
    if rest[length..].starts_with('\'') {
        return Err(syntax(text, at + length));
    }
    Ok((Token::Word(rest[..length].to_owned()), length))
}

fn quoted(text: &str, at: usize) -> Result<(Token, usize), Refusal> {
    let inner = &text[at + 1..];
    let mut end = 0;
    loop {
        let Some(quote) = inner[end..].find('\'').map(|found| end + found) else {
            return Err(wrong(format!("There is an unterminated string literal at position {at} in '{text}'.")));
        };
        if inner[quote + 1..].starts_with('\'') {
            end = quote + 2;
            continue;
        }
        if inner[quote + 1..].starts_with(is_letter) {
            return Err(syntax(text, at + quote + 2));
        }
        return Ok((Token::Quoted(inner[..quote].replace("''", "'")), quote + 2));
    }
}
