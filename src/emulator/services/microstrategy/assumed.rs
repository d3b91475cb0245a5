//! What the vendor's documents leave open: a switch for each, so that a client can be tested under every answer.

use std::time::Duration;

use crate::emulator::switch::{self, Answers, Reception, RowState, answers, choose, count, seconds};
use crate::error::Result;

answers! {
    /// How many upload sessions there can be at once.
    pub(super) ConcurrentUploads:
    /// One for each dataset.
    OneADataset = "one_a_dataset",
    /// One for each user.
    OneAUser = "one_a_user",
    /// As many as one likes.
    Allowed = "allowed",
    /// One for each dataset: the new one takes the place of the old one.
    Replace = "replace",
}

answers! {
    /// In what order the chunks of a table are put together.
    pub(super) ChunkOrder:
    /// By their index.
    ByIndex = "by_index",
    /// As they came.
    AsReceived = "as_received",
    /// As they came; an index that is not the next one is refused.
    NextOnly = "next_only",
}

answers! {
    /// What a chunk does whose index was there before.
    pub(super) RepeatedChunks:
    /// It takes the place of the earlier one.
    Overwrite = "overwrite",
    /// It is dropped.
    Ignored = "ignored",
    /// It is refused.
    Refused = "refused",
    /// It is a further chunk.
    Appended = "appended",
}

answers! {
    /// Which rows stay of those that have the same key in one load.
    pub(super) RepeatedKeys:
    /// All of them.
    Kept = "kept",
    /// The first.
    First = "first",
    /// The last.
    Last = "last",
    /// The publication fails.
    Refused = "refused",
}

answers! {
    /// When the content of a chunk is checked.
    pub(super) ChunkChecks:
    /// At the publication, which then fails.
    AtPublish = "at_publish",
    /// At once, with a refusal of the chunk.
    AtOnce = "at_once",
}

answers! {
    /// How one learns that a publication failed.
    pub(super) FailedPublish:
    /// By its status: 18, and the message.
    Status = "status",
    /// By its status: 3, and the message.
    ErrorStatus = "error_status",
    /// By a refusal of the request to publish.
    Refusal = "refusal",
}

answers! {
    /// How the status of a publication is written.
    pub(super) StatusType:
    /// As a number.
    Number = "number",
    /// As a text.
    Text = "text",
}

answers! {
    /// Whether requests must bring the load balancer's cookie.
    pub(super) Balancer:
    /// Any one of those that the session got.
    Sticky = "sticky",
    /// The one that the session got last.
    Newest = "newest",
    /// There is no load balancer.
    Absent = "absent",
}

answers! {
    /// What a time with a zone becomes.
    pub(super) Zones:
    /// It is refused, but for `Z`, which is dropped.
    Refused = "refused",
    /// The zone is dropped.
    Dropped = "dropped",
    /// The time is converted to UTC.
    Converted = "converted",
}

answers! {
    /// What the status of an upload is that was never published.
    pub(super) UnpublishedStatus:
    /// The question is refused.
    Refused = "refused",
    /// It is 0.
    Zero = "zero",
}

answers! {
    /// The status of the answer to an update by one request.
    pub(super) UpdateAnswer:
    /// 204 No Content.
    NoContent = "204",
    /// 200 OK.
    Success = "200",
}

answers! {
    /// With what policies the first rows of a dataset may come.
    pub(super) FirstPolicy:
    /// With every one.
    Any = "any",
    /// With replace alone.
    Replace = "replace",
}

/// How the emulator's MicroStrategy behaves where the documents do not say what the service does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MicroStrategyAssumed {
    /// How many upload sessions there can be (facts/microstrategy 4.1: not concurrent, but in what scope?).
    pub(super) concurrent_uploads: ConcurrentUploads,
    /// Whether a chunk is taken while another one of the same dataset is under way.
    pub(super) concurrent_chunks: Reception,
    /// In what order chunks are put together.
    pub(super) chunk_order: ChunkOrder,
    /// What a repeated chunk does.
    pub(super) repeated_chunks: RepeatedChunks,
    /// Whether an upload with gaps between its chunks can be published.
    pub(super) missing_chunks: Reception,
    /// Which rows of the same key stay in one load.
    pub(super) repeated_keys: RepeatedKeys,
    /// When chunks are checked.
    pub(super) chunk_checks: ChunkChecks,
    /// How one learns of a failed publication.
    pub(super) failed_publish: FailedPublish,
    /// How the status is written.
    pub(super) status_type: StatusType,
    /// How many times a publication is asked for in vain before it ends.
    pub(super) publish_gets: Gets<1>,
    /// How long a publication takes.
    pub(super) publish_seconds: Duration,
    /// How many times a new dataset is asked for in vain.
    pub(super) new_dataset_gets: Gets<0>,
    /// What becomes of an upload when the login that began it ends.
    pub(super) upload_after_login: RowState,
    /// Which cookie of the load balancer a request must bring.
    pub(super) balancer: Balancer,
    /// What a time with a zone becomes.
    pub(super) zones: Zones,
    /// Whether an `INTEGER` may have more than 32 bits.
    pub(super) wide_integers: Reception,
    /// Whether a folder may have two datasets of one name.
    pub(super) same_name: Reception,
    /// Whether the first rows of a dataset may come with another policy than replace.
    pub(super) first_policy: FirstPolicy,
    /// What the status of an upload is that was never published.
    pub(super) unpublished_status: UnpublishedStatus,
    /// With what status an update by one request is answered (facts/microstrategy 4.2: both are documented).
    pub(super) update_answer: UpdateAnswer,
}

