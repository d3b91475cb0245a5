//! The door: a thread that listens on the loopback address, reads requests whole, and answers each once.

use std::future::poll_fn;
use std::io;
use std::net::Ipv4Addr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, Response, StatusCode, header};
use bytes::Bytes;
use http_body::Body as _;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;
use uuid::Uuid;

use super::dashboard;
use super::entra;
use super::fault::Fault;
use super::guard;
use super::key;
use super::line::{Line, Lines};
use super::log::{self, Request as Entry};
use super::powerbi::{self, Arrived};
use super::principal::Principal;
use super::refusal::Answer;
use super::route::Route;
use super::rules;
use super::state::Shared;
use crate::clock::Moment;
use crate::error::{Error, Result};

/// The thread that serves, until it is stopped.
#[derive(Debug)]
pub(super) struct Server(Mutex<Option<(oneshot::Sender<()>, JoinHandle<()>)>>);

/// Binds `port` of 127.0.0.1, or any free one for 0.
pub(super) fn bind(port: u16) -> Result<(std::net::TcpListener, u16)> {
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(|error| match error.kind() {
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
    /// Serves on its own thread; `listener` already listens.
    pub(super) fn start(
        listener: std::net::TcpListener,
        doorman: Option<TlsAcceptor>,
        shared: Arc<Shared>,
    ) -> Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let listener = {
            let _inside = runtime.enter();
            TcpListener::from_std(listener).map_err(failed)?
        };
        let lines = Lines { listener, doorman };
        let (stop, stopped) = oneshot::channel();
        let thread = thread::Builder::new().name("powerbi-emulator".into());
        let thread = thread.spawn(move || serve(&runtime, lines, shared, stopped)).map_err(failed)?;
        Ok(Self(Mutex::new(Some((stop, thread)))))
    }

    /// Closes every connection and waits for the thread; a second call does nothing.
    pub(super) fn stop(&self) {
        let running = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((stop, thread)) = running {
            let _ = stop.send(());
            let _ = thread.join();
        }
    }
}

/// Where other processes ask for a token; no address of the service.
const TOKEN_PATH: &str = "/emulator/token";

fn serve(runtime: &Runtime, lines: Lines, shared: Arc<Shared>, stopped: oneshot::Receiver<()>) {
    let app = Router::new().fallback(handle).with_state(shared).into_make_service_with_connect_info::<Line>();
    runtime.block_on(async {
        tokio::select! {
            _ = axum::serve(lines, app) => {}
            _ = stopped => {}
        }
    });
}

async fn handle(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(line): ConnectInfo<Line>,
    request: Request,
) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let is_page = matches!(parts.method, Method::GET | Method::HEAD) && dashboard::has(parts.uri.path());
    if let Err(refusal) = guard::check(&parts, shared.port, is_page) {
        return dressed(&shared, Answer::from(refusal).into_response());
    }
    if is_page {
        return dated(&shared, dashboard::page(&shared, parts.uri.path()));
    }
    if parts.method == Method::POST && parts.uri.path() == TOKEN_PATH {
        return dated(&shared, token(&shared));
    }
    let path = parts.uri.path().to_owned();
    let route = Route::of(&parts.method, &path);
    let pending = route.fills().map(|id| shared.pend(id));
    let count = pending.as_ref().map_or(0, |pending| pending.count);
    let Ok(request) = read(&shared, parts, body, count).await else {
        line.cut();
        return Response::default();
    };
    // Whoever has arrived meanwhile is counted as pending too.
    tokio::task::yield_now().await;
    let answer = respond(&shared, &request, &route);
    drop(pending);
    let Some(answer) = answer else {
        line.cut();
        return Response::default();
    };
    if route.is_entra() { dressed_by_entra(&shared, answer) } else { dressed(&shared, answer.into_response()) }
}

/// A token for a process that was told of the emulator by its address alone. Whoever reaches this machine's loopback
/// may have one: it opens nothing but the emulator.
fn token(shared: &Shared) -> Response<Body> {
    let (token, expires_on) = shared.mint(Principal::User);
    let body = serde_json::json!({"token": token, "expires_on": expires_on});
    Answer::json(StatusCode::OK, &body).into_response()
}

/// Reads the whole body; of a body that is larger than allowed it keeps the beginning only.
async fn read(
    shared: &Shared,
    parts: Parts,
    mut body: Body,
    pending: usize,
) -> std::result::Result<Arrived, axum::Error> {
    let most = if shared.limits { rules::MAX_BODY } else { usize::MAX };
    let announced = body.size_hint().exact().and_then(|size| usize::try_from(size).ok()).unwrap_or(0);
    let mut kept = Vec::with_capacity(announced.min(rules::MAX_BODY));
    let mut body_size = 0;
    while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        if let Ok(data) = frame?.into_data() {
            body_size += data.len();
            kept.extend_from_slice(&data[..data.len().min(most - kept.len())]);
        }
    }
    Ok(Arrived { parts, body: Bytes::from(kept), body_size, pending })
}

/// Decides on an answer and writes the log; `None` means that none is sent.
fn respond(shared: &Shared, request: &Arrived, route: &Route<'_>) -> Option<Answer> {
    let parts = &request.parts;
    let path = parts.uri.path();
    let fault = shared.lock().faults.take(route, path, shared.clock.wall());
    let (answer, is_sent) = match fault {
        Some(Fault::Answer(answer)) => (*answer, true),
        Some(Fault::Drop) => (powerbi::answer(shared, request, route), false),
        None => (powerbi::answer(shared, request, route), true),
    };
    let at = shared.clock.now() - Moment::default();
    shared.lock().log.add(Entry {
        number: 0,
        method: parts.method.to_string(),
        path: path.to_owned(),
        query: key::redacted(parts.uri.query().unwrap_or_default()),
        operation: route.operation(),
        headers: log::redacted(&parts.headers),
        body: shown(request, route),
        body_size: request.body_size,
        status: is_sent.then_some(answer.status.as_u16()),
        refusal: answer.refusal.clone(),
        rows: answer.rows,
        at,
    });
    is_sent.then_some(answer)
}

/// The body as the log may show it.
fn shown(request: &Arrived, route: &Route<'_>) -> Bytes {
    match route {
        Route::SignIn(_) => entra::redacted(&request.body).into(),
        _ => request.body.clone(),
    }
}

/// Adds the headers that the service sends with every answer (facts/powerbi 1.9, 1.11).
fn dressed(shared: &Shared, mut response: Response<Body>) -> Response<Body> {
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::try_from(Uuid::new_v4().to_string()) {
        headers.insert("requestid", id);
    }
    headers.insert("request-redirected", HeaderValue::from_static("true"));
    if let Ok(url) = HeaderValue::try_from(format!("{}/", shared.url())) {
        headers.insert("home-cluster-uri", url);
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    dated(shared, response)
}

/// Adds the headers that Entra sends with every answer.
fn dressed_by_entra(shared: &Shared, answer: Answer) -> Response<Body> {
    let mut response = answer.into_response();
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::try_from(Uuid::new_v4().to_string()) {
        headers.insert("x-ms-request-id", id);
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store, no-cache"));
    headers.insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
    dated(shared, response)
}

/// Adds the clock's date, which need not be the machine's.
fn dated(shared: &Shared, mut response: Response<Body>) -> Response<Body> {
    if let Ok(date) = HeaderValue::try_from(httpdate::fmt_http_date(shared.clock.wall())) {
        response.headers_mut().insert(header::DATE, date);
    }
    response
}
