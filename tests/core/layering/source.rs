//! The source as words, and the paths of our own crate that they name.

use std::fs;
use std::path::Path;

use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};

/// A source file: its path below `src`, such as `services/powerbi.rs`, and its text.
pub(super) type File = (String, String);
/// A word or a sign of the source, and its line.
pub(super) type Word = (String, usize);

/// The source as words, `::`, and single signs; no comments, texts, characters or lifetimes, and nothing that only tests are
/// built with.
pub(super) fn words(text: &str) -> Vec<Word> {
    let mut words = tokens(text);
    words.retain(|(word, _)| !word.ends_with('"'));
    words
}

/// The texts of the source, in their quotes.
pub(super) fn texts(text: &str) -> Vec<Word> {
    let mut words = tokens(text);
    words.retain(|(word, _)| word.ends_with('"'));
    words
}

fn tokens(text: &str) -> Vec<Word> {
    let mut found = Vec::new();
    flatten(text.parse().expect("source of Rust"), &mut found);
    without_tests(&found)
}

fn flatten(tokens: TokenStream, found: &mut Vec<Word>) {
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        let line = token.span().start().line;
        match token {
            TokenTree::Group(group) => {
                let [open, close] = match group.delimiter() {
                    Delimiter::Parenthesis => ["(", ")"],
                    Delimiter::Brace => ["{", "}"],
                    Delimiter::Bracket => ["[", "]"],
                    Delimiter::None => ["", ""],
                };
                found.push((open.to_owned(), line));
                // A comment that documents something arrives as an attribute.
                if !group.to_string().starts_with("[doc =") {
                    flatten(group.stream(), found);
                }
                found.push((close.to_owned(), group.span_close().start().line));
            }
            TokenTree::Ident(word) => found.push((word.to_string().trim_start_matches("r#").to_owned(), line)),
            TokenTree::Punct(sign) if sign.as_char() == '\'' => drop(tokens.next()),
            TokenTree::Punct(sign) if sign.as_char() == ':' && sign.spacing() == Spacing::Joint => {
                let is_path = tokens.next_if(|next| matches!(next, TokenTree::Punct(next) if next.as_char() == ':'));
                found.push((if is_path.is_some() { "::" } else { ":" }.to_owned(), line));
            }
            TokenTree::Punct(sign) => found.push((sign.to_string(), line)),
            TokenTree::Literal(literal) => {
                let text = literal.to_string();
                let text = if text.ends_with('#') { text.trim_end_matches('#').to_owned() } else { text };
                if !text.ends_with('\'') {
                    found.push((text, line));
                }
            }
        }
    }
}

/// The words without the modules that only tests are built with.
fn without_tests(words: &[Word]) -> Vec<Word> {
    let mut kept: Vec<Word> = Vec::new();
    let (mut at, mut for_tests) = (0, false);
    while at < words.len() {
        let starts = |signs: &[&str]| {
            let here = words[at..].iter().map(|(word, _)| word.as_str());
            here.take(signs.len()).eq(signs.iter().copied())
        };
        if starts(&["#", "["]) {
            let end = closing(words, at + 1);
            let is_cfg = starts(&["#", "[", "cfg"]);
            let says = |wanted: &str| words[at..end].iter().any(|(word, _)| word == wanted);
            for_tests |= is_cfg && says("test") && !says("not");
            kept.extend_from_slice(&words[at..end]);
            at = end;
            continue;
        }
        let block = words.get(at + 2).is_some_and(|(word, _)| word == "{");
        if for_tests && starts(&["mod"]) && block {
            at = closing(words, at + 2);
        } else {
            kept.push(words[at].clone());
            at += 1;
        }
        for_tests = false;
    }
    kept
}

/// Where what `open` opens has been closed.
fn closing(words: &[Word], open: usize) -> usize {
    let mut depth = 0_usize;
    for (at, (word, _)) in words.iter().enumerate().skip(open) {
        match word.as_str() {
            "{" | "[" | "(" => depth += 1,
            "}" | "]" | ")" => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return at + 1;
        }
    }
    words.len()
}

/// Every path of our own crate that the words name, from the root on, and its line.
pub(super) fn mentions(words: &[Word], home: &[String]) -> Vec<(Vec<String>, usize)> {
    let mut inside: Vec<(String, usize)> = Vec::new();
    let (mut depth, mut found) = (0_usize, Vec::new());
    let sign = |at: usize| words.get(at).map_or("", |(word, _)| word.as_str());
    for at in 0..words.len() {
        match sign(at) {
            "mod" if sign(at + 2) == "{" => inside.push((sign(at + 1).to_owned(), depth)),
            "{" => depth += 1,
            "}" => {
                depth = depth.saturating_sub(1);
                inside.retain(|(_, outer)| *outer < depth);
            }
            // `pub(in crate::room)` says who may see something; it names nothing.
            "crate" if at > 1 && (sign(at - 2), sign(at - 1)) == ("(", "in") => {}
            "crate" if matches!(sign(at + 1), "::" | "as") => {
                branches(words, at, &[], &mut found);
            }
            "self" | "super" if sign(at + 1) == "::" && (at == 0 || sign(at - 1) != "::") => {
                let here = home.iter().cloned().chain(inside.iter().map(|(name, _)| name.clone()));
                branches(words, at, &here.collect::<Vec<_>>(), &mut found);
            }
            _ => {}
        }
    }
    found
}

/// Follows one path, through its braces, and gives where each end of it leads; returns the place after it.
fn branches(words: &[Word], from: usize, base: &[String], found: &mut Vec<(Vec<String>, usize)>) -> usize {
    let (mut at, mut path) = (from, base.to_vec());
    let sign = |at: usize| words.get(at).map_or("", |(word, _)| word.as_str());
    loop {
        match sign(at) {
            "{" => {
                let end = closing(words, at);
                at += 1;
                while at < end - 1 {
                    at = branches(words, at, &path, found).max(at + 1);
                    while at < end - 1 && sign(at - 1) != "," {
                        at += 1;
                    }
                }
                return end;
            }
            "super" => drop(path.pop()),
            "crate" | "self" => {}
            name => path.push(name.to_owned()),
        }
        let follows = sign(at + 2).starts_with(|first: char| first.is_alphabetic() || "_{*".contains(first));
        if sign(at + 1) != "::" || !follows {
            found.push((path, words[at].1));
            return at + 1;
        }
        at += 2;
    }
}

fn read(folder: &Path, below: &str, files: &mut Vec<File>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let entry = entry.expect("an entry").path();
        let name = format!("{below}{}", entry.file_name().expect("a name").to_string_lossy());
        if entry.is_dir() {
            read(&entry, &format!("{name}/"), files);
        } else if entry.extension().is_some_and(|kind| kind == "rs") {
            files.push((name, fs::read_to_string(&entry).expect("a source file")));
        }
    }
}

/// All files of the source.
pub(super) fn source() -> Vec<File> {
    let mut files = Vec::new();
    read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), "", &mut files);
    assert!(files.iter().any(|(path, _)| path == "lib.rs"), "the checker reads src");
    files
}
