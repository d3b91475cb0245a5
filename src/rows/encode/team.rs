//! Threads that encode slices of rows ahead of the thread that makes bodies of them.
//!
//! ```text
//!  this thread ──offers slices─▶ board ◀─takes the second open one─ helper
//!       ▲                          │
//!       └─the first one: to be encoded by itself, or made already
//! ```
//!
//! They begin with the first rows that are worth it, and end with the encoder. Rows that they had are let go by this
//! thread: what holds them may be Python's, of which no helper knows. A forked child has none of them and begins its own.

use std::any::Any;
use std::collections::VecDeque;
use std::fmt;
use std::hint::spin_loop;
use std::mem;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::process;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::Builder;

use super::Encoder;
use crate::rows::cell::Slices;

/// How often this thread looks whether a slice is made before it sleeps: for about as long as one takes.
const LOOKS: usize = 2_500;

/// Rows of a slice, whatever they are.
pub(super) trait Piece: Any + Send {
    /// Encodes so many of them. Where one cannot be visited, the thread whose rows they are will find out why.
    fn encode(&mut self, encoder: &mut Encoder, rows: usize);
}

impl<S: Slices + Send + 'static> Piece for S {
    fn encode(&mut self, encoder: &mut Encoder, rows: usize) {
        encoder.encode_slice(self, rows);
    }
}

/// A slice as a helper has made it.
pub(super) struct Done {
    /// The rows, to be known again and let go.
    pub(super) piece: Box<dyn Piece>,
    pub(super) encoder: Encoder,
    /// How many of its rows are in a body already.
    pub(super) used: usize,
}

/// What is to be done about a slice.
struct Task {
    piece: Box<dyn Piece>,
    /// What it is to be encoded like.
    pattern: Arc<Encoder>,
}

/// How far a slice is.
enum State {
    /// Nobody has it.
    Open(Task),
    Taken,
    Done(Box<Done>),
    /// Its helper panicked.
    Panicked {
        _piece: Box<dyn Piece>,
        panic: Box<dyn Any + Send>,
    },
}

/// Some rows in the caller's counting.
struct Slice {
    rows: Range<u64>,
    state: State,
}

/// What this thread does next.
pub(super) enum Next {
    /// It visits rows up to this one by itself.
    Own(u64),
    /// It takes in what a helper made.
    Take(Range<u64>, Box<Done>),
}

/// The slices at hand, in the order of their rows.
#[derive(Default)]
struct Board {
    slices: VecDeque<Slice>,
    /// Memory for slices to come.
    spare: Vec<Vec<u8>>,
    /// How many helpers wait for slices.
    idle: usize,
    /// Whether this thread is at it, and not at handing over a body.
    here: bool,
    /// Whether this thread waits for a helper.
    awaited: bool,
    /// Helpers are to end.
    closed: bool,
}

impl Board {
    /// Takes a slice for a helper: the second of the open ones, where this thread comes for the first.
    fn begin(&mut self) -> Option<(Range<u64>, Task)> {
        let mut open = self.slices.iter_mut().filter(|slice| matches!(slice.state, State::Open(..)));
        let first = open.next();
        let slice = if self.here { open.next().or(first) } else { first }?;
        match mem::replace(&mut slice.state, State::Taken) {
            State::Open(task) => Some((slice.rows.clone(), task)),
            _ => None,
        }
    }

    fn end(&mut self, rows: &Range<u64>, state: State) {
        if let Some(slice) = self.slices.iter_mut().find(|slice| slice.rows == *rows) {
            slice.state = state;
        }
    }

    fn is_busy(&self) -> bool {
        self.slices.iter().any(|slice| matches!(slice.state, State::Taken))
    }
}

#[derive(Default)]
struct Shared {
    board: Mutex<Board>,
    /// There are slices to take, or none any more.
    work: Condvar,
    /// A slice is made.
    made: Condvar,
    /// How many have been.
    count: AtomicUsize,
}

impl Shared {
    fn board(&self) -> MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a helper does all its life.
    fn help(&self) {
        let mut board = self.board();
        while !board.closed {
            let Some((rows, task)) = board.begin() else {
                board.idle += 1;
                board = self.work.wait(board).unwrap_or_else(PoisonError::into_inner);
                board.idle -= 1;
                continue;
            };
            let memory = board.spare.pop().unwrap_or_default();
            drop(board);
            let state = made(&rows, task, memory);
            board = self.board();
            board.end(&rows, state);
            self.count.fetch_add(1, Relaxed);
            if board.awaited {
                self.made.notify_one();
            }
        }
    }

    /// Waits until something is so that a helper brings about.
    fn wait(&self, until: impl Fn(&Board) -> bool) -> MutexGuard<'_, Board> {
        let mut board = self.board();
        let mut looks = 0;
        while !until(&board) && looks < LOOKS {
            let count = self.count.load(Relaxed);
            drop(board);
            while self.count.load(Relaxed) == count && looks < LOOKS {
                spin_loop();
                looks += 1;
            }
            board = self.board();
        }
        while !until(&board) {
            board.awaited = true;
            board = self.made.wait(board).unwrap_or_else(PoisonError::into_inner);
        }
        board.awaited = false;
        board
    }
}

