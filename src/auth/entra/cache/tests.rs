//! A file that holds what signs people in: for its owner alone, whole at any time, one entry for each key.

use std::fs;
use std::path::PathBuf;

use super::*;

/// A folder of its own, gone at the end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("powerbi-push-cache-{:016x}", fastrand::u64(..)));
        Self(path)
    }

    fn cache(&self) -> Cache {
        Cache::new(&self.0.join("sign-ins")).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn key(tenant: &str, client: &str, authority: &str, scope: &str) -> Key {
    let (tenant, client, authority, scope) = (tenant.into(), client.into(), authority.into(), scope.into());
    Key { tenant, client, authority, scope }
}

fn found(cache: &Cache, key: &Key) -> Option<String> {
    cache.find(key).unwrap().map(|token| token.expose_secret().to_owned())
}

#[test]
fn each_part_of_the_key_counts_and_the_newest_token_stays() {
    let folder = Folder::new();
    let cache = folder.cache();
    let keys = [
        key("t", "c", "a", "s"),
        key("T", "c", "a", "s"),
        key("t", "C", "a", "s"),
        key("t", "c", "A", "s"),
        key("t", "c", "a", "S"),
    ];
    for (number, key) in keys.iter().enumerate() {
        assert_eq!(found(&cache, key), None);
        cache.keep(key, &"before".into()).unwrap();
        cache.keep(key, &number.to_string().into()).unwrap();
    }
    for (number, key) in keys.iter().enumerate() {
        assert_eq!(found(&folder.cache(), key), Some(number.to_string()));
    }
    assert_eq!(cache.newest("a", "s").unwrap(), Some(keys[2].clone()));
    assert_eq!(cache.newest("a", "none").unwrap(), None);
    cache.forget(&keys[0]).unwrap();
    assert_eq!((found(&cache, &keys[0]), found(&cache, &keys[1])), (None, Some("1".into())));
    assert!(cache.clear().unwrap());
    assert!(!folder.0.join("sign-ins").exists());
    assert!(!cache.clear().unwrap());
    let left: Vec<_> = fs::read_dir(&folder.0).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

#[cfg(unix)]
mod permissions {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;
    use crate::error::Kind;

    fn mode(path: &Path) -> u32 {
        fs::symlink_metadata(path).unwrap().permissions().mode() & 0o777
    }

    fn allow(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    /// What is said of the cache, by whoever finds it and by whoever already has it.
    fn refusals(folder: &Folder, had: &Cache) -> [String; 3] {
        let key = key("t", "c", "a", "s");
        let errors = [
            Cache::new(&folder.0.join("sign-ins")).unwrap_err(),
            had.find(&key).unwrap_err(),
            had.keep(&key, &"canary".into()).unwrap_err(),
        ];
        errors.map(|error| {
            assert_eq!(error.kind, Kind::Configuration);
            assert!(error.hint.is_some());
            error.message
        })
    }

    #[test]
    fn it_is_for_its_owner_alone() {
        let folder = Folder::new();
        let cache = folder.cache();
        cache.keep(&key("t", "c", "a", "s"), &"1".into()).unwrap();
        let file = folder.0.join("sign-ins");
        assert_eq!((mode(&folder.0), mode(&file)), (0o700, 0o600));
        for open in [0o640, 0o604, 0o660, 0o610, 0o602] {
            allow(&file, open);
            for message in refusals(&folder, &cache) {
                assert!(message.ends_with(&format!("it can be reached by other users (mode {open:o})")), "{message}");
            }
        }
        allow(&file, 0o600);
        for open in [0o750, 0o705, 0o777, 0o710] {
            allow(&folder.0, open);
            for message in refusals(&folder, &cache) {
                let said = format!("its folder can be reached by other users (mode {open:o})");
                assert!(message.ends_with(&said), "{message}");
            }
        }
        allow(&folder.0, 0o700);
        assert_eq!(found(&cache, &key("t", "c", "a", "s")), Some("1".into()));
    }

    #[test]
    fn no_link_is_followed() {
        let (folder, elsewhere) = (Folder::new(), Folder::new());
        let cache = folder.cache();
        elsewhere.cache().keep(&key("t", "c", "a", "s"), &"1".into()).unwrap();
        fs::create_dir(&folder.0).unwrap();
        allow(&folder.0, 0o700);
        symlink(elsewhere.0.join("sign-ins"), folder.0.join("sign-ins")).unwrap();
        for message in refusals(&folder, &cache) {
            assert!(message.ends_with("is a link, and none is followed"), "{message}");
        }
        assert!(cache.clear().is_err());
        fs::remove_dir_all(&folder.0).unwrap();
        symlink(&elsewhere.0, &folder.0).unwrap();
        for message in refusals(&folder, &cache) {
            assert!(message.ends_with("what it lies in is a link, and none is followed"), "{message}");
        }
        fs::remove_file(&folder.0).unwrap();
        assert_eq!(found(&elsewhere.cache(), &key("t", "c", "a", "s")), Some("1".into()));
    }

    #[test]
    fn whoever_reads_while_it_is_replaced_finds_the_one_or_the_other() {
        let folder = Folder::new();
        let cache = folder.cache();
        let one = key("t", "c", "a", "s");
        cache.keep(&one, &"0".into()).unwrap();
        std::thread::scope(|scope| {
            for writer in 0..2 {
                let cache = &cache;
                scope.spawn(move || {
                    for number in 0..60 {
                        cache.keep(&key("t", "c", "a", &format!("{writer} {number}")), &"1".into()).unwrap();
                    }
                });
            }
            for _ in 0..400 {
                assert!(found(&cache, &one).is_some());
            }
        });
        // Neither has undone what the other one wrote.
        for (writer, number) in (0..2).flat_map(|writer| (0..60).map(move |number| (writer, number))) {
            assert!(found(&cache, &key("t", "c", "a", &format!("{writer} {number}"))).is_some(), "{writer} {number}");
        }
    }
}

#[test]
fn somebody_elses_file_is_neither_read_nor_deleted() {
    let folder = Folder::new();
    let cache = folder.cache();
    cache.keep(&key("t", "c", "a", "s"), &"1".into()).unwrap();
    for text in ["hello", "{}", "[]", r#"{"about": "", "version": 2, "sign_ins": []}"#] {
        fs::write(folder.0.join("sign-ins"), text).unwrap();
        assert!(cache.clear().unwrap_err().message.contains("is no cache of sign-ins"), "{text}");
        assert!(Cache::new(&folder.0.join("sign-ins")).is_err());
        assert_eq!(fs::read_to_string(folder.0.join("sign-ins")).unwrap(), text);
    }
    fs::write(folder.0.join("sign-ins"), "").unwrap();
    assert_eq!(found(&folder.cache(), &key("t", "c", "a", "s")), None);
}
