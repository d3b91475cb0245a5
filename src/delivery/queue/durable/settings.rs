//! Which outbox is opened, and for whom.

use std::path::PathBuf;

use super::disk::Disk;
use super::failure::Trouble;
use crate::clock::Clock;
use crate::error::{Error, Kind};
use crate::rows::encode::Framing;

/// Which outbox, and how it is used.
#[derive(Debug)]
pub struct Settings {
    /// The file. It is made where it is missing; its folder has to be there.
    pub path: PathBuf,
    /// Whose rows it holds; `None` takes any, and makes no new file.
    pub destination: Option<Mark>,
    /// How the destination wants its rows wrapped.
    pub framing: &'static Framing,
    /// How many bytes of rows it takes, those that are set aside included.
    pub capacity: u64,
    /// Whether it may lie on a network file system all the same.
    pub forced: bool,
    /// The time that rows grow old by.
    pub clock: Clock,
}

/// What tells a destination from others, and does not tell what it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Mark(pub(super) [u8; 32]);

impl Mark {
    /// The mark of the destination that `key` names, such as a push URL.
    #[must_use]
    pub fn of(key: &str) -> Self {
        let mut hash = ring::digest::Context::new(&ring::digest::SHA256);
        hash.update(b"powerbi-push outbox\0");
        hash.update(key.as_bytes());
        let mut mark = [0; 32];
        mark.copy_from_slice(hash.finish().as_ref());
        Self(mark)
    }
}

/// Whether the outbox is `destination`'s. One that lost its figures and has no rows either is anybody's.
pub(super) fn claim(disk: &mut Disk, destination: Option<Mark>) -> Result<(), Trouble> {
    let state = disk.ink.state;
    let Some(Mark(mark)) = destination.filter(|Mark(mark)| *mark != state.destination) else { return Ok(()) };
    let path = disk.place.path().display();
    if state.destination != [0; 32] {
        return Err(Error::new(Kind::Outbox, format!("the outbox `{path}` holds rows for another destination"))
            .with_hint("give each destination an outbox of its own")
            .into());
    }
    if disk.pending() + state.aside_rows > 0 {
        let message =
            format!("the outbox `{path}` was damaged: nobody knows any more which destination its rows are for");
        return Err(Error::new(Kind::Outbox, message)
            .with_hint("export its rows, and push them where they belong")
            .into());
    }
    disk.write(|ink, file| {
        ink.state.destination = mark;
        ink.save(file)
    })
}
