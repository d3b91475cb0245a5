//! Who a request is signed in as. What signs it decorates it with headers, and may be asked for another sign-in.

use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;

use reqwest::header::{HeaderName, HeaderValue};
use secrecy::SecretString;

use super::transport::{Request, Response};
use crate::error::Result;

/// Something on its way.
pub type Later<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

/// What a request is decorated with.
#[derive(Debug, Clone, Default)]
pub struct Signature {
    /// Headers, each marked as sensitive.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// What no message may repeat.
    pub secrets: Vec<SecretString>,
    /// Which sign-in this is; it rises with each.
    pub generation: u64,
}

/// A way of signing requests.
pub trait Authentication: Debug + Send + Sync {
    /// Signs `request`, with a sign-in that lasts; or refuses what the service would not say why it refuses.
    fn sign<'a>(&'a self, request: &'a Request) -> Later<'a, Signature>;

    /// Replaces the sign-in `refused`, which the service takes no longer; `false` where there is no other.
    fn renew(&self, refused: u64) -> Later<'_, bool>;

    /// Hears of each answer: a service may hand out more with it.
    fn hear(&self, _response: &Response) {}

    /// What is to be said first of a sign-in that was refused.
    fn remark(&self, _refused: &Signature) -> Option<&'static str> {
        None
    }
}
