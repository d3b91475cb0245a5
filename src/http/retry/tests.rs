use std::collections::VecDeque;
use std::sync::Mutex;

use super::*;
use crate::rate_limit::Wait;

type Came = Next<&'static str>;

/// Attempts that come to what was written down before, in order.
struct Script {
    clock: Clock,
    came: Mutex<VecDeque<Came>>,
    /// When each attempt was made, in seconds.
    made: Mutex<Vec<u64>>,
    /// What the permit was told of the failure before.
    failed: Mutex<Vec<bool>>,
    renewed: u32,
    /// How often giving up means to begin anew.
    anew: u32,
    is_stopped: bool,
}

impl Attempts for Script {
    type Came = Came;
    type End = Result<&'static str>;

    async fn exchange(&self, attempt: &Attempt) -> Result<Came> {
        self.made.lock().unwrap().push((self.clock.now() - Moment::default()).as_secs());
        self.failed.lock().unwrap().push(attempt.failed.is_some());
        match self.came.lock().unwrap().pop_front().expect("one more than was written down") {
            // Written down as a permit or a sign-in that was not to be had.
            Next::Expired(None, why) => Err(why),
            came => Ok(came),
        }
    }

    async fn stopped(&self, _: &Attempt) -> Self::End {
        if !self.is_stopped {
            pending::<()>().await;
        }
        Ok("stopped")
    }

    async fn judge(&mut self, came: Came) -> Next<Self::End> {
        came.map(Ok)
    }

    async fn renew(&mut self, _: Option<u64>, _: Error) -> Result<Next<Self::End>> {
        self.renewed += 1;
        Ok(Next::Again)
    }

    fn give_up(&mut self, why: Error) -> Option<Self::End> {
        let begins_anew = self.anew > 0;
        self.anew = self.anew.saturating_sub(1);
        (!begins_anew).then_some(Err(why))
    }
}

/// Keeps what it is told of waits.
#[derive(Debug, Default)]
struct Heard(Mutex<Vec<String>>);

impl Watch for Heard {
    fn begun(&self, wait: &Wait) {
        self.0.lock().unwrap().push(format!("{} s: {}", (wait.until - wait.since).as_secs(), wait.reason));
    }

    fn over(&self) {}

    fn failed(&self, why: &Error, _: Moment) {
        self.0.lock().unwrap().push(why.message.clone());
    }
}

fn script(came: impl IntoIterator<Item = Came>) -> Script {
    let came = Mutex::new(came.into_iter().collect());
    let (made, failed) = (Mutex::default(), Mutex::default());
    Script { clock: Clock::simulated(), came, made, failed, renewed: 0, anew: 0, is_stopped: false }
}

/// Two attempts more after the first, at once where nothing is told.
const RETRY: Retry = Retry { attempts: 3, first_delay: Duration::ZERO, max_delay: Duration::ZERO };

async fn run(script: &mut Script, change: impl FnOnce(&mut Terms<'_>)) -> (Result<&'static str>, Vec<String>) {
    let (clock, heard) = (script.clock.clone(), Heard::default());
    let patience = Some(Duration::from_secs(120));
    let mut terms =
        Terms { clock: &clock, retry: RETRY, patience, endless: false, back_off: BackOff::Here, watch: &() };
    change(&mut terms);
    let end = repeat(script, &Terms { watch: &heard, ..terms }).await;
    (end, heard.0.into_inner().unwrap())
}

fn at(script: &Script) -> Vec<u64> {
    script.made.lock().unwrap().clone()
}

fn broken() -> Error {
    Error::new(Kind::Transport, "broken")
}

fn told(seconds: u64) -> Came {
    Next::Wait(Some(Duration::from_secs(seconds)), Error::new(Kind::RateLimited, "too much"))
}

fn expired() -> Came {
    Next::Expired(Some(1), Error::new(Kind::Authentication, "expired"))
}

#[tokio::test]
async fn what_the_service_asks_for_is_waited_for_and_told() {
    let mut script = script([told(30), Next::Wait(None, broken()), Next::Done("done")]);
    let (end, heard) = run(&mut script, |_| ()).await;
    assert_eq!((end.unwrap(), at(&script)), ("done", vec![0, 30, 30]));
    assert_eq!(heard, ["30 s: Retry-After", "broken", "0 s: backing off after a failure"]);
}

#[tokio::test]
async fn the_policy_counts_attempts() {
    let mut script = script([Next::Wait(None, broken()), told(1), Next::Wait(None, broken())]);
    let (end, _) = run(&mut script, |_| ()).await;
    assert_eq!((end.unwrap_err().message.as_str(), at(&script).len()), ("broken", 3));
}

#[tokio::test]
async fn no_attempt_begins_after_the_patience_is_over_and_nobody_waits_for_that() {
    let mut script = script([told(100), told(21)]);
    let (end, _) = run(&mut script, |_| ()).await;
    let hint = end.unwrap_err().hint.unwrap();
    assert!(hint.starts_with("the service asks to be left alone for 21 s (`retry_after`); an operation waits 120 s"));
    assert_eq!((at(&script), script.clock.now() - Moment::default()), (vec![0, 100], Duration::from_secs(100)));
}

#[tokio::test]
async fn another_sign_in_helps_once_in_a_row() {
    let mut script = script([expired(), told(0), expired(), expired()]);
    let (end, _) = run(&mut script, |_| ()).await;
    assert_eq!((end.unwrap_err().message.as_str(), script.renewed), ("expired", 2));
}

#[tokio::test]
async fn whoever_begins_anew_may_ask_for_another_sign_in() {
    let mut script = Script { anew: 1, ..script([expired(), expired(), expired(), Next::Done("done")]) };
    let (end, _) = run(&mut script, |_| ()).await;
    assert_eq!((end.unwrap(), script.renewed), ("done", 2));
}

#[tokio::test]
async fn an_endless_one_gives_up_only_what_does_not_pass() {
    let failures = (0..9).map(|_| Next::Wait(None, broken()));
    let none = Error::new(Kind::Authentication, "no sign-in");
    let mut script = script(failures.chain([Next::Expired(None, broken()), Next::Expired(None, none)]));
    let (end, _) = run(&mut script, |terms| terms.endless = true).await;
    assert_eq!((end.unwrap_err().message.as_str(), at(&script).len()), ("no sign-in", 11));
}

#[tokio::test]
async fn a_permit_hears_of_the_failure_before_and_nothing_is_waited_for_here() {
    let mut script = script([told(30), Next::Again, Next::Done("done")]);
    let (end, heard) = run(&mut script, |terms| terms.back_off = BackOff::AtPermit).await;
    assert_eq!((end.unwrap(), at(&script)), ("done", vec![0, 0, 0]));
    assert_eq!(*script.failed.lock().unwrap(), [false, true, false]);
    assert_eq!(heard, ["too much"]);
}

#[tokio::test]
async fn what_is_stopped_is_not_exchanged() {
    let mut script = Script { is_stopped: true, ..script([]) };
    let (end, _) = run(&mut script, |_| ()).await;
    assert_eq!((end.unwrap(), at(&script)), ("stopped", vec![]));
}
