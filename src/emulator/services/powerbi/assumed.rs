//! What the vendor's documents leave open: a switch for each, so that a client can be tested under every answer.

mod answers;

use std::time::Duration;

pub use self::answers::{
    AnswerNames, AppRefusal, Case, Creation, Licence, NoMember, RetryAfter, SequenceNumbers, TablesAnswer, Windows,
};
use crate::emulator::switch::{self, Reception, RowState, choose, count, seconds};
use crate::error::Result;

/// How the emulator behaves where the documents do not say what the service does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Assumed {
    /// What a push URL does with `{"rows":[...]}` instead of an array (facts/powerbi 6.2, 10.9: many clients send it).
    pub rows_object_on_push_url: Reception,
    /// The most workspaces that one answer lists; `None` lists all (facts/powerbi 1.7: no size of a page is stated).
    pub groups_page: Option<usize>,
    /// How `$filter` compares texts (facts/powerbi 1.7: not stated).
    pub filter_case: Case,
    /// How answers spell the names of their properties (facts/powerbi 1.2: the description and its examples differ).
    pub answer_names: AnswerNames,
    /// Whether a new dataset is there at once (facts/powerbi 1.1).
    pub creation: Creation,
    /// How many times a dataset that is being created is asked for in vain, by itself or in a list.
    pub accepted_gets: usize,
    /// How long a dataset that is being created is not there.
    pub accepted_seconds: Duration,
    /// How a service principal is told that it may not (facts/powerbi 1.11f: seen with several statuses).
    pub app_refusal: AppRefusal,
    /// How somebody is told of a workspace to which they do not belong (facts/powerbi 5.403, 5.404).
    pub not_a_member: NoMember,
    /// What Get Tables tells of a table (facts/powerbi 1.3: no example).
    pub tables_answer: TablesAnswer,
    /// What becomes of the rows when the schema of their table is updated (facts/powerbi 1.4, 10.2).
    pub rows_after_update: RowState,
    /// What the header with a sequence number does (facts/powerbi 1.10, 10.1).
    pub sequence_numbers: SequenceNumbers,
    /// Whether a sequence number may leave some out (facts/powerbi 1.10).
    pub sequence_gaps: Reception,
    /// What becomes of the sequence numbers when all rows are deleted (facts/powerbi 10.1).
    pub sequence_after_delete: RowState,
    /// How the time is cut by which requests and rows are counted (facts/powerbi 4.4: not stated).
    pub windows: Windows,
    /// How far fixed windows had come when the clock started.
    pub phase: Duration,
    /// How a refusal says when to come back (facts/powerbi 5.429: seconds; never a date, sometimes nothing).
    pub retry_after: RetryAfter,
    /// Whose quotas there are (facts/powerbi 4.3, an old document).
    pub licence: Licence,
    /// What becomes of a client assertion that was used before (facts/entra 5o: msal sends one again and again).
    pub used_assertions: Reception,
}

impl Default for Assumed {
    /// The stricter answer to each question, but where a library of the vendor's would not stand it.
    fn default() -> Self {
        Self {
            rows_object_on_push_url: Reception::default(),
            groups_page: None,
            filter_case: Case::default(),
            answer_names: AnswerNames::default(),
            creation: Creation::default(),
            accepted_gets: 2,
            accepted_seconds: Duration::ZERO,
            app_refusal: AppRefusal::default(),
            not_a_member: NoMember::default(),
            tables_answer: TablesAnswer::default(),
            rows_after_update: RowState::default(),
            sequence_numbers: SequenceNumbers::default(),
            sequence_gaps: Reception::default(),
            sequence_after_delete: RowState::default(),
            windows: Windows::default(),
            phase: Duration::ZERO,
            retry_after: RetryAfter::default(),
            licence: Licence::default(),
            used_assertions: Reception::Accepted,
        }
    }
}

