//! Rows: from the Base64 of a request to cells of the columns' types (facts/microstrategy 5).

mod cell;
mod time;

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

use self::cell::Cell;
use super::assumed::MicroStrategyAssumed;
use super::data_type::DataType;
use super::store::Table;
use crate::emulator::row::Row;
use crate::emulator::value::Value;

/// How rows lie in the JSON that was coded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    /// An object for each row.
    Records,
    /// An array for each row.
    Rows,
    /// An array for each column.
    Columns,
}

/// How to read rows of a table.
pub(super) struct Reader<'a> {
    pub(super) table: &'a Table,
    pub(super) layout: Layout,
    /// The places of the columns in the order in which their cells come.
    pub(super) order: &'a [usize],
    pub(super) assumed: &'a MicroStrategyAssumed,
}

impl Reader<'_> {
    /// The rows of `data`, which is Base64, or why there are none.
    pub(super) fn read(&self, data: &str) -> Result<Vec<Row>, String> {
        let json = STANDARD.decode(data).map_err(|_| "The data is not Base64.".to_owned())?;
        let json = std::str::from_utf8(&json).map_err(|_| "The data is not UTF-8.".to_owned())?;
        let mut source = serde_json::Deserializer::from_str(json);
        let rows = self.deserialize(&mut source).and_then(|rows| source.end().map(|()| rows));
        rows.map_err(|error| format!("The data of the table '{}' cannot be read: {error}.", self.table.name))
    }

    fn cell(&self, place: usize) -> Cell<'_> {
        let column = &self.table.columns[place];
        Cell { name: &column.name, data_type: column.data_type, assumed: self.assumed }
    }

    fn row(&self, cells: Vec<Value>) -> Row {
        Row::new(Arc::clone(&self.table.names), cells.into())
    }

    fn empty(&self) -> Vec<Value> {
        vec![Value::Null; self.table.columns.len()]
    }
}

impl<'de> DeserializeSeed<'de> for &Reader<'_> {
    type Value = Vec<Row>;

    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<Vec<Row>, D::Error> {
        source.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for &Reader<'_> {
    type Value = Vec<Row>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut outer: A) -> Result<Vec<Row>, A::Error> {
        let mut rows = Vec::new();
        match self.layout {
            Layout::Columns => return self.columns(outer),
            Layout::Records => {
                while let Some(row) = outer.next_element_seed(Record(self))? {
                    rows.push(row);
                }
            }
            Layout::Rows => {
                while let Some(row) = outer.next_element_seed(Cells(self))? {
                    rows.push(row);
                }
            }
        }
        Ok(rows)
    }
}

impl Reader<'_> {
    fn columns<'de, A: SeqAccess<'de>>(&self, mut outer: A) -> Result<Vec<Row>, A::Error> {
        let mut rows: Vec<Vec<Value>> = Vec::new();
        for (at, place) in self.order.iter().enumerate() {
            let column = outer.next_element_seed(Column(self.cell(*place)))?;
            let column = column.ok_or_else(|| A::Error::custom("a column is missing"))?;
            if at == 0 {
                rows = vec![self.empty(); column.len()];
            } else if column.len() != rows.len() {
                return Err(A::Error::custom("the columns are not of one length"));
            }
            rows.iter_mut().zip(column).for_each(|(row, value)| row[*place] = value);
        }
        if outer.next_element::<serde::de::IgnoredAny>()?.is_some() {
            return Err(A::Error::custom("there are more columns than headers"));
        }
        Ok(rows.into_iter().map(|cells| self.row(cells)).collect())
    }
}

/// A row that is an array.
struct Cells<'a>(&'a Reader<'a>);

impl<'de> DeserializeSeed<'de> for Cells<'_> {
    type Value = Row;

    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<Row, D::Error> {
        source.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Cells<'_> {
    type Value = Row;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an array of {} cells", self.0.order.len())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut inner: A) -> Result<Row, A::Error> {
        let mut cells = self.0.empty();
        for (at, place) in self.0.order.iter().enumerate() {
            let value = inner.next_element_seed(self.0.cell(*place))?;
            cells[*place] = value.ok_or_else(|| A::Error::invalid_length(at, &self))?;
        }
        if inner.next_element::<serde::de::IgnoredAny>()?.is_some() {
            return Err(A::Error::invalid_length(self.0.order.len() + 1, &self));
        }
        Ok(self.0.row(cells))
    }
}

/// A row that is an object.
struct Record<'a>(&'a Reader<'a>);

impl<'de> DeserializeSeed<'de> for Record<'_> {
    type Value = Row;

    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<Row, D::Error> {
        source.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Record<'_> {
    type Value = Row;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Row, A::Error> {
        let mut cells = self.0.empty();
        while let Some(name) = fields.next_key::<String>()? {
            let place = self.0.table.place(&name).filter(|place| self.0.order.contains(place));
            let place = place.ok_or_else(|| A::Error::custom(format!("there is no column '{name}'")))?;
            cells[place] = fields.next_value_seed(self.0.cell(place))?;
        }
        Ok(self.0.row(cells))
    }
}

/// A column that is an array.
struct Column<'a>(Cell<'a>);

impl<'de> DeserializeSeed<'de> for Column<'_> {
    type Value = Vec<Value>;

    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<Vec<Value>, D::Error> {
        source.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Column<'_> {
    type Value = Vec<Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of cells")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut inner: A) -> Result<Vec<Value>, A::Error> {
        let mut cells = Vec::new();
        while let Some(value) = inner.next_element_seed(self.0)? {
            cells.push(value);
        }
        Ok(cells)
    }
}
