//! Tokens as people paste them: what stands around one is taken off, and what cannot be one is told before it is sent.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

/// How the header of a JSON Web Token begins: `{"`.
const BEGINNING: &str = "eyJ";

/// Quotes in pairs, as programs and those who write texts set them.
const QUOTES: [(char, char); 9] =
    [('"', '"'), ('\'', '\''), ('`', '`'), ('“', '”'), ('‘', '’'), ('„', '“'), ('‚', '‘'), ('”', '”'), ('’', '’')];

/// The token itself: without white space, quotes and `Bearer` around it, in whatever order they stand.
#[must_use]
pub fn bare(text: &str) -> &str {
    let mut token = trimmed(text);
    loop {
        let before = token.len();
        for (opening, closing) in QUOTES {
            let inner = token.strip_prefix(opening).and_then(|rest| rest.strip_suffix(closing));
            token = trimmed(inner.unwrap_or(token));
        }
        if let Some((scheme, rest)) = token.split_once(char::is_whitespace)
            && scheme.eq_ignore_ascii_case("Bearer")
        {
            token = rest.trim();
        }
        if token.len() == before {
            return if token.eq_ignore_ascii_case("Bearer") { "" } else { token };
        }
    }
}

/// Without white space around it, and without the mark of the byte order that some files begin with.
fn trimmed(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || c == '\u{FEFF}')
}

/// Why `token` cannot be one; `None` where it may be. Texts of other shapes than a JSON Web Token's go out.
#[must_use]
pub(super) fn flaw(token: &str) -> Option<&'static str> {
    if token.is_empty() {
        return Some("is empty");
    }
    if token.contains(char::is_whitespace) {
        return Some("has blanks or line ends inside");
    }
    is_cut(token).then_some("is a JSON Web Token that was cut: it must have three parts with dots between them")
}

/// Whether it begins as a JSON Web Token does, and does not go on as one. An encrypted one has five parts.
fn is_cut(token: &str) -> bool {
    // Letters of base64url and dots, as every JSON Web Token, whole or cut.
    let is_spelled_so = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.=".contains(&byte);
    if !token.starts_with(BEGINNING) || !token.bytes().all(is_spelled_so) {
        return false;
    }
    let parts: Vec<&str> = token.split('.').collect();
    match parts.as_slice() {
        [header, payload, signature] => signature.is_empty() || !holds_object(header) || !holds_object(payload),
        [header, .., last] if parts.len() == 5 => last.is_empty() || !holds_object(header),
        _ => true,
    }
}

fn holds_object(part: &str) -> bool {
    let json = URL_SAFE_NO_PAD.decode(part.trim_end_matches('=')).unwrap_or_default();
    serde_json::from_slice::<Value>(&json).is_ok_and(|value| value.is_object())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_around_a_token_is_taken_off() {
        for pasted in [
            "token",
            " token\r\n",
            "Bearer token",
            "bearer\ttoken ",
            "\"token\"",
            "'Bearer token'",
            "Bearer \"token\"",
            "\"'Bearer  Bearer token' \"",
            "`token`",
            "“token”",
            "‘Bearer token’",
            "„token“",
            "Bearer ”token”",
            "\u{FEFF}\"token\"",
        ] {
            assert_eq!(bare(pasted), "token", "{pasted}");
        }
        for (kept, is) in
            [("a b", "a b"), ("\"token", "\"token"), ("Bearer", ""), ("\"\"", ""), ("Bearertoken", "Bearertoken")]
        {
            assert_eq!(bare(kept), is, "{kept}");
        }
    }

    #[test]
    fn a_json_web_token_that_was_cut_is_told_from_every_other_text() {
        let part = |json: &str| URL_SAFE_NO_PAD.encode(json);
        let (header, payload) = (part(r#"{"alg":"none"}"#), part(r#"{"aud":"x","exp":1700000000}"#));
        let whole = format!("{header}.{payload}.c2ln");
        for end in [3, header.len(), header.len() + 1, header.len() + 9, whole.len() - 5, whole.len() - 4] {
            assert!(flaw(&whole[..end]).is_some_and(|flaw| flaw.contains("cut")), "{}", &whole[..end]);
        }
        for good in [
            &whole,
            "opaque",
            "a.b.c",
            "e30.W10.e30",
            "eyx",
            "eyJ-canary+5e2f/7d1c=",
            &format!("{header}.k.iv.text.tag"),
        ] {
            assert_eq!(flaw(good), None, "{good}");
        }
    }

    #[test]
    fn what_is_empty_or_has_blanks_is_no_token() {
        assert_eq!(flaw(""), Some("is empty"));
        for blank in ["a token", "a\ntoken", "a\u{a0}token"] {
            assert_eq!(flaw(blank), Some("has blanks or line ends inside"), "{blank:?}");
        }
    }
}
