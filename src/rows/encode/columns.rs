//! The columns of one call's rows, each at its place: the schema's, or as they are met.

use std::sync::Arc;

use super::strings::Key;
use crate::rows::schema::{DataType, TableSchema};

/// Columns kept where rows have no schema; no table has more.
const MAX_MET: usize = 75;

/// The columns of one call's rows.
#[derive(Debug, Clone)]
pub(super) struct Columns {
    schema: Option<Arc<TableSchema>>,
    /// Without a schema: the names that were met.
    met: Vec<String>,
    places: Vec<Column>,
    /// Where the next name probably stands: behind the one before it.
    guess: usize,
}

/// What a value needs to know of its column.
#[derive(Debug, Clone)]
pub(super) struct Column {
    pub(super) key: Key,
    /// `None` where values are judged by their own type.
    pub(super) data_type: Option<DataType>,
}

impl Columns {
    pub(super) fn new(schema: Option<Arc<TableSchema>>) -> Self {
        let known = schema.iter().flat_map(|schema| schema.columns());
        let places = known.map(|known| Column {
            key: Key::new(&known.name),
            data_type: Some(known.data_type).filter(|known| *known != DataType::Any),
        });
        Self { places: places.collect(), schema, met: Vec::new(), guess: 0 }
    }

    pub(super) fn schema(&self) -> Option<&TableSchema> {
        self.schema.as_deref()
    }

    /// The names that were met without a schema, in the order of their first appearance.
    pub(super) fn met(&self) -> &[String] {
        &self.met
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    #[inline]
    pub(super) fn at(&self, place: usize) -> &Column {
        &self.places[place]
    }

    pub(super) fn name(&self, place: usize) -> &str {
        match &self.schema {
            Some(schema) => &schema.columns()[place].name,
            None => &self.met[place],
        }
    }

    /// Where the column called `name` stands; `None` where the schema has none, or where too many have been met.
    pub(super) fn place(&mut self, name: &str) -> Option<usize> {
        let place = match &self.schema {
            Some(schema) => schema.position(name, self.guess),
            None => self.place_met(name),
        };
        self.guess = place.map_or(0, |place| place + 1);
        place
    }

    /// Takes note of the names that others met in rows of the same source.
    pub(super) fn meet(&mut self, others: &Self) {
        for name in &others.met {
            self.place(name);
        }
    }

    fn place_met(&mut self, name: &str) -> Option<usize> {
        if self.met.get(self.guess).is_some_and(|guessed| guessed == name) {
            return Some(self.guess);
        }
        let known = self.met.iter().position(|known| known == name);
        if known.is_some() || self.met.len() == MAX_MET {
            return known;
        }
        self.met.push(name.to_owned());
        self.places.push(Column { key: Key::new(name), data_type: None });
        Some(self.met.len() - 1)
    }
}
