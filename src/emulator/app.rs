//! Who answers a request: the page, the emulator itself, or a service.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{Method, Response, StatusCode};
use serde_json::json;

use super::console;
use super::http::{Answer, Connection, Dispatcher, Site, check_sender};
use super::identity::{Identity, Principal};

/// Where other processes ask for a token; no address of any service.
const TOKEN_PATH: &str = "/emulator/token";

/// What a request may reach.
pub(super) struct App {
    pub(super) site: Arc<Site>,
    pub(super) identity: Arc<Identity>,
    pub(super) dispatcher: Arc<Dispatcher>,
}

pub(super) async fn handle(
    State(app): State<Arc<App>>,
    ConnectInfo(connection): ConnectInfo<Connection>,
    request: Request,
) -> Response<Body> {
    let (method, path) = (request.method(), request.uri().path());
    let is_page = matches!(*method, Method::GET | Method::HEAD) && console::has(path);
    let are_changes = *method == Method::GET && path == console::CHANGES;
    let is_token = *method == Method::POST && path == TOKEN_PATH;
    if !is_page && !are_changes && !is_token {
        return app.dispatcher.handle(&connection, request).await;
    }
    let (parts, _) = request.into_parts();
    let response = match check_sender(&parts, app.site.port, is_page) {
        Err(stranger) => Answer::from(stranger).into_response(),
        Ok(()) if is_page => console::page(&app.site, parts.uri.path()),
        Ok(()) if are_changes => console::changes(&app.site, &app.dispatcher, connection),
        Ok(()) => app.token(),
    };
    app.site.dated(response)
}

impl App {
    /// A token for a process that knows only the address of the emulator. Every process of this machine may have one:
    /// the token is good for nothing but the emulator.
    fn token(&self) -> Response<Body> {
        let (token, expires_on) = self.identity.mint(Principal::User, self.site.wall());
        Answer::json(StatusCode::OK, &json!({"token": token, "expires_on": expires_on})).into_response()
    }
}
