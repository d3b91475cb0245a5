//! A request's body that knows how far it has been handed to the network, and can be stopped there.

use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

/// Bytes handed over at a time. A broken connection is only in doubt once the last piece was asked for.
const PIECE: usize = 64 * 1024;

/// How far one exchange has come; may be read while it runs and after it was dropped.
///
/// The connection asks for the body on a task of its own, even after whoever waited for the answer has gone. So
/// stopping is decided here, under one lock: what is stopped is never sent whole.
#[derive(Debug, Default)]
pub struct Progress {
    steps: AtomicU64,
    phase: Mutex<Phase>,
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

    /// Grows with everything that moves.
    pub(super) fn steps(&self) -> u64 {
        self.steps.load(Ordering::Acquire)
    }

    pub(super) fn note(&self) {
        self.steps.fetch_add(1, Ordering::AcqRel);
    }

    fn phase(&self) -> MutexGuard<'_, Phase> {
        self.phase.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `bytes` as a body that reports to `progress`.
pub(super) fn tracked(bytes: Bytes, progress: Arc<Progress>) -> reqwest::Body {
    reqwest::Body::wrap(Tracked { left: bytes, progress })
}

struct Tracked {
    left: Bytes,
    progress: Arc<Progress>,
}

/// The request was stopped before all of it was sent.
#[derive(Debug, thiserror::Error)]
#[error("the request was stopped")]
struct Stopped;

impl Body for Tracked {
    type Data = Bytes;
    type Error = Stopped;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Stopped>>> {
        let this = self.get_mut();
        this.progress.note();
        let mut phase = this.progress.phase();
        if matches!(*phase, Phase::Withdrawn | Phase::Stopped) {
            return Poll::Ready(Some(Err(Stopped)));
        }
        let piece = this.left.split_to(this.left.len().min(PIECE));
        *phase = if this.left.is_empty() { Phase::Whole } else { Phase::Sending };
        Poll::Ready((!piece.is_empty()).then(|| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        // A request without a body is never polled, so this is where it counts as sent.
        if self.left.is_empty() {
            self.progress.note();
            *self.progress.phase() = Phase::Whole;
        }
        self.left.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left.len() as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn poll(body: &mut Tracked) -> Option<Result<Frame<Bytes>, Stopped>> {
        match Pin::new(body).poll_frame(&mut Context::from_waker(std::task::Waker::noop())) {
            Poll::Ready(frame) => frame,
            Poll::Pending => unreachable!("the bytes are all there"),
        }
    }

    #[test]
    fn what_was_withdrawn_or_stopped_is_never_sent_whole() {
        let progress = Arc::new(Progress::default());
        let mut body = Tracked { left: vec![0; PIECE + 1].into(), progress: Arc::clone(&progress) };
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
            let mut body = Tracked { left: vec![0; 10].into(), progress: Arc::clone(&progress) };
            assert!(end(&progress));
            assert!(matches!(poll(&mut body), Some(Err(Stopped))));
            assert!(!progress.has_begun());
        }
    }

    #[test]
    fn what_was_sent_whole_cannot_be_stopped() {
        let progress = Arc::new(Progress::default());
        let mut body = Tracked { left: vec![0; 10].into(), progress: Arc::clone(&progress) };
        assert!(matches!(poll(&mut body), Some(Ok(_))));
        assert!(progress.sent_whole() && progress.stop() && !progress.withdraw());
    }
}
