//! Records in tables: each row of a table ends with a checksum over all of it.

use std::collections::{BTreeSet, VecDeque};

use rusqlite::types::{ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Connection, Params, Row, params_from_iter};

use super::failure::FileFailure;

/// How often a damaged table is looked into from another place before the rest of it is given up.
const LOOKS: u32 = 500;
/// No table has greater keys.
const LAST: i64 = 1 << 48;

/// A row of one of our tables.
pub(super) trait Record: Sized {
    /// The name of its table.
    const TABLE: &'static str;
    /// Its columns, without the key and the checksum.
    const COLUMNS: &'static [&'static str];

    /// Its primary key.
    fn key(&self) -> u64;
    /// What stands in its columns.
    fn values(&self) -> Vec<ValueRef<'_>>;
    /// The record of these columns, if they make sense.
    fn read(key: u64, values: &[ValueRef<'_>]) -> Option<Self>;
}

/// The statement that makes the table of `R`, with `remark` in it.
pub(super) fn definition<R: Record>(remark: &str) -> String {
    let columns = R::COLUMNS.join(", ");
    format!("CREATE TABLE IF NOT EXISTS {} (/* {remark} */ first INTEGER PRIMARY KEY, {columns}, crc);", R::TABLE)
}

/// Whether `sql`, as it stands in a file, makes the table of `R` and nothing besides.
pub(super) fn is_definition<R: Record>(sql: &str) -> bool {
    let columns = R::COLUMNS.join(", ");
    sql.strip_prefix(&format!("CREATE TABLE {} (/* ", R::TABLE))
        .and_then(|rest| rest.strip_suffix(&format!(" */ first INTEGER PRIMARY KEY, {columns}, crc)")))
        .is_some_and(|remark| !remark.contains("*/"))
}

/// Writes `record` in the place of any of the same key.
pub(super) fn put<R: Record>(connection: &Connection, record: &R) -> rusqlite::Result<()> {
    let marks = vec!["?"; R::COLUMNS.len() + 2].join(", ");
    let mut statement = connection.prepare_cached(&format!("INSERT OR REPLACE INTO {} VALUES ({marks})", R::TABLE))?;
    let values = record.values();
    let sum = seal::<R>(record.key(), &values);
    let key = ValueRef::Integer(record.key().cast_signed());
    let all = [key].into_iter().chain(values).chain([ValueRef::Integer(sum.into())]);
    statement.execute(params_from_iter(all.map(Borrowed))).map(drop)
}

/// Reads the records that `rest` of a SELECT names, in rising order, for as long as `visit` wants more.
pub(super) fn each<R: Record>(
    connection: &Connection,
    rest: &str,
    parameters: impl Params,
    mut visit: impl FnMut(R) -> Result<bool, FileFailure>,
) -> Result<(), FileFailure> {
    let mut next = i64::MIN;
    each_found(connection, rest, parameters, |key, record| {
        let record = record.ok_or_else(|| unlike::<R>(key))?;
        if key < next {
            return Err(leads_back::<R>(key));
        }
        next = key + 1;
        visit(record)
    })
}

/// The same for all that is found under these keys, with nothing for what is not what was written.
fn each_found<R: Record>(
    connection: &Connection,
    rest: &str,
    parameters: impl Params,
    mut visit: impl FnMut(i64, Option<R>) -> Result<bool, FileFailure>,
) -> Result<(), FileFailure> {
    let columns = R::COLUMNS.join(", ");
    let mut statement = connection.prepare_cached(&format!("SELECT first, {columns}, crc FROM {} {rest}", R::TABLE))?;
    let mut rows = statement.query(parameters)?;
    while let Some(row) = rows.next()? {
        let key = row.get(0)?;
        if !visit(key, checked(key, row)?)? {
            break;
        }
    }
    Ok(())
}

/// Visits every intact record that can be reached, in order; answers what was first found to be wrong with others.
pub(super) fn each_intact<R: Record>(
    connection: &Connection,
    mut visit: impl FnMut(R) -> Result<(), FileFailure>,
) -> Result<Option<FileFailure>, FileFailure> {
    let (mut next, mut wrong, mut visited) = (0, None, Ok(()));
    let read = each_found(connection, "ORDER BY first", (), |key, record| {
        match record {
            // Damaged pages may lead back to where one was.
            Some(record) if key >= next => (next, visited) = (key + 1, visit(record)),
            Some(_) => {}
            None => wrong = wrong.take().or_else(|| Some(unlike::<R>(key))),
        }
        Ok(visited.is_ok())
    });
    visited?;
    let Err(failure) = read else { return Ok(wrong) };
    // What lies behind is not found in order, and may be too much to be kept.
    let mut keys = BTreeSet::new();
    gather_from(connection, next, |record: R| {
        keys.insert(record.key().cast_signed());
    });
    for key in keys {
        each(connection, "WHERE first = ?1", [key], |record| visit(record).map(|()| true))?;
    }
    Ok(wrong.or(Some(failure)))
}

/// Keys rise in a table, unless a page of it is met twice.
pub(super) fn leads_back<R: Record>(key: i64) -> FileFailure {
    FileFailure::Damaged(format!("`{}` leads back to record {key}", R::TABLE))
}

fn unlike<R: Record>(key: i64) -> FileFailure {
    FileFailure::Damaged(format!("record {key} of `{}` is not what was written", R::TABLE))
}

/// Visits every intact record that can be reached, each once: in order up to the first page that cannot be read, then
/// backwards from the end, and what lies between such pages in halves.
pub(super) fn gather<R: Record>(source: &Connection, visit: impl FnMut(R)) {
    gather_from(source, 0, visit);
}

fn gather_from<R: Record>(source: &Connection, first: i64, mut visit: impl FnMut(R)) {
    let (mut looks, mut left) = (0, VecDeque::from([(first, LAST)]));
    // Several ways may lead to the same page.
    let mut visited = BTreeSet::new();
    while let Some((mut first, mut last)) = left.pop_front() {
        let mut hole = false;
        for order in ["ASC", "DESC"] {
            looks += 1;
            let rest = format!("WHERE first BETWEEN ?1 AND ?2 ORDER BY first {order}");
            let read: Result<(), FileFailure> = each_found(source, &rest, [first, last], |key, record| {
                (first, last) = if order == "ASC" { (key + 1, last) } else { (first, key - 1) };
                record.into_iter().filter(|_| visited.insert(key)).for_each(&mut visit);
                Ok(true)
            });
            hole = read.is_err() && first <= last;
            if !hole {
                break;
            }
        }
        let middle = first + (last - first) / 2;
        if hole && first < last && looks < LOOKS {
            left.extend([(first, middle), (middle + 1, last)]);
        }
    }
}

/// The records that `rest` of a SELECT names.
pub(super) fn all<R: Record>(
    connection: &Connection,
    rest: &str,
    parameters: impl Params,
) -> Result<Vec<R>, FileFailure> {
    let mut found = Vec::new();
    each(connection, rest, parameters, |record| {
        found.push(record);
        Ok(true)
    })?;
    Ok(found)
}

fn checked<R: Record>(key: i64, row: &Row<'_>) -> Result<Option<R>, FileFailure> {
    let mut values = Vec::with_capacity(R::COLUMNS.len() + 1);
    for column in 1..R::COLUMNS.len() + 2 {
        values.push(row.get_ref(column)?);
    }
    Ok(unseal(key.cast_unsigned(), &values))
}

/// The record whose columns and checksum are `values`, if that is what they are.
fn unseal<R: Record>(key: u64, values: &[ValueRef<'_>]) -> Option<R> {
    let (sum, values) = values.split_last()?;
    let right = values.len() == R::COLUMNS.len() && *sum == ValueRef::Integer(seal::<R>(key, values).into());
    if right { R::read(key, values) } else { None }
}

fn seal<R: Record>(key: u64, values: &[ValueRef<'_>]) -> u32 {
    let start = crc32c::crc32c_append(crc32c::crc32c(R::TABLE.as_bytes()), &key.to_le_bytes());
    values.iter().fold(start, |sum, value| match value {
        ValueRef::Null => crc32c::crc32c_append(sum, b"n"),
        ValueRef::Integer(value) => crc32c::crc32c_append(crc32c::crc32c_append(sum, b"i"), &value.to_le_bytes()),
        ValueRef::Real(value) => crc32c::crc32c_append(crc32c::crc32c_append(sum, b"r"), &value.to_le_bytes()),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => {
            let length = crc32c::crc32c_append(crc32c::crc32c_append(sum, b"b"), &(bytes.len() as u64).to_le_bytes());
            crc32c::crc32c_append(length, bytes)
        }
    })
}

/// A value that is written from where it stands.
struct Borrowed<'a>(ValueRef<'a>);

impl ToSql for Borrowed<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::super::record::{StoredBatch, StoredRun};
    use super::*;

    const BATCH: StoredBatch =
        StoredBatch { first: 7, stop: 9, bytes: 40, at: 1_700_000_000_000, sequence_number: None, sent: true };

    fn sealed<R: Record>(record: &R) -> Vec<ValueRef<'_>> {
        let values = record.values();
        let sum = seal::<R>(record.key(), &values);
        values.into_iter().chain([ValueRef::Integer(sum.into())]).collect()
    }

    #[test]
    fn a_record_is_what_was_written_or_nothing() {
        let values = sealed(&BATCH);
        assert_eq!(unseal::<StoredBatch>(7, &values), Some(BATCH));
        assert_eq!(unseal::<StoredBatch>(8, &values), None);
        assert_eq!(unseal::<StoredRun>(7, &values), None);
        for column in 0..values.len() {
            let mut other = values.clone();
            other[column] = ValueRef::Integer(12_345);
            assert_eq!(unseal::<StoredBatch>(7, &other), None, "column {column}");
        }
    }
}
