//! How much memory kept bodies may take: a quarter of what is free, shared by all pushes of the process.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::free;

/// What each push may keep, whatever is free and whatever others keep, in bytes.
pub const LEAST: usize = 64_000_000;

/// The room of the process.
pub static FREE_MEMORY: Room = Room::new(LEAST, free::memory);

/// Room for all rows that can be read only once.
pub static BOUNDLESS: Room = Room::new(usize::MAX, || 0);

/// Memory that is shared by those who keep bodies.
#[derive(Debug)]
pub struct Room {
    least: usize,
    /// How many bytes are free now.
    free: fn() -> usize,
    /// What all may hold beyond the least, whatever is free.
    limit: AtomicUsize,
    /// Bytes that all shares hold.
    held: AtomicUsize,
}

impl Room {
    /// A quarter of what is `free`, and the `least` for each who asks.
    #[must_use]
    pub const fn new(least: usize, free: fn() -> usize) -> Self {
        Self { least, free, limit: AtomicUsize::new(usize::MAX), held: AtomicUsize::new(0) }
    }

    /// Lets all together hold at most so many bytes, but for the least of each.
    pub fn limit(&self, bytes: usize) {
        self.limit.store(bytes, Ordering::Relaxed);
    }

    /// Bytes that are held.
    #[must_use]
    pub fn held(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }

    /// How much somebody who has `own` bytes of what is held may have, by what is free now: what is held counts with it.
    fn most(&self, own: usize) -> usize {
        let held = self.held();
        let quarter = (self.free)().saturating_add(held) / 4;
        quarter.min(self.limit.load(Ordering::Relaxed)).saturating_sub(held.saturating_sub(own))
    }
}

/// What one push holds of a room, until it is dropped.
#[derive(Debug)]
pub struct Share {
    room: &'static Room,
    own: usize,
    /// Up to here it may grow before the system is asked again.
    granted: usize,
}

impl Share {
    /// Nothing yet of `room`.
    pub(super) fn of(room: &'static Room) -> Self {
        Self { room, own: 0, granted: room.least }
    }

    /// Takes so many bytes more, if there is room for them.
    pub(super) fn grow(&mut self, bytes: usize) -> bool {
        let own = self.own + bytes;
        if own > self.granted {
            // What is free is asked for once for each `LEAST` bytes.
            let step = own.saturating_add(LEAST);
            self.granted = self.granted.max(self.room.most(self.own).min(step));
        }
        let fits = own <= self.granted;
        if fits {
            self.own = own;
            self.room.held.fetch_add(bytes, Ordering::Relaxed);
        }
        fits
    }

    /// Gives everything back.
    pub(super) fn give_back(&mut self) {
        self.room.held.fetch_sub(std::mem::take(&mut self.own), Ordering::Relaxed);
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.give_back();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A machine where 1,000 bytes are free, and each may have 100.
    fn room() -> &'static Room {
        Box::leak(Box::new(Room::new(100, || 1_000)))
    }

    #[test]
    fn a_quarter_of_what_is_free_is_kept_and_not_a_byte_more() {
        let room = room();
        let mut share = Share::of(room);
        assert!(share.grow(100) && share.grow(150));
        // What is held is not free any more, but would be: (1,000 + 250) / 4.
        assert!(share.grow(62));
        assert_eq!(room.held(), 312);
        assert!(!Share::of(room).grow(101));
    }

    #[test]
    fn each_may_have_the_least_whatever_the_others_hold() {
        let room = room();
        let (mut first, mut second) = (Share::of(room), Share::of(room));
        assert!(first.grow(250));
        assert!(second.grow(100));
        assert!(!second.grow(1));
        assert_eq!(room.held(), 350);
    }

    #[test]
    fn a_limit_holds_whatever_is_free() {
        let room = room();
        room.limit(150);
        let mut share = Share::of(room);
        assert!(share.grow(150));
        assert!(!share.grow(1));
    }

    #[test]
    fn what_is_dropped_or_given_back_is_there_for_others() {
        let room = room();
        let (mut first, mut second) = (Share::of(room), Share::of(room));
        assert!(first.grow(250));
        first.give_back();
        assert!(second.grow(250));
        drop(second);
        assert_eq!(room.held(), 0);
    }
}
