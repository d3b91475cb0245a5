//! How many rows the tables of one dataset hold, as far as this process can know.

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
    /// It keeps the newest rows only (`basicFIFO`), about 200,000, and is never large.
    Fifo,
    /// The service has shown that it is large.
    Large,
}

/// The tables of one dataset.
#[derive(Debug, Clone, Default)]
pub(super) struct Tables {
    held: BTreeMap<Arc<str>, Holding>,
    /// The dataset streams only: it takes small requests, a few a second, and keeps nothing.
    pub(super) is_stream: bool,
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
        if self.of(table) != Holding::Fifo {
            self.set(table, Holding::Counted(0));
        }
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    pub(super) fn is_empty(&self) -> bool {
        self.held.is_empty() && !self.is_stream
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

    /// Whether any table has `large` rows, or `table` will have with `rows` more.
    pub(super) fn any_large(&self, table: &str, rows: u64, large: u64) -> bool {
        let more = |name: &str| if name == table { rows } else { 0 };
        self.held.iter().any(|(name, holding)| match holding {
            Holding::Counted(count) => count.saturating_add(more(name)) >= large,
            Holding::Large => true,
            Holding::Unknown | Holding::Fifo => false,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_large_when_its_count_says_so_and_fifo_never() {
        let mut tables = Tables::default();
        tables.set("Counted", Holding::Counted(0));
        tables.set("Fifo", Holding::Fifo);
        for table in ["Counted", "Fifo", "Unknown"] {
            tables.add(table, 249_999);
        }
        assert!(!tables.any_large("Fifo", 1, 250_000));
        assert!(!tables.any_large("Unknown", 1_000_000, 250_000));
        assert!(tables.any_large("Counted", 1, 250_000));
        tables.add("Counted", 1);
        // One large table slows the whole dataset: the service counts requests of the dataset.
        assert!(tables.any_large("Fifo", 1, 250_000));
        tables.take_back("Counted", 1);
        assert!(!tables.any_large("Fifo", 1, 250_000));
    }

    #[test]
    fn an_emptied_table_is_counted_from_then_on_even_where_the_service_called_it_large() {
        let mut tables = Tables::default();
        tables.set("Old", Holding::Large);
        tables.set("Fifo", Holding::Fifo);
        for table in ["Old", "Fifo", "New"] {
            tables.empty(table);
        }
        assert_eq!((tables.of("Old"), tables.of("New")), (Holding::Counted(0), Holding::Counted(0)));
        assert_eq!(tables.of("Fifo"), Holding::Fifo);
    }
}