/// A number of requests; `USUAL` unless it is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Gets<const USUAL: usize>(pub(super) usize);

impl<const USUAL: usize> Default for Gets<USUAL> {
    fn default() -> Self {
        Self(USUAL)
    }
}

/// The names of the switches.
const SWITCHES: [&str; 20] = [
    "concurrent_uploads",
    "concurrent_chunks",
    "chunk_order",
    "repeated_chunks",
    "missing_chunks",
    "repeated_keys",
    "chunk_checks",
    "failed_publish",
    "status_type",
    "publish_gets",
    "publish_seconds",
    "new_dataset_gets",
    "upload_after_login",
    "balancer",
    "zones",
    "wide_integers",
    "same_name",
    "first_policy",
    "unpublished_status",
    "update_answer",
];

impl MicroStrategyAssumed {
    /// Sets a switch by the name of its field and the answer's word or number, such as `refused` or `3`.
    pub fn set(&mut self, name: &str, answer: &str) -> Result<()> {
        let outcome = match name {
            "concurrent_uploads" => choose(&mut self.concurrent_uploads, answer),
            "concurrent_chunks" => choose(&mut self.concurrent_chunks, answer),
            "chunk_order" => choose(&mut self.chunk_order, answer),
            "repeated_chunks" => choose(&mut self.repeated_chunks, answer),
            "missing_chunks" => choose(&mut self.missing_chunks, answer),
            "repeated_keys" => choose(&mut self.repeated_keys, answer),
            "chunk_checks" => choose(&mut self.chunk_checks, answer),
            "failed_publish" => choose(&mut self.failed_publish, answer),
            "status_type" => choose(&mut self.status_type, answer),
            "publish_gets" => count(answer, 0).map(|gets| self.publish_gets = Gets(gets)),
            "publish_seconds" => seconds(answer).map(|time| self.publish_seconds = time),
            "new_dataset_gets" => count(answer, 0).map(|gets| self.new_dataset_gets = Gets(gets)),
            "upload_after_login" => choose(&mut self.upload_after_login, answer),
            "balancer" => choose(&mut self.balancer, answer),
            "zones" => choose(&mut self.zones, answer),
            "wide_integers" => choose(&mut self.wide_integers, answer),
            "same_name" => choose(&mut self.same_name, answer),
            "first_policy" => choose(&mut self.first_policy, answer),
            "unpublished_status" => choose(&mut self.unpublished_status, answer),
            "update_answer" => choose(&mut self.update_answer, answer),
            _ => return Err(switch::unknown(name, &SWITCHES)),
        };
        outcome.map_err(|hint| switch::no_answer(name, answer, hint))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_switch_that_is_listed_can_be_set() {
        for switch in SWITCHES {
            let error = MicroStrategyAssumed::default().set(switch, "?").unwrap_err();
            assert_eq!(error.message, format!("the assumption `{switch}` has no answer `?`"));
        }
        let error = MicroStrategyAssumed::default().set("x", "?").unwrap_err();
        assert!(error.hint.unwrap_or_default().starts_with("there are `concurrent_uploads`, "));
    }

    #[test]
    fn a_publication_takes_one_look_unless_told_otherwise() {
        let mut assumed = MicroStrategyAssumed::default();
        assert_eq!((assumed.publish_gets, assumed.new_dataset_gets), (Gets(1), Gets(0)));
        assumed.set("publish_gets", "4").unwrap();
        assert_eq!(assumed, MicroStrategyAssumed { publish_gets: Gets(4), ..MicroStrategyAssumed::default() });
    }
}
