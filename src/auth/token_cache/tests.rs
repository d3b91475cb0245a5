//! One token for many: counted calls, on virtual time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use secrecy::ExposeSecret;
use tokio::sync::Notify;

use super::*;
use crate::error::{Error, Kind, ServiceAnswer};

/// An authority that counts its calls. Its tokens are numbers, from 0.
struct Authority {
    clock: Clock,
    lifetime: Duration,
    calls: Arc<AtomicUsize>,
    fails: AtomicBool,
    retry_after: Option<Duration>,
    refresh_in: Option<Duration>,
    hints: Mutex<Vec<FetchHint>>,
    /// A call ends when it is told so, where there is one.
    gate: Option<Arc<Notify>>,
}

impl Authority {
    fn new(clock: &Clock, lifetime: u64) -> Self {
        Self {
            clock: clock.clone(),
            lifetime: Duration::from_secs(lifetime),
            calls: Arc::default(),
            fails: AtomicBool::new(false),
            retry_after: None,
            refresh_in: None,
            hints: Mutex::default(),
            gate: None,
        }
    }

    fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    fn fail(&self, fails: bool) {
        self.fails.store(fails, Ordering::SeqCst);
    }

    fn fetch(&self, hint: FetchHint) -> Fetching {
        let number = self.calls.fetch_add(1, Ordering::SeqCst);
        self.hints.lock().unwrap().push(hint);
        let wall = self.clock.wall();
        let answer = if self.fails.load(Ordering::SeqCst) {
            let told = ServiceAnswer { retry_after: self.retry_after, ..ServiceAnswer::default() };
            Err(Error::new(Kind::Service, "the authority is down").with_answer(told))
        } else {
            let token = AccessToken::new(number.to_string().into(), Some(wall + self.lifetime));
            Ok(AccessToken { refresh_at: self.refresh_in.map(|wait| wall + wait), ..token })
        };
        let gate = self.gate.clone();
        Box::pin(async move {
            tokio::task::yield_now().await;
            if let Some(gate) = gate {
                gate.notified().await;
            }
            answer
        })
    }

    async fn current(&self, cache: &TokenCache) -> Result<String> {
        cache.current(&|hint| self.fetch(hint)).await.map(|token| token.access.secret.expose_secret().to_owned())
    }
}

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// A cache on virtual time, and an authority whose tokens last `lifetime` seconds.
fn setup(lifetime: u64) -> (Clock, TokenCache, Authority) {
    let clock = Clock::simulated();
    (clock.clone(), TokenCache::new(clock.clone()), Authority::new(&clock, lifetime))
}

async fn all_at_once<T: Send + 'static>(
    tasks: impl Iterator<Item = impl Future<Output = T> + Send + 'static>,
) -> Vec<T> {
    let running: Vec<_> = tasks.map(tokio::spawn).collect();
    let mut done = Vec::new();
    for task in running {
        done.push(task.await.unwrap());
    }
    done
}

#[tokio::test]
async fn sixty_four_waiters_share_one_token_and_one_replacement() {
    let (_, cache, authority) = setup(3600);
    let (cache, authority) = (Arc::new(cache), Arc::new(authority));
    let first = (0..64).map(|_| {
        let (cache, authority) = (Arc::clone(&cache), Arc::clone(&authority));
        async move { authority.current(&cache).await.unwrap() }
    });
    assert_eq!(all_at_once(first).await, vec!["0"; 64]);
    assert_eq!(authority.calls(), 1);
    let replacing = (0..64).map(|_| {
        let (cache, authority) = (Arc::clone(&cache), Arc::clone(&authority));
        async move { cache.replace(0, &|hint| authority.fetch(hint)).await }
    });
    assert!(all_at_once(replacing).await.iter().all(Result::is_ok));
    assert_eq!(authority.calls(), 2);
    assert_eq!(authority.current(&cache).await.unwrap(), "1");
}

#[tokio::test]
async fn sixty_four_waiters_share_one_failure_and_the_next_caller_tries_again() {
    let (_, cache, authority) = setup(3600);
    let (cache, authority) = (Arc::new(cache), Arc::new(authority));
    authority.fail(true);
    let waiting = (0..64).map(|_| {
        let (cache, authority) = (Arc::clone(&cache), Arc::clone(&authority));
        async move { authority.current(&cache).await.unwrap_err().message }
    });
    assert_eq!(all_at_once(waiting).await, vec!["the authority is down"; 64]);
    assert_eq!(authority.calls(), 1);
    authority.fail(false);
    assert_eq!(authority.current(&cache).await.unwrap(), "1");
}

