//! The server, which names no service: it reads a request whole, finds its service, and sends what the service answers.
//!
//! ```text
//!  socket ──▶ connection ──▶ server ──▶ dispatcher: guard ──▶ which service? ──▶ fault? ──▶ Service::answer
//!             (TLS, cut)     (thread)                                                └──▶ log ──▶ changes
//! ```

mod answer;
mod changes;
mod connection;
mod dispatcher;
mod faults;
mod guard;
mod log;
mod pending;
pub(super) mod query;
mod server;
mod service;
mod site;
mod tls;

pub(super) use self::answer::{Answer, JSON, TEXT};
pub use self::changes::{Change, Changes};
pub(super) use self::connection::Connection;
pub(super) use self::dispatcher::{Dispatcher, read};
pub use self::faults::FailNext;
pub(super) use self::guard::{Entrance, check as check_sender};
pub use self::log::Request;
pub(super) use self::server::{Server, bind};
pub(super) use self::service::{Arrived, Place, Route, Service, Visible};
pub(super) use self::site::Site;
pub(super) use self::tls::Identity as TlsIdentity;
