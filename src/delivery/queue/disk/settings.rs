//! Which queue is opened, and for whom.

use std::path::PathBuf;

use super::database::Database;
use super::destination::{Destination, StoredDestination};
use super::failure::FileFailure;
use crate::clock::Clock;
use crate::error::{Error, Kind};

/// Which queue, and how it is used.
#[derive(Debug)]
pub struct Settings {
    /// The file. It is made where it is missing; its folder has to be there.
    pub path: PathBuf,
    /// Whose rows it holds; `None` takes any, makes no new file, and gives no rows out.
    pub destination: Option<Destination>,
    /// How many bytes of rows it takes, those of dead letters included.
    pub capacity: u64,
    /// Whether it may lie on a network file system all the same.
    pub forced: bool,
    /// The time that rows grow old by.
    pub clock: Clock,
}

/// Whether the queue is `destination`'s. One that lost its metadata and has no rows either is anybody's, and one without
/// rows takes any framing.
pub(super) fn claim(database: &mut Database, destination: Option<Destination>) -> Result<(), FileFailure> {
    let state = database.transaction.state;
    let (Some(destination), found) = (destination, state.destination) else { return Ok(()) };
    let wanted = StoredDestination::from(destination);
    if found == wanted {
        return Ok(());
    }
    let path = database.place.path().display();
    if found.is_known() && !found.is(&destination) {
        return Err(Error::new(Kind::Outbox, format!("the outbox `{path}` holds rows for another destination"))
            .with_hint("give each destination an outbox of its own")
            .into());
    }
    if database.pending() + state.dead_letter_rows > 0 {
        let what = if found.is_known() {
            "holds rows in another framing than its destination takes now"
        } else {
            "was damaged: nobody knows any more which destination its rows are for"
        };
        return Err(Error::new(Kind::Outbox, format!("the outbox `{path}` {what}"))
            .with_hint("export its rows, and push them where they belong")
            .into());
    }
    database.write(|transaction, file| {
        transaction.state.destination = wanted;
        transaction.save(file)
    })
}
