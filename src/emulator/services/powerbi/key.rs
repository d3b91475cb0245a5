//! The key of a push URL: made here, held against a query, and kept out of the log.

use std::fmt;
use std::iter::once;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::emulator::http::query::decoded;

/// The signs of Base64 that mean something else in a query, and their spelling there.
const CODED: [(char, &str); 3] = [('+', "%2B"), ('/', "%2F"), ('=', "%3D")];

/// The secret of a push URL: 64 bytes in Base64, 88 signs (facts/powerbi 6.1).
#[derive(Serialize, Deserialize)]
pub(super) struct Key(String);

impl Key {
    /// A new one, with at least one of each sign that a query must spell as `%2B`, `%2F` and `%3D`.
    pub(super) fn random() -> Self {
        loop {
            let bytes = [(); 4].map(|()| Uuid::new_v4().into_bytes()).concat();
            let text = BASE64_STANDARD.encode(bytes);
            if CODED.iter().all(|(sign, _)| text.contains(*sign)) {
                return Self(text);
            }
        }
    }

    /// How a query spells it.
    fn coded(&self) -> String {
        CODED.iter().fold(self.0.clone(), |text, (sign, spelling)| text.replace(*sign, spelling))
    }

    /// The query of a push URL with this key.
    pub(super) fn query(&self) -> String {
        format!("key={}", self.coded())
    }

    /// Whether `query` has this key, once and in whatever place. A bare `+` is a space, as in every form: assumed.
    pub(super) fn opens(&self, query: &str) -> bool {
        let pairs = query.split('&').filter_map(|parameter| parameter.split_once('='));
        let mut keys = pairs.filter_map(|(name, value)| (name == "key").then_some(value));
        let key = keys.next().and_then(|key| decoded(&key.replace('+', " ")));
        key.is_some_and(|key| key == self.0) && keys.next().is_none()
    }
}

impl fmt::Debug for Key {
    /// Shows nothing of it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("_")
    }
}

/// The query as the log may show it: `key=***`, and all else as it was sent.
pub(super) fn redacted(query: &str) -> String {
    query.split('&').map(without_key).collect::<Vec<_>>().join("&")
}

/// Hides whatever may be a key, also where a URL was put together with a second `?`, or with `;`.
fn without_key(parameter: &str) -> String {
    let starts = once(0).chain(parameter.match_indices([';', '?']).map(|(at, _)| at + 1));
    let named = starts.filter_map(|at| Some((at, parameter[at..].split_once('=')?.0)));
    let is_key = |name: &str| decoded(name).is_some_and(|name| name.eq_ignore_ascii_case("key"));
    match named.into_iter().find(|(_, name)| is_key(name)) {
        Some((at, name)) => format!("{}{name}=***", &parameter[..at]),
        None => parameter.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_64_bytes_that_a_query_must_encode() {
        for _ in 0..100 {
            let key = Key::random();
            assert_eq!((key.0.len(), BASE64_STANDARD.decode(&key.0).unwrap().len()), (88, 64));
            let coded = key.coded();
            assert!(coded.contains("%2B") && coded.contains("%2F") && coded.ends_with("%3D%3D"), "{coded}");
            assert!(!coded.contains(['+', '/', '=']), "{coded}");
            assert!(key.opens(&format!("key={coded}")));
        }
    }

    #[test]
    fn a_key_opens_once_wherever_it_stands_and_however_it_is_encoded() {
        let key = Key("a+b/c==".into());
        for query in ["key=a%2Bb%2Fc%3D%3D", "key=a%2bb/c==", "ctid=1&key=%61%2Bb%2Fc==&x", "a&&key=a%2Bb/c%3D="] {
            assert!(key.opens(query), "{query}");
        }
        for query in [
            "",
            "key",
            "key=",
            "key=a+b/c==",
            "key=a%2Bb/c=",
            "Key=a%2Bb/c==",
            "key=a%2Bb/c==&key=a%2Bb/c==",
            "key=a%252Bb/c==",
            "key=a%2Bb/c==%2",
            "akey=a%2Bb/c==",
        ] {
            assert!(!key.opens(query), "{query}");
        }
    }

    #[test]
    fn a_log_shows_all_of_a_query_but_its_keys() {
        for (sent, shown) in [
            ("", ""),
            ("key=secret", "key=***"),
            ("ctid=a%20b&key=secret&x=%2By&", "ctid=a%20b&key=***&x=%2By&"),
            ("KEY=secret&k%65y=secret=secret", "KEY=***&k%65y=***"),
            ("ctid=1?key=secret&a=b;key=secret;secret", "ctid=1?key=***&a=b;key=***"),
            ("monkey=1&key&%zz=2&keys=3", "monkey=1&key&%zz=2&keys=3"),
        ] {
            assert_eq!(redacted(sent), shown);
        }
    }

    #[test]
    fn a_key_is_not_in_its_debug_output() {
        assert_eq!(format!("{:?}", Key("secret".into())), "_");
    }
}
