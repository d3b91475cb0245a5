//! Where cells begin and end, byte by byte; a record that is not whole yet is gone on with when more bytes come.

use std::ops::Range;

use super::cell::{is_longer, line_ends, undouble};
use super::owned;
use crate::rows::encode::position;

/// Characters of one cell.
const LONGEST: usize = 1_000_000;
const MARK: &[u8] = b"\xef\xbb\xbf";

/// What is wrong with a record, or ended the reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failure {
    /// Why.
    pub reason: Reason,
    /// The line on which that was seen; of a cell in quotes that has no end, the one on which it begins.
    pub line: u64,
}

/// Why a record is none. Where the end of a cell in quotes is not known, the reading ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// Behind the quote that closes a cell stands something else than a delimiter.
    BehindQuote,
    /// The bytes end within a cell in quotes.
    NoEnd,
    /// A cell has too many characters.
    TooLong,
}

/// A record that is whole.
#[derive(Debug)]
pub(super) struct Record {
    /// The line on which it begins.
    pub(super) line: u64,
    /// Where its cells end among all cells.
    pub(super) end: usize,
    /// What is wrong with it: its last cell is the rest of its line then.
    pub(super) wrong: Option<Failure>,
}

/// What the next byte is.
#[derive(Debug, Clone, Copy)]
enum State {
    /// The first one of all, which a byte order mark may precede.
    Mark,
    /// The first one of a record, or of an empty line.
    Record,
    /// The first one of a cell.
    Cell,
    /// One of a cell without quotes.
    Plain,
    /// One of a cell in quotes.
    Quoted,
    /// One behind a quote in such a cell, which ends it or stands for itself.
    Quote,
    /// One of the rest of a line, behind what is wrong there.
    Wrong(Failure),
    /// One that nobody looks at any more.
    Failed(Failure),
}

/// What ends a cell, if anything.
#[derive(PartialEq, Eq)]
enum End {
    Delimiter,
    Line,
    None,
}

#[derive(Debug)]
pub(super) struct Scanner {
    delimiter: Vec<u8>,
    /// Bytes that may end a cell without quotes.
    ends: [bool; 256],
    bytes: Vec<u8>,
    /// The next byte.
    at: usize,
    state: State,
    ended: bool,
    /// Where the open record and the open cell begin.
    record: usize,
    cell: usize,
    /// Whether the open cell holds quotes that stand for one.
    doubled: bool,
    /// The line of the open record.
    line: u64,
    /// Lines that have ended.
    lines: u64,
    /// Whether the byte before was a carriage return that ended a line.
    returned: bool,
    cells: Vec<Range<u32>>,
    records: Vec<Record>,
}

impl Scanner {
    pub(super) fn new(delimiter: char) -> Self {
        let delimiter = delimiter.to_string().into_bytes();
        let mut ends = [false; 256];
        for byte in [b'\n', b'\r', delimiter[0]] {
            ends[usize::from(byte)] = true;
        }
        Self {
            delimiter,
            ends,
            bytes: Vec::new(),
            at: 0,
            state: State::Mark,
            ended: false,
            record: 0,
            cell: 0,
            doubled: false,
            line: 1,
            lines: 0,
            returned: false,
            cells: Vec::new(),
            records: Vec::new(),
        }
    }

    pub(super) fn feed(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        self.scan();
    }

    pub(super) fn end(&mut self) {
        self.ended = true;
        self.scan();
    }

    pub(super) fn first(&mut self) -> Option<Vec<Vec<u8>>> {
        if self.records.is_empty() {
            // Of empty lines nothing is kept.
            self.take();
            return None;
        }
        if let Some(failure) = self.records[0].wrong {
            self.state = State::Failed(failure);
            return None;
        }
        let first = self.records.remove(0).end;
        let cells: Vec<_> = self.cells.drain(..first).collect();
        self.records.iter_mut().for_each(|record| record.end -= first);
        Some(owned(&self.bytes, &cells))
    }

