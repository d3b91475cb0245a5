//! How many threads the system lets this process run at once.

use std::num::NonZero;
use std::thread;

/// As many as there are cores for them.
#[cfg(not(target_os = "linux"))]
pub(super) fn cores() -> usize {
    asked()
}

/// The same. The answer is in files of the control groups, which take 0.1 ms to read: it is asked for anew where this thread
/// may use more or fewer processors than before.
#[cfg(target_os = "linux")]
pub(super) fn cores() -> usize {
    use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

    use rustix::thread::sched_getaffinity;

    /// The number of processors, and in the lower half the answer for so many.
    static KNOWN: AtomicU64 = AtomicU64::new(0);
    let Ok(usable) = sched_getaffinity(None) else { return asked() };
    let (usable, known) = (u64::from(usable.count()), KNOWN.load(Relaxed));
    if known >> 32 == usable {
        return usize::try_from(known & u64::from(u32::MAX)).unwrap_or(1);
    }
    let cores = asked();
    KNOWN.store(usable << 32 | u64::try_from(cores).unwrap_or(1), Relaxed);
    cores
}

fn asked() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_is_what_the_system_says() {
        assert_eq!((cores(), cores()), (asked(), asked()));
    }
}
