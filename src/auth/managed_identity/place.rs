//! Who gives out the identity of this machine: the environment says so.

use std::path::Path;

use reqwest::Url;
use secrecy::SecretString;

use crate::error::{Error, Result};

/// The address of the instance metadata service, the same on every virtual machine.
const IMDS: &str = "http://169.254.169.254";
const IMDS_PATH: &str = "/metadata/identity/oauth2/token";
/// Where Azure Arc listens if nothing else is said, and the program that does.
const ARC: &str = "http://localhost:40342/metadata/identity/oauth2/token";
const ARC_PROGRAM: &str = "/opt/azcmagent/bin/himds";

/// Who is asked.
#[derive(Debug)]
pub(in crate::auth) enum Place {
    /// App Service, Functions, Container Apps.
    AppService { endpoint: Url, header: SecretString },
    /// A machine elsewhere that Azure manages.
    Arc { endpoint: Url },
    /// A virtual machine, or what imitates one.
    Imds { endpoint: Url },
}

/// Whether Azure Arc is installed here.
pub(super) fn has_arc() -> bool {
    Path::new(ARC_PROGRAM).exists()
}

impl Place {
    /// What the variables that `read` reads say.
    pub(super) fn of(read: &dyn Fn(&str) -> Option<String>, has_arc: bool) -> Result<Self> {
        let set = |name: &str| read(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
        let Some(endpoint) = set("IDENTITY_ENDPOINT") else {
            if let Some(name) = ["IDENTITY_HEADER", "IMDS_ENDPOINT"].into_iter().find(|name| set(name).is_some()) {
                return Err(half(name, "IDENTITY_ENDPOINT"));
            }
            if has_arc {
                return Ok(Self::Arc { endpoint: address("Azure Arc", ARC)? });
            }
            let name = "AZURE_POD_IDENTITY_AUTHORITY_HOST";
            let host = set(name).unwrap_or_else(|| IMDS.to_owned());
            let mut endpoint = address(name, &host)?;
            endpoint.set_path(IMDS_PATH);
            return Ok(Self::Imds { endpoint });
        };
        let endpoint = address("IDENTITY_ENDPOINT", &endpoint)?;
        match set("IDENTITY_HEADER") {
            Some(_) if set("IDENTITY_SERVER_THUMBPRINT").is_some() => {
                Err(Error::configuration("the managed identity of Service Fabric is not supported")
                    .with_hint("pass the ManagedIdentityCredential of azure-identity as credential="))
            }
            Some(header) => Ok(Self::AppService { endpoint, header: header.into() }),
            None if set("IMDS_ENDPOINT").is_some() => Ok(Self::Arc { endpoint }),
            None => Err(half("IDENTITY_ENDPOINT", "IDENTITY_HEADER")),
        }
    }

    /// What people call it.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::AppService { .. } => "App Service",
            Self::Arc { .. } => "Azure Arc",
            Self::Imds { .. } => "IMDS",
        }
    }

    /// Where it is asked.
    pub(super) fn endpoint(&self) -> &Url {
        let (Self::AppService { endpoint, .. } | Self::Arc { endpoint } | Self::Imds { endpoint }) = self;
        endpoint
    }

    /// The version of what is asked.
    pub(super) fn version(&self) -> &'static str {
        match self {
            Self::AppService { .. } => "2019-08-01",
            Self::Arc { .. } => "2020-06-01",
            Self::Imds { .. } => "2018-02-01",
        }
    }
}

/// What is said where one variable of two is set.
fn half(there: &str, missing: &str) -> Error {
    Error::configuration(format!("{there} is set, and {missing} is not")).with_hint(
        "App Service sets IDENTITY_ENDPOINT and IDENTITY_HEADER, and Azure Arc IDENTITY_ENDPOINT and IMDS_ENDPOINT",
    )
}

/// The address that a variable holds; http is what such places speak.
fn address(name: &str, text: &str) -> Result<Url> {
    let wrong = || {
        Error::configuration(format!("{name} is not the address of a managed identity")).with_hint(format!(
            "{name} is set by the machine or its platform, and begins with http://: leave it as it was"
        ))
    };
    let url = Url::parse(text).map_err(|_| wrong())?;
    let is_plain = url.username().is_empty() && url.password().is_none() && url.has_host();
    if matches!(url.scheme(), "http" | "https") && is_plain { Ok(url) } else { Err(wrong()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(variables: &[(&str, &str)], has_arc: bool) -> Result<Place> {
        let read =
            |wanted: &str| variables.iter().find(|(name, _)| *name == wanted).map(|(_, value)| (*value).to_owned());
        Place::of(&read, has_arc)
    }

    #[test]
    fn the_environment_says_who_is_asked() {
        let endpoint = ("IDENTITY_ENDPOINT", "http://127.0.0.1:1/msi/token");
        let (header, imds) = (("IDENTITY_HEADER", "canary"), ("IMDS_ENDPOINT", "http://localhost:40342"));
        for (variables, has_arc, name, url) in [
            (&[][..], false, "IMDS", "http://169.254.169.254/metadata/identity/oauth2/token"),
            (&[("IDENTITY_ENDPOINT", " ")], false, "IMDS", "http://169.254.169.254/metadata/identity/oauth2/token"),
            (
                &[("AZURE_POD_IDENTITY_AUTHORITY_HOST", "http://127.0.0.1:7/")],
                false,
                "IMDS",
                "http://127.0.0.1:7/metadata/identity/oauth2/token",
            ),
            (&[], true, "Azure Arc", "http://localhost:40342/metadata/identity/oauth2/token"),
            (&[endpoint, imds], false, "Azure Arc", "http://127.0.0.1:1/msi/token"),
            (&[endpoint, header], true, "App Service", "http://127.0.0.1:1/msi/token"),
        ] {
            let found = place(variables, has_arc).unwrap();
            assert_eq!((found.name(), found.endpoint().as_str()), (name, url));
            assert!(!format!("{found:?}").contains("canary"));
        }
    }

    #[test]
    fn what_is_set_but_incomplete_is_no_place() {
        for variables in [
            &[("IDENTITY_ENDPOINT", "http://127.0.0.1:1")][..],
            &[("IDENTITY_HEADER", "canary")],
            &[("IMDS_ENDPOINT", "http://127.0.0.1:1")],
            &[("IDENTITY_HEADER", "canary"), ("IMDS_ENDPOINT", "http://127.0.0.1:1")],
            &[("IDENTITY_ENDPOINT", "x"), ("IDENTITY_HEADER", "canary")],
            &[("IDENTITY_ENDPOINT", "ftp://x"), ("IDENTITY_HEADER", "canary")],
            &[("IDENTITY_ENDPOINT", "http://u:canary@x"), ("IDENTITY_HEADER", "h")],
            &[("IDENTITY_ENDPOINT", "http://x"), ("IDENTITY_HEADER", "h"), ("IDENTITY_SERVER_THUMBPRINT", "t")],
            &[("AZURE_POD_IDENTITY_AUTHORITY_HOST", "127.0.0.1")],
        ] {
            let error = place(variables, false).unwrap_err();
            assert_eq!(error.kind, crate::error::Kind::Configuration);
            assert!(!error.message.contains("canary") && error.hint.is_some(), "{error}");
        }
    }
}
