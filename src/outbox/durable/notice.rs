//! What is to be told about an outbox, though it works.

use std::fmt;
use std::path::PathBuf;

/// Something that whoever owns the outbox should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// It lies in memory: its rows survive the process, and no power loss.
    Volatile {
        /// The outbox.
        path: PathBuf,
    },
    /// The file was damaged. What was intact goes on in a new one.
    Damaged {
        /// The outbox.
        path: PathBuf,
        /// Where the damaged file is now.
        kept: PathBuf,
        /// What was wrong.
        what: String,
        /// Accepted rows that are known to be lost.
        lost: u64,
    },
    /// Rows were settled, and the file could not be told yet: if the process ended now, they would be sent again.
    Unsaved {
        /// The outbox.
        path: PathBuf,
        /// Why.
        why: String,
    },
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Volatile { path } => {
                write!(f, "the outbox `{}` lies in memory: its rows do not survive power loss", path.display())
            }
            Self::Damaged { path, kept, what, lost } => write!(
                f,
                "the outbox `{}` was damaged ({what}): {lost} accepted rows are lost, the others go on in a new file; \
                 the damaged one is kept as `{}`",
                path.display(),
                kept.display(),
            ),
            Self::Unsaved { path, why } => write!(
                f,
                "the outbox `{}` cannot be written ({why}): rows go on being sent, and may be sent twice if the \
                 process ends before it can",
                path.display(),
            ),
        }
    }
}
