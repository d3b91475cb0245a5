//! Rows written by their columns: what a column can say once is not asked of each of its cells.
//!
//! ```text
//!  window ──judged column by column──▶ all fit as they are ──▶ written without a question
//!                                  └─▶ one does not ──▶ visited row by row, which says why
//! ```

use std::ops::Range;

use super::buffer::{Buffer, START, Value};
use super::columns::Column;
use super::digits::{has_many_digits, write_below_hundred_million, write_below_million, write_text, written_out};
use super::fitting::{Cells, Fitting, write_double, write_quoted};
use super::keys::numbered;
use super::strings::Key;
use super::value::{write_bool, write_null};
use super::{Encoder, Framing, position};
use crate::rows::cell::{Bits, Rows, Window};

/// Rows for which room is made at once.
const BLOCK: usize = 16;

/// A column whose values all fit.
struct Fit<'w> {
    key: Key,
    /// How much of the key stands before a value.
    length: usize,
    cells: Cells<'w>,
    there: Option<Bits<'w>>,
}

impl Encoder {
    /// Visits the next rows by their columns, as far as that can be; answers up to which one they have to be visited one by
    /// one, counted as `visited` is.
    pub(super) fn visit_columns<R: Rows>(&mut self, rows: &mut R, until: usize) -> Result<usize, R::Failure> {
        let Some(mut window) = rows.window(until - self.visited)? else { return Ok(usize::MAX) };
        let count = window.rows;
        let visited = self.visit_window(&mut window);
        drop(window);
        rows.pass(visited);
        Ok(self.visited + count - visited)
    }

    /// Visits rows of `window` from the first one on, until one has to be looked at by itself; answers how many.
    fn visit_window(&mut self, window: &mut Window<'_>) -> usize {
        let places = window.columns.iter().map(|(name, _)| self.columns.place(name));
        let Some(places) = places.collect::<Option<Vec<_>>>() else { return 0 };
        let fitting = Fitting { options: self.options, rows: window.rows, old_dates: self.problems.wants_old_date() };
        let mut fits = Vec::with_capacity(places.len());
        for ((_, values), place) in window.columns.iter_mut().zip(&places) {
            let Column { key, data_type } = self.columns.at(*place);
            let Some(cells) = fitting.cells(&mut values.kind, values.there, *data_type) else { return 0 };
            fits.push(Fit { key: key.clone(), length: 0, cells, there: values.there });
        }
        if self.framing.in_arrays {
            fits = in_order(fits, &places, self.columns.len());
        }
        let numbers = (self.framing.in_arrays && self.key.contains(&true))
            .then(|| Numbers { key: &self.key, keys: &mut self.keys });
        let columns = bracketed(fits, self.framing);
        if columns.is_empty() {
            return 0;
        }
        let visited = if self.checks {
            window.rows
        } else {
            let most = self.limits.max_bytes.saturating_sub(self.framing.suffix.len());
            let mut lines = Lines { body: &mut self.body, ends: &mut self.ends, numbers, most, framing: self.framing };
            lines.write(window.rows, &columns)
        };
        self.row += visited as u64;
        self.visited += visited;
        visited
    }
}

/// The cells of an array: a column that the rows lack is null.
fn in_order<'w>(fits: Vec<Fit<'w>>, places: &[usize], columns: usize) -> Vec<Fit<'w>> {
    let cell = |cells, there| Fit { key: Key::nameless(), length: 0, cells, there };
    let mut ordered: Vec<_> = (0..columns).map(|_| cell(Cells::Missing, None)).collect();
    fits.into_iter().zip(places).for_each(|(fit, place)| ordered[*place] = cell(fit.cells, fit.there));
    ordered
}

/// The columns with what stands before their cells: the first one has the end of the row before it there.
fn bracketed<'w>(mut fits: Vec<Fit<'w>>, framing: &Framing) -> Vec<Fit<'w>> {
    if let Some(first) = fits.first_mut() {
        first.key = first.key.behind(framing.separator, framing.brackets()[0]);
    }
    for fit in &mut fits {
        fit.length = fit.key.len() - usize::from(!fit.cells.are_quoted());
    }
    fits
}

/// The body, and where its rows end.
struct Lines<'e> {
    body: &'e mut Buffer,
    ends: &'e mut Vec<u32>,
    numbers: Option<Numbers<'e>>,
    /// The most bytes that it may have.
    most: usize,
    framing: &'static Framing,
}

/// The numbers of the rows' keys, and which columns are of the key.
struct Numbers<'e> {
    key: &'e [bool],
    keys: &'e mut Vec<u64>,
}

