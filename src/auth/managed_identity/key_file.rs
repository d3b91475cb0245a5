//! The file that Azure Arc points at: whoever can read it may have the machine's identity.

use std::fs;
use std::path::{Path, PathBuf};

use secrecy::SecretString;

use crate::error::{Error, Kind, Result, shown};

/// A key has some hundred bytes.
const LONGEST: u64 = 4_096;

const REALM: &str = "realm=";

/// The key that a challenge points at: `Basic realm=<path>`. Nothing outside of Azure Arc's own folder is read.
pub(super) fn read(challenge: &str) -> Result<SecretString> {
    read_in(&folder(), challenge)
}

fn folder() -> PathBuf {
    match std::env::var_os("ProgramData").filter(|_| cfg!(windows)) {
        Some(data) => PathBuf::from(data).join("AzureConnectedMachineAgent").join("Tokens"),
        None => PathBuf::from("/var/opt/azcmagent/tokens"),
    }
}

fn read_in(folder: &Path, challenge: &str) -> Result<SecretString> {
    let wrong = |what: &str| {
        Error::new(Kind::Authentication, format!("Azure Arc points at a key file {what}"))
            .with_hint("something else than the agent of Azure Arc may be answering: check IDENTITY_ENDPOINT")
    };
    // Names of schemes and parameters are read in any case (RFC 9110, 11.1).
    let realm = challenge.to_ascii_lowercase().find(REALM).map(|at| at + REALM.len());
    let named = realm.and_then(|at| challenge.get(at..)).map(|path| path.trim().trim_matches('"'));
    let path = Path::new(named.filter(|path| !path.is_empty()).ok_or_else(|| wrong("without naming it"))?);
    let here = shown(&path.to_string_lossy());
    let is_key = path.extension().is_some_and(|kind| kind == "key");
    if path.parent() != Some(folder) || !is_key {
        return Err(wrong(&format!("that is none of its own: `{here}`")));
    }
    let unread = |why: String| {
        wrong(&format!("`{here}` that cannot be read: {why}"))
            .with_hint("the user of this program must be in the group himds, or be an administrator")
    };
    let known = fs::symlink_metadata(path).map_err(|error| unread(error.to_string()))?;
    if !known.is_file() || known.len() > LONGEST {
        return Err(wrong(&format!("that is no file of at most {LONGEST} bytes: `{here}`")));
    }
    let key = fs::read_to_string(path).map_err(|error| unread(error.to_string()))?;
    Ok(key.trim().into())
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn only_a_small_key_of_the_folder_itself_is_read() {
        let folder = std::env::temp_dir().join(format!("powerbi-push-arc-{}", std::process::id()));
        fs::create_dir_all(folder.join("deep")).unwrap();
        let place = |name: &str, text: &str| {
            fs::write(folder.join(name), text).unwrap();
            format!("Basic realm={}", folder.join(name).display())
        };
        let good = place("a.key", " a key\n");
        for challenge in [&good, &good.replace("Basic realm", "basic REALM")] {
            assert_eq!(read_in(&folder, challenge).unwrap().expose_secret(), "a key");
        }
        let long = place("long.key", &"x".repeat(4_097));
        for bad in [
            place("a.txt", "x"),
            place("deep/a.key", "x"),
            long,
            format!("Basic realm={}/../a.key", folder.display()),
            format!("Basic realm={}/none.key", folder.display()),
            "Basic realm=/etc/passwd".into(),
            "Basic realm=".into(),
            "Bearer".into(),
        ] {
            let error = read_in(&folder, &bad).unwrap_err();
            assert_eq!((error.kind, error.hint.is_some()), (Kind::Authentication, true), "{bad}");
        }
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(folder.join("a.key"), folder.join("link.key")).unwrap();
            assert!(read_in(&folder, &format!("Basic realm={}/link.key", folder.display())).is_err());
        }
        fs::remove_dir_all(&folder).unwrap();
    }
}
