//! `Retry-After`: seconds, or a date that is read against the answer's own clock.

use std::time::Duration;

use reqwest::header::{DATE, HeaderMap, HeaderValue, RETRY_AFTER};

/// No answer is believed that asks for more; the longest one seen from the service was 3,392 s.
const LONGEST: Duration = Duration::from_secs(2 * 60 * 60);

const NONSENSE: &str = "it is neither a number of seconds nor a date, and was ignored";
const UNDATED: &str = "it is a date in an answer that does not say its own, and was ignored";
const TOO_LONG: &str = "it asks for more than two hours, and two hours are waited";

/// How long the service asks us to wait, the longest where it says several things, and what is odd about it. `None`
/// where it does not say, or not in a way that makes sense.
pub(super) fn retry_after(headers: &HeaderMap) -> (Option<Duration>, Option<&'static str>) {
    let (mut wait, mut odd) = (None, None);
    for value in headers.get_all(RETRY_AFTER) {
        match read(value, headers.get(DATE)) {
            Ok(told) if told > LONGEST => {
                (wait, odd) = (Some(LONGEST), Some(TOO_LONG));
            }
            Ok(told) => wait = wait.max(Some(told)),
            Err(why) => odd = odd.or(Some(why)),
        }
    }
    (wait, odd)
}

fn read(value: &HeaderValue, now: Option<&HeaderValue>) -> Result<Duration, &'static str> {
    let text = value.to_str().map_err(|_| NONSENSE)?.trim();
    if text.starts_with(|first: char| first.is_ascii_digit())
        && text.bytes().all(|sign| sign.is_ascii_digit() || sign == b'.')
    {
        let seconds: f64 = text.parse().map_err(|_| NONSENSE)?;
        return Ok(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX));
    }
    let then = httpdate::parse_http_date(text).map_err(|_| NONSENSE)?;
    let now = now.and_then(|now| httpdate::parse_http_date(now.to_str().ok()?).ok()).ok_or(UNDATED)?;
    Ok(then.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn asked(texts: &[&str], date: Option<&str>) -> (Option<f64>, Option<&'static str>) {
        let mut headers = HeaderMap::new();
        for text in texts {
            headers.append(RETRY_AFTER, text.parse().unwrap());
        }
        if let Some(date) = date {
            headers.insert(DATE, date.parse().unwrap());
        }
        let (wait, odd) = retry_after(&headers);
        (wait.map(|wait| wait.as_secs_f64()), odd)
    }

    const NOON: Option<&str> = Some("Thu, 01 Jan 1970 12:00:00 GMT");

    #[test]
    fn a_date_is_read_against_the_services_own_clock() {
        assert_eq!(asked(&["Thu, 01 Jan 1970 12:01:00 GMT"], NOON), (Some(60.0), None));
        assert_eq!(asked(&["Thu, 01 Jan 1970 11:00:00 GMT"], NOON), (Some(0.0), None));
        assert_eq!(asked(&["Thu, 01 Jan 1970 12:01:00 GMT"], None), (None, Some(UNDATED)));
        assert_eq!(asked(&["Thu, 01 Jan 1970 12:01:00 GMT"], Some("noon")), (None, Some(UNDATED)));
    }

    #[test]
    fn seconds_are_taken_as_they_are_and_nonsense_is_not_believed() {
        assert_eq!(asked(&[], NOON), (None, None));
        assert_eq!(asked(&["3392"], None), (Some(3392.0), None));
        assert_eq!(asked(&["0"], None), (Some(0.0), None));
        assert_eq!(asked(&["1.5"], None), (Some(1.5), None));
        for long in ["7201", "1000000000", "99999999999999999999999999"] {
            assert_eq!(asked(&[long], None), (Some(7200.0), Some(TOO_LONG)), "{long}");
        }
        for nonsense in ["", "-1", "soon", "1e3", "5 s", "1.2.3", ".5", "NaN", "inf", "Thu, 41 Jan 1970 12:01:00 GMT"] {
            assert_eq!(asked(&[nonsense], NOON), (None, Some(NONSENSE)), "{nonsense}");
        }
    }

    #[test]
    fn of_several_the_longest_counts() {
        assert_eq!(asked(&["5", "Thu, 01 Jan 1970 12:01:00 GMT", "7"], NOON), (Some(60.0), None));
        assert_eq!(asked(&["5", "soon"], NOON), (Some(5.0), Some(NONSENSE)));
        assert_eq!(asked(&["9999", "5"], NOON), (Some(7200.0), Some(TOO_LONG)));
    }

    proptest! {
        #[test]
        fn whatever_it_says_the_wait_is_never_beyond_the_longest(
            signs in prop::collection::vec(prop::sample::select(b"0123456789.,-+ :eTGM\x80".to_vec()), 0..40)
        ) {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, HeaderValue::from_bytes(&signs).unwrap());
            let (wait, odd) = retry_after(&headers);
            prop_assert!(wait.is_none_or(|wait| wait <= LONGEST));
            prop_assert!(wait.is_some() || odd.is_some());
        }
    }
}
