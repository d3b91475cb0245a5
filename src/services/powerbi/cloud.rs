//! The clouds that Power BI runs in: where each answers, and what a token must be for.

use serde::Serialize;

use crate::auth::Service;
use crate::error::{Error, Result};

/// One cloud.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Cloud {
    /// What users call it.
    pub name: &'static str,
    /// Scheme and host of its REST API.
    pub base_url: &'static str,
    /// The scope to ask a credential for.
    pub scope: &'static str,
    /// Scheme and host of the Microsoft Entra that signs its users in.
    pub authority: &'static str,
}

/// Power BI as tokens name it; facts/powerbi 8.
pub static SERVICE: Service = Service {
    name: "Power BI",
    portal: "Power BI Service",
    id: "00000009-0000-0000-c000-000000000000",
    public: "https://analysis.windows.net/powerbi/api",
    path: "/powerbi/api",
};

/// Sources: Microsoft's developer samples (cloud configuration files) and "Embed content for national clouds". GCC has an
/// API of its own and signs in with everybody else. China's Entra answers as `login.partner.microsoftonline.cn` too.
pub const CLOUDS: [Cloud; 5] = [
    Cloud {
        name: "public",
        base_url: "https://api.powerbi.com",
        scope: "https://analysis.windows.net/powerbi/api/.default",
        authority: "https://login.microsoftonline.com",
    },
    Cloud {
        name: "usgov",
        base_url: "https://api.powerbigov.us",
        scope: "https://analysis.usgovcloudapi.net/powerbi/api/.default",
        authority: "https://login.microsoftonline.com",
    },
    Cloud {
        name: "usgovhigh",
        base_url: "https://api.high.powerbigov.us",
        scope: "https://high.analysis.usgovcloudapi.net/powerbi/api/.default",
        authority: "https://login.microsoftonline.us",
    },
    Cloud {
        name: "usgovdod",
        base_url: "https://api.mil.powerbigov.us",
        scope: "https://mil.analysis.usgovcloudapi.net/powerbi/api/.default",
        authority: "https://login.microsoftonline.us",
    },
    Cloud {
        name: "china",
        base_url: "https://api.powerbi.cn",
        scope: "https://analysis.chinacloudapi.cn/powerbi/api/.default",
        authority: "https://login.chinacloudapi.cn",
    },
];

impl Cloud {
    /// The cloud of that name.
    pub fn named(name: &str) -> Result<Self> {
        CLOUDS.into_iter().find(|cloud| cloud.name == name).ok_or_else(|| {
            let names = CLOUDS.map(|cloud| cloud.name).join(", ");
            Error::configuration(format!("there is no cloud `{}`; the clouds are {names}", name.escape_debug()))
        })
    }

    /// The authority to ask for a token of `scope`: the one of the cloud whose Power BI it is, or else the public one.
    #[must_use]
    pub fn authority_for(scope: &str) -> &'static str {
        CLOUDS.iter().find(|cloud| cloud.scope == scope).unwrap_or(&CLOUDS[0]).authority
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_cloud_has_a_name_an_address_and_a_scope_of_its_own() {
        for cloud in CLOUDS {
            assert_eq!(Cloud::named(cloud.name).unwrap(), cloud);
            assert_eq!(Cloud::authority_for(cloud.scope), cloud.authority);
            assert_eq!(CLOUDS.iter().filter(|other| other.scope == cloud.scope).count(), 1);
            assert_eq!(CLOUDS.iter().filter(|other| other.base_url == cloud.base_url).count(), 1);
        }
        assert_eq!(Cloud::authority_for("https://graph.microsoft.com/.default"), "https://login.microsoftonline.com");
    }
}