    /// The records that are whole: the bytes that their cells are in, those cells, and where each record ends among them.
    pub(super) fn take(&mut self) -> (Vec<u8>, Vec<Range<u32>>, Vec<Record>) {
        let records = std::mem::take(&mut self.records);
        let whole = records.last().map_or(0, |record| record.end);
        let open = self.cells.split_off(whole);
        let start = if matches!(self.state, State::Mark | State::Record) { self.at } else { self.record };
        let rest = self.bytes[start..].to_vec();
        let bytes = std::mem::replace(&mut self.bytes, rest);
        let cells = std::mem::replace(&mut self.cells, open);
        let back = position(start);
        for cell in &mut self.cells {
            *cell = cell.start - back..cell.end - back;
        }
        self.at -= start;
        (self.record, self.cell) = (0, self.cell.saturating_sub(start));
        (bytes, cells, records)
    }

    pub(super) fn failure(&self) -> Option<Failure> {
        match self.state {
            State::Failed(failure) => Some(failure),
            _ => None,
        }
    }

    pub(super) fn lines(&self) -> u64 {
        self.lines
    }

    pub(super) fn held(&self) -> usize {
        self.bytes.len()
    }

    /// Looks at the bytes that are there.
    fn scan(&mut self) {
        loop {
            if matches!(self.state, State::Record) && self.delimiter.len() == 1 {
                self.pass_plain_records();
            }
            let Some(next) = self.step() else { break };
            self.state = next;
        }
        if self.ended {
            self.close();
        }
    }

    /// Goes over records that are whole and have no quotes, as nearly all of them are, without a state for each cell.
    /// Stops in front of the first other one.
    fn pass_plain_records(&mut self) {
        let (bytes, delimiter) = (self.bytes.as_slice(), self.delimiter[0]);
        loop {
            let start = self.at + usize::from(self.returned && bytes.get(self.at) == Some(&b'\n'));
            let (before, mut cell) = (self.cells.len(), start);
            let end = loop {
                let rest = &bytes[cell..];
                let length = rest.iter().position(|byte| self.ends[usize::from(*byte)]);
                let Some(length) = length.filter(|length| rest[0] != b'"' && *length <= LONGEST) else {
                    self.cells.truncate(before);
                    return;
                };
                let end = cell + length;
                self.cells.push(position(cell)..position(end));
                if bytes[end] != delimiter {
                    break end;
                }
                cell = end + 1;
            };
            if end == start {
                // An empty line is no record.
                self.cells.truncate(before);
                return;
            }
            self.lines += 1;
            self.records.push(Record { line: self.lines, end: self.cells.len(), wrong: None });
            (self.at, self.returned) = (end + 1, bytes[end] == b'\r');
        }
    }

    /// Goes on to another state; `None` once that takes more bytes.
    fn step(&mut self) -> Option<State> {
        match self.state {
            State::Mark => self.pass_mark(),
            State::Record => self.begin(),
            State::Cell => {
                self.cell = self.at;
                let quoted = *self.bytes.get(self.at)? == b'"';
                if quoted {
                    (self.at, self.cell, self.doubled) = (self.at + 1, self.at + 1, false);
                }
                Some(if quoted { State::Quoted } else { State::Plain })
            }
            State::Plain => self.plain(),
            State::Quoted => {
                let Some(quote) = self.bytes[self.at..].iter().position(|byte| *byte == b'"') else {
                    self.at = self.bytes.len();
                    return self.refuse_long(self.at).map(State::Failed);
                };
                self.at += quote + 1;
                Some(State::Quote)
            }
            State::Quote => self.behind_quote(),
            State::Wrong(failure) => self.pass_line(failure),
            State::Failed(_) => None,
        }
    }

    fn pass_mark(&mut self) -> Option<State> {
        let start = &self.bytes[..self.bytes.len().min(MARK.len())];
        if start == MARK {
            self.at = MARK.len();
        } else if MARK.starts_with(start) && !self.ended {
            return None;
        }
        Some(State::Record)
    }

    /// Passes over the ends of empty lines.
    fn begin(&mut self) -> Option<State> {
        let byte = *self.bytes.get(self.at)?;
        if byte == b'\n' && self.returned {
            self.returned = false;
            self.at += 1;
            return Some(State::Record);
        }
        if matches!(byte, b'\n' | b'\r') {
            self.end_line(byte);
            self.at += 1;
            return Some(State::Record);
        }
        (self.record, self.line) = (self.at, self.lines + 1);
        Some(State::Cell)
    }

