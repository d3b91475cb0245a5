//! What the vendor's documents leave open: a switch for each, so that a client can be tested under every answer.

use crate::error::{Error, Result};

/// How the emulator behaves where nobody has written down what the service does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Assumed {
    /// What a push URL does with `{"rows":[...]}` instead of an array (facts 6 and 10.9: many clients send it).
    pub rows_object_on_push_url: Reception,
}

/// Whether something is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reception {
    /// It is refused; the stricter answer is the default.
    #[default]
    Refused,
    /// It is taken.
    Accepted,
}

impl Assumed {
    /// Sets a switch by the name of its field and the answer in lower case, such as `refused`.
    pub fn set(&mut self, switch: &str, answer: &str) -> Result<()> {
        let hint = "there is `rows_object_on_push_url`, which is `refused` or `accepted`";
        let wrong = |message: String| Error::configuration(message).with_hint(hint);
        if switch != "rows_object_on_push_url" {
            return Err(wrong(format!("there is no assumption `{switch}`")));
        }
        self.rows_object_on_push_url = match answer {
            "refused" => Reception::Refused,
            "accepted" => Reception::Accepted,
            _ => return Err(wrong(format!("the assumption `{switch}` has no answer `{answer}`"))),
        };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_switch_is_set_by_its_name_and_no_other() {
        let mut assumed = Assumed::default();
        assumed.set("rows_object_on_push_url", "accepted").unwrap();
        assert_eq!(assumed.rows_object_on_push_url, Reception::Accepted);
        assumed.set("rows_object_on_push_url", "refused").unwrap();
        assert_eq!(assumed, Assumed::default());
        let message = |switch, answer| Assumed::default().set(switch, answer).unwrap_err().message;
        assert_eq!(message("rows", "refused"), "there is no assumption `rows`");
        let expected = "the assumption `rows_object_on_push_url` has no answer `maybe`";
        assert_eq!(message("rows_object_on_push_url", "maybe"), expected);
    }
}
