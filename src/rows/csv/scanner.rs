//! Where cells begin and end, byte by byte; a record that is not whole yet is gone on with when more bytes come.

use std::ops::Range;

use super::owned;
use crate::rows::encode::position;

/// Characters of one cell: a quote that is never closed ends here.
const LONGEST: usize = 1_000_000;
const MARK: &[u8] = b"\xef\xbb\xbf";

/// What ended the reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failure {
    /// Why.
    pub reason: Reason,
    /// The line on which that was seen.
    pub line: u64,
}

/// Why a reading ends before the bytes do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// Behind the quote that closes a cell stands something else than a delimiter.
    BehindQuote,
    /// A cell has no end, or one that is too far away.
    NoEnd,
}

/// A record that is whole.
#[derive(Debug)]
pub(super) struct Record {
    /// The line on which it begins.
    pub(super) line: u64,
    /// Where its cells end among all cells.
    pub(super) end: usize,
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
        while let Some(next) = self.step() {
            self.state = next;
        }
        if self.ended {
            self.close();
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
                    return self.refuse_long(self.at);
                };
                self.at += quote + 1;
                Some(State::Quote)
            }
            State::Quote => self.behind_quote(),
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
                return self.refuse_long(self.at);
            };
            self.at += length;
            let end = self.at;
            if let Some(failed) = self.refuse_long(end) {
                return Some(failed);
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
        if let Some(failed) = self.refuse_long(end) {
            return Some(failed);
        }
        Some(match self.end_of_cell()? {
            End::None => self.failed(Reason::BehindQuote, end),
            what => self.push_quoted(end, &what),
        })
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
        self.records.push(Record { line: self.line, end: self.cells.len() });
        State::Record
    }

    /// There are no more bytes.
    fn close(&mut self) {
        let end = self.bytes.len();
        self.state = match self.state {
            State::Quoted => self.failed(Reason::NoEnd, end),
            // The last line has no end of its own.
            State::Quote => self.refuse_long(end - 1).unwrap_or_else(|| {
                self.lines += 1;
                self.push_quoted(end - 1, &End::Line)
            }),
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
    fn refuse_long(&self, end: usize) -> Option<State> {
        if end - self.cell <= LONGEST {
            return None;
        }
        let far = far(&self.bytes[self.cell..end], self.doubled)?;
        Some(self.failed(Reason::NoEnd, self.cell + far))
    }

    /// Ends the reading for something seen at `end`, in the open cell or behind it.
    fn failed(&self, reason: Reason, end: usize) -> State {
        let cell = &self.bytes[self.cell..end];
        // Bytes that end with the end of a line have no line behind that.
        let is_last = end == self.bytes.len() && matches!(cell.last(), Some(b'\n' | b'\r'));
        State::Failed(Failure { reason, line: self.lines + line_ends(cell) + u64::from(!is_last) })
    }
}

/// Where a cell has one character more than it may have.
fn far(cell: &[u8], doubled: bool) -> Option<usize> {
    let mut count = 0;
    let mut first_quote = false;
    for (place, byte) in cell.iter().enumerate() {
        first_quote = doubled && *byte == b'"' && !first_quote;
        let begins = byte & 0xc0 != 0x80 && !first_quote;
        count += usize::from(begins);
        if count > LONGEST {
            return Some(place);
        }
    }
    None
}

/// How many lines end in a text.
fn line_ends(text: &[u8]) -> u64 {
    let mut count = 0;
    let mut returned = false;
    for byte in text {
        count += u64::from(*byte == b'\r' || *byte == b'\n' && !returned);
        returned = *byte == b'\r';
    }
    count
}

/// Makes one quote of two that stand together; answers how long the text is then.
fn undouble(text: &mut [u8]) -> usize {
    let (mut from, mut to) = (0, 0);
    while from < text.len() {
        text[to] = text[from];
        from += if text[from] == b'"' { 2 } else { 1 };
        to += 1;
    }
    to
}
