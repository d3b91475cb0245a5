//! What the usage says, moment by moment.

use super::*;
use crate::rate_limit::quotas::Holds;
use crate::rate_limit::tables::Holding;

const MINUTE: Duration = Duration::from_millis(60_500);
const HOUR: Duration = Duration::from_secs(3_620);

/// A window that is held so long.
fn window(most: u64, counts: Counts, span: Duration) -> Window {
    Window { most, counts, span, margin: Duration::ZERO, holds: Holds::StoredRows(0) }
}

/// What a service may allow.
fn allowed() -> Quotas {
    let windows = vec![window(120, Counts::Requests, MINUTE), window(1_000_000, Counts::Rows, HOUR)];
    Quotas { windows, lost_answer: Duration::from_secs(120), ..Quotas::NONE }
}

const ASK: Ask = Ask {
    rows: 10,
    retry: Retry { attempts: 5, first_delay: Duration::from_secs(1), max_delay: Duration::from_secs(30) },
    failed: None,
};

fn at(seconds: u64) -> Moment {
    Moment::default() + Duration::from_secs(seconds)
}

/// An usage, as one client of a table sees it.
struct Client {
    usage: Usage,
    quotas: Quotas,
    now: Moment,
}

impl Client {
    fn new(quotas: Quotas) -> Self {
        Self { usage: Usage::new(at(0)), quotas, now: at(0) }
    }

    fn word(&self) -> Word {
        self.usage.word(self.now, &ASK, &self.quotas, "Orders")
    }

    fn go(&mut self) -> Gone {
        assert_eq!(self.word(), Word::Go);
        self.usage.go(self.now, &ASK, &"Orders".into())
    }

    fn end(&mut self, gone: &Gone, ending: Ending) {
        self.usage.end(self.now, gone, ending, &self.quotas, &ASK.retry);
    }

    fn send(&mut self, ending: Ending) {
        let gone = self.go();
        self.end(&gone, ending);
    }
}

#[test]
fn the_place_of_an_answer_that_got_lost_is_kept_for_two_minutes_and_one_place_is_spare() {
    let mut client = Client::new(allowed());
    for _ in 0..2 {
        client.send(Ending::Lost);
        client.send(Ending::Taken);
    }
    let _out = [client.go(), client.go(), client.go()];
    assert_eq!(client.word(), Word::Queue(Some(at(120))));
    client.now = at(120);
    let _fourth = client.go();
    assert_eq!(client.word(), Word::Queue(None));
}

#[test]
fn a_request_that_we_gave_up_keeps_its_place_too() {
    let mut client = Client::new(allowed());
    for _ in 0..2 {
        client.send(Ending::Abandoned);
    }
    let _out = [client.go(), client.go(), client.go()];
    assert_eq!(client.word(), Word::Queue(Some(at(120))));
}

#[test]
fn without_quotas_no_place_is_kept() {
    let mut client = Client::new(Quotas::NONE);
    for _ in 0..8 {
        client.send(Ending::Abandoned);
    }
    let _out = [client.go(), client.go(), client.go(), client.go()];
    assert_eq!(client.word(), Word::Queue(None));
}

#[test]
fn a_probe_needs_no_place_of_those_that_are_kept() {
    let mut client = Client::new(allowed());
    for _ in 0..5 {
        client.send(Ending::Lost);
    }
    assert_eq!(client.word(), Word::Wait(at(15), Reason::Down));
    client.now = at(15);
    let probe = client.go();
    assert_eq!(client.word(), Word::Queue(None));
    client.end(&probe, Ending::Taken);
    // The service is up, and five answers that got lost may still be on their way.
    assert_eq!(client.word(), Word::Queue(Some(at(120))));
}

#[test]
fn only_what_may_have_landed_is_counted_as_rows_and_only_what_was_sent_as_a_request() {
    let counted = |ending| {
        let mut client = Client::new(allowed());
        client.usage.tables.set("Orders", Holding::Counted(0));
        client.send(ending);
        let Holding::Counted(rows) = client.usage.tables.of("Orders") else { panic!("it is counted") };
        (client.usage.log_of_the_hour(client.now), rows)
    };
    for ending in [Ending::Taken, Ending::Failed, Ending::Lost, Ending::Abandoned] {
        assert_eq!(counted(ending), ([1, 10], 10), "{ending:?}");
    }
    for ending in [Ending::Refused, Ending::Throttled(None), Ending::Broken] {
        assert_eq!(counted(ending), ([1, 0], 0), "{ending:?}");
    }
    assert_eq!(counted(Ending::Unsent), ([0, 0], 0));
}

#[test]
fn what_is_out_counts_as_if_it_were_counted_now() {
    let mut client = Client::new(Quotas { windows: vec![window(2, Counts::Requests, MINUTE)], ..Quotas::NONE });
    client.send(Ending::Taken);
    client.now = at(30);
    let out = client.go();
    let Word::Wait(until, Reason::Quota(_)) = client.word() else { panic!("two are counted") };
    assert_eq!(until, at(0) + MINUTE);
    client.now = until;
    let _third = client.go();
    client.now = at(70);
    let Word::Wait(until, _) = client.word() else { panic!("two are out") };
    assert_eq!(until, at(70) + MINUTE);
    client.end(&out, Ending::Taken);
    let Word::Wait(until, _) = client.word() else { panic!("one is out") };
    assert_eq!(until, at(70) + MINUTE);
}

#[test]
fn more_rows_than_the_quota_has_go_alone() {
    let mut client = Client::new(Quotas { windows: vec![window(9, Counts::Rows, HOUR)], ..Quotas::NONE });
    assert_eq!(client.usage.room(client.now, &client.quotas), Some(9));
    client.send(Ending::Taken);
    let Word::Wait(until, _) = client.word() else { panic!("the quota is used up") };
    assert_eq!(until, at(0) + HOUR);
    assert_eq!(client.usage.room(client.now, &client.quotas), Some(0));
}

#[test]
fn to_come_back_at_once_is_not_believed() {
    let mut client = Client::new(Quotas::NONE);
    client.send(Ending::Throttled(Some(Duration::ZERO)));
    let Word::Wait(until, Reason::RetryAfter) = client.word() else { panic!("it was refused") };
    assert!(until >= at(1));
}

#[test]
fn one_more_round_of_refusals_is_one_more_sign_however_many_were_out() {
    let mut client = Client::new(allowed());
    client.now = at(4_000);
    let out = [client.go(), client.go(), client.go(), client.go()];
    for gone in &out {
        client.end(gone, Ending::Throttled(Some(Duration::from_secs(30))));
    }
    assert_eq!(client.usage.throttles, 1);
    assert_eq!(client.usage.most(&window(120, Counts::Requests, MINUTE), client.now), 60);
}
