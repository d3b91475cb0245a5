//! A request's body that knows how far it has been handed to the network, and can be stopped there.

use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio::sync::Notify;

use super::spooled::{Body, Rest};

/// Bytes handed over at a time. A broken connection is only in doubt once the last piece was asked for, which in a body
/// of several is its last byte, and is not given before the others were written.
const PIECE: usize = 64 * 1024;

/// How much of a request had been handed to the network when its answer came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// All of it.
    Whole,
    /// Part of it; the rest went before the answer was read.
    Late,
    /// Part of it, and the rest never went.
    Part,
}

/// How far one exchange has come; may be read while it runs and after it was dropped.
///
/// The connection asks for the body on a task of its own, even after whoever waited for the answer has gone. So
/// stopping is decided here, under one lock: what is stopped is never sent whole.
#[derive(Debug, Default)]
pub struct Progress {
    moved: Notify,
    phase: Mutex<Phase>,
    written: AtomicU64,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Nothing was handed to the network.
    #[default]
    Waiting,
    /// Some of it was.
    Sending,
    /// All of it was.
    Whole,
    /// None of it was, and none will be.
    Withdrawn,
    /// Some of it was, and no more will be.
    Stopped,
}

impl Phase {
    /// Stops what has come just so far.
    fn stop_if(&mut self, before: Self) {
        if *self == before {
            *self = if before == Self::Waiting { Self::Withdrawn } else { Self::Stopped };
        }
    }
}

impl Progress {
    /// Whether any of the request was handed to the network.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        matches!(*self.phase(), Phase::Sending | Phase::Whole | Phase::Stopped)
    }

    /// Whether the last piece of the body was handed to the network.
    #[must_use]
    pub fn sent_whole(&self) -> bool {
        *self.phase() == Phase::Whole
    }

    /// Bytes of the body that the connection has written.
    #[must_use]
    pub fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    /// Takes the request back where nothing of it was sent; answers whether that was so.
    #[must_use]
    pub fn withdraw(&self) -> bool {
        let mut phase = self.phase();
        phase.stop_if(Phase::Waiting);
        matches!(*phase, Phase::Withdrawn | Phase::Stopped)
    }

    /// Sends no more of it; answers whether all of it was sent already.
    #[must_use]
    pub fn stop(&self) -> bool {
        let mut phase = self.phase();
        phase.stop_if(Phase::Waiting);
        phase.stop_if(Phase::Sending);
        *phase == Phase::Whole
    }

    /// Waits until something moves, or has moved since it was last asked.
    pub(super) async fn moved(&self) {
        self.moved.notified().await;
    }

    fn note(&self) {
        self.moved.notify_one();
    }

    fn phase(&self) -> MutexGuard<'_, Phase> {
        self.phase.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `body` as one that reports to `progress`.
pub(super) fn tracked(body: Body, progress: Arc<Progress>) -> reqwest::Body {
    reqwest::Body::wrap(Tracked::new(body, progress))
}

struct Tracked {
    /// What is at hand.
    left: Bytes,
    /// What comes behind it, in a file.
    rest: Option<Rest>,
    /// It goes in several pieces.
    is_long: bool,
    progress: Arc<Progress>,
    unwritten: Arc<Unwritten>,
}

/// The pieces that the connection has taken and not written yet: it asks for some hundred kilobytes more than it can
/// write at the moment.
#[derive(Debug, Default)]
struct Unwritten(Mutex<(usize, Option<Waker>)>);

impl Unwritten {
    fn lock(&self) -> MutexGuard<'_, (usize, Option<Waker>)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether there is none; else `context` hears of it once there is.
    fn is_empty(&self, context: &Context<'_>) -> bool {
        let (count, waker) = &mut *self.lock();
        if *count > 0 {
            *waker = Some(context.waker().clone());
        }
        *count == 0
    }
}

/// One piece, which the connection lets go once it is written, or the connection has ended.
struct Piece {
    bytes: Bytes,
    progress: Arc<Progress>,
    unwritten: Arc<Unwritten>,
}

impl AsRef<[u8]> for Piece {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        self.progress.written.fetch_add(self.bytes.len() as u64, Ordering::Relaxed);
        self.progress.note();
        let (count, waker) = &mut *self.unwritten.lock();
        *count -= 1;
        if let Some(waker) = waker.take_if(|_| *count == 0) {
            waker.wake();
        }
    }
}

impl Tracked {
    fn new(body: Body, progress: Arc<Progress>) -> Self {
        let (left, rest) = match body {
            Body::Memory(bytes) => (bytes, None),
            Body::Spooled(spooled) => (spooled.around[0].clone(), Some(Rest::new(spooled))),
        };
        Self { is_long: rest.is_some() || left.len() > PIECE, left, rest, progress, unwritten: Arc::default() }
    }

    /// Reads on in the file once nothing is at hand.
    fn refill(&mut self) -> Result<(), Stopped> {
        if let (true, Some(rest)) = (self.left.is_empty(), &mut self.rest) {
            let (piece, is_last) = rest.read().map_err(|_| Stopped)?;
            self.left = piece;
            if is_last {
                self.rest = None;
            }
        }
        Ok(())
    }

