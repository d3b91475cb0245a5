//! A streaming dataset: its push URL takes a JSON array of rows and no sign-in, since the URL itself is the secret.

use std::fmt;
use std::sync::Arc;

use reqwest::{Method, Url};

use super::super::answers::classify;
use super::{ANSWER_LIMIT, PushDataset, TILE_BYTES};
use crate::delivery::{Fault, Parcel, Session, Sink, Verdict, always_open};
use crate::error::{Error, Result};
use crate::http::transport::{Request, Settings, check_emulated, is_loopback};
use crate::http::{Answer, Later};
use crate::rate_limit::{Quotas, Watch};
use crate::rows::encode::{Framing, Limits};
use crate::services::powerbi::Allowance;

/// `[{...},{...}]`. Source: "Real-time streaming in Power BI": "wrap your JSON objects in an array".
pub static PUSH_ARRAY: Framing = Framing::new(b"[", b",", b"]");

/// A push URL, and what the dataset behind it is for.
#[derive(Clone)]
pub struct Streaming {
    push_url: Url,
    history: bool,
    live_tiles: bool,
}

impl Streaming {
    /// How large a request may get that live tiles are to show.
    pub const TILES: Limits = Limits { max_bytes: TILE_BYTES, ..PushDataset::LIMITS };

    /// Any https URL, or http to this machine; its shape is the service's business.
    pub fn new(push_url: &str, history: bool, live_tiles: bool) -> Result<Self> {
        let wrong = |why: &str| {
            Error::configuration(format!("the push URL {why}"))
                .with_hint("copy it from the dataset's \"API info\" in Power BI; it begins with https://")
        };
        let push_url = Url::parse(push_url.trim()).map_err(|_| wrong("is not a URL"))?;
        let is_safe = push_url.scheme() == "https" || push_url.scheme() == "http" && is_loopback(&push_url);
        if push_url.host_str().unwrap_or_default().is_empty() || !is_safe {
            return Err(wrong("must be https"));
        }
        if !push_url.username().is_empty() || push_url.password().is_some() {
            return Err(wrong("must not hold a user or a password"));
        }
        Ok(Self { push_url, history, live_tiles })
    }

    /// Refuses it where this process is to use an emulator, and it leads elsewhere.
    pub fn check_emulated(&self) -> Result<()> {
        check_emulated("the push URL", &self.push_url)
    }

    /// Refuses a proxy on the way there that cannot be used.
    pub fn check_way(&self, settings: &Settings) -> Result<()> {
        settings.check_way(&self.push_url)
    }

    /// What of `quotas` holds for it: a dataset with history has a push dataset's, any other its own rate.
    #[must_use]
    pub fn quotas(&self, quotas: Allowance) -> Quotas {
        quotas.of_push_url(self.history)
    }

    /// What its quotas are counted under: the host and the dataset's id, or where there is none the URL, a secret.
    #[must_use]
    pub fn limit_key(&self) -> String {
        match self.dataset() {
            Some(id) => format!("{}/{}", self.push_url.authority(), id.to_ascii_lowercase()),
            None => self.push_url.as_str().to_owned(),
        }
    }

    fn dataset(&self) -> Option<&str> {
        self.push_url.path_segments()?.skip_while(|part| *part != "datasets").nth(1).filter(|id| !id.is_empty())
    }

    /// Who it is, without the secret: enough to tell two of them apart.
    #[must_use]
    pub fn shown(&self) -> String {
        let host = self.push_url.host_str().unwrap_or_default();
        let port = self.push_url.port().map_or_else(String::new, |port| format!(":{port}"));
        let dataset: String = self.dataset().unwrap_or_default().chars().take(8).collect();
        format!("{}://{host}{port}/…/{dataset}…/rows?key=***", self.push_url.scheme())
    }
}

impl fmt::Debug for Streaming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Streaming").field(&self.shown()).finish()
    }
}

impl Sink for Streaming {
    fn framing(&self) -> &'static Framing {
        &PUSH_ARRAY
    }

    /// The URL itself, a secret.
    fn key(&self) -> &str {
        self.push_url.as_str()
    }

    fn limits(&self) -> Limits {
        let tiles = !self.history || self.live_tiles;
        if tiles { Self::TILES } else { PushDataset::LIMITS }
    }

    fn clear(&self, _watch: Arc<dyn Watch>) -> Later<'_, ()> {
        Box::pin(async { Err(Error::configuration("a push URL takes rows and nothing else: it cannot be emptied")) })
    }

    fn open(&self, _numbered: bool, _watch: Arc<dyn Watch>) -> Later<'_, Session> {
        always_open()
    }

    fn request(&self, _session: &Session, parcel: Parcel) -> Request {
        let (method, url) = (Method::POST, self.push_url.clone());
        Request { method, url, headers: Vec::new(), body: parcel.body, answer_limit: ANSWER_LIMIT }
    }

    fn classify(&self, answer: &Answer) -> Verdict {
        classify(answer)
    }

    /// A push URL answers 404 to a column that it does not know, and to everything once its dataset is gone.
    fn fault(&self, answer: &Answer) -> Fault {
        match answer.status {
            400 | 422 => Fault::Rows,
            404 => Fault::RowsOrSink,
            _ => Fault::Elsewhere,
        }
    }

    fn adds_columns_by(&self) -> &'static str {
        "in Power BI, by editing the dataset"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REAL: &str = "https://api.powerbi.com/beta/95d19b2e-0000-0000-0000-000000000000/datasets/\
                        7d5e1a52-0000-0000-0000-000000000000/rows?ctid=95d19b2e&experience=power-bi&key=a%2Bb%2Fc%3D%3D";

    #[test]
    fn the_url_goes_out_as_it_came() {
        let streaming = Streaming::new(REAL, false, true).unwrap();
        assert_eq!(streaming.request(&Session::default(), Parcel::default()).url.as_str(), REAL);
    }

    #[test]
    fn neither_debug_nor_what_is_shown_holds_the_query() {
        let streaming = Streaming::new(REAL, false, true).unwrap();
        assert_eq!(streaming.shown(), "https://api.powerbi.com/…/7d5e1a52…/rows?key=***");
        let request = streaming.request(&Session::default(), Parcel::default());
        assert!(!format!("{streaming:?} {request:?}").contains("a%2Bb"));
    }

    #[test]
    fn bodies_are_cut_where_tiles_stop() {
        let bytes = |history, live_tiles| Streaming::new(REAL, history, live_tiles).unwrap().limits().max_bytes;
        assert_eq!(
            [bytes(false, true), bytes(false, false), bytes(true, true), bytes(true, false)],
            [15_000, 15_000, 15_000, 16_000_000]
        );
    }

    #[test]
    fn https_or_this_machine() {
        for good in ["https://example.org/x", "http://127.0.0.1:1/x?y", "http://localhost", "http://[::1]:1"] {
            assert!(Streaming::new(good, false, true).is_ok(), "{good}");
        }
        for bad in [
            "",
            "x",
            "http://example.org",
            "ftp://localhost",
            "https://user:p@example.org",
            "http://127.0.0.1.example.org",
        ] {
            let error = Streaming::new(bad, false, true).unwrap_err();
            assert!(bad.len() < 5 || !error.message.contains(bad), "{bad}");
        }
    }
}
