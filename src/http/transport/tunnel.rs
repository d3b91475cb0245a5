//! A tunnel through a proxy that was not to be had, and what is said of it.

use std::time::Duration;

use reqwest::{Client, Method, Url};

use super::failure::{Failure, causes};
use super::proxy::{Proxies, SIGN_IN};

/// How long a proxy may take to say once more what it has just said.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why there is no tunnel.
#[derive(Debug)]
pub(super) struct Tunnel<'t> {
    /// Host and port of the proxy.
    proxy: String,
    /// Where the tunnel was to lead.
    url: &'t Url,
    end: End,
    /// The words of the connection about it.
    why: String,
    timed_out: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// The proxy itself cannot be reached.
    NoProxy,
    /// It wants to know who asks.
    SignIn,
    /// It answered with another status than 200.
    Refused,
    /// It went away, or its answer made no sense.
    Broken,
}

impl<'t> Tunnel<'t> {
    /// What became of the tunnel to `url`, where that is why the connection could not be made.
    pub(super) fn of(error: &reqwest::Error, proxies: &Proxies, url: &'t Url) -> Option<Self> {
        let proxy = proxies.on_the_way_to(url)?;
        let causes = causes(error);
        let (_, why) = causes.split_once("tunnel error: ").filter(|_| error.is_connect())?;
        let (end, why) = match why.split_once(": ") {
            Some(("failed to create underlying connection", below)) => (End::NoProxy, below),
            _ if why == "proxy authorization required" => (End::SignIn, why),
            _ if why == "unsuccessful" => (End::Refused, why),
            _ => (End::Broken, why),
        };
        Some(Self { proxy, url, end, why: why.to_owned(), timed_out: error.is_timeout() })
    }

    /// The failure as it is told; `client` speaks through the proxy.
    pub(super) async fn into_failure(self, proxies: &Proxies, client: impl FnOnce() -> Option<Client>) -> Failure {
        let (proxy, host, why) = (&self.proxy, self.url.host_str().unwrap_or_default(), &self.why);
        let message = match self.end {
            End::NoProxy => format!("could not connect to the proxy {proxy}: {why}"),
            End::SignIn if proxies.signs_in_for(self.url) => {
                format!("the proxy {proxy} does not take the name and the password that it was given (407)")
            }
            End::SignIn => format!("the proxy {proxy} wants a name and a password (407)"),
            End::Refused => {
                let status = match client() {
                    Some(client) => self.status(&client).await,
                    None => None,
                };
                let status = status.map(|status| format!(": it answered {status}")).unwrap_or_default();
                format!("the proxy {proxy} does not connect to {host}{status}")
            }
            End::Broken => format!("the proxy {proxy} did not connect to {host}: {why}"),
        };
        let hint = match self.end {
            End::NoProxy => "check proxy= and HTTPS_PROXY; NO_PROXY names hosts that are reached without one".into(),
            End::SignIn => SIGN_IN.into(),
            End::Refused | End::Broken => format!(
                "ask whoever runs the proxy to let {host} through, or name it in NO_PROXY where it can be reached without"
            ),
        };
        Failure { sent_whole: false, timed_out: self.timed_out, message, hint: Some(hint) }
    }

    /// What the proxy answers to one who wants to be connected. The connection keeps that to itself, so that it is asked
    /// again, as if it were told to fetch something by http: nothing of the request goes there.
    async fn status(&self, client: &Client) -> Option<u16> {
        let (host, port) = (self.url.host_str()?, self.url.port_or_known_default()?);
        let asked = client.request(Method::CONNECT, format!("http://{host}:{port}")).timeout(PATIENCE).send().await;
        asked.ok().map(|answer| answer.status().as_u16()).filter(|status| *status != 200)
    }
}
