//! Device codes: entered by a person on a page, while a client asks again and again (facts/entra 5e, 5f).

use super::failure::Failure;
use super::random;

/// How long a code lasts, and how often a client may ask, in seconds.
pub(super) const LIFETIME: u64 = 900;
pub(super) const INTERVAL: u64 = 5;
/// Letters that nobody takes for another.
const LETTERS: &[u8] = b"BCDFGHJKLMNPQRSTVWXZ23456789";

/// One sign-in on another device.
pub(super) struct Device {
    /// What the client asks with.
    pub(super) secret: String,
    pub(super) user_code: String,
    scope: String,
    ends: u64,
    interval: u64,
    asked: Option<u64>,
    answer: Option<bool>,
    is_used: bool,
}

/// All of them.
#[derive(Default)]
pub(super) struct Devices(Vec<Device>);

impl Devices {
    /// A new one.
    pub(super) fn begin(&mut self, scope: &str, now: u64) -> &Device {
        let letter = || char::from(LETTERS[fastrand::usize(..LETTERS.len())]);
        let user_code = (0..9).map(|_| letter()).collect();
        let device = Device {
            secret: random(),
            user_code,
            scope: scope.to_owned(),
            ends: now + LIFETIME,
            interval: INTERVAL,
            asked: None,
            answer: None,
            is_used: false,
        };
        self.0.push(device);
        &self.0[self.0.len() - 1]
    }

    /// Whether a person can still enter this code.
    pub(super) fn is_open(&self, user_code: &str, now: u64) -> bool {
        self.find(user_code).is_some_and(|device| device.ends > now && device.answer.is_none())
    }

    /// The person has let it in, or has not; `false` where there is no such code.
    pub(super) fn answer(&mut self, user_code: &str, accepts: bool, now: u64) -> bool {
        if !self.is_open(user_code, now) {
            return false;
        }
        let found = self.0.iter_mut().find(|device| device.user_code.eq_ignore_ascii_case(user_code.trim()));
        found.map(|device| device.answer = Some(accepts)).is_some()
    }

    /// The scope of what the person has let in.
    pub(super) fn look(&mut self, device_code: &str, now: u64) -> Result<String, Failure> {
        let device = self.0.iter_mut().find(|device| device.secret == device_code && !device.is_used);
        let device = device.ok_or_else(|| {
            Failure::new(70_018, "Bad verification code. User typed in wrong code for device code flow.")
                .called("bad_verification_code")
        })?;
        if device.ends <= now {
            return Err(Failure::new(70_019, "Verification code expired. Have the user retry the sign-in.")
                .called("expired_token"));
        }
        let is_early = device.asked.is_some_and(|asked| now < asked + device.interval);
        device.asked = Some(now);
        match device.answer {
            Some(true) => {
                device.is_used = true;
                Ok(device.scope.clone())
            }
            Some(false) => {
                Err(Failure::new(70_020, "The end user denied the authorization request.")
                    .called("authorization_declined"))
            }
            None if is_early => {
                device.interval += INTERVAL;
                Err(Failure::new(70_016, "The client asks too often.").called("slow_down"))
            }
            None => {
                let message = "OAuth 2.0 device flow error. Authorization is pending. Continue polling.";
                Err(Failure::new(70_016, message).called("authorization_pending"))
            }
        }
    }

    fn find(&self, user_code: &str) -> Option<&Device> {
        self.0.iter().find(|device| device.user_code.eq_ignore_ascii_case(user_code.trim()))
    }
}