impl Lines<'_> {
    /// Appends rows as long as they fit; answers how many.
    fn write(&mut self, rows: usize, columns: &[Fit<'_>]) -> usize {
        let Framing { prefix, separator, .. } = self.framing;
        let is_first = self.ends.is_empty();
        if is_first {
            // The first row has no separator: what it writes for one is made good below.
            self.body.truncate(prefix.len() - separator.len());
        }
        let room: usize = columns.iter().map(Fit::room).sum();
        self.ends.reserve(rows);
        let mut written = 0;
        while written < rows {
            let left = self.most.saturating_sub(self.body.len());
            let together = BLOCK.min(rows - written).min(left / room);
            if together == 0 {
                // Near the end of the body each row is looked at by itself.
                break;
            }
            let block = written..written + together;
            match columns {
                [column] if self.numbers.is_none() => self.alone(block, column, together * room),
                _ => self.block(block, columns, together * room),
            }
            written += together;
        }
        if is_first {
            if written == 0 {
                self.body.wrote(separator.len());
            }
            prefix.iter().enumerate().for_each(|(place, byte)| self.body.set(place, *byte));
        }
        written
    }

    /// Appends rows for which there is room.
    fn block(&mut self, rows: Range<usize>, columns: &[Fit<'_>], room: usize) {
        let before = position(self.body.len());
        let line = self.body.room(room);
        let (mut end, [_, closing]) = (0, self.framing.brackets());
        let Some(Numbers { key, keys }) = &mut self.numbers else {
            self.ends.extend(rows.map(|row| {
                for column in columns {
                    end = column.write(row, line, end);
                }
                line[end] = closing;
                end += 1;
                before + position(end)
            }));
            return self.body.wrote(end);
        };
        for row in rows {
            let mut number = 0;
            for (column, is_key) in columns.iter().zip(*key) {
                let start = end + column.before();
                end = column.write(row, line, end);
                if *is_key {
                    number = numbered(number, &line[start..end]);
                }
            }
            line[end] = closing;
            end += 1;
            self.ends.push(before + position(end));
            keys.push(number);
        }
        self.body.wrote(end);
    }
}

/// What one column is need not be asked for each of its cells.
impl Lines<'_> {
    /// The same for rows of one column.
    fn alone(&mut self, rows: Range<usize>, column: &Fit<'_>, room: usize) {
        match &column.cells {
            Cells::Tiny(values) => self.values(rows, column, room, |row, room| write_below_million(room, values[row])),
            Cells::Small(values) => {
                self.values(rows, column, room, |row, room| write_below_hundred_million(room, values[row]));
            }
            Cells::Float(values) if has_many_digits(values[rows.start]) => self.many_digits(rows, column, values, room),
            Cells::Float(values) => self.values(rows, column, room, |row, room| write_double(room, values[row])),
            Cells::Bool(bits) => self.values(rows, column, room, |row, room| write_bool(room, bits.at(row))),
            Cells::Quoted(texts, _) if column.there.is_none() => {
                self.each(rows, column, room, |row, line, start| write_quoted(texts, row, line, start));
            }
            _ => self.block(rows, std::slice::from_ref(column), room),
        }
    }

    #[inline(always)]
    fn values(
        &mut self,
        rows: Range<usize>,
        column: &Fit<'_>,
        room: usize,
        write: impl Fn(usize, &mut Value) -> usize,
    ) {
        self.each(rows, column, room, |row, line, start| {
            let room = line[start..].first_chunk_mut().expect("room for a value");
            if column.lacks(row) { write_null(room) } else { write(row, room) }
        });
    }

    #[inline(always)]
    fn many_digits(&mut self, rows: Range<usize>, column: &Fit<'_>, values: &[f64], room: usize) {
        let (first, mut buffers) = (rows.start, std::array::from_fn::<_, BLOCK, _>(|_| zmij::Buffer::new()));
        let values = rows.clone().map(|row| (!column.lacks(row)).then_some(values[row]));
        let texts = written_out(&mut buffers, values);
        self.each(rows, column, room, |row, line, start| {
            write_text(line[start..].first_chunk_mut().expect("room for a value"), texts[row - first])
        });
    }

    #[inline(always)]
    fn each(
        &mut self,
        rows: Range<usize>,
        column: &Fit<'_>,
        room: usize,
        write: impl Fn(usize, &mut [u8], usize) -> usize,
    ) {
        let before = position(self.body.len());
        let line = self.body.room(room);
        let (mut end, [_, closing]) = (0, self.framing.brackets());
        self.ends.extend(rows.map(|row| {
            let (_, start) = column.key.write(line, end, column.length);
            end = start + write(row, line, start);
            line[end] = closing;
            end += 1;
            before + position(end)
        }));
        self.body.wrote(end);
    }
}

impl Fit<'_> {
    /// The most that one of its cells takes, and what is copied behind it.
    fn room(&self) -> usize {
        self.key.len() + self.cells.room() + START
    }

    /// How much stands before its cell.
    fn before(&self) -> usize {
        self.key.len() - 1
    }

    /// Whether it has no value in a row.
    #[inline(always)]
    fn lacks(&self, row: usize) -> bool {
        self.there.is_some_and(|there| !there.at(row))
    }

    /// Writes its cell of a row at `start` of `line`; answers where it ends.
    #[inline(always)]
    fn write(&self, row: usize, line: &mut [u8], start: usize) -> usize {
        let (room, start) = self.key.write(line, start, self.length);
        if self.lacks(row) {
            // Where a value has a quote before it, this has none.
            let start = start - (self.length + 1 - self.key.len());
            return start + write_null(line[start..].first_chunk_mut().expect("room for a value"));
        }
        match &self.cells {
            Cells::Tiny(values) => start + write_below_million(room, values[row]),
            Cells::Small(values) => start + write_below_hundred_million(room, values[row]),
            other => other.write(row, line, start),
        }
    }
}
