//! `$filter` of Get Groups: the documented form (facts/powerbi 1.7) and its siblings. The rest of `OData` is refused by its name.
//!
//! ```text
//!  contains(name,'marketing') or name eq 'contoso' and isReadOnly eq false      `and` binds closer than `or`
//!  └───── condition ────────┘    └── condition ──┘     └── condition ────┘
//! ```

use super::assumed::Case;
use super::refusal::Refusal;
use super::rules;
use super::store::Workspace;

/// Several lists of conditions: all conditions of at least one list must hold.
#[derive(Debug)]
pub(super) struct Filter {
    any: Vec<Vec<Condition>>,
    case: Case,
}

/// A property of a workspace, compared with a value.
#[derive(Debug)]
struct Condition {
    property: String,
    holds: fn(&str, &str) -> bool,
    value: String,
}

/// What a condition is made of, beside texts in quotes.
const KNOWN: &str = "id name isReadOnly isOnDedicatedCapacity contains startswith endswith eq ne true false ( , )";

impl Filter {
    /// Reads the decoded text of the parameter; fails as the service does, or names what the emulator does not support.
    pub(super) fn read(text: &str, case: Case) -> Result<Self, Refusal> {
        let tokens = split(text)?;
        let (first, mut rest) = condition(text, &tokens)?;
        let mut any = vec![vec![first]];
        while let [word, after @ ..] = rest {
            if !matches!(*word, "and" | "or") {
                return Err(unsupported(word));
            }
            let next;
            (next, rest) = condition(text, after)?;
            match any.last_mut() {
                Some(all) if *word == "and" => all.push(next),
                _ => any.push(vec![next]),
            }
        }
        Ok(Self { any, case })
    }

    /// Whether a workspace is wanted. Ids are the same in any case, whatever is assumed of names.
    pub(super) fn admits(&self, workspace: &Workspace) -> bool {
        let admits = |Condition { property, holds, value }: &Condition| {
            let actual = match property.as_str() {
                "id" => &workspace.id,
                "name" => &workspace.name,
                "isReadOnly" => &workspace.is_read_only().to_string(),
                _ => &workspace.capacity.is_some().to_string(),
            };
            let fold = self.case == Case::Insensitive || property == "id";
            if fold { holds(&actual.to_lowercase(), &value.to_lowercase()) } else { holds(actual, value) }
        };
        self.any.iter().any(|all| all.iter().all(admits))
    }
}

/// The condition that `tokens` begin with, and the tokens after it.
fn condition<'a, 'b>(text: &str, tokens: &'b [&'a str]) -> Result<(Condition, &'b [&'a str]), Refusal> {
    let (property, operator, value, rest) = match tokens {
        [call @ ("contains" | "startswith" | "endswith"), "(", "name", ",", value, ")", rest @ ..]
            if is_text(value) =>
        {
            ("name", *call, *value, rest)
        }
        [property, operator @ ("eq" | "ne"), value, rest @ ..]
            if match *property {
                "id" | "name" => is_text(value),
                "isReadOnly" | "isOnDedicatedCapacity" => matches!(*value, "true" | "false"),
                _ => false,
            } =>
        {
            (*property, *operator, *value, rest)
        }
        _ => return Err(no_condition(text, tokens)),
    };
    let holds: fn(&str, &str) -> bool = match operator {
        "contains" => |whole, part| whole.contains(part),
        "startswith" => |whole, part| whole.starts_with(part),
        "endswith" => |whole, part| whole.ends_with(part),
        "eq" => |actual, value| actual == value,
        _ => |actual, value| actual != value,
    };
    let value = if is_text(value) { value[1..value.len() - 1].replace("''", "'") } else { value.to_owned() };
    Ok((Condition { property: property.to_owned(), holds, value }, rest))
}

fn is_text(token: &str) -> bool {
    token.starts_with('\'')
}

/// What is wrong with the tokens up to the next `and` or `or`.
fn no_condition(text: &str, tokens: &[&str]) -> Refusal {
    let own = tokens.split(|token| matches!(*token, "and" | "or")).next().unwrap_or_default();
    let is_known = |token: &str| is_text(token) || KNOWN.split(' ').any(|known| known == token);
    match own.iter().find(|token| !is_known(token)) {
        Some(strange) => unsupported(strange),
        None if own.len() == tokens.len() && own.len() < 3 => {
            wrong(format!("Syntax error at position {} in '{text}'.", text.len()))
        }
        None => unsupported(&own.join(" ")),
    }
}

/// Words, texts with their quotes, and single signs.
fn split(text: &str) -> Result<Vec<&str>, Refusal> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let at = text.len() - rest.len();
        let length = if first == '\'' {
            let unterminated =
                || wrong(format!("There is an unterminated string literal at position {at} in '{text}'."));
            end_of_text(rest).ok_or_else(unterminated)?
        } else {
            let word = rest.find(|letter: char| !letter.is_alphanumeric()).unwrap_or(rest.len());
            word.max(first.len_utf8())
        };
        tokens.push(&rest[..length]);
        rest = rest[length..].trim_start();
    }
    Ok(tokens)
}

/// Where a text in quotes ends; a quote that is written twice does not end it.
fn end_of_text(quoted: &str) -> Option<usize> {
    let mut at = 1;
    loop {
        at += quoted[at..].find('\'')? + 1;
        if !quoted[at..].starts_with('\'') {
            return Some(at);
        }
        at += 1;
    }
}

fn unsupported(what: &str) -> Refusal {
    let supported = "name eq 'x', id ne 'x', isReadOnly eq true, contains(name,'x'), startswith and endswith, joined by \
                     `and` and `or`";
    wrong(format!("the emulator does not support `{what}` here; in a $filter it reads {supported}"))
}

fn wrong(message: String) -> Refusal {
    Refusal::new(&rules::BAD_FILTER, message).of("$filter")
}