    fn is_done(&self) -> bool {
        self.left.is_empty() && self.rest.is_none()
    }

    /// The next piece. In the end the last byte goes by itself.
    fn next(&mut self) -> Bytes {
        let length = match self.left.len() {
            1 => 1,
            left if self.rest.is_some() => PIECE.min(left),
            left if self.is_long => PIECE.min(left - 1),
            left => left,
        };
        let (progress, unwritten) = (Arc::clone(&self.progress), Arc::clone(&self.unwritten));
        unwritten.lock().0 += 1;
        Bytes::from_owner(Piece { bytes: self.left.split_to(length), progress, unwritten })
    }
}

/// The request was stopped before all of it was sent.
#[derive(Debug, thiserror::Error)]
#[error("the request was stopped")]
struct Stopped;

impl HttpBody for Tracked {
    type Data = Bytes;
    type Error = Stopped;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Stopped>>> {
        let this = self.get_mut();
        this.progress.note();
        let progress = Arc::clone(&this.progress);
        let mut phase = progress.phase();
        if matches!(*phase, Phase::Withdrawn | Phase::Stopped) {
            return Poll::Ready(Some(Err(Stopped)));
        }
        if this.refill().is_err() {
            return Poll::Ready(Some(Err(Stopped)));
        }
        // What is in the hands of the connection may never be written: until then the last byte is ours to keep.
        if this.is_long && this.rest.is_none() && this.left.len() == 1 && !this.unwritten.is_empty(context) {
            return Poll::Pending;
        }
        let piece = (!this.left.is_empty()).then(|| this.next());
        *phase = if this.is_done() { Phase::Whole } else { Phase::Sending };
        Poll::Ready(piece.map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        // A request without a body is never polled, so this is where it counts as sent.
        if self.is_done() {
            self.progress.note();
            *self.progress.phase() = Phase::Whole;
        }
        self.is_done()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left.len() as u64 + self.rest.as_ref().map_or(0, Rest::len))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(length: usize, progress: &Arc<Progress>) -> Tracked {
        Tracked::new(Bytes::from(vec![0; length]).into(), Arc::clone(progress))
    }

    fn poll(body: &mut Tracked) -> Option<Result<Frame<Bytes>, Stopped>> {
        match Pin::new(body).poll_frame(&mut Context::from_waker(std::task::Waker::noop())) {
            Poll::Ready(frame) => frame,
            Poll::Pending => unreachable!("the bytes are all there"),
        }
    }

    #[test]
    fn the_last_byte_waits_until_all_before_it_were_written() {
        let progress = Arc::new(Progress::default());
        let mut body = body(2 * PIECE, &progress);
        let taken: Vec<_> = (0..2).map(|_| poll(&mut body).unwrap().unwrap().into_data().unwrap()).collect();
        assert_eq!(taken.iter().map(Bytes::len).collect::<Vec<_>>(), [PIECE, PIECE - 1]);
        assert_eq!(progress.written(), 0);
        for (place, piece) in taken.into_iter().enumerate() {
            let waiting = Pin::new(&mut body).poll_frame(&mut Context::from_waker(Waker::noop()));
            assert!(waiting.is_pending() && !progress.sent_whole());
            drop(piece);
            assert_eq!(progress.written(), [PIECE, 2 * PIECE - 1][place] as u64);
        }
        assert!(matches!(poll(&mut body), Some(Ok(frame)) if frame.data_ref().unwrap().len() == 1));
        assert!(progress.sent_whole() && body.is_end_stream());
    }

    #[test]
    fn a_body_of_one_piece_waits_for_nothing() {
        for length in [1, 2, PIECE] {
            let progress = Arc::new(Progress::default());
            let taken = poll(&mut body(length, &progress)).unwrap().unwrap().into_data().unwrap();
            assert_eq!(taken.len(), length);
            assert!(progress.sent_whole());
        }
    }

    #[test]
    fn what_was_withdrawn_or_stopped_is_never_sent_whole() {
        let progress = Arc::new(Progress::default());
        let mut body = body(PIECE + 1, &progress);
        assert!(matches!(poll(&mut body), Some(Ok(_))));
        assert!(progress.has_begun() && !progress.withdraw());
        assert!(!progress.stop());
        assert!(matches!(poll(&mut body), Some(Err(Stopped))));
        assert!(!progress.sent_whole() && progress.has_begun());
    }

    #[test]
    fn what_was_withdrawn_has_never_begun() {
        for end in [Progress::withdraw, |progress: &Progress| !progress.stop()] {
            let progress = Arc::new(Progress::default());
            let mut body = body(10, &progress);
            assert!(end(&progress));
            assert!(matches!(poll(&mut body), Some(Err(Stopped))));
            assert!(!progress.has_begun());
        }
    }

    #[test]
    fn what_was_sent_whole_cannot_be_stopped() {
        let progress = Arc::new(Progress::default());
        let mut body = body(10, &progress);
        assert!(matches!(poll(&mut body), Some(Ok(_))));
        assert!(progress.sent_whole() && progress.stop() && !progress.withdraw());
    }
}
