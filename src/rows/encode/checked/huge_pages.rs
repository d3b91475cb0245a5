//! Advice to the system about memory: one of the four files with `unsafe`.
#![allow(unsafe_code)]

use std::mem::MaybeUninit;

/// Where a huge page may begin, on the machines that most have; elsewhere the system makes of it what it can.
pub(super) const SIZE: usize = 2 << 20;

/// Has the system give `memory`, of which nothing was used yet, in huge pages if it can: each page that it gives takes its
/// time, of whatever size. It may refuse, which changes nothing else.
#[cfg(target_os = "linux")]
pub(super) fn ask_for(memory: &mut [MaybeUninit<u8>]) {
    use rustix::mm::{Advice, madvise};

    // The system takes whole pages alone; their size is a power of two, and none is larger than this.
    let start = memory.as_ptr().align_offset(SIZE);
    let length = memory.len().saturating_sub(start) / SIZE * SIZE;
    if length > 0 {
        let inside = &mut memory[start..start + length];
        // SAFETY: this advice changes neither what is in memory nor whose it is, only how it will be backed; what it is
        // about lies within `memory`, which is ours alone.
        let _ = unsafe { madvise(inside.as_mut_ptr().cast(), inside.len(), Advice::LinuxHugepage) };
    }
}

#[cfg(not(target_os = "linux"))]
pub(super) fn ask_for(_: &mut [MaybeUninit<u8>]) {}