/// Encodes one slice.
fn made(rows: &Range<u64>, task: Task, memory: Vec<u8>) -> State {
    let Task { mut piece, pattern } = task;
    let count = usize::try_from(rows.end - rows.start).expect("rows at hand are in memory");
    let made = catch_unwind(AssertUnwindSafe(|| {
        let mut encoder = pattern.beside(rows.start, memory);
        piece.encode(&mut encoder, count);
        encoder
    }));
    match made {
        Ok(encoder) => State::Done(Box::new(Done { piece, encoder, used: 0 })),
        Err(panic) => State::Panicked { _piece: piece, panic },
    }
}

/// The helpers of one encoder.
pub(super) struct Team {
    shared: Arc<Shared>,
    helpers: usize,
    /// The process whose threads they are.
    process: u32,
}

impl fmt::Debug for Team {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Team").field("helpers", &self.helpers).finish_non_exhaustive()
    }
}

impl Team {
    /// Nobody so far, and memory for slices.
    pub(super) fn new() -> Self {
        let team = Self { shared: Arc::default(), helpers: 0, process: process::id() };
        team.attend(true);
        team
    }

    /// Whether this is another process, which has none of the threads.
    pub(super) fn is_elsewhere(&self) -> bool {
        self.process != process::id()
    }

    /// Begins threads until there are so many helpers. Where the system has none to give, there are fewer.
    pub(super) fn grow(&mut self, helpers: usize) {
        while self.helpers < helpers {
            let shared = Arc::clone(&self.shared);
            if Builder::new().name("rows-helper".into()).spawn(move || shared.help()).is_err() {
                return;
            }
            self.helpers += 1;
        }
    }

    /// Whether there is anybody.
    pub(super) fn is_there(&self) -> bool {
        self.helpers > 0
    }

    /// Offers the rows behind those that are offered, in slices of so many rows, so that there are `most` of them.
    pub(super) fn offer(
        &self,
        rows: Range<u64>,
        most: usize,
        slice: usize,
        pattern: impl FnOnce() -> Arc<Encoder>,
        piece: impl Fn(Range<u64>) -> Box<dyn Piece>,
    ) {
        let mut board = self.shared.board();
        let mut start = board.slices.back().map_or(rows.start, |last| last.rows.end);
        // One slice alone is this thread's; and others are offered when half of them are gone.
        let is_worth = !board.slices.is_empty() || rows.end - start > slice as u64;
        if board.slices.len() > most / 2 || start >= rows.end || !is_worth {
            return;
        }
        let pattern = pattern();
        while board.slices.len() < most && start < rows.end {
            let end = rows.end.min(start + slice as u64);
            board.slices.push_back(Slice {
                rows: start..end,
                state: State::Open(Task { piece: piece(start..end), pattern: Arc::clone(&pattern) }),
            });
            start = end;
        }
        if board.idle > 0 {
            self.shared.work.notify_all();
        }
    }

    /// What is next, of the rows from this one on; an open slice is left to the helpers unless this thread may take it.
    /// `None` where nothing is offered. Goes on with the panic of a helper.
    pub(super) fn next(&self, row: u64, own: bool) -> Option<Next> {
        let ready = |board: &Board| match board.slices.front() {
            Some(Slice { state: State::Open(..), .. }) => own,
            Some(Slice { rows, state: State::Taken }) => rows.start > row,
            _ => true,
        };
        let mut board = self.shared.wait(ready);
        let first = board.slices.front()?;
        if first.rows.start > row {
            return Some(Next::Own(first.rows.start));
        }
        let Slice { rows, state } = board.slices.pop_front()?;
        match state {
            State::Done(done) => Some(Next::Take(rows, done)),
            State::Panicked { panic, .. } => {
                drop(board);
                resume_unwind(panic)
            }
            State::Open(..) | State::Taken => Some(Next::Own(rows.end)),
        }
    }

    /// Whether this thread is at it from now on.
    pub(super) fn attend(&self, here: bool) {
        self.shared.board().here = here;
    }

    /// Puts back what there was no room for.
    pub(super) fn put_back(&self, rows: Range<u64>, done: Box<Done>) {
        self.shared.board().slices.push_front(Slice { rows, state: State::Done(done) });
    }

    /// Keeps memory for slices to come.
    pub(super) fn keep(&self, memory: Vec<u8>) {
        self.shared.board().spare.push(memory);
    }

    /// Lets go of all slices, once nobody has one.
    pub(super) fn forget(&self) {
        let mut board = self.shared.board();
        board.slices.retain(|slice| matches!(slice.state, State::Taken));
        drop(board);
        let slices = mem::take(&mut self.shared.wait(|board| !board.is_busy()).slices);
        drop(slices);
    }
}

impl Drop for Team {
    fn drop(&mut self) {
        if self.is_elsewhere() {
            // The lock may be held by a thread that is not here.
            mem::forget(Arc::clone(&self.shared));
            return;
        }
        self.forget();
        self.shared.board().closed = true;
        self.shared.work.notify_all();
    }
}
