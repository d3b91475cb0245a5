//! What an answer to rows means for them, as Power BI answers: one pure function.

use super::is_expired;
use crate::delivery::Verdict;
use crate::http::Answer;
use crate::http::transport::Reach;

/// What an answer to rows means for them.
pub(in crate::services::powerbi) fn classify(answer: &Answer) -> Verdict {
    match answer.status {
        // Without the service's own header, or as a web page, it was not the service that answered.
        200 | 201 if answer.is_html || answer.request_id.is_none() => Verdict::InDoubt,
        // Its body says otherwise, or it was said before all of the rows had gone out.
        200 | 201 if answer.denies => Verdict::InDoubt,
        200 | 201 if answer.reach != Reach::Whole => Verdict::InDoubt,
        200 | 201 => Verdict::Confirmed,
        300..400 => Verdict::Misdirected,
        // A proxy or a filter, not the service, which has not seen the rows.
        400..500 if answer.stranger.is_some() => Verdict::Misdirected,
        401 | 403 if is_expired(answer) => Verdict::Expired,
        // Whatever failed there, it failed without the last of the rows.
        408 | 500.. if answer.reach == Reach::Part => Verdict::NotApplied { told: None, throttled: false },
        408 => Verdict::InDoubt,
        413 => Verdict::TooLarge,
        429 => Verdict::NotApplied { told: answer.retry_after, throttled: true },
        400..500 => Verdict::Rejected,
        _ => Verdict::InDoubt,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    use crate::delivery::judge;
    use crate::http::transport::Failure;
    use crate::http::{Outcome, Refusal};
    use crate::services::powerbi::Streaming;

    fn sink() -> Streaming {
        Streaming::new("https://api.powerbi.com/rows", false, true).unwrap()
    }

    fn failed(sent_whole: bool, timed_out: bool) -> Verdict {
        judge(&Outcome::Failed(Failure { sent_whole, timed_out, message: String::new(), hint: None }), &sink())
    }

    fn service(status: u16) -> Answer {
        Answer { request_id: Some("id".into()), ..Answer::of(status) }
    }

    fn answered(answer: Answer) -> Verdict {
        judge(&Outcome::Answered(answer), &sink())
    }

    const LATER: Verdict = Verdict::NotApplied { told: None, throttled: false };

    #[test]
    fn what_failed_before_the_last_byte_was_not_applied() {
        assert_eq!(failed(false, false), LATER);
        assert_eq!(failed(false, true), LATER);
    }

    #[test]
    fn silence_after_the_last_byte_is_doubt() {
        assert_eq!(failed(true, false), Verdict::InDoubt);
        assert_eq!(failed(true, true), Verdict::InDoubt);
    }

    #[test]
    fn server_errors_and_408_are_doubt() {
        for status in [408, 500, 502, 503, 504] {
            assert_eq!(answered(service(status)), Verdict::InDoubt, "{status}");
        }
    }

    #[test]
    fn a_success_of_the_service_is_a_confirmation_whatever_its_body() {
        let broken = Answer { body: bytes::Bytes::from_static(b"{\"trunc"), ..service(200) };
        assert_eq!(answered(broken), Verdict::Confirmed);
        assert_eq!(answered(service(201)), Verdict::Confirmed);
    }

    #[test]
    fn a_success_that_is_a_web_page_is_doubt() {
        assert_eq!(answered(Answer { is_html: true, ..service(200) }), Verdict::InDoubt);
    }

    #[test]
    fn a_success_without_the_services_request_id_is_doubt() {
        assert_eq!(answered(Answer { request_id: None, ..service(200) }), Verdict::InDoubt);
    }

    #[test]
    fn a_success_whose_body_is_an_error_is_doubt() {
        assert_eq!(answered(Answer { denies: true, ..service(200) }), Verdict::InDoubt);
    }

    #[test]
    fn a_success_before_the_last_byte_went_out_is_doubt() {
        for reach in [Reach::Late, Reach::Part] {
            assert_eq!(answered(Answer { reach, ..service(200) }), Verdict::InDoubt, "{reach:?}");
        }
    }

    #[test]
    fn a_server_error_that_never_got_the_last_byte_was_not_applied() {
        for status in [408, 500, 502, 503, 504] {
            assert_eq!(answered(Answer { reach: Reach::Part, ..service(status) }), LATER, "{status}");
            assert_eq!(answered(Answer { reach: Reach::Late, ..service(status) }), Verdict::InDoubt, "{status}");
        }
    }

    #[test]
    fn an_early_refusal_is_the_same_refusal() {
        for status in [301, 400, 401, 403, 404, 413, 422, 429] {
            let early = answered(Answer { reach: Reach::Part, ..service(status) });
            assert_eq!(early, answered(service(status)), "{status}");
        }
    }

    #[test]
    fn an_unknown_success_is_doubt() {
        for status in [202, 204, 206, 299, 999] {
            assert_eq!(answered(service(status)), Verdict::InDoubt, "{status}");
        }
    }

    #[test]
    fn a_redirect_was_not_applied_and_is_not_followed() {
        for status in [301, 302, 303, 307, 308] {
            assert_eq!(answered(service(status)), Verdict::Misdirected, "{status}");
        }
    }

    #[test]
    fn a_refusal_of_a_proxy_or_a_filter_says_nothing_of_the_rows() {
        for status in [403, 407, 451] {
            let answer = Answer { stranger: Some("the proxy p:1".into()), ..service(status) };
            assert_eq!(answered(answer), Verdict::Misdirected, "{status}");
        }
    }

    #[test]
    fn a_refusal_of_the_rows_is_final() {
        for status in [400, 403, 404, 422] {
            assert_eq!(answered(service(status)), Verdict::Rejected, "{status}");
        }
    }

    #[test]
    fn a_body_that_is_too_large_can_be_halved() {
        assert_eq!(answered(service(413)), Verdict::TooLarge);
    }

    #[test]
    fn an_ended_token_is_401_or_403_with_its_code() {
        let refusal = Refusal { code: Some("TokenExpired".into()), message: None };
        assert_eq!(answered(Answer { refusal, ..service(403) }), Verdict::Expired);
        assert_eq!(answered(service(401)), Verdict::Expired);
    }

    #[test]
    fn a_quota_says_when_to_come_back() {
        let told = Some(Duration::from_secs(3392));
        let answer = Answer { retry_after: told, ..service(429) };
        assert_eq!(answered(answer), Verdict::NotApplied { told, throttled: true });
    }
}
