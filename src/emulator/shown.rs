//! What the page shows of a service, as plain data: the service fills it in, the page draws it.

/// The rows of a table that are shown, from the newest back.
pub(super) const ROWS: usize = 10;

/// A place with datasets, such as a workspace or a project.
#[derive(Debug)]
pub(super) struct Section {
    pub(super) title: String,
    /// Short remarks beside the title.
    pub(super) badges: Vec<String>,
    pub(super) datasets: Vec<Dataset>,
}

/// A dataset.
#[derive(Debug)]
pub(super) struct Dataset {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) badges: Vec<String>,
    pub(super) tables: Vec<Table>,
}

/// A table, and the newest of its rows.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) name: String,
    pub(super) badges: Vec<String>,
    pub(super) columns: Vec<Column>,
    /// All its rows.
    pub(super) count: usize,
    /// The newest rows, newest last, with a cell for each column; `None` is null.
    pub(super) newest: Vec<Vec<Option<String>>>,
}

/// A column.
#[derive(Debug)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) type_name: String,
    pub(super) is_number: bool,
}

/// A number with commas: `336,776`.
pub(super) fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let comma = |at: usize| at > 0 && (digits.len() - at).is_multiple_of(3);
    digits.char_indices().flat_map(|(at, digit)| comma(at).then_some(',').into_iter().chain([digit])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_in_threes() {
        let grouped = [0, 999, 1_000, 336_776, 10_000_000].map(grouped);
        assert_eq!(grouped, ["0", "999", "1,000", "336,776", "10,000,000"]);
    }
}
