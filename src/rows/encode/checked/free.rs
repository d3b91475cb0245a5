//! How much memory is free: what the system says, and what the control groups allow, which is what a container has.
//!
//! Sources: `proc_meminfo`(5) (`MemAvailable`), cgroups(7), and the kernel's "Control Group v2" and "Memory Resource
//! Controller" pages (`memory.max`, `memory.limit_in_bytes`).

use std::fs;
use std::path::Path;

/// Bytes that are free now: the least of what the system and its control groups say; 0 where nobody says anything.
pub(super) fn memory() -> usize {
    let system = fs::read_to_string("/proc/meminfo").ok().and_then(|text| available(&text));
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let least = system.into_iter().chain(allowed(&groups, Path::new("/sys/fs/cgroup"))).min();
    usize::try_from(least.unwrap_or(0)).unwrap_or(usize::MAX)
}

/// What the system could give without swapping.
fn available(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok().map(|kibibytes| kibibytes * 1_024)
}

/// What is left in the control groups that a process is in, and in those around them. Inside a container the names may
/// be those outside of it; then the outermost folder is the container's own.
fn allowed(groups: &str, root: &Path) -> Option<u64> {
    let left = |line: &str| {
        let mut parts = line.splitn(3, ':').skip(1);
        let (controllers, path) = (parts.next()?, parts.next()?.trim_start_matches('/'));
        let (root, files) = match controllers {
            "" => (root.to_path_buf(), Files { most: "memory.max", used: "memory.current", idle: "inactive_file" }),
            names if names.split(',').any(|name| name == "memory") => (
                root.join("memory"),
                Files { most: "memory.limit_in_bytes", used: "memory.usage_in_bytes", idle: "total_inactive_file" },
            ),
            _ => return None,
        };
        let folder = root.join(path);
        folder.ancestors().take_while(|folder| folder.starts_with(&root)).filter_map(|folder| files.left(folder)).min()
    };
    groups.lines().filter_map(left).min()
}

/// What a version of the control groups calls its files.
struct Files {
    most: &'static str,
    used: &'static str,
    /// The line of `memory.stat` for pages of files, which are given up when memory is needed.
    idle: &'static str,
}

impl Files {
    fn left(&self, folder: &Path) -> Option<u64> {
        let number = |name: &str| fs::read_to_string(folder.join(name)).ok()?.trim().parse::<u64>().ok();
        let (most, used) = (number(self.most)?, number(self.used)?);
        let stat = fs::read_to_string(folder.join("memory.stat")).unwrap_or_default();
        let idle = stat.lines().find_map(|line| line.strip_prefix(self.idle)?.trim().parse().ok());
        Some(most.saturating_sub(used.saturating_sub(idle.unwrap_or(0))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder of control groups with these files.
    fn folder(files: &[(&str, &str)]) -> std::path::PathBuf {
        let root = std::env::temp_dir().join(format!("groups-{:016x}", fastrand::u64(..)));
        for (path, text) in files {
            let path = root.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        root
    }

    #[test]
    fn the_system_says_what_is_available() {
        assert_eq!(available("MemTotal:  100 kB\nMemFree: 1 kB\nMemAvailable:   50 kB\n"), Some(51_200));
        assert_eq!(available("MemTotal: 100 kB\n"), None);
    }

    #[test]
    fn the_narrowest_group_counts_without_the_pages_of_files() {
        let root = folder(&[
            ("a/memory.max", "1000\n"),
            ("a/memory.current", "900\n"),
            ("a/memory.stat", "anon 500\ninactive_file 400\n"),
            ("a/b/memory.max", "max\n"),
            ("a/b/memory.current", "100\n"),
        ]);
        assert_eq!(allowed("0::/a/b\n", &root), Some(500));
        assert_eq!(allowed("0::/elsewhere\n", &root), None);
        fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn the_older_groups_count_too_and_a_container_sees_its_own_at_the_root() {
        let root = folder(&[
            ("memory/memory.limit_in_bytes", "700\n"),
            ("memory/memory.usage_in_bytes", "300\n"),
            ("memory/memory.stat", "inactive_file 1\ntotal_inactive_file 100\n"),
        ]);
        assert_eq!(allowed("9:cpu:/\n4:memory:/outside/name\n0::/\n", &root), Some(500));
        fs::remove_dir_all(root).unwrap();
    }
}
