//! The page at which a person signs in and lets the app in, and the way back (facts/entra 5g).

use axum::http::{StatusCode, header};

use super::Entra;
use super::codes::{Asked, Challenge};
use super::failure::Failure;
use super::form::Form;
use super::page;
use crate::emulator::http::{Answer, Arrived};
use crate::emulator::identity::USER_NAME;

const HTML: &str = "text/html; charset=utf-8";
/// Where an app of this machine comes back to; the port is anyone's, and the path is not (facts/entra 5g).
const REDIRECT: &str = "http://localhost";

impl Entra {
    /// The page, or what follows from a button of it.
    pub(super) fn authorize(&self, request: &Arrived, tenant: &str) -> Answer {
        let form = Form::of_query(request);
        match form.get("ticket") {
            Some(ticket) => self.decide(ticket, form.get("decision") == Some("accept")),
            None => self.ask(&form, tenant),
        }
    }

    fn ask(&self, form: &Form, tenant: &str) -> Answer {
        // Whoever asks wrongly is not led back: the address may be anybody's.
        let asked = match self.asked(form, tenant) {
            Ok(asked) => asked,
            Err(failure) => return shown_failure(&failure),
        };
        let refused = |word: &str, text: &str| back(&asked, &[("error", word), ("error_description", text)]);
        if form.get("response_type") != Some("code") {
            return refused("unsupported_response_type", "AADSTS70005: the emulator gives codes, and nothing else.");
        }
        if let Err(failure) = check_scope(&asked.scope, tenant) {
            return refused(failure.word(), &failure.words());
        }
        if form.get("prompt") == Some("none") {
            return refused(
                "interaction_required",
                "AADSTS50058: A silent sign-in request was sent but no user is signed in.",
            );
        }
        let ticket = self.state().codes.open(asked);
        let text = format!("The app {} wants to use Power BI as {USER_NAME}.", self.identity.directory.client_id);
        let buttons = [("accept", "Sign in"), ("decline", "Cancel")];
        html(&page::form("Sign in", &text, &[("ticket", &ticket)], &[], &buttons))
    }

    fn asked(&self, form: &Form, tenant: &str) -> Result<Asked, Failure> {
        self.check_tenant_of_people(tenant)?;
        self.check_client(form.field("client_id")?, tenant)?;
        let redirect = form.field("redirect_uri")?;
        if !is_registered(redirect) {
            let message = format!(
                "The redirect URI '{redirect}' specified in the request does not match the redirect URIs \
                                   configured for the application."
            );
            return Err(Failure::new(50_011, message));
        }
        let text = |name: &str| form.get(name).map(str::to_owned);
        let by = form.get("code_challenge_method").unwrap_or("plain");
        let challenge = text("code_challenge").map(|text| Challenge { text, is_hashed: by == "S256" });
        Ok(Asked {
            redirect: redirect.to_owned(),
            scope: form.get("scope").unwrap_or_default().to_owned(),
            state: text("state"),
            nonce: text("nonce"),
            challenge,
            by_form: form.get("response_mode") == Some("form_post"),
        })
    }

    fn decide(&self, ticket: &str, accepts: bool) -> Answer {
        let now = self.seconds();
        let mut state = self.state();
        let Some(asked) = state.codes.close(ticket) else {
            return html(&page::words("Sign in", "This page was answered before. Begin again in your program."));
        };
        if !accepts {
            let text = "AADSTS65004: User declined to consent to access the app.";
            return back(&asked, &[("error", "access_denied"), ("error_description", text)]);
        }
        let code = state.codes.issue(asked.clone(), now);
        back(&asked, &[("code", &code)])
    }
}

/// Leads the browser back, with what it brings.
fn back(asked: &Asked, brought: &[(&str, &str)]) -> Answer {
    let mut fields: Vec<(&str, String)> = brought.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    fields.extend(asked.state.clone().map(|state| ("state", state)));
    if asked.by_form {
        return html(&page::post(&asked.redirect, &fields));
    }
    let query: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={}", coded(value))).collect();
    let before = if asked.redirect.contains('?') { '&' } else { '?' };
    let target = format!("{}{before}{}", asked.redirect, query.join("&"));
    Answer::empty(StatusCode::FOUND).with_header(header::LOCATION, target)
}

fn is_registered(redirect: &str) -> bool {
    let Some(rest) = redirect.strip_prefix(REDIRECT) else { return false };
    let port = rest.trim_end_matches('/');
    port.is_empty() || port.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok())
}

/// A person delegates scopes of Power BI to the app, and may have it told who they are (facts/entra 5h).
pub(super) fn check_scope(scope: &str, tenant: &str) -> Result<(), Failure> {
    let mut wanted = scope.split_whitespace().filter(|one| !OF_OPENID.contains(one)).peekable();
    if wanted.peek().is_none() {
        return Err(no_scope(scope));
    }
    wanted.try_for_each(|one| super::token::check_one_scope(one, tenant))
}

/// What is about the person, and of no resource.
const OF_OPENID: [&str; 4] = ["openid", "profile", "email", "offline_access"];

pub(super) fn no_scope(scope: &str) -> Failure {
    let message = format!(
        "The provided request must include a 'scope' input parameter. The provided value for the input parameter \
         'scope' is not valid. The scope {scope} is not valid."
    );
    Failure::new(70_011, message)
}

pub(super) fn html(page: &str) -> Answer {
    Answer::empty(StatusCode::OK).with_body(HTML, page.to_owned()).with_header(header::X_FRAME_OPTIONS, "DENY")
}

fn shown_failure(failure: &Failure) -> Answer {
    let text = failure.words();
    let page = page::words("Sign in", &format!("Sorry, but we are having trouble signing you in. {text}"));
    let answer = Answer::empty(StatusCode::BAD_REQUEST).with_body(HTML, page);
    answer.refused(text, "assumed; facts/entra 4")
}

fn coded(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}