#[tokio::test]
async fn a_token_is_replaced_five_minutes_before_it_ends() {
    let (clock, cache, authority) = setup(3600);
    authority.current(&cache).await.unwrap();
    clock.advance(seconds(3299));
    assert_eq!(authority.current(&cache).await.unwrap(), "0");
    clock.advance(seconds(1));
    assert_eq!(authority.current(&cache).await.unwrap(), "1");
    assert_eq!(authority.calls(), 2);
    assert!(authority.hints.lock().unwrap()[1].ahead);
}

#[tokio::test]
async fn a_token_is_replaced_when_the_authority_said_so() {
    let (clock, cache, mut authority) = setup(86_400);
    authority.refresh_in = Some(seconds(43_200));
    authority.current(&cache).await.unwrap();
    clock.advance(seconds(43_199));
    assert_eq!(authority.current(&cache).await.unwrap(), "0");
    clock.advance(seconds(1));
    assert_eq!(authority.current(&cache).await.unwrap(), "1");
}

#[tokio::test]
async fn a_good_token_serves_while_refreshing_fails_every_thirty_seconds() {
    let (clock, cache, authority) = setup(3600);
    authority.current(&cache).await.unwrap();
    authority.fail(true);
    clock.advance(seconds(3300));
    for second in 0..300 {
        assert_eq!(authority.current(&cache).await.unwrap(), "0");
        assert_eq!(authority.calls(), 2 + second / 30, "after {second} s");
        clock.advance(seconds(1));
    }
    assert_eq!(authority.current(&cache).await.unwrap_err().kind, Kind::Service);
    assert!(!authority.hints.lock().unwrap().last().unwrap().ahead);
}

#[tokio::test]
async fn others_go_on_with_a_good_token_while_one_refreshes_it() {
    let (clock, cache, mut authority) = setup(3600);
    let (cache, gate) = (Arc::new(cache), Arc::new(Notify::new()));
    authority.current(&cache).await.unwrap();
    authority.gate = Some(Arc::clone(&gate));
    let authority = Arc::new(authority);
    clock.advance(seconds(3400));
    let refreshing = tokio::spawn({
        let (cache, authority) = (Arc::clone(&cache), Arc::clone(&authority));
        async move { authority.current(&cache).await.unwrap() }
    });
    while authority.calls() < 2 {
        tokio::task::yield_now().await;
    }
    assert_eq!(authority.current(&cache).await.unwrap(), "0");
    assert_eq!(authority.calls(), 2);
    gate.notify_one();
    assert_eq!(refreshing.await.unwrap(), "1");
    assert_eq!(authority.current(&cache).await.unwrap(), "1");
}

#[tokio::test]
async fn whoever_must_replace_a_token_that_is_being_refreshed_waits_for_that_one() {
    let (clock, cache, mut authority) = setup(3600);
    authority.current(&cache).await.unwrap();
    let gate = Arc::new(Notify::new());
    authority.gate = Some(Arc::clone(&gate));
    clock.advance(seconds(3400));
    let refreshing = authority.current(&cache);
    tokio::pin!(refreshing);
    assert!(tokio::time::timeout(Duration::from_millis(1), &mut refreshing).await.is_err());
    let fetch = |hint| authority.fetch(hint);
    let replacing = cache.replace(0, &fetch);
    tokio::pin!(replacing);
    assert!(tokio::time::timeout(Duration::from_millis(1), &mut replacing).await.is_err());
    gate.notify_one();
    let (refreshed, replaced) = tokio::join!(refreshing, replacing);
    assert_eq!((refreshed.unwrap().as_str(), replaced.is_ok(), authority.calls()), ("1", true, 2));
}

#[tokio::test]
async fn tokens_of_five_seconds_cost_one_call_each() {
    let (clock, cache, authority) = setup(5);
    let (cache, authority) = (Arc::new(cache), Arc::new(authority));
    for _ in 0..60 {
        let asking = (0..64).map(|_| {
            let (cache, authority) = (Arc::clone(&cache), Arc::clone(&authority));
            async move { authority.current(&cache).await }
        });
        assert!(all_at_once(asking).await.iter().all(Result::is_ok));
        clock.advance(seconds(1));
    }
    assert_eq!(authority.calls(), 12);
}

