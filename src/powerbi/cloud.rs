//! The clouds that Power BI runs in: where each answers, and what a token must be for.

use crate::error::{Error, Result};

/// One cloud.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cloud {
    /// What users call it.
    pub name: &'static str,
    /// Scheme and host of its REST API.
    pub base_url: &'static str,
    /// The scope to ask a credential for.
    pub scope: &'static str,
}

/// Sources: Microsoft's developer samples (cloud configuration files) and "Embed content for national clouds".
const CLOUDS: [Cloud; 5] = [
    Cloud {
        name: "public",
        base_url: "https://api.powerbi.com",
        scope: "https://analysis.windows.net/powerbi/api/.default",
    },
    Cloud {
        name: "usgov",
        base_url: "https://api.powerbigov.us",
        scope: "https://analysis.usgovcloudapi.net/powerbi/api/.default",
    },
    Cloud {
        name: "usgovhigh",
        base_url: "https://api.high.powerbigov.us",
        scope: "https://high.analysis.usgovcloudapi.net/powerbi/api/.default",
    },
    Cloud {
        name: "usgovdod",
        base_url: "https://api.mil.powerbigov.us",
        scope: "https://mil.analysis.usgovcloudapi.net/powerbi/api/.default",
    },
    Cloud {
        name: "china",
        base_url: "https://api.powerbi.cn",
        scope: "https://analysis.chinacloudapi.cn/powerbi/api/.default",
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
}
