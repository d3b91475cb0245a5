//! The cookies of one server: load balancers hand out new ones with every answer, and want them back.

use reqwest::Url;
use reqwest::header::{HeaderMap, SET_COOKIE};

/// Cookies in the order in which they came. One name may be there for several paths.
#[derive(Debug, Default)]
pub(super) struct Jar(Vec<Cookie>);

#[derive(Debug)]
struct Cookie {
    name: String,
    value: String,
    path: String,
}

/// A `Set-Cookie` header.
struct Setting<'h> {
    name: &'h str,
    value: &'h str,
    path: Option<&'h str>,
    domain: Option<&'h str>,
    is_over: bool,
}

impl<'h> Setting<'h> {
    fn read(header: &'h str) -> Option<Self> {
        let mut parts = header.split(';').map(str::trim);
        let (name, value) = parts.next()?.split_once('=')?;
        let mut read = Self { name: name.trim(), value: value.trim(), path: None, domain: None, is_over: false };
        for part in parts {
            let (attribute, said) = part.split_once('=').unwrap_or((part, ""));
            let said = said.trim();
            match attribute.trim().to_ascii_lowercase().as_str() {
                "max-age" => read.is_over = said.parse::<i64>().is_ok_and(|age| age <= 0),
                "path" => read.path = Some(said).filter(|path| path.starts_with('/')),
                "domain" => read.domain = Some(said.trim_start_matches('.')).filter(|domain| !domain.is_empty()),
                _ => {}
            }
        }
        Some(read)
    }

    /// Whether requests below `url` carry it (RFC 6265, section 5.4).
    fn is_for(&self, url: &Url) -> bool {
        let host = url.host_str().unwrap_or_default();
        let by_domain = self.domain.is_none_or(|domain| {
            let rest = host.len().checked_sub(domain.len()).filter(|rest| host[*rest..].eq_ignore_ascii_case(domain));
            rest.is_some_and(|rest| rest == 0 || host[..rest].ends_with('.'))
        });
        let by_path = self.path.is_none_or(|path| {
            let rest = url.path().strip_prefix(path);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || path.ends_with('/'))
        });
        by_domain && by_path
    }
}

impl Jar {
    /// Takes what an answer sets for requests below `url`, and drops what it takes back. Cookies of other applications on the
    /// same server are left alone.
    pub(super) fn hear(&mut self, headers: &HeaderMap, url: &Url) {
        let set = headers.get_all(SET_COOKIE).iter().filter_map(|value| Setting::read(value.to_str().ok()?));
        for setting in set.filter(|setting| setting.is_for(url)) {
            let path = setting.path.unwrap_or_default();
            // Whoever says no path means the one there is.
            let is_same = |known: &Cookie| known.path == path || known.path.is_empty() || path.is_empty();
            let known = self.0.iter().position(|known| known.name == setting.name && is_same(known));
            match known {
                Some(place) if setting.is_over => drop(self.0.remove(place)),
                Some(place) => setting.value.clone_into(&mut self.0[place].value),
                None if setting.is_over => {}
                None => {
                    let [name, value, path] = [setting.name, setting.value, path].map(str::to_owned);
                    self.0.push(Cookie { name, value, path });
                }
            }
        }
    }

    /// The header that sends them back; `None` without any.
    pub(super) fn header(&self) -> Option<String> {
        let pairs: Vec<_> = self.0.iter().map(|Cookie { name, value, .. }| format!("{name}={value}")).collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }

    /// What no message may repeat.
    pub(super) fn values(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|cookie| cookie.value.as_str()).filter(|value| value.len() >= 8)
    }
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    fn hear(jar: &mut Jar, cookies: &[&'static str]) {
        let mut headers = HeaderMap::new();
        for cookie in cookies {
            headers.append(SET_COOKIE, HeaderValue::from_static(cookie));
        }
        jar.hear(&headers, &Url::parse("https://h.example.com/MicroStrategyLibrary/api").unwrap());
    }

    #[test]
    fn a_cookie_that_is_issued_again_replaces_the_one_before() {
        let mut jar = Jar::default();
        assert_eq!(jar.header(), None);
        hear(&mut jar, &["JSESSIONID=A; Path=/MicroStrategyLibrary; Secure; HttpOnly", "AWSALB=1; Path=/"]);
        hear(&mut jar, &["AWSALB=2; Path=/; Max-Age=600"]);
        assert_eq!(jar.header().as_deref(), Some("JSESSIONID=A; AWSALB=2"));
        hear(&mut jar, &["JSESSIONID=; Max-Age=0", "no cookie"]);
        assert_eq!(jar.header().as_deref(), Some("AWSALB=2"));
    }

    #[test]
    fn a_cookie_of_another_application_is_left_alone() {
        let mut jar = Jar::default();
        hear(&mut jar, &["JSESSIONID=A; Path=/MicroStrategyLibrary", "B=1; domain=.Example.com; path=/"]);
        hear(
            &mut jar,
            &[
                "JSESSIONID=C; Path=/sso",
                "JSESSIONID=D; Path=/MicroStrategy",
                "B=2; Domain=evil.example",
                "B=3; Domain=xample.com",
                "E=4; Domain=h.example.com; Path=relative",
            ],
        );
        assert_eq!(jar.header().as_deref(), Some("JSESSIONID=A; B=1; E=4"));
    }
}