/// The names of the switches.
const SWITCHES: [&str; 19] = [
    "rows_object_on_push_url",
    "groups_page",
    "filter_case",
    "answer_names",
    "creation",
    "accepted_gets",
    "accepted_seconds",
    "app_refusal",
    "not_a_member",
    "tables_answer",
    "rows_after_update",
    "sequence_numbers",
    "sequence_gaps",
    "sequence_after_delete",
    "windows",
    "phase",
    "retry_after",
    "licence",
    "used_assertions",
];

impl Assumed {
    /// Sets a switch by the name of its field and the answer's word or number, such as `refused` or `100`.
    pub fn set(&mut self, name: &str, answer: &str) -> Result<()> {
        let outcome = match name {
            "rows_object_on_push_url" => choose(&mut self.rows_object_on_push_url, answer),
            "groups_page" => count(answer, 1).map(|page| self.groups_page = Some(page)),
            "filter_case" => choose(&mut self.filter_case, answer),
            "answer_names" => choose(&mut self.answer_names, answer),
            "creation" => choose(&mut self.creation, answer),
            "accepted_gets" => count(answer, 0).map(|gets| self.accepted_gets = gets),
            "accepted_seconds" => seconds(answer).map(|time| self.accepted_seconds = time),
            "app_refusal" => choose(&mut self.app_refusal, answer),
            "not_a_member" => choose(&mut self.not_a_member, answer),
            "tables_answer" => choose(&mut self.tables_answer, answer),
            "rows_after_update" => choose(&mut self.rows_after_update, answer),
            "sequence_numbers" => choose(&mut self.sequence_numbers, answer),
            "sequence_gaps" => choose(&mut self.sequence_gaps, answer),
            "sequence_after_delete" => choose(&mut self.sequence_after_delete, answer),
            "windows" => choose(&mut self.windows, answer),
            "phase" => seconds(answer).map(|time| self.phase = time),
            "retry_after" => choose(&mut self.retry_after, answer),
            "licence" => choose(&mut self.licence, answer),
            "used_assertions" => choose(&mut self.used_assertions, answer),
            _ => return Err(switch::unknown(name, &SWITCHES)),
        };
        outcome.map_err(|hint| switch::no_answer(name, answer, hint))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(switch: &str, answer: &str) -> (String, String) {
        let error = Assumed::default().set(switch, answer).unwrap_err();
        (error.message, error.hint.unwrap_or_default())
    }

    #[test]
    fn a_switch_is_set_by_its_name_and_no_other() {
        let mut assumed = Assumed::default();
        assumed.set("rows_object_on_push_url", "accepted").unwrap();
        assert_eq!(assumed, Assumed { rows_object_on_push_url: Reception::Accepted, ..Assumed::default() });
        assumed.set("rows_object_on_push_url", "refused").unwrap();
        assert_eq!(assumed, Assumed::default());
        assumed.set("groups_page", "100").unwrap();
        assert_eq!(assumed.groups_page, Some(100));
    }

    #[test]
    fn what_cannot_be_set_is_an_error_that_says_what_can() {
        let (message, hint) = failure("rows", "refused");
        assert_eq!(message, "there is no assumption `rows`");
        assert!(hint.starts_with("there are `rows_object_on_push_url`, `groups_page`, "), "{hint}");
        let expected = "the assumption `rows_object_on_push_url` has no answer `maybe`";
        assert_eq!(
            failure("rows_object_on_push_url", "maybe"),
            (expected.into(), "there are `refused`, `accepted`".into())
        );
        for wrong in ["0", "-1", "", "1.5"] {
            assert_eq!(failure("groups_page", wrong).1, "it is a whole number from 1 on");
        }
        for wrong in ["-1", "", "NaN", "inf"] {
            assert_eq!(failure("accepted_seconds", wrong).1, "it is a number of seconds, not below 0");
        }
    }

    #[test]
    fn every_switch_that_is_listed_can_be_set() {
        for switch in SWITCHES {
            assert!(failure(switch, "?").0.ends_with("has no answer `?`"), "{switch}");
        }
    }
}
