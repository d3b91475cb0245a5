//! What is to be told about a queue, though it works.

use std::fmt;
use std::path::PathBuf;

use super::place::Place;
use super::record::StoredNotice;
use crate::error::amount;

/// What of a queue is not there any more.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Loss {
    /// Rows that were accepted and not settled.
    pub rows: u64,
    /// Those among them that may have been sent.
    pub sent: u64,
    /// Rows of dead letters.
    pub dead_letter_rows: u64,
    /// Whether there are not more of them.
    pub exact: bool,
}

impl Loss {
    /// Whether there may be one.
    pub(super) fn is_any(&self) -> bool {
        self.rows > 0 || self.dead_letter_rows > 0 || !self.exact
    }
}

/// Something that whoever owns the queue should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QueueNotice {
    /// It lies in memory: its rows survive the process, and no power loss.
    Volatile {
        /// The queue.
        path: PathBuf,
    },
    /// The file was damaged, or may be. What was intact goes on.
    Damaged {
        /// The queue.
        path: PathBuf,
        /// Where the damaged file is now, if there is one.
        kept: Option<PathBuf>,
        /// What was wrong.
        what: String,
        /// What is lost.
        lost: Loss,
    },
    /// Rows were settled, and the file could not be told yet: if the process ended now, they would be sent again.
    Unsaved {
        /// The queue.
        path: PathBuf,
        /// Why.
        why: String,
    },
}

impl fmt::Display for QueueNotice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Volatile { path } => {
                write!(f, "the outbox `{}` lies in memory: its rows do not survive power loss", path.display())
            }
            Self::Damaged { path, kept, what, lost } => {
                write!(f, "the outbox `{}` was damaged ({what}): {lost}, the others go on", path.display())?;
                match kept {
                    Some(kept) => {
                        write!(f, " in a new file; the damaged one is kept as `{}`", kept.display())
                    }
                    None => Ok(()),
                }
            }
            Self::Unsaved { path, why } => write!(
                f,
                "the outbox `{}` cannot be written ({why}): rows go on being sent, and may be sent twice if the \
                 process ends before it can",
                path.display(),
            ),
        }
    }
}

impl QueueNotice {
    /// Whether the queue keeps it until somebody has heard it: rows may be lost.
    #[must_use]
    pub fn is_kept(&self) -> bool {
        matches!(self, Self::Damaged { .. })
    }

    /// What a queue at `path` keeps to be told.
    pub(super) fn kept(place: &Place, stored: StoredNotice) -> Self {
        let StoredNotice { first: _, kept, what, loss } = stored;
        let kept = kept.map(|number| place.kept(number).path().to_path_buf());
        Self::Damaged { path: place.path().to_path_buf(), kept, what, lost: loss }
    }
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rows, sent, dead_letter_rows, exact } = *self;
        let (least, are) = (if exact { "" } else { "at least " }, if rows == 1 { "is" } else { "are" });
        match (exact, rows) {
            (false, 0) => write!(f, "an unknown number of accepted rows may be lost")?,
            _ => write!(f, "{least}{} {are} lost", amount(rows, "accepted row"))?,
        }
        match (sent, rows) {
            (0, _) => {}
            (_, 1) => write!(f, " (it was sent, and may have arrived)")?,
            (1, _) => write!(f, " (up to 1 of them was sent, and may have arrived)")?,
            _ => write!(f, " (up to {sent} of them were sent, and may have arrived)")?,
        }
        match dead_letter_rows {
            0 => Ok(()),
            1 => write!(f, ", and {least}1 that was set aside"),
            _ => write!(f, ", and {least}{dead_letter_rows} that were set aside"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loss_is_told_in_good_grammar() {
        let told = |rows, sent, dead_letter_rows, exact| Loss { rows, sent, dead_letter_rows, exact }.to_string();
        assert_eq!(told(0, 0, 0, true), "0 accepted rows are lost");
        assert_eq!(told(1, 0, 0, true), "1 accepted row is lost");
        assert_eq!(
            told(1, 1, 1, true),
            "1 accepted row is lost (it was sent, and may have arrived), and 1 that was set aside"
        );
        let one_of_two = "at least 2 accepted rows are lost (up to 1 of them was sent, and may have arrived)";
        assert_eq!(told(2, 1, 0, false), one_of_two);
        let many =
            "3 accepted rows are lost (up to 2 of them were sent, and may have arrived), and 2 that were set aside";
        assert_eq!(told(3, 2, 2, true), many);
        assert_eq!(
            told(0, 0, 1, false),
            "an unknown number of accepted rows may be lost, and at least 1 that was set aside"
        );
    }
}
