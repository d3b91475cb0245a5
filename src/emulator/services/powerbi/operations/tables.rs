//! Tables: listed, changed, and the sequence numbers of what was added to them.

use axum::http::StatusCode;
use serde_json::json;

use super::{Call, not_push, table};
use crate::emulator::http::{Answer, Change};
use crate::emulator::services::powerbi::assumed::{SequenceNumbers, TablesAnswer};
use crate::emulator::services::powerbi::refusal::Refusal;
use crate::emulator::services::powerbi::rules;
use crate::emulator::services::powerbi::schema::{self, Mode};
use crate::emulator::services::powerbi::store::Table;
use crate::emulator::switch::RowState;

impl Call<'_> {
    pub(super) fn tables(&self, id: &str) -> Result<Answer, Refusal> {
        let mut state = self.service.lock();
        let dataset = self.push_dataset(&mut state, id)?;
        let described = |table: &Table| match self.service.assumed.tables_answer {
            TablesAnswer::Names => json!({"name": table.name}),
            TablesAnswer::Schema => table.declared.clone(),
        };
        let context = self.context(&format!("datasets('{}')/tables", dataset.id));
        Ok(self.listing(&context, dataset.tables.iter().map(described).collect()))
    }

    /// Gives a table other columns and measures (facts/powerbi 1.4); it stays the table that it was.
    pub(super) fn put_table(&self, id: &str, name: &str) -> Result<Answer, Refusal> {
        self.check_body(rules::MAX_BODY)?;
        let mut state = self.service.lock();
        let dataset = self.push_dataset(&mut state, id)?;
        if dataset.mode == Mode::Streaming {
            return Err(not_push(id));
        }
        let (mode, joined) = (dataset.mode, dataset.relationships.clone());
        let table = table(dataset, name)?;
        let wanted = schema::read_table(&self.request.body, name, mode, self.service.limits)?;
        for column in joined.iter().flat_map(|relationship| relationship.columns_of(name)) {
            if !wanted.columns.has(column) {
                return Err(schema::joined(name, column));
            }
        }
        let before = std::mem::replace(&mut table.columns, wanted.columns);
        table.declared = wanted.declared;
        match self.service.assumed.rows_after_update {
            RowState::Kept => table.rows = table.rows.iter().map(|row| table.columns.take_over(row, &before)).collect(),
            RowState::Lost => table.clear(self.service.assumed.sequence_after_delete),
        }
        self.service.site.changed(Change::Datasets);
        Ok(Answer::json(StatusCode::OK, &json!({"name": name})))
    }

    /// The last sequence numbers; an operation that today's documents no longer name (facts/powerbi 1.10).
    pub(super) fn sequence_numbers(&self, id: &str, name: &str) -> Result<Answer, Refusal> {
        if self.service.assumed.sequence_numbers == SequenceNumbers::Missing {
            return Err(Refusal::new(&rules::NO_SUCH_OPERATION, "by assumption there are no sequence numbers"));
        }
        let mut state = self.service.lock();
        let dataset = self.push_dataset(&mut state, id)?;
        let context = self.context(&format!("datasets('{}')/tables('{name}')/sequenceNumbers", dataset.id));
        Ok(self.listing(&context, table(dataset, name)?.sequence.listed()))
    }
}
