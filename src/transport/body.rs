//! A request's body that knows how far it has been handed to the network.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

/// Bytes handed over at a time. A broken connection is only in doubt once the last piece was asked for.
const PIECE: usize = 64 * 1024;

/// How far one exchange has come; may be read while it runs and after it was dropped.
#[derive(Debug, Default)]
pub struct Progress {
    steps: AtomicU64,
    sent_whole: AtomicBool,
}

impl Progress {
    /// Whether the last piece of the body was handed to the network.
    #[must_use]
    pub fn sent_whole(&self) -> bool {
        self.sent_whole.load(Ordering::Acquire)
    }

    /// Whether any of the request was handed to the network.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.steps() > 0
    }

    /// Grows with everything that moves.
    pub(super) fn steps(&self) -> u64 {
        self.steps.load(Ordering::Acquire)
    }

    pub(super) fn note(&self) {
        self.steps.fetch_add(1, Ordering::AcqRel);
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

impl Body for Tracked {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let this = self.get_mut();
        this.progress.note();
        let piece = this.left.split_to(this.left.len().min(PIECE));
        if this.left.is_empty() {
            this.progress.sent_whole.store(true, Ordering::Release);
        }
        Poll::Ready((!piece.is_empty()).then(|| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        // A request without a body is never polled, so this is where it counts as sent.
        if self.left.is_empty() {
            self.progress.note();
            self.progress.sent_whole.store(true, Ordering::Release);
        }
        self.left.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left.len() as u64)
    }
}
