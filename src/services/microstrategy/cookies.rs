//! The cookies of one server: load balancers hand out new ones with every answer, and want them back.

use reqwest::header::{HeaderMap, SET_COOKIE};

/// Cookies by their names, in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Jar(Vec<(String, String)>);

impl Jar {
    /// Takes what an answer sets, and drops what it takes back.
    pub(super) fn hear(&mut self, headers: &HeaderMap) {
        for header in headers.get_all(SET_COOKIE).iter().filter_map(|value| value.to_str().ok()) {
            let mut parts = header.split(';').map(str::trim);
            let Some((name, value)) = parts.next().and_then(|pair| pair.split_once('=')) else { continue };
            let (name, value) = (name.trim(), value.trim());
            let is_over = parts.any(|part| {
                let (attribute, age) = part.split_once('=').unwrap_or((part, ""));
                attribute.trim().eq_ignore_ascii_case("max-age") && age.trim().parse::<i64>().is_ok_and(|age| age <= 0)
            });
            match self.0.iter().position(|(known, _)| known == name) {
                Some(place) if is_over => drop(self.0.remove(place)),
                Some(place) => value.clone_into(&mut self.0[place].1),
                None if is_over => {}
                None => self.0.push((name.to_owned(), value.to_owned())),
            }
        }
    }

    /// The header that sends them back; `None` without any.
    pub(super) fn header(&self) -> Option<String> {
        let pairs: Vec<_> = self.0.iter().map(|(name, value)| format!("{name}={value}")).collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }

    /// What no message may repeat.
    pub(super) fn values(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(_, value)| value.as_str()).filter(|value| value.len() >= 8)
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
        jar.hear(&headers);
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
}
