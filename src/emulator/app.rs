//! Who answers a request: the page, the emulator itself, or a service.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{Method, Response, StatusCode};
use serde_json::{Value as Json, json};

use super::console::{self, Command, Console, Part};
use super::http::{Answer, Connection, Dispatcher, Entrance, Site, check_sender};
use super::identity::{Identity, Principal};
use crate::error::{Error, Kind, Result};

/// Where other processes ask for a token; no address of any service.
const TOKEN_PATH: &str = "/emulator/token";

/// What a request may reach.
pub(super) struct App {
    pub(super) site: Arc<Site>,
    pub(super) identity: Arc<Identity>,
    pub(super) dispatcher: Arc<Dispatcher>,
    pub(super) console: Console,
}

pub(super) async fn handle(
    State(app): State<Arc<App>>,
    ConnectInfo(connection): ConnectInfo<Connection>,
    request: Request,
) -> Response<Body> {
    let Some(part) = console::part(request.method(), request.uri().path()) else {
        return app.other(&connection, request).await;
    };
    let (parts, body) = request.into_parts();
    let entrance = if part == Part::Page { Entrance::Page } else { Entrance::OfPage };
    let response = match check_sender(&parts, &app.site, entrance) {
        Err(stranger) => Answer::from(stranger).into_response(),
        Ok(()) => match part {
            Part::Page => app.console.page(&app.site, parts.uri.path()),
            Part::Changes => console::changes(&app.site, &app.dispatcher, connection),
            Part::Commands => app.console.command(parts, body, |command| app.perform(command)).await,
        },
    };
    app.site.dated(response)
}

impl App {
    /// What is not for the page: a token for another process, or a request to the API.
    async fn other(&self, connection: &Connection, request: Request) -> Response<Body> {
        if *request.method() != Method::POST || request.uri().path() != TOKEN_PATH {
            return self.dispatcher.handle(connection, request).await;
        }
        let (parts, _) = request.into_parts();
        let stranger = check_sender(&parts, &self.site, Entrance::Api);
        let response = stranger.map_or_else(|stranger| Answer::from(stranger).into_response(), |()| self.token());
        self.site.dated(response)
    }

    /// Does what somebody ordered on the page, and gives what the page is told of it.
    fn perform(&self, command: Command) -> Result<Json> {
        match command {
            Command::Make(wanted) => Ok(json!({"dataset": self.dispatcher.make(&wanted)?})),
            Command::Delete(id) if self.dispatcher.delete(&id) => Ok(json!({})),
            Command::ApiInfo(id) => self.dispatcher.api_info(&id).map(|info| json!(info)).ok_or_else(no_dataset),
            Command::Delete(_) => Err(no_dataset()),
            Command::Reset => {
                self.dispatcher.reset();
                Ok(json!({}))
            }
            Command::ExpireTokens => {
                self.identity.expire_tokens();
                Ok(json!({}))
            }
            Command::FailNext(fault) => self.dispatcher.fail_next(fault).map(|()| json!({})),
            Command::DropResponse(times, route) => self.dispatcher.drop_response(times, route).map(|()| json!({})),
        }
    }

    /// A token for a process that knows only the address of the emulator. Every process of this machine may have one:
    /// the token is good for nothing but the emulator.
    fn token(&self) -> Response<Body> {
        let (token, expires_on) = self.identity.mint(Principal::User, self.site.wall());
        Answer::json(StatusCode::OK, &json!({"token": token, "expires_on": expires_on})).into_response()
    }
}

fn no_dataset() -> Error {
    Error::new(Kind::NotFound, "there is no such dataset; it may have been deleted")
}
