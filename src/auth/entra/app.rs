//! An app registration: its tenant, its id, and who signs it in.

use reqwest::Url;
use secrecy::SecretString;

use super::super::account::FetchContext;
use super::grant::Form;
use super::read_authority;
use crate::error::{Error, Result};

/// Endpoints that serve every tenant: an app that signs in by itself does so to its own one.
const NO_TENANTS: [&str; 3] = ["common", "organizations", "consumers"];
/// A person may leave it to the account which tenant it is; personal accounts have no Power BI.
const NO_TENANT_OF_PEOPLE: [&str; 1] = ["consumers"];
/// What vouches is a JSON Web Token (RFC 7523, section 2.2).
const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const TENANT_HINT: &str = "it is the Directory (tenant) ID on the overview page of the app registration, or a domain of the \
                           tenant such as contoso.onmicrosoft.com";
const CLIENT_HINT: &str = "it is the Application (client) ID on the overview page of the app registration";

/// An app of a tenant.
#[derive(Debug)]
pub(super) struct App {
    tenant: String,
    client: String,
    authority: Option<Url>,
}

impl App {
    /// One that signs in by itself.
    pub(super) fn by_itself(tenant: &str, client: &str, authority: Option<&str>) -> Result<Self> {
        Self::new(tenant, client, authority, &NO_TENANTS)
    }

    /// One through which people sign in.
    pub(super) fn of_people(tenant: &str, client: &str, authority: Option<&str>) -> Result<Self> {
        Self::new(tenant, client, authority, &NO_TENANT_OF_PEOPLE)
    }

    /// No message repeats a value: the arguments may have been mixed up.
    fn new(tenant: &str, client: &str, authority: Option<&str>, none: &[&str]) -> Result<Self> {
        let (tenant, client) = (tenant.trim(), client.trim());
        check_tenant(tenant, none)?;
        if !is_guid(client) {
            let what = if client.is_empty() { "is empty" } else { "is no GUID" };
            return Err(Error::configuration(format!("`client_id` {what}")).with_hint(CLIENT_HINT));
        }
        let authority = authority.map(read_authority).transpose()?;
        Ok(Self { tenant: tenant.to_owned(), client: client.to_owned(), authority })
    }

    pub(super) fn tenant(&self) -> &str {
        &self.tenant
    }

    pub(super) fn client(&self) -> &str {
        &self.client
    }

    /// Who signs it in, where the cloud's own one is `clouds`.
    pub(super) fn authority<'a>(&'a self, clouds: &'a Url) -> &'a Url {
        self.authority.as_ref().unwrap_or(clouds)
    }

    /// One of the endpoints of its tenant.
    pub(super) fn url(&self, context: &FetchContext, endpoint: &str) -> Url {
        let mut url = self.authority(&context.authority).clone();
        url.set_path(&format!("/{}/oauth2/v2.0/{endpoint}", self.tenant));
        url
    }

    /// A form for one of them, which names the app.
    pub(super) fn form(&self, context: &FetchContext, endpoint: &str) -> Form {
        let form = Form::new(self.doing(context), context.service, self.url(context, endpoint))
            .open("client_id", &self.client);
        match &context.hint.claims {
            Some(claims) if endpoint == "token" => form.open("claims", claims),
            _ => form,
        }
    }

    /// A form of an app that signs in by itself, for which `assertion` vouches in place of a secret.
    pub(super) fn asserted(&self, context: &FetchContext, assertion: &SecretString) -> Form {
        let form = self.form(context, "token").open("scope", &context.scope).open("client_assertion_type", ASSERTION);
        form.secret("client_assertion", assertion).open("grant_type", "client_credentials")
    }

    /// What goes on, and where, as every message begins.
    pub(super) fn doing(&self, context: &FetchContext) -> String {
        let host = self.authority(&context.authority).host_str().unwrap_or_default();
        format!("signing in app `{}` of tenant `{}` at {host}", self.client, self.tenant)
    }
}