    fn plain(&mut self) -> Option<State> {
        loop {
            let rest = &self.bytes[self.at..];
            let Some(length) = rest.iter().position(|byte| self.ends[usize::from(*byte)]) else {
                self.at = self.bytes.len();
                return self.refuse_long(self.at).map(State::Wrong);
            };
            self.at += length;
            let end = self.at;
            if let Some(failure) = self.refuse_long(end) {
                return Some(State::Wrong(failure));
            }
            match self.end_of_cell()? {
                End::None => self.at += 1,
                what => return Some(self.push(end, &what)),
            }
        }
    }

    fn behind_quote(&mut self) -> Option<State> {
        if *self.bytes.get(self.at)? == b'"' {
            self.at += 1;
            self.doubled = true;
            return Some(State::Quoted);
        }
        let end = self.at - 1;
        if let Some(failure) = self.refuse_long(end) {
            return Some(State::Failed(failure));
        }
        Some(match self.end_of_cell()? {
            End::None => {
                // The cell is kept as it is written.
                self.lines += line_ends(&self.bytes[self.cell..end]);
                self.cell -= 1;
                State::Wrong(self.failure_here(Reason::BehindQuote))
            }
            what => self.push_quoted(end, &what),
        })
    }

    /// Passes over the rest of a line, and keeps it as a cell.
    fn pass_line(&mut self, failure: Failure) -> Option<State> {
        let Some(length) = self.bytes[self.at..].iter().position(|byte| matches!(byte, b'\n' | b'\r')) else {
            self.at = self.bytes.len();
            return None;
        };
        self.at += length + 1;
        self.end_line(self.bytes[self.at - 1]);
        Some(self.push_wrong(self.at - 1, failure))
    }

    /// What ends a cell at the next byte, and passes over it; `None` where more bytes have to say.
    fn end_of_cell(&mut self) -> Option<End> {
        let rest = &self.bytes[self.at..];
        let byte = rest[0];
        if matches!(byte, b'\n' | b'\r') {
            self.end_line(byte);
            self.at += 1;
            return Some(End::Line);
        }
        if rest.starts_with(&self.delimiter) {
            self.at += self.delimiter.len();
            return Some(End::Delimiter);
        }
        let is_cut = self.delimiter.starts_with(rest) && !self.ended;
        (!is_cut).then_some(End::None)
    }

    fn end_line(&mut self, byte: u8) {
        self.lines += 1;
        self.returned = byte == b'\r';
    }

    /// Ends a cell of which the closing quote stands at `end`.
    fn push_quoted(&mut self, end: usize, what: &End) -> State {
        let breaks = line_ends(&self.bytes[self.cell..end]);
        self.lines += breaks;
        let end = if self.doubled { self.cell + undouble(&mut self.bytes[self.cell..end]) } else { end };
        self.push(end, what)
    }

    fn push(&mut self, end: usize, what: &End) -> State {
        self.cells.push(position(self.cell)..position(end));
        if *what != End::Line {
            return State::Cell;
        }
        self.end_record(None)
    }

    fn push_wrong(&mut self, end: usize, failure: Failure) -> State {
        self.cells.push(position(self.cell)..position(end));
        self.end_record(Some(failure))
    }

    fn end_record(&mut self, wrong: Option<Failure>) -> State {
        self.records.push(Record { line: self.line, end: self.cells.len(), wrong });
        State::Record
    }

    /// There are no more bytes.
    fn close(&mut self) {
        let end = self.bytes.len();
        self.state = match self.state {
            State::Quoted => State::Failed(self.failure_here(Reason::NoEnd)),
            // The last line has no end of its own.
            State::Quote => self.refuse_long(end - 1).map_or_else(
                || {
                    self.lines += 1;
                    self.push_quoted(end - 1, &End::Line)
                },
                State::Failed,
            ),
            State::Wrong(failure) => {
                self.lines += 1;
                self.push_wrong(end, failure)
            }
            State::Cell | State::Plain => {
                self.lines += 1;
                self.push(end, &End::Line)
            }
            other => other,
        };
        self.at = end;
    }

    /// Refuses the open cell if it is too long up to `end`.
    #[inline]
    fn refuse_long(&self, end: usize) -> Option<Failure> {
        let is_long = end - self.cell > LONGEST && is_longer(&self.bytes[self.cell..end], self.doubled, LONGEST);
        is_long.then(|| self.failure_here(Reason::TooLong))
    }

    /// What is wrong with the open line.
    fn failure_here(&self, reason: Reason) -> Failure {
        Failure { reason, line: self.lines + 1 }
    }
}
