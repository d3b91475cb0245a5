//! The small labels of the page: roles, retention, what was used of each quota.

use std::fmt::Display;

use super::{Escaped, grouped, times};
use crate::clock::Moment;
use crate::emulator::assumed::Assumed;
use crate::emulator::principal::Principal;
use crate::emulator::schema::Mode;
use crate::emulator::store::{Dataset, Table};
use crate::emulator::usage::rows_an_hour;
use crate::emulator::window::Quota;
use crate::emulator::workspace::Workspace;

fn chip(text: impl Display) -> String {
    format!("<span class=\"chip\">{}</span>", Escaped(text))
}

/// Who may do what in a workspace beside My workspace, and where it is.
pub(super) fn of_workspace(workspace: &Workspace) -> String {
    let role = |who: &str, principal| match workspace.role_of(principal) {
        Some(role) => chip(format!("{who}: {}", role.name())),
        None => String::new(),
    };
    let capacity = if workspace.capacity.is_some() { chip("dedicated capacity") } else { String::new() };
    format!("{}{}{capacity}", role("user", Principal::User), role("app", Principal::App))
}

/// What a dataset is, and how much of its quotas is used up.
pub(super) fn of_dataset(dataset: &Dataset, now: Moment, assumed: &Assumed, limits: bool) -> String {
    let mut chips = chip(match dataset.mode {
        Mode::Push => "push",
        Mode::PushStreaming => "push and streaming",
        Mode::Streaming => "streaming",
        Mode::Hosted => "takes no rows",
    });
    if dataset.retention != "None" {
        chips += &chip(dataset.retention);
    }
    if !dataset.is_there(now) {
        chips += &chip("being created");
    }
    if dataset.tile_failures > 0 {
        let count = dataset.tile_failures;
        chips += &chip(format!("live tiles failed {} {}", grouped(count), times(count)));
    }
    if limits {
        chips += &quotas(dataset, now, assumed);
    }
    chips
}

/// What was used lately; nothing where nothing was.
fn quotas(dataset: &Dataset, now: Moment, assumed: &Assumed) -> String {
    let requests =
        dataset.quotas().iter().map(|quota| (dataset.usage.requests.used(*quota, now, assumed), "requests", *quota));
    let rows = (dataset.mode != Mode::Streaming).then(|| rows_an_hour(assumed));
    let rows = rows.map(|quota| (dataset.usage.rows.used(quota, now, assumed), "rows", quota));
    let shown = requests.chain(rows).filter(|(used, ..)| *used > 0);
    shown.map(|(used, what, quota)| used_up(used, what, quota)).collect()
}

fn used_up(used: u64, what: &str, quota: Quota) -> String {
    let span = match quota.span.as_secs() {
        1 => "second",
        60 => "minute",
        _ => "hour",
    };
    let count = |number: u64| grouped(usize::try_from(number).unwrap_or(usize::MAX));
    chip(format!("{} of {} {what} this {span}", count(used), count(quota.most)))
}

/// The last sequence number of a table.
pub(super) fn of_table(table: &Table) -> String {
    table.sequence.0.map(|last| chip(format!("sequence number {last}"))).unwrap_or_default()
}
