//! How many rows the tables of one place hold, as far as this process can know.

use std::collections::BTreeMap;
use std::sync::Arc;

/// What is known of one table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Holding {
    /// Nothing: it was there before us.
    #[default]
    Unknown,
    /// So many rows have been sent since it was made or emptied.
    Counted(u64),
    /// It keeps its newest rows only, and never has many.
    Newest,
    /// So many or more, as the service has shown.
    Shown(u64),
}

/// The tables of one place.
#[derive(Debug, Clone, Default)]
pub(super) struct Tables {
    held: BTreeMap<Arc<str>, Holding>,
    /// No rows are stored there: they pass through.
    pub(super) stores_nothing: bool,
}

impl Tables {
    pub(super) fn of(&self, table: &str) -> Holding {
        self.held.get(table).copied().unwrap_or_default()
    }

    pub(super) fn set(&mut self, table: &str, holding: Holding) {
        self.held.insert(table.into(), holding);
    }

    /// The table was emptied: from here on its rows are counted, unless it forgets the oldest anyway.
    pub(super) fn empty(&mut self, table: &str) {
        if self.of(table) != Holding::Newest {
            self.set(table, Holding::Counted(0));
        }
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    pub(super) fn is_empty(&self) -> bool {
        self.held.is_empty() && !self.stores_nothing
    }

    /// Counts rows that are on their way to `table`.
    pub(super) fn add(&mut self, table: &str, rows: u64) {
        if let Some(Holding::Counted(count)) = self.held.get_mut(table) {
            *count = count.saturating_add(rows);
        }
    }

    /// The service has not taken rows that were counted.
    pub(super) fn take_back(&mut self, table: &str, rows: u64) {
        if let Some(Holding::Counted(count)) = self.held.get_mut(table) {
            *count = count.saturating_sub(rows);
        }
    }

    /// Whether any table has `count` rows, or `table` will have with `rows` more.
    pub(super) fn any_has(&self, count: u64, table: &str, rows: u64) -> bool {
        let more = |name: &str| if name == table { rows } else { 0 };
        self.held.iter().any(|(name, holding)| match holding {
            Holding::Counted(counted) => counted.saturating_add(more(name)) >= count,
            Holding::Shown(shown) => *shown >= count,
            Holding::Unknown | Holding::Newest => false,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_what_its_count_says_and_one_that_keeps_the_newest_rows_never_has_many() {
        let mut tables = Tables::default();
        tables.set("Counted", Holding::Counted(0));
        tables.set("Newest", Holding::Newest);
        for table in ["Counted", "Newest", "Unknown"] {
            tables.add(table, 249_999);
        }
        assert!(!tables.any_has(250_000, "Newest", 1));
        assert!(!tables.any_has(250_000, "Unknown", 1_000_000));
        assert!(tables.any_has(250_000, "Counted", 1));
        tables.add("Counted", 1);
        // One table with many rows slows all of them: the service counts the requests to all together.
        assert!(tables.any_has(250_000, "Newest", 1));
        tables.take_back("Counted", 1);
        assert!(!tables.any_has(250_000, "Newest", 1));
    }

    #[test]
    fn an_emptied_table_is_counted_from_then_on_whatever_the_service_has_shown_before() {
        let mut tables = Tables::default();
        tables.set("Old", Holding::Shown(250_000));
        tables.set("Newest", Holding::Newest);
        for table in ["Old", "Newest", "New"] {
            tables.empty(table);
        }
        assert_eq!((tables.of("Old"), tables.of("New")), (Holding::Counted(0), Holding::Counted(0)));
        assert_eq!(tables.of("Newest"), Holding::Newest);
    }
}
