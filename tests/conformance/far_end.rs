//! A far end that a script drives: it applies what arrives, answers as the service would, or fails as it is told to.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};

use reqwest::Url;

use crate::scripted_server::serve;
pub(crate) use crate::scripted_server::{Asked, Said};
use crate::subject::Subject;

/// What the far end does with a request that carries rows.
#[derive(Debug, Clone)]
pub(crate) enum Turn {
    /// What the service would.
    Take,
    /// It takes the rows, and the answer is lost.
    LoseAnswer,
    /// It answers so, and does not take the rows.
    Say(Said),
}

/// What is at the far end.
#[derive(Debug, Default)]
pub(crate) struct Held {
    pub(crate) asked: Vec<Asked>,
    /// The rows that count, in the order in which they came, resends included.
    pub(crate) rows: Vec<i64>,
    pub(crate) staged: Vec<i64>,
    pub(crate) turns: VecDeque<Turn>,
    /// What the next commit does.
    pub(crate) commits: VecDeque<Turn>,
}

pub(crate) struct FarEnd {
    pub(crate) root: Url,
    held: Arc<Mutex<Held>>,
}

impl FarEnd {
    /// Begins; requests with rows are dealt with by `turns`, one after the other, and by taking them from then on.
    pub(crate) async fn start(subject: &'static dyn Subject, turns: impl IntoIterator<Item = Turn>) -> Self {
        let held = Arc::new(Mutex::new(Held { turns: turns.into_iter().collect(), ..Held::default() }));
        let holding = Arc::clone(&held);
        let url = serve(move |asked| holding.lock().unwrap().deal_with(subject, asked)).await;
        Self { root: Url::parse(&url).unwrap(), held }
    }

    pub(crate) fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap()
    }

    /// The ids that count, each once.
    pub(crate) fn ids(&self) -> Vec<i64> {
        let mut ids = self.held().rows.clone();
        ids.sort_unstable();
        ids.dedup();
        ids
    }
}

impl Held {
    fn deal_with(&mut self, subject: &dyn Subject, asked: &Asked) -> Said {
        self.asked.push(asked.clone());
        if subject.discards(asked) {
            self.staged.clear();
        }
        if subject.commits(asked) {
            let turn = self.commits.pop_front().unwrap_or(Turn::Take);
            if turn.takes() {
                self.rows.append(&mut self.staged);
            }
            return turn.into_said(subject, asked);
        }
        let Some(rows) = subject.rows(asked) else { return subject.answer(asked) };
        let turn = self.turns.pop_front().unwrap_or(Turn::Take);
        if turn.takes() {
            if subject.can().stage { self.staged.extend(rows) } else { self.rows.extend(rows) }
        }
        turn.into_said(subject, asked)
    }
}

impl Turn {
    fn takes(&self) -> bool {
        matches!(self, Self::Take | Self::LoseAnswer)
    }

    fn into_said(self, subject: &dyn Subject, asked: &Asked) -> Said {
        match self {
            Self::Take => subject.answer(asked),
            Self::Say(said) => said,
            Self::LoseAnswer => Said::nothing(),
        }
    }
}
