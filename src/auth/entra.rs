//! Microsoft Entra: an app, by itself or for a person, signed in by one of its grants.
//!
//! ```text
//!  a way ──▶ grant: one POST, and again ──▶ a token | refusal: what to change
//! ```

mod app;
mod browser;
mod cache;
mod certificate;
mod client_secret;
mod device_code;
mod grant;
mod login;
mod person;
mod random;
mod refresh_tokens;
mod refusal;
mod way;
mod workload_identity;

use reqwest::Url;

pub(super) use self::app::{check_tenant_of_people, is_guid};
pub use self::browser::{Browser, Open};
pub use self::cache::Cache;
pub use self::certificate::Certificate;
pub use self::client_secret::ClientSecret;
pub use self::device_code::{Code, DeviceCode, Prompt};
pub use self::login::Login;
pub use self::workload_identity::{Voucher, WorkloadIdentity};
use crate::error::Result;
use crate::http::transport::origin;

/// An authority as azure-identity takes it: a host alone is meant to be reached by https.
pub(super) fn read_authority(text: &str) -> Result<Url> {
    let text = text.trim();
    let text = if text.contains("://") { text.to_owned() } else { format!("https://{text}") };
    origin("authority", text.trim_end_matches('/'), "https://login.microsoftonline.com, and the tenant as tenant_id")
}
