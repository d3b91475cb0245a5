//! `$filter` of Get Groups: the part of `OData` that names, ids and flags of workspaces need (facts/powerbi 1.7).
//!
//! ```text
//!  "not contains(name,'x') and id eq '...'" ──▶ token ──▶ parse ──▶ Filter ──▶ admits(workspace)?
//! ```
//!
//! As in `OData`, `not` binds closer than `eq`, `eq` than `and`, `and` than `or`, and every word is in lower case.

mod parse;
mod token;

use std::borrow::Cow;

use super::assumed::Case;
use super::refusal::Refusal;
use super::workspace::Workspace;

/// A condition on workspaces.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Filter {
    root: Flag,
    case: Case,
}

impl Filter {
    /// Reads the decoded text of the parameter; fails as the service does.
    pub(super) fn read(text: &str, case: Case) -> Result<Self, Refusal> {
        Ok(Self { root: parse::condition(text)?, case })
    }

    /// Whether a workspace is wanted.
    pub(super) fn admits(&self, workspace: &Workspace) -> bool {
        self.root.holds(workspace, self.case)
    }
}

/// What is true or false of a workspace.
#[derive(Debug, PartialEq, Eq)]
enum Flag {
    Literal(bool),
    IsReadOnly,
    IsOnDedicatedCapacity,
    Contains(Text, Text),
    StartsWith(Text, Text),
    EndsWith(Text, Text),
    SameText(Text, Text),
    Agree(Box<Flag>, Box<Flag>),
    Not(Box<Flag>),
    Both(Box<Flag>, Box<Flag>),
    Either(Box<Flag>, Box<Flag>),
}

impl Flag {
    fn holds(&self, workspace: &Workspace, case: Case) -> bool {
        let text = |text: &Text, other: &Text| {
            let fold = case == Case::Insensitive || text.is_id() || other.is_id();
            let value = text.of(workspace);
            if fold { value.to_lowercase() } else { value.into_owned() }
        };
        let both = |left: &Text, right: &Text| (text(left, right), text(right, left));
        let holds = |flag: &Self| flag.holds(workspace, case);
        match self {
            Self::Literal(value) => *value,
            Self::IsReadOnly => workspace.is_read_only(),
            Self::IsOnDedicatedCapacity => workspace.capacity.is_some(),
            Self::Contains(whole, part) => {
                let (whole, part) = both(whole, part);
                whole.contains(&part)
            }
            Self::StartsWith(whole, part) => {
                let (whole, part) = both(whole, part);
                whole.starts_with(&part)
            }
            Self::EndsWith(whole, part) => {
                let (whole, part) = both(whole, part);
                whole.ends_with(&part)
            }
            Self::SameText(left, right) => {
                let (left, right) = both(left, right);
                left == right
            }
            Self::Agree(left, right) => holds(left) == holds(right),
            Self::Not(flag) => !holds(flag),
            Self::Both(left, right) => holds(left) && holds(right),
            Self::Either(left, right) => holds(left) || holds(right),
        }
    }
}

/// A text of a workspace, or one that the filter brings.
#[derive(Debug, PartialEq, Eq)]
enum Text {
    Literal(String),
    Id,
    Name,
    Lower(Box<Text>),
    Upper(Box<Text>),
}

impl Text {
    fn of<'a>(&'a self, workspace: &'a Workspace) -> Cow<'a, str> {
        match self {
            Self::Literal(text) => text.into(),
            Self::Id => (&workspace.id).into(),
            Self::Name => (&workspace.name).into(),
            Self::Lower(text) => text.of(workspace).to_lowercase().into(),
            Self::Upper(text) => text.of(workspace).to_uppercase().into(),
        }
    }

    /// Ids are the same in any case, whatever holds for names.
    fn is_id(&self) -> bool {
        match self {
            Self::Id => true,
            Self::Literal(_) | Self::Name => false,
            Self::Lower(text) | Self::Upper(text) => text.is_id(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admitted(filter: &str, case: Case) -> Vec<&'static str> {
        let filter = Filter::read(filter, case).unwrap();
        let names = ["contoso", "Contoso", "marketing group", "It's all", "x"];
        names.into_iter().filter(|name| filter.admits(&Workspace::new(*name))).collect()
    }

    #[test]
    fn a_workspace_is_admitted_exactly_if_the_condition_holds() {
        for (filter, expected) in [
            ("name eq 'contoso'", vec!["contoso"]),
            ("'contoso' eq name", vec!["contoso"]),
            ("name ne 'contoso' and name ne 'x'", vec!["Contoso", "marketing group", "It's all"]),
            ("contains(name,'marketing') or name eq 'contoso'", vec!["contoso", "marketing group"]),
            ("contains( name , 'on' )", vec!["contoso", "Contoso"]),
            ("startswith(name,'Con')", vec!["Contoso"]),
            ("endswith(name,'p')", vec!["marketing group"]),
            ("tolower(name) eq 'contoso'", vec!["contoso", "Contoso"]),
            ("toupper(name) eq 'CONTOSO'", vec!["contoso", "Contoso"]),
            ("contains(tolower(name),tolower('CON'))", vec!["contoso", "Contoso"]),
            ("name eq 'It''s all'", vec!["It's all"]),
            ("name eq ''", vec![]),
            ("contains(name,'''')", vec!["It's all"]),
            ("not contains(name,'o')", vec!["It's all", "x"]),
            ("not (name eq 'x' or contains(name,'o'))", vec!["It's all"]),
            ("contains(name,'o') eq false", vec!["It's all", "x"]),
            ("not contains(name,'o') eq true", vec!["It's all", "x"]),
            ("name eq 'x' or name eq 'contoso' and contains(name,'C')", vec!["x"]),
            ("(name eq 'x' or name eq 'contoso') and not contains(name,'C')", vec!["contoso", "x"]),
            ("isReadOnly eq true", vec![]),
            ("isOnDedicatedCapacity ne true and name eq 'x'", vec!["x"]),
            ("not isReadOnly and name eq 'x'", vec!["x"]),
            ("  name  eq  'x'  ", vec!["x"]),
        ] {
            assert_eq!(admitted(filter, Case::Sensitive), expected, "{filter}");
        }
    }

    #[test]
    fn whether_case_counts_in_names_is_a_switch() {
        assert_eq!(admitted("name eq 'CONTOSO'", Case::Sensitive), [""; 0]);
        assert_eq!(admitted("name eq 'CONTOSO'", Case::Insensitive), ["contoso", "Contoso"]);
        assert_eq!(admitted("contains(name,'GROUP')", Case::Insensitive), ["marketing group"]);
    }

    #[test]
    fn an_id_is_the_same_in_any_case() {
        let workspace = Workspace::new("x");
        let filter = format!("id eq '{}'", workspace.id.to_uppercase());
        assert!(Filter::read(&filter, Case::Sensitive).unwrap().admits(&workspace));
        assert!(!Filter::read(&filter, Case::Sensitive).unwrap().admits(&Workspace::new("x")));
    }

    #[test]
    fn flags_of_a_workspace_are_compared() {
        let mut workspace = Workspace::new("x");
        workspace.capacity = Some("c".into());
        for filter in ["isOnDedicatedCapacity eq true", "isOnDedicatedCapacity", "isReadOnly eq false"] {
            assert!(Filter::read(filter, Case::Sensitive).unwrap().admits(&workspace), "{filter}");
        }
        assert!(!Filter::read("isOnDedicatedCapacity eq isReadOnly", Case::Sensitive).unwrap().admits(&workspace));
    }
}
