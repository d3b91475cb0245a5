//! Reading rows straight from a request's body: all of them, or none.

mod datetime;
mod decimal;
mod value;

use std::fmt;
use std::sync::Arc;

use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Unexpected, Visitor};
use serde_json::value::RawValue;

use super::columns::Columns;
use super::data_type::DataType;
use super::refusal::Refusal;
use super::rules::{self, Rule};
use crate::emulator::row::Row;
use crate::emulator::value::Value;

/// What the rows of a body stand in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Frame {
    /// `{"rows":[...]}`, as Post Rows takes it.
    Object,
    /// `[...]`, as a push URL takes it.
    Array,
    /// `[...]` or `{"rows":[...]}`, as a push URL may take it.
    ArrayOrObject,
}

/// Reads the rows for a table that has these columns.
pub(super) fn read(body: &[u8], frame: Frame, columns: &Columns, most: usize) -> Result<Vec<Row>, Refusal> {
    let mut reader = Reader {
        most,
        frame,
        columns,
        last: Vec::new(),
        names: Arc::default(),
        seen: vec![0; columns.list.len()],
        order: Vec::new(),
        cells: Vec::new(),
        rows: Vec::new(),
        refusal: None,
    };
    let mut json = serde_json::Deserializer::from_slice(body);
    let outcome = json.deserialize_any(Body(&mut reader)).and_then(|()| json.end());
    match (reader.refusal, outcome) {
        (Some(refusal), _) => Err(refusal),
        (None, Err(error)) if error.is_data() => Err(Refusal::new(&rules::BAD_ROWS, error.to_string()).of("rows")),
        (None, Err(error)) => Err(Refusal::new(&rules::NOT_JSON, error.to_string()).of("rows")),
        (None, Ok(())) => Ok(reader.rows),
    }
}

/// Whether a value of JSON can be stored as a date and time.
pub(super) fn is_date_time(json: &serde_json::Value) -> bool {
    value::read(DataType::DateTime, &json.to_string()).is_ok()
}

/// What is remembered from one row to the next.
struct Reader<'a> {
    most: usize,
    frame: Frame,
    columns: &'a Columns,
    /// The columns of the row before, which the next one most likely names too, and their names.
    last: Vec<usize>,
    names: Arc<[Arc<str>]>,
    /// For each column the number of the last row that named it.
    seen: Vec<usize>,
    order: Vec<usize>,
    cells: Vec<Value>,
    rows: Vec<Row>,
    /// Why reading ended; serde's own errors carry nothing but text.
    refusal: Option<Refusal>,
}

impl Reader<'_> {
    fn refuse<E: serde::de::Error>(&mut self, rule: &'static Rule, message: &str) -> E {
        let message = format!("row {}: {message}", self.rows.len());
        self.refusal = Some(Refusal::new(rule, message).of("rows"));
        E::custom("refused")
    }

    fn column<E: serde::de::Error>(&mut self, name: &str) -> Result<usize, E> {
        let likely = self.last.get(self.order.len()).copied();
        let likely = likely.filter(|at| *self.columns.list[*at].name == *name);
        let Some(at) = likely.or_else(|| self.columns.place(name)) else {
            let is_rest = self.frame == Frame::Object;
            let rule = if is_rest { &rules::NO_SUCH_COLUMN } else { &rules::NO_SUCH_FIELD };
            return Err(self.refuse(rule, &format!("the table has no column '{name}'")));
        };
        let row = self.rows.len() + 1;
        if std::mem::replace(&mut self.seen[at], row) == row {
            return Err(self.refuse(&rules::BAD_ROWS, &format!("the column '{name}' is named twice")));
        }
        Ok(at)
    }

    fn cell<E: serde::de::Error>(&mut self, at: usize, json: &str) -> Result<(), E> {
        let column = &self.columns.list[at];
        match value::read(column.data_type, json) {
            Ok(value) => {
                self.order.push(at);
                self.cells.push(value);
                Ok(())
            }
            Err(fault) => {
                let shown: String = json.chars().take(40).collect();
                let message = format!("column '{}' is {:?}, and {shown} {fault}", column.name, column.data_type);
                Err(self.refuse(&rules::BAD_VALUE, &message))
            }
        }
    }

    fn end_row(&mut self) {
        if self.order != self.last {
            self.names = self.order.iter().map(|at| Arc::clone(&self.columns.list[*at].name)).collect();
            self.last.clone_from(&self.order);
        }
        self.order.clear();
        self.rows.push(Row::new(Arc::clone(&self.names), self.cells.drain(..).collect()));
    }
}

