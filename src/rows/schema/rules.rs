//! What every service has rules about, whatever they are: how many of something there are, and what it is called.

use std::collections::HashSet;

use crate::error::shown;

/// Of more than this and than a service takes nothing but the number is told: nobody meant them, and to look at each takes
/// minutes.
pub const FAR_TOO_MANY: usize = 250;

/// How many there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Most {
    /// The service takes no more.
    Service(usize),
    /// The service has no limit that is written down; this one is ours.
    Ours(usize),
}

/// How many of everything a schema may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Columns of one table.
    pub columns: Most,
    /// Tables of one dataset.
    pub tables: Most,
    /// Relationships of one dataset.
    pub relationships: Most,
    /// Measures of one table.
    pub measures: Most,
}

impl Counts {
    /// Why no schema can have so many of `what`, where it is far too many to look at; `at_least` says that there are more.
    #[must_use]
    pub fn far_too_many(&self, owner: &str, what: &str, count: usize, at_least: bool) -> Option<String> {
        let most = match what {
            "columns" => self.columns,
            "tables" => self.tables,
            "relationships" => self.relationships,
            _ => self.measures,
        };
        let (most, who) = match most {
            Most::Service(most) => (most, "the service takes"),
            Most::Ours(most) => (most, "no more are taken than"),
        };
        let more = if at_least { "more than " } else { "" };
        let is_far = at_least || count > most.max(FAR_TOO_MANY);
        is_far.then(|| format!("{owner} has {more}{count} {what}; {who} {most}"))
    }
}

/// What something may be called.
#[derive(Debug, Clone, Copy)]
pub struct NameRules {
    /// Its characters at most, where there is a limit.
    pub longest: Option<usize>,
    /// How characters are counted.
    pub length: fn(&str) -> usize,
    /// Which characters are refused.
    pub refuses: fn(char) -> bool,
}

impl NameRules {
    /// Tells of a name of `what` that is too long.
    pub fn check_length(&self, name: &str, what: &str, problems: &mut Vec<String>) {
        let length = (self.length)(name);
        if let Some(longest) = self.longest.filter(|longest| length > *longest) {
            let name = shown(name);
            problems.push(format!("{what} `{name}` has a name of {length} characters; the service takes {longest}"));
        }
    }

    /// Tells of the first character of it that is refused.
    pub fn check_characters(&self, name: &str, what: &str, problems: &mut Vec<String>) {
        if let Some(bad) = name.chars().find(|&sign| (self.refuses)(sign)) {
            problems.push(format!("{what} `{}` has {bad:?} in its name, which the service refuses", shown(name)));
        }
    }

    /// Tells of all characters of it that are refused, at once.
    pub fn check_all_characters(&self, name: &str, what: &str, problems: &mut Vec<String>) {
        let mut bad: Vec<char> = name.chars().take(FAR_TOO_MANY).filter(|&sign| (self.refuses)(sign)).collect();
        bad.sort_unstable();
        bad.dedup();
        if !bad.is_empty() {
            let bad = bad.iter().map(|sign| format!("{sign:?}")).collect::<Vec<_>>().join(" ");
            let name = shown(name);
            problems.push(format!("{what} `{name}` has characters in its name that the service refuses: {bad}"));
        }
    }
}

/// Tells of names that are there twice; `place` is where, and `what` they name.
pub fn check_unique<'a>(
    names: impl IntoIterator<Item = &'a String>,
    what: &str,
    place: &str,
    problems: &mut Vec<String>,
) {
    let mut seen = HashSet::new();
    for name in names {
        if !name.is_empty() && !seen.insert(name.to_lowercase()) {
            problems.push(format!(
                "{place} has two {what} named `{}` (upper and lower case count as the same)",
                shown(name)
            ));
        }
    }
}
