//! The body of the event stream: what a watcher is told, until it is dropped.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame};
use tokio::sync::mpsc::{self, Receiver, Sender};

/// Events that may wait for a watcher that does not read; one more, and it is dropped.
const WAITING: usize = 8;

/// A body that ends when its sender is dropped.
pub(super) struct Events(Receiver<Bytes>);

impl Events {
    /// A body, and where its events go in.
    pub(super) fn channel() -> (Sender<Bytes>, Self) {
        let (sender, receiver) = mpsc::channel(WAITING);
        (sender, Self(receiver))
    }
}

impl Body for Events {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.poll_recv(context).map(|event| event.map(|event| Ok(Frame::data(event))))
    }
}
