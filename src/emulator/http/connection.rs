//! A connection, plain or TLS, that can be cut: from then on not a byte leaves, and the socket is closed.

use std::future::Future;
use std::io::{Error, ErrorKind, Result};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::server::TlsStream;
use tokio_rustls::{Accept, TlsAcceptor};

use crate::clock::Clock;

/// How long to wait when the machine has no socket left.
const PAUSE: Duration = Duration::from_millis(50);

/// The handle of one connection, by which it can be cut.
#[derive(Debug, Clone)]
pub(in crate::emulator) struct Connection(Arc<Cut>);

/// Whether a connection is cut, and who waits for its socket meanwhile.
#[derive(Debug, Default)]
struct Cut {
    is_cut: AtomicBool,
    waiting: Mutex<Option<Waker>>,
}

impl Connection {
    /// Lets no further byte through; the server then closes the socket.
    pub(in crate::emulator) fn cut(&self) {
        self.0.is_cut.store(true, Ordering::Release);
        let waiting = self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner).take();
        waiting.into_iter().for_each(Waker::wake);
    }

    fn is_cut(&self) -> bool {
        self.0.is_cut.load(Ordering::Acquire)
    }

    /// Has whoever writes woken when the connection is cut: the client may never read again.
    fn wake_writer(&self, context: &Context<'_>) {
        *self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner) = Some(context.waker().clone());
    }

    fn check(&self) -> Result<()> {
        if self.is_cut() { Err(Error::from(ErrorKind::ConnectionAborted)) } else { Ok(()) }
    }
}

/// The listening socket, which gives every connection its handle.
pub(super) struct Connections {
    pub(super) listener: TcpListener,
    /// Makes each connection a TLS one, where there is one.
    pub(super) acceptor: Option<TlsAcceptor>,
}

impl Listener for Connections {
    type Io = Io;
    type Addr = Connection;

    async fn accept(&mut self) -> (Io, Connection) {
        loop {
            if let Ok((socket, _)) = self.listener.accept().await {
                let _ = socket.set_nodelay(true);
                let connection = Connection(Arc::default());
                let stream = match &self.acceptor {
                    Some(acceptor) => Stream::Handshake(Box::new(acceptor.accept(socket))),
                    None => Stream::Plain(socket),
                };
                return (Io { stream, connection: connection.clone() }, connection);
            }
            let clock = Clock::real();
            clock.sleep_until(clock.now() + PAUSE).await;
        }
    }

    fn local_addr(&self) -> Result<Connection> {
        Ok(Connection(Arc::default()))
    }
}

impl Connected<IncomingStream<'_, Connections>> for Connection {
    fn connect_info(stream: IncomingStream<'_, Connections>) -> Self {
        stream.remote_addr().clone()
    }
}

/// What is read from and written to, until the connection is cut.
pub(super) struct Io {
    stream: Stream,
    connection: Connection,
}

/// What the bytes go through. The handshake begins when the first byte is wanted, so that no client holds up another.
enum Stream {
    Plain(TcpStream),
    Handshake(Box<Accept<TcpStream>>),
    Tls(Box<TlsStream<TcpStream>>),
}

/// Something to read from and to write to.
trait Duplex: AsyncRead + AsyncWrite + Unpin {}

impl<T: AsyncRead + AsyncWrite + Unpin> Duplex for T {}

impl Io {
    /// The open stream, once the handshake is done.
    fn poll_open(&mut self, context: &mut Context<'_>) -> Poll<Result<Pin<&mut dyn Duplex>>> {
        self.connection.check()?;
        if let Stream::Handshake(handshake) = &mut self.stream {
            let open = ready!(Pin::new(handshake).poll(context))?;
            self.stream = Stream::Tls(Box::new(open));
        }
        Poll::Ready(match &mut self.stream {
            Stream::Plain(socket) => Ok(Pin::new(socket)),
            Stream::Tls(stream) => Ok(Pin::new(stream.as_mut())),
            Stream::Handshake(_) => Err(Error::from(ErrorKind::NotConnected)),
        })
    }
}

impl AsyncRead for Io {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<Result<()>> {
        ready!(self.poll_open(context))?.poll_read(context, into)
    }
}

impl AsyncWrite for Io {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        let written = ready!(self.poll_open(context))?.poll_write(context, bytes);
        if written.is_pending() {
            self.connection.wake_writer(context);
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        ready!(self.poll_open(context))?.poll_flush(context)
    }

    /// A connection that was cut is not closed politely: TLS would send bytes to do so.
    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        if self.connection.is_cut() || matches!(self.stream, Stream::Handshake(_)) {
            return Poll::Ready(Ok(()));
        }
        ready!(self.poll_open(context))?.poll_shutdown(context)
    }
}
