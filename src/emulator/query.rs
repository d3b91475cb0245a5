//! The parameters of a request: what follows the `?`, decoded.

use super::refusal::Refusal;
use super::route::decoded;
use super::rules;

/// Names and values in their order. A `+` is a space, as in every form: assumed.
pub(super) fn pairs(query: &str) -> Result<Vec<(String, String)>, Refusal> {
    let parts = query.split('&').filter(|part| !part.is_empty());
    parts.map(|part| pair(part).ok_or_else(|| wrong(part, "is not percent-encoded UTF-8"))).collect()
}

fn pair(part: &str) -> Option<(String, String)> {
    let (name, value) = part.split_once('=').unwrap_or((part, ""));
    Some((decoded(&name.replace('+', " "))?, decoded(&value.replace('+', " "))?))
}

/// A parameter that the operation does not take, or not so.
pub(super) fn wrong(name: &str, what: &str) -> Refusal {
    Refusal::new(&rules::BAD_QUERY, format!("the parameter '{name}' {what}")).of("query")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_values_are_decoded() {
        let expected = [("$filter", "name eq 'a&b+c'"), ("$top", "5"), ("x", ""), ("y", "=")];
        let found = pairs("%24filter=name+eq%20'a%26b%2Bc'&$top=5&&x&y==").unwrap();
        assert_eq!(found.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect::<Vec<_>>(), expected);
        assert_eq!(pairs("").unwrap(), []);
    }

    #[test]
    fn what_is_not_encoded_well_is_refused() {
        for query in ["$top=%", "$top=%4", "%GG=1", "x=%FF"] {
            assert!(pairs(query).is_err(), "{query}");
        }
    }
}
