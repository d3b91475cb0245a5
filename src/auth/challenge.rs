//! What a service wants of a token beside that it is good: more of the person, a network, a device (Conditional Access).
//!
//! It comes with a refusal, and goes unchanged to whoever gives tokens. Source: "Claims challenges, claims requests and
//! client capabilities", learn.microsoft.com/entra.

use base64::Engine;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::{Map, Value};

/// Longer ones are no wants of a service.
const LONGEST: usize = 20_000;

/// The claims, in JSON, that the header `WWW-Authenticate` of a refusal wants.
#[must_use]
pub fn claims(header: &str) -> Option<String> {
    let at = |place: usize| header.get(..place).and_then(|before| before.chars().next_back());
    let mut found = header.match_indices("claims=").filter(|(place, _)| at(*place).is_none_or(|c| " ,".contains(c)));
    let (place, name) = found.next()?;
    let value = header.get(place + name.len()..)?.trim_start_matches('"');
    let coded = value.split(['"', ',', ' ']).next().filter(|coded| coded.len() <= LONGEST)?;
    let bytes = [STANDARD, URL_SAFE].into_iter().find_map(|alphabet| decoded(&alphabet, coded))?;
    wanted(std::str::from_utf8(&bytes).ok()?)
}

/// The claims that a refusal of Entra itself wants, which writes them as they are (facts/entra 5l).
pub(super) fn wanted(text: &str) -> Option<String> {
    let is_wanted = text.len() <= LONGEST && serde_json::from_str::<Map<String, Value>>(text).is_ok();
    is_wanted.then(|| text.to_owned())
}

fn decoded(alphabet: &base64::alphabet::Alphabet, text: &str) -> Option<Vec<u8>> {
    let any = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    GeneralPurpose::new(alphabet, any).decode(text).ok()
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE};

    use super::*;

    #[test]
    fn the_claims_of_a_challenge_are_read_however_they_are_written() {
        let wanted = r#"{"access_token":{"nbf":{"essential":true,"value":"1700000000??>"}}}"#;
        for coded in [STANDARD.encode(wanted), STANDARD_NO_PAD.encode(wanted), URL_SAFE.encode(wanted)] {
            for header in [
                format!("Bearer realm=\"\", error=\"insufficient_claims\", claims=\"{coded}\""),
                format!("Bearer claims={coded}, error=\"insufficient_claims\""),
            ] {
                assert_eq!(claims(&header).as_deref(), Some(wanted), "{header}");
            }
        }
    }

    #[test]
    fn what_is_no_challenge_wants_nothing() {
        let list = STANDARD.encode("[1]");
        for header in ["", "Bearer", "Bearer claims=", "Bearer claims=\"%\"", "Bearer error=\"invalid_token\""] {
            assert_eq!(claims(header), None, "{header}");
        }
        assert_eq!(claims(&format!("Bearer claims=\"{list}\"")), None);
        assert_eq!(claims(&format!("Bearer nonclaims=\"{}\"", STANDARD.encode("{}"))), None);
    }
}
