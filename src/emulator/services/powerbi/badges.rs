//! The badges of the page, such as roles and retention, and what was used of each quota.

use super::assumed::Assumed;
use super::schema::Mode;
use super::store::{Dataset, Table, Workspace};
use super::usage::rows_an_hour;
use super::window::Quota;
use crate::clock::Moment;
use crate::emulator::identity::Principal;
use crate::emulator::shown::{self, grouped};

/// Who may do what in a workspace beside My workspace, and where it is.
pub(super) fn of_workspace(workspace: &Workspace) -> Vec<String> {
    let role = |who: &str, principal| workspace.role_of(principal).map(|role| format!("{who}: {}", role.name()));
    let capacity = workspace.capacity.as_ref().map(|_| "dedicated capacity".to_owned());
    [role("user", Principal::User), role("app", Principal::App), capacity].into_iter().flatten().collect()
}

/// What a dataset is.
pub(super) fn of_dataset(dataset: &Dataset, now: Moment) -> Vec<String> {
    let mode = match dataset.mode {
        Mode::Push => "push",
        Mode::PushStreaming => "push and streaming",
        Mode::Streaming => "streaming",
        Mode::Hosted => "takes no rows",
    };
    let mut badges = vec![mode.to_owned()];
    if dataset.retention != "None" {
        badges.push(dataset.retention.to_owned());
    }
    if !dataset.is_there(now) {
        badges.push("being created".to_owned());
    }
    if dataset.tile_failures > 0 {
        let count = dataset.tile_failures;
        let times = if count == 1 { "time" } else { "times" };
        badges.push(format!("live tiles failed {} {times}", grouped(count)));
    }
    badges
}

/// The quotas of a dataset, and how much of each is used up.
pub(super) fn quotas(dataset: &Dataset, now: Moment, assumed: &Assumed) -> Vec<shown::Quota> {
    if dataset.mode == Mode::Hosted {
        return Vec::new();
    }
    let requests =
        dataset.quotas().iter().map(|quota| (dataset.usage.requests.used(*quota, now, assumed), "requests", *quota));
    let rows = (dataset.mode != Mode::Streaming).then(|| rows_an_hour(assumed));
    let rows = rows.map(|quota| (dataset.usage.rows.used(quota, now, assumed), "rows", quota));
    requests.chain(rows).map(|(used, what, quota)| used_up(used, what, quota)).collect()
}

fn used_up(used: u64, what: &'static str, quota: Quota) -> shown::Quota {
    let span = match quota.span.as_secs() {
        1 => "second",
        60 => "minute",
        _ => "hour",
    };
    shown::Quota { what, span, used, most: quota.most }
}

/// The last sequence number of a table.
pub(super) fn of_table(table: &Table) -> Vec<String> {
    table.sequence.0.map(|last| format!("sequence number {last}")).into_iter().collect()
}
