//! SQLite's log beside the file, read by ourselves: after a damaged frame SQLite takes the rest for the remains of an
//! unfinished commit, and forgets it without a word. Source: "WAL-mode File Format", sqlite.org/walformat.html.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use super::pages::PAGE;

const HEADER: usize = 32;
const FRAME_HEADER: usize = 24;
/// The first word of a log; its last bit says how the checksums read their words.
const MAGIC: u32 = 0x377F_0682;

/// A page in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Frame {
    /// Which page of the file it is.
    pub(super) page: u32,
    /// Where in the log its content begins.
    pub(super) at: u64,
    /// Whether it ends a commit.
    commits: bool,
}

/// The frames of a log's current round.
#[derive(Debug, Default)]
pub(super) struct Log {
    pub(super) frames: Vec<Frame>,
    /// How many of them SQLite reads: the last of these ends a commit.
    pub(super) committed: usize,
    /// What the rest of them is.
    pub(super) rest: Rest,
}

/// Frames that SQLite does not read.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rest {
    /// None, or the remains of a commit that was not finished.
    #[default]
    Nothing,
    /// One commit behind a frame that is not what was written: it was finished and damaged, or power failed while it
    /// was being written.
    Doubtful,
    /// Commits that were finished.
    Damaged,
}

impl Log {
    /// Reads the log at `path`; one that is not there is empty.
    pub(super) fn read(path: &Path) -> std::io::Result<Self> {
        let mut file = match File::open(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Self::default()),
            file => file?,
        };
        let length = file.metadata()?.len();
        if length < (HEADER + FRAME_HEADER + PAGE) as u64 {
            return Ok(Self::default());
        }
        let mut header = [0; HEADER];
        file.read_exact(&mut header)?;
        let magic = word(&header, 0);
        let mut sum = Sum { big: magic & 1 == 1, a: 0, b: 0 };
        sum.add(&header[..24]);
        let valid = magic & !1 == MAGIC && sum.is(word(&header, 24), word(&header, 28));
        if header == [0; HEADER] {
            return Ok(Self::default());
        }
        let salts = valid.then(|| (word(&header, 16), word(&header, 20)));
        Self::frames(&mut file, salts, sum)
    }

    /// A header that is not valid leaves us the salts of the first frame to go by.
    fn frames(file: &mut File, mut salts: Option<(u32, u32)>, mut sum: Sum) -> std::io::Result<Self> {
        let (mut log, mut at) = (Self::default(), HEADER as u64);
        let is_headless = salts.is_none();
        let mut first_bad = is_headless.then_some(0);
        let (mut frame, mut last_ours) = (vec![0; FRAME_HEADER + PAGE], 0);
        file.seek(SeekFrom::Start(at))?;
        while file.read_exact(&mut frame).is_ok() {
            let (head, content) = frame.split_at(FRAME_HEADER);
            let its_salts = (word(head, 8), word(head, 12));
            let ours = *salts.get_or_insert(its_salts) == its_salts;
            let commits = word(head, 4) > 0;
            log.frames.push(Frame { page: word(head, 0), at: at + FRAME_HEADER as u64, commits });
            if first_bad.is_none() {
                sum.add(&head[..8]);
                sum.add(content);
                let valid = ours && sum.is(word(head, 16), word(head, 20));
                match (valid, commits) {
                    (false, _) => first_bad = Some(log.frames.len() - 1),
                    (true, true) => log.committed = log.frames.len(),
                    (true, false) => {}
                }
            }
            if ours {
                last_ours = log.frames.len();
            }
            at += (FRAME_HEADER + PAGE) as u64;
        }
        // Behind our last frame stand those of an earlier round.
        log.frames.truncate(last_ours);
        if is_headless {
            log.rest = Rest::Damaged;
        } else if let Some(bad) = first_bad.filter(|bad| bad + 1 < last_ours) {
            // Only the last commit may be unfinished: one with anything behind it was finished.
            let finished = log.frames[bad..last_ours - 1].iter().any(|frame| frame.commits);
            log.rest = if finished { Rest::Damaged } else { Rest::Doubtful };
        }
        Ok(log)
    }
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

/// The running checksum of a log.
struct Sum {
    big: bool,
    a: u32,
    b: u32,
}

impl Sum {
    fn add(&mut self, bytes: &[u8]) {
        let read = if self.big { u32::from_be_bytes } else { u32::from_le_bytes };
        for pair in bytes.chunks_exact(8) {
            self.a = self.a.wrapping_add(read([pair[0], pair[1], pair[2], pair[3]])).wrapping_add(self.b);
            self.b = self.b.wrapping_add(read([pair[4], pair[5], pair[6], pair[7]])).wrapping_add(self.a);
        }
    }

    fn is(&self, a: u32, b: u32) -> bool {
        (self.a, self.b) == (a, b)
    }
}