#[tokio::test]
async fn an_authority_that_asks_to_be_left_alone_is() {
    let (clock, cache, mut authority) = setup(3600);
    authority.retry_after = Some(seconds(200));
    authority.current(&cache).await.unwrap();
    clock.advance(seconds(3300));
    authority.fail(true);
    let asked = clock.now();
    for _ in 0..199 {
        assert_eq!(authority.current(&cache).await.unwrap(), "0");
        clock.advance(seconds(1));
    }
    assert_eq!(authority.calls(), 2);
    clock.advance(seconds(1));
    assert_eq!(authority.current(&cache).await.unwrap(), "0");
    assert_eq!(authority.calls(), 3);
    // The second refusal reaches past the token's end: whoever has to wait is told until when.
    clock.advance(seconds(100));
    assert!(authority.current(&cache).await.is_err());
    let last = authority.hints.lock().unwrap().last().unwrap().clone();
    assert_eq!((last.ahead, last.not_before), (false, asked + seconds(400)));
}

#[tokio::test]
async fn a_caller_that_gives_up_while_it_fetches_leaves_the_turn_to_the_next() {
    let (_, cache, mut authority) = setup(3600);
    authority.gate = Some(Arc::new(Notify::new()));
    assert!(tokio::time::timeout(Duration::from_millis(1), authority.current(&cache)).await.is_err());
    authority.gate = None;
    assert_eq!(authority.current(&cache).await.unwrap(), "1");
}

/// How many hold the gate beside its maker: who is still behind it, and the authority.
async fn until_behind(gate: &Arc<Notify>, holders: usize) {
    while Arc::strong_count(gate) != holders {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_fetch_goes_on_when_the_caller_that_began_it_leaves() {
    let (_, cache, mut authority) = setup(3600);
    let gate = Arc::new(Notify::new());
    authority.gate = Some(Arc::clone(&gate));
    let (cache, authority) = (Arc::new(cache), Arc::new(authority));
    let waiting = || {
        let (cache, authority) = (Arc::clone(&cache), Arc::clone(&authority));
        tokio::spawn(async move { authority.current(&cache).await.unwrap() })
    };
    let first = waiting();
    until_behind(&gate, 3).await;
    let (second, third) = (waiting(), waiting());
    tokio::task::yield_now().await;
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    gate.notify_one();
    assert_eq!((second.await.unwrap(), third.await.unwrap(), authority.calls()), ("0".into(), "0".into(), 1));
}

#[tokio::test]
async fn a_fetch_ends_when_the_last_who_waits_for_it_leaves() {
    let (_, cache, mut authority) = setup(3600);
    let gate = Arc::new(Notify::new());
    authority.gate = Some(Arc::clone(&gate));
    let (mut first, mut second) = (Box::pin(authority.current(&cache)), Box::pin(authority.current(&cache)));
    for waiting in [&mut first, &mut second] {
        assert!(tokio::time::timeout(Duration::from_millis(1), waiting).await.is_err());
    }
    until_behind(&gate, 3).await;
    drop(first);
    tokio::task::yield_now().await;
    until_behind(&gate, 3).await;
    drop(second);
    let ended = tokio::time::timeout(Duration::from_secs(10), until_behind(&gate, 2)).await;
    assert!(ended.is_ok(), "somebody is still behind the gate");
    assert_eq!(authority.calls(), 1);
}

#[tokio::test]
async fn a_token_that_was_replaced_already_is_not_replaced_again() {
    let (_, cache, authority) = setup(3600);
    authority.current(&cache).await.unwrap();
    for _ in 0..3 {
        cache.replace(0, &|hint| authority.fetch(hint)).await.unwrap();
    }
    assert_eq!(authority.calls(), 2);
}

#[tokio::test]
async fn a_refused_token_is_never_handed_out_again() {
    let (_, cache, authority) = setup(3600);
    authority.current(&cache).await.unwrap();
    authority.fail(true);
    assert!(cache.replace(0, &|hint| authority.fetch(hint)).await.is_err());
    assert!(authority.current(&cache).await.is_err());
    authority.fail(false);
    assert_eq!(authority.current(&cache).await.unwrap(), "3");
}
