//! CSV in pieces: however the bytes come, the same records with the same lines come out, and the same end.

use powerbi_push::rows::csv::{Failure, Found, Reader, Reason};
use proptest::prelude::*;

/// A record with its line.
type Record = (u64, Vec<String>);

/// All records of `pieces`, and what ended them early.
fn read<'p>(pieces: impl IntoIterator<Item = &'p [u8]>) -> (Vec<Record>, Option<Failure>) {
    let mut reader = Reader::new(',');
    let mut records = Vec::new();
    for piece in pieces {
        reader.feed(piece);
        records.extend(taken(&mut reader));
    }
    reader.end();
    records.extend(taken(&mut reader));
    (records, reader.failure())
}

/// What is wrong with records, and with the lines before the end.
fn wrong(text: &str) -> Vec<(u64, Failure)> {
    let mut reader = Reader::new(',');
    reader.feed(text.as_bytes());
    reader.end();
    let found = reader.take(2).into_iter();
    found.filter_map(|found| if let Found::Wrong(line, _, why) = found { Some((line, why)) } else { None }).collect()
}

/// What is whole, as records of two cells and others.
fn taken(reader: &mut Reader) -> Vec<Record> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let records = reader.take(2).into_iter().flat_map(|found| match found {
        Found::Ragged(line, cells) | Found::Wrong(line, cells, _) => {
            vec![(line, cells.iter().map(|cell| text(cell)).collect())]
        }
        Found::Rows(rows) => {
            let cells = rows.cells.iter().map(|cell| text(&rows.bytes[cell.start as usize..cell.end as usize]));
            let cells: Vec<_> = cells.collect();
            rows.lines.iter().zip(cells.chunks(2)).map(|(line, cells)| (*line, cells.to_vec())).collect()
        }
    });
    records.collect()
}

fn record(line: u64, cells: &[&str]) -> Record {
    (line, cells.iter().map(|cell| (*cell).to_owned()).collect())
}

#[test]
fn cells_are_what_stands_between_delimiters_or_quotes() {
    let text = b"\xef\xbb\xbfa,b\r\n\r\n\"1 \"\"x\"\"\",\"2,\n3\"\r4\"4,\n5\n,";
    let expected = vec![
        record(1, &["a", "b"]),
        record(3, &["1 \"x\"", "2,\n3"]),
        record(5, &["4\"4", ""]),
        record(6, &["5"]),
        record(7, &["", ""]),
    ];
    assert_eq!(read([text.as_slice()]), (expected, None));
}

#[test]
fn a_quote_that_is_not_closed_ends_the_reading_on_the_line_where_it_opens() {
    let open = Failure { reason: Reason::NoEnd, line: 3 };
    assert_eq!(read([b"1,2\n\"3\n\",\"4\n5".as_slice()]), (vec![record(1, &["1", "2"])], Some(open)));
}

#[test]
fn a_line_with_a_quote_that_is_closed_too_early_is_no_record_and_the_next_one_is() {
    let text = "1,2\n\"3\n4\",\"5\n\"\"6\"7,\"8\r\n9,10\n";
    let records = vec![record(1, &["1", "2"]), record(2, &["3\n4", "\"5\n\"\"6\"7,\"8"]), record(5, &["9", "10"])];
    assert_eq!(read([text.as_bytes()]), (records, None));
    let behind = |line| Failure { reason: Reason::BehindQuote, line };
    assert_eq!(wrong(text), vec![(2, behind(4))]);
    assert_eq!(wrong("1,2\n3,\"4\"5"), vec![(2, behind(2))]);
}

#[test]
fn a_header_with_a_wrong_quote_is_none() {
    let mut reader = Reader::new(',');
    reader.feed(b"\n\"a\"b\n1\n");
    assert_eq!(reader.record(), None);
    assert_eq!(reader.failure(), Some(Failure { reason: Reason::BehindQuote, line: 2 }));
}

#[test]
fn a_cell_takes_a_million_characters_and_no_more() {
    let longest = "é".repeat(999_999) + "\"\"";
    let (records, failure) = read([format!("1,\"{longest}\"\n").as_bytes()]);
    assert_eq!((records[0].1[1].chars().count(), failure), (1_000_000, None));
    let far = Failure { reason: Reason::TooLong, line: 1 };
    assert_eq!(read([format!("1,\"{longest}x\"\n").as_bytes()]), (vec![], Some(far)));
    let plain = format!("1,{}\n2,3\n", "x".repeat(1_000_001));
    let (records, failure) = read([plain.as_bytes()]);
    assert_eq!((records.len(), failure, wrong(&plain)), (2, None, vec![(1, far)]));
}

proptest! {
    /// Records with a short delimiter and without quotes are gone over at once.
    #[test]
    fn how_long_the_delimiter_is_makes_no_difference(text in "[\",\n\ra]{0,40}") {
        let mut reader = Reader::new('¦');
        reader.feed(text.replace(',', "¦").as_bytes());
        reader.end();
        let records = taken(&mut reader).into_iter();
        let records = records.map(|(line, cells)| (line, cells.iter().map(|cell| cell.replace('¦', ",")).collect()));
        prop_assert_eq!((records.collect(), reader.failure()), read([text.as_bytes()]));
    }

    #[test]
    fn where_bytes_are_cut_makes_no_difference(
        text in "[\",\n\ra \u{feff}]{0,40}",
        cuts in proptest::collection::vec(0_usize..40, 0..6),
    ) {
        let bytes = text.as_bytes();
        let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
        cuts.sort_unstable();
        let starts = std::iter::once(0).chain(cuts.iter().copied());
        let ends = cuts.iter().copied().chain([bytes.len()]);
        let pieces = starts.zip(ends).map(|(start, end)| &bytes[start..end]);
        prop_assert_eq!(read(pieces), read([bytes]));
    }
}
