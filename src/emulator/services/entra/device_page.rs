//! Where a device gets its code, and the page at which a person enters it (facts/entra 5e).

use axum::http::StatusCode;
use serde_json::json;

use super::Entra;
use super::authorize::{check_scope, html};
use super::devices::{INTERVAL, LIFETIME};
use super::failure::Failure;
use super::form::Form;
use super::page;
use crate::emulator::http::{Answer, Arrived};
use crate::emulator::identity::USER_NAME;

/// Below the address of the emulator; the service's is another host.
pub(super) const PATH: &str = "/common/oauth2/deviceauth";

impl Entra {
    /// A new code.
    pub(super) fn device_code(&self, request: &Arrived, tenant: &str) -> Answer {
        self.answered(request, || self.begin(request, tenant))
    }

    fn begin(&self, request: &Arrived, tenant: &str) -> Result<Answer, Failure> {
        super::token::check_method(request)?;
        self.check_tenant_of_people(tenant)?;
        let form = Form::of_body(request);
        self.check_client(form.field("client_id")?, tenant)?;
        let scope = form.field("scope")?;
        check_scope(scope, tenant)?;
        let page = format!("{}{PATH}", self.site.url());
        let now = self.seconds();
        let mut state = self.state();
        let device = state.devices.begin(scope, now);
        let message = format!(
            "To sign in, use a web browser to open the page {page} and enter the code {} to authenticate.",
            device.user_code
        );
        Ok(Answer::json(
            StatusCode::OK,
            &json!({
                "user_code": device.user_code,
                "device_code": device.secret,
                "verification_uri": page,
                "expires_in": LIFETIME,
                "interval": INTERVAL,
                "message": message,
            }),
        ))
    }

    /// The page: it asks for the code, then whether the app may come in, then says what came of it.
    pub(super) fn device_page(&self, request: &Arrived) -> Answer {
        let (form, now) = (Form::of_query(request), self.seconds());
        let title = "Enter a code";
        let Some(code) = form.get("code") else {
            return html(&page::form(
                title,
                "It is shown by the app that you sign in to.",
                &[],
                &["code"],
                &[("next", "Next")],
            ));
        };
        let mut state = self.state();
        match form.get("decision") {
            Some(decision @ ("accept" | "decline")) if state.devices.answer(code, decision == "accept", now) => {
                let said = if decision == "accept" { "You have signed in" } else { "You have declined" };
                html(&page::words(title, &format!("{said}. You can close this window.")))
            }
            Some("next") if state.devices.is_open(code, now) => {
                let app = &self.identity.directory.client_id;
                let text = format!("The app {app} on another device wants to use Power BI as {USER_NAME}.");
                let buttons = [("accept", "Continue"), ("decline", "Cancel")];
                html(&page::form(title, &text, &[("code", code)], &[], &buttons))
            }
            _ => {
                let text = "That code did not work. Check it, or get a new one from the app.";
                html(&page::form(title, text, &[], &["code"], &[("next", "Next")]))
            }
        }
    }
}
