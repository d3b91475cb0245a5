//! The thread that listens on the loopback address.

use std::io;
use std::net::Ipv4Addr;
use std::sync::{Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use axum::Router;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;

use super::connection::{Connection, Connections};
use crate::error::{Error, Result};

/// The thread that serves, until it is stopped.
#[derive(Debug)]
pub(in crate::emulator) struct Server(Mutex<Option<(oneshot::Sender<()>, JoinHandle<()>)>>);

/// Binds `port` of 127.0.0.1, or of every address of a container; any free one for 0.
pub(in crate::emulator) fn bind(port: u16, in_container: bool) -> Result<(std::net::TcpListener, u16)> {
    let address = if in_container { Ipv4Addr::UNSPECIFIED } else { Ipv4Addr::LOCALHOST };
    let listener = std::net::TcpListener::bind((address, port)).map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => Error::configuration(format!("port {port} of this machine is already in use"))
            .with_hint("stop what listens there, or use another port; 0 takes any free one")
            .caused_by(error),
        _ => failed(error),
    })?;
    listener.set_nonblocking(true).map_err(failed)?;
    let port = listener.local_addr().map_err(failed)?.port();
    Ok((listener, port))
}

fn failed(error: io::Error) -> Error {
    Error::configuration("the emulator could not be started").caused_by(error)
}

impl Server {
    /// Serves `app` on its own thread; `listener` already listens.
    pub(in crate::emulator) fn start(
        listener: std::net::TcpListener,
        acceptor: Option<TlsAcceptor>,
        app: Router,
    ) -> Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let listener = {
            let _inside = runtime.enter();
            TcpListener::from_std(listener).map_err(failed)?
        };
        let connections = Connections { listener, acceptor };
        let (stop, stopped) = oneshot::channel();
        let thread = thread::Builder::new().name("powerbi-emulator".into());
        let thread = thread.spawn(move || serve(&runtime, connections, app, stopped)).map_err(failed)?;
        Ok(Self(Mutex::new(Some((stop, thread)))))
    }

    /// Closes every connection and waits for the thread; a second call does nothing.
    pub(in crate::emulator) fn stop(&self) {
        let running = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((stop, thread)) = running {
            let _ = stop.send(());
            let _ = thread.join();
        }
    }
}

fn serve(runtime: &Runtime, connections: Connections, app: Router, stopped: oneshot::Receiver<()>) {
    let app = app.into_make_service_with_connect_info::<Connection>();
    runtime.block_on(async {
        tokio::select! {
            _ = axum::serve(connections, app) => {}
            _ = stopped => {}
        }
    });
}
