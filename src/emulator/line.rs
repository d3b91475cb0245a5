//! A connection, plain or TLS, that can be cut: from then on not a byte leaves, and the socket is closed.

use std::future::Future;
use std::io::{Error, ErrorKind, Result};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::server::TlsStream;
use tokio_rustls::{Accept, TlsAcceptor};

use crate::clock::Clock;

/// How long to wait when the machine has no socket left.
const BREATH: Duration = Duration::from_millis(50);

/// The switch of one connection.
#[derive(Debug, Clone)]
pub(super) struct Line(Arc<AtomicBool>);

impl Line {
    /// Lets no further byte through; the server then closes the socket.
    pub(super) fn cut(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn is_cut(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    fn check(&self) -> Result<()> {
        if self.is_cut() { Err(Error::from(ErrorKind::ConnectionAborted)) } else { Ok(()) }
    }
}

/// The listening socket, which gives every connection its switch.
pub(super) struct Lines {
    pub(super) listener: TcpListener,
    /// Speaks TLS where there is one.
    pub(super) doorman: Option<TlsAcceptor>,
}

impl Listener for Lines {
    type Io = Wire;
    type Addr = Line;

    async fn accept(&mut self) -> (Wire, Line) {
        loop {
            if let Ok((socket, _)) = self.listener.accept().await {
                let _ = socket.set_nodelay(true);
                let line = Line(Arc::default());
                let stream = match &self.doorman {
                    Some(doorman) => Stream::Shaking(Box::new(doorman.accept(socket))),
                    None => Stream::Plain(socket),
                };
                return (Wire { stream, line: line.clone() }, line);
            }
            let clock = Clock::real();
            clock.sleep_until(clock.now() + BREATH).await;
        }
    }

    fn local_addr(&self) -> Result<Line> {
        Ok(Line(Arc::default()))
    }
}

impl Connected<IncomingStream<'_, Lines>> for Line {
    fn connect_info(stream: IncomingStream<'_, Lines>) -> Self {
        stream.remote_addr().clone()
    }
}

/// A connection behind its switch.
pub(super) struct Wire {
    stream: Stream,
    line: Line,
}

/// What the bytes go through. Hands are shaken when the first byte is wanted, so that no client holds up another.
enum Stream {
    Plain(TcpStream),
    Shaking(Box<Accept<TcpStream>>),
    Tls(Box<TlsStream<TcpStream>>),
}

/// Something to read from and to write to.
trait Duplex: AsyncRead + AsyncWrite + Unpin {}

impl<T: AsyncRead + AsyncWrite + Unpin> Duplex for T {}

impl Wire {
    /// The open stream, once hands are shaken.
    fn poll_open(&mut self, context: &mut Context<'_>) -> Poll<Result<Pin<&mut dyn Duplex>>> {
        self.line.check()?;
        if let Stream::Shaking(shaking) = &mut self.stream {
            let open = ready!(Pin::new(shaking).poll(context))?;
            self.stream = Stream::Tls(Box::new(open));
        }
        Poll::Ready(match &mut self.stream {
            Stream::Plain(socket) => Ok(Pin::new(socket)),
            Stream::Tls(stream) => Ok(Pin::new(stream.as_mut())),
            Stream::Shaking(_) => Err(Error::from(ErrorKind::NotConnected)),
        })
    }
}

impl AsyncRead for Wire {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<Result<()>> {
        ready!(self.poll_open(context))?.poll_read(context, into)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        ready!(self.poll_open(context))?.poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        ready!(self.poll_open(context))?.poll_flush(context)
    }

    /// A line that was cut is not taken leave of: TLS would send bytes to do so.
    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        if self.line.is_cut() || matches!(self.stream, Stream::Shaking(_)) {
            return Poll::Ready(Ok(()));
        }
        ready!(self.poll_open(context))?.poll_shutdown(context)
    }
}
