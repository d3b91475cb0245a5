//! The stream that tells the page of changes, as server-sent events, so that it need not ask.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame};

use crate::emulator::http::{Change, Changes};

/// A body without an end: an event for each change.
pub(super) struct Events(Next);

/// The next change, and where those after it come from.
type Next = Pin<Box<dyn Future<Output = (Option<Change>, Changes)> + Send>>;

impl Events {
    pub(super) fn new(changes: Changes) -> Self {
        Self(next(changes))
    }
}

fn next(mut changes: Changes) -> Next {
    Box::pin(async move { (changes.next().await, changes) })
}

impl Body for Events {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let (change, changes) = ready!(self.0.as_mut().poll(context));
        self.0 = next(changes);
        Poll::Ready(change.map(|change| Ok(Frame::data(format!("data: {}\n\n", word(&change)).into()))))
    }
}

/// What the page is told of a change; it then reads what it shows anew.
fn word(change: &Change) -> &'static str {
    match change {
        Change::Request(_) => "request",
        Change::Datasets => "datasets",
        Change::Rows { .. } => "rows",
        Change::Everything => "everything",
    }
}
