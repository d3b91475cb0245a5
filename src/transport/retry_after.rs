//! `Retry-After`: seconds, or a date that is read against the answer's own clock.

use std::time::Duration;

use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};

/// No answer is believed that asks for more; the longest one seen from the service was 3,392 s.
const LONGEST: Duration = Duration::from_secs(2 * 60 * 60);

/// How long the service asks us to wait; `None` where it does not say, or not in a way that makes sense.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds).min(LONGEST));
    }
    let date = |text: &str| httpdate::parse_http_date(text).ok();
    let then = date(text)?;
    let now = date(headers.get(DATE)?.to_str().ok()?)?;
    Some(then.duration_since(now).unwrap_or_default().min(LONGEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(retry_after_text: &str, date: Option<&str>) -> Option<u64> {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, retry_after_text.parse().unwrap());
        if let Some(date) = date {
            headers.insert(DATE, date.parse().unwrap());
        }
        retry_after(&headers).map(|wait| wait.as_secs())
    }

    #[test]
    fn a_date_is_read_against_the_services_own_clock() {
        let noon = Some("Thu, 01 Jan 1970 12:00:00 GMT");
        assert_eq!(asked("Thu, 01 Jan 1970 12:01:00 GMT", noon), Some(60));
        assert_eq!(asked("Thu, 01 Jan 1970 11:00:00 GMT", noon), Some(0));
        assert_eq!(asked("Thu, 01 Jan 1970 12:01:00 GMT", None), None);
    }

    #[test]
    fn seconds_are_taken_as_they_are_and_nonsense_is_not_believed() {
        assert_eq!(asked("3392", None), Some(3392));
        assert_eq!(asked("1000000000", None), Some(7200));
        assert_eq!(asked("-1", None), None);
        assert_eq!(asked("soon", None), None);
    }
}