/// The whole body.
struct Body<'a, 'b>(&'a mut Reader<'b>);

impl<'de> Visitor<'de> for Body<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0.frame {
            Frame::Object => "an object {\"rows\":[...]}",
            Frame::Array | Frame::ArrayOrObject => "an array of rows",
        })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, rows: A) -> Result<(), A::Error> {
        match self.0.frame {
            Frame::Object => Err(A::Error::invalid_type(Unexpected::Seq, &self)),
            Frame::Array | Frame::ArrayOrObject => Rows(self.0).visit_seq(rows),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        if self.0.frame == Frame::Array {
            let is_rows = map.next_key::<String>()?.is_some_and(|name| name == "rows");
            let rule = if is_rows { &rules::ROWS_OBJECT } else { &rules::NOT_AN_ARRAY };
            self.0.refusal = Some(Refusal::new(rule, "the body must be an array of rows, not an object").of("rows"));
            return Err(A::Error::custom("refused"));
        }
        let mut found = false;
        while let Some(name) = map.next_key::<String>()? {
            if name != "rows" {
                let message = format!(
                    "The property '{name}' does not exist on the request. Make sure to only use property names that are \
                     defined by the type."
                );
                self.0.refusal = Some(Refusal::new(&rules::UNKNOWN_PROPERTY, message).of("rows"));
                return Err(A::Error::custom("refused"));
            }
            if std::mem::replace(&mut found, true) {
                return Err(A::Error::duplicate_field("rows"));
            }
            map.next_value_seed(Rows(self.0))?;
        }
        if found { Ok(()) } else { Err(A::Error::missing_field("rows")) }
    }
}

/// The array of rows.
struct Rows<'a, 'b>(&'a mut Reader<'b>);

impl<'de> DeserializeSeed<'de> for Rows<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Rows<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of rows")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut rows: A) -> Result<(), A::Error> {
        while self.0.rows.len() < self.0.most {
            if rows.next_element_seed(OneRow(self.0))?.is_none() {
                return Ok(());
            }
        }
        if rows.next_element::<IgnoredAny>()?.is_some() {
            let message = format!("a request takes {} rows at most", self.0.most);
            return Err(self.0.refuse(&rules::TOO_MANY_ROWS, &message));
        }
        Ok(())
    }
}

/// One row.
struct OneRow<'a, 'b>(&'a mut Reader<'b>);

impl<'de> DeserializeSeed<'de> for OneRow<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for OneRow<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a row, which is an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut cells: A) -> Result<(), A::Error> {
        while let Some(at) = cells.next_key_seed(Name(self.0))? {
            let json: &RawValue = cells.next_value()?;
            self.0.cell(at, json.get())?;
        }
        self.0.end_row();
        Ok(())
    }
}

/// The name of a cell's column.
struct Name<'a, 'b>(&'a mut Reader<'b>);

impl<'de> DeserializeSeed<'de> for Name<'_, '_> {
    type Value = usize;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<usize, D::Error> {
        json.deserialize_str(self)
    }
}

impl Visitor<'_> for Name<'_, '_> {
    type Value = usize;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a column")
    }

    fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<usize, E> {
        self.0.column(name)
    }
}