/// A tenant that a person may name.
pub(in crate::auth) fn check_tenant_of_people(tenant: &str) -> Result<()> {
    check_tenant(tenant, &NO_TENANT_OF_PEOPLE)
}

fn check_tenant(tenant: &str, none: &[&str]) -> Result<()> {
    let wrong = |why: &str| Err(Error::configuration(format!("`tenant_id` {why}")).with_hint(TENANT_HINT));
    if tenant.is_empty() {
        return wrong("is empty");
    }
    if none.iter().any(|none| tenant.eq_ignore_ascii_case(none)) {
        return wrong(if none.len() > 1 {
            "names no tenant: a service principal signs in to its own"
        } else {
            "is for personal accounts, which have no Power BI"
        });
    }
    let is_named = tenant.starts_with(|first: char| first.is_ascii_alphanumeric());
    if !is_named || !tenant.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.')) {
        return wrong("is neither a GUID nor a domain");
    }
    Ok(())
}

pub(in crate::auth) fn is_guid(text: &str) -> bool {
    let parts: Vec<usize> = text.split('-').map(str::len).collect();
    parts == [8, 4, 4, 4, 12] && text.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TENANT: &str = "contoso.onmicrosoft.com";
    const CLIENT: &str = "11111111-2222-3333-4444-555555555555";
    const CANARY: &str = "canary~8Q~secret";

    fn refusal(tenant: &str, client: &str, authority: Option<&str>) -> Option<(String, String)> {
        let error = App::by_itself(tenant, client, authority).err()?;
        Some((error.message, error.hint.unwrap()))
    }

    #[test]
    fn wrong_arguments_are_told_before_anything_is_sent_and_never_repeated() {
        let wrong_tenants =
            ["", " ", "common", "Organizations", "a/b", "..", "a b", "https://login.microsoftonline.com/x", CANARY];
        for tenant in wrong_tenants {
            let (message, hint) = refusal(tenant, CLIENT, None).unwrap();
            assert!(message.starts_with("`tenant_id` ") && !message.contains("canary"), "{message}");
            assert_eq!(hint, TENANT_HINT);
        }
        for client in ["", "my app", CANARY, "{11111111-2222-3333-4444-555555555555}"] {
            let (message, hint) = refusal(TENANT, client, None).unwrap();
            assert!(message.starts_with("`client_id` ") && !message.contains("canary"), "{message}");
            assert_eq!(hint, CLIENT_HINT);
        }
    }

    #[test]
    fn people_may_leave_it_to_their_account_which_tenant_it_is() {
        for tenant in ["organizations", "common", TENANT] {
            assert!(App::of_people(tenant, CLIENT, None).is_ok(), "{tenant}");
        }
        for tenant in ["consumers", "", "a/b"] {
            assert!(App::of_people(tenant, CLIENT, None).is_err(), "{tenant}");
        }
    }

    #[test]
    fn an_authority_is_https_or_loopback_and_holds_no_tenant() {
        let wrong =
            ["http://login.microsoftonline.com", "https://u:p@host", "https://host/tenant", "", "ftp://localhost"];
        for authority in wrong {
            let (message, _) = refusal(TENANT, CLIENT, Some(authority)).unwrap();
            assert!(message.starts_with("authority "), "{authority}: {message}");
        }
        for (authority, read) in [
            ("login.microsoftonline.us", "https://login.microsoftonline.us/"),
            (" https://login.microsoftonline.us/ ", "https://login.microsoftonline.us/"),
            ("http://127.0.0.1:8765", "http://127.0.0.1:8765/"),
        ] {
            assert_eq!(read_authority(authority).unwrap().as_str(), read);
        }
    }

    #[test]
    fn what_was_pasted_with_white_space_is_taken_without() {
        let app = App::by_itself(" contoso.com\n", &format!("{CLIENT}\n"), None).unwrap();
        assert_eq!((app.tenant(), app.client()), ("contoso.com", CLIENT));
    }
}
