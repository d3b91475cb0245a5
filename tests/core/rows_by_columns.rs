//! Rows written by their columns: whatever they hold, nobody can tell it from rows that were visited one by one.

use std::convert::Infallible;
use std::sync::Arc;

use powerbi_push::rows::cell::{Bits, Cell, CellKind, Date, DateTime, Row, Rows, Texts, Values, Window};
use powerbi_push::rows::encode::{Encoder, Framing, Limits, Options, Run, Watching};
use powerbi_push::rows::schema::{Column, DataType, Inference, Known, Table, TableSchema};
use powerbi_push::services::powerbi::TARGET;
use powerbi_push::services::powerbi::sinks::{PUSH_ARRAY, PUSH_ROWS};
use proptest::prelude::*;

const NAMES: [&str; 6] = ["Id", "Price of a thing with a name that is long", "Paid", "Item", "At", "Day"];
const TYPES: [DataType; 6] =
    [DataType::Int64, DataType::Double, DataType::Boolean, DataType::String, DataType::DateTime, DataType::DateTime];

/// The values of one row, and which of them are there.
#[derive(Debug, Clone)]
struct Line {
    id: i64,
    price: f64,
    paid: bool,
    item: String,
    year: i32,
    there: [bool; 5],
}

impl Line {
    fn at(&self) -> DateTime {
        let date = Date { year: self.year, month: 2, day: 3 };
        DateTime { date, hour: 4, minute: 5, second: 6, microsecond: 700, utc_offset: None, fold: false }
    }

    fn cells(&self) -> [Cell<'_>; 6] {
        let day = Cell::Date(Date { year: self.year, month: 1, day: 2 });
        let all = [Cell::Int(self.id), Cell::Float(self.price), Cell::Bool(self.paid), Cell::Text(&self.item)];
        let [id, price, paid, item] = all;
        let there = |place: usize, cell| if self.there[place] { cell } else { Cell::Null };
        let at = Cell::DateTime(self.at());
        [there(0, id), there(1, price), there(2, paid), there(3, item), there(4, at), day]
    }
}

/// Rows, and the most that are shown by their columns at once; 0 is none.
#[derive(Clone)]
struct Lines {
    all: Arc<Vec<Line>>,
    next: usize,
    window: usize,
    bits: [Vec<u8>; 6],
}

/// The bits of all rows.
fn bits(lines: &[Line], bit: impl Fn(&Line) -> bool) -> Vec<u8> {
    let byte = |lines: &[Line]| lines.iter().rev().fold(0, |byte, line| byte << 1 | u8::from(bit(line)));
    lines.chunks(8).map(byte).collect()
}

impl Lines {
    fn new(lines: Vec<Line>, window: usize) -> Self {
        let there = |place: usize| bits(&lines, |line| line.there[place]);
        let bits = [there(0), there(1), there(2), there(3), there(4), bits(&lines, |line| line.paid)];
        Self { all: Arc::new(lines), next: 0, window, bits }
    }
}

impl Rows for Lines {
    type Failure = Infallible;

    fn begin(&mut self) {}

    fn visit(&mut self, row: &mut impl Row) -> Result<bool, Infallible> {
        let Some(line) = self.all.get(self.next) else { return Ok(false) };
        self.next += 1;
        for (name, cell) in NAMES.into_iter().zip(line.cells()) {
            match row.place(name) {
                Some(place) => row.cell(place, cell),
                None => row.cell_without_place(name, cell),
            }
        }
        Ok(true)
    }

    fn window(&mut self, most: usize) -> Result<Option<Window<'_>>, Infallible> {
        let rows = &self.all[self.next..];
        let rows = &rows[..rows.len().min(most).min(self.window)];
        if rows.is_empty() {
            return Ok(None);
        }
        let (mut bytes, mut bounds) = (b"others\xFF".to_vec(), vec![7]);
        for line in rows {
            bytes.extend_from_slice(line.item.as_bytes());
            bounds.push(bytes.len());
        }
        let show = move |row: usize, see: &mut dyn FnMut(Cell<'_>)| see(rows[row].cells()[5]);
        let kinds = [
            CellKind::Int(rows.iter().map(|line| line.id).collect()),
            CellKind::Float(rows.iter().map(|line| line.price).collect()),
            CellKind::Bool(Bits::new(&self.bits[5], self.next)),
            CellKind::Text(Texts { bytes: bytes.into(), bounds }),
            CellKind::DateTime(rows.iter().map(Line::at).collect()),
            CellKind::Other(Box::new(show)),
        ];
        let there = |place: usize| (place < 5).then(|| Bits::new(&self.bits[place], self.next));
        let columns = NAMES.into_iter().zip(kinds).enumerate();
        let columns = columns.map(|(place, (name, kind))| (name, Values { kind, there: there(place) })).collect();
        Ok(Some(Window { rows: rows.len(), columns }))
    }

    fn pass(&mut self, rows: usize) {
        self.next += rows;
    }
}

/// Everything that can be seen of an encoder.
fn seen(mut encoder: Encoder, mut rows: Lines) -> Vec<String> {
    let mut seen = Vec::new();
    loop {
        let Ok(filled) = encoder.fill(&mut rows);
        let ends = filled.run.as_ref().map(|run| (run.ends(0..run.rows()).collect::<Vec<_>>(), run.keys().to_vec()));
        let body = filled.run.map_or_else(Vec::new, Run::into_memory);
        let problems = encoder.problems();
        let (count, errors, invalid) = (problems.count(), problems.errors(), problems.invalid_rows());
        let body = String::from_utf8(body).unwrap();
        seen.push(format!("{body} {ends:?} {count} {errors:?} {invalid:?} {}", encoder.rows_read()));
        seen.push(format!("{:?} {:?}", encoder.take_old_date(), encoder.names_seen()));
        if filled.ended {
            return seen;
        }
    }
}

/// Values of which most fit, and in most runs all.
fn any_lines() -> impl Strategy<Value = Vec<Line>> {
    let id = prop_oneof![
        30 => 0_i64..100_000,
        10 => 0_i64..100_000_000,
        10 => any::<i64>(),
        1 => prop::sample::select(vec![i64::MAX, i64::MIN, 999_999, 1_000_000, 99_999_999, 100_000_000]),
    ];
    let price = prop_oneof![
        30 => any::<f64>().prop_filter("finite", |value| value.is_finite()),
        30 => (0_i32..100_000).prop_map(|eighths| f64::from(eighths) / 8.0),
        1 => prop::sample::select(vec![f64::NAN, f64::INFINITY, f64::MAX, -0.0]),
    ];
    let item = prop_oneof![30 => "[a-zé]{0,40}", 3 => "[\"\\\\\n€😀]{0,9}", 1 => "x{3990,4010}"];
    let year = prop_oneof![40 => 1900..2100, 1 => 1..1900, 1 => 10_000..10_001];
    let there = prop_oneof![3 => Just([true; 5]), 1 => any::<[bool; 5]>()];
    let line = (id, price, any::<bool>(), item, year, there);
    let line = line.prop_map(|(id, price, paid, item, year, there)| Line { id, price, paid, item, year, there });
    prop::collection::vec(line, 0..60)
}

/// Rows as arrays, in an order of their own, with a column that no row has.
static ARRAYS: Framing = Framing::new(b"[", b",", b"]").in_arrays();
const ARRANGED: [usize; 6] = [3, 0, 5, 1, 4, 2];

fn table(names: impl Iterator<Item = (&'static str, DataType)>) -> Arc<TableSchema> {
    let columns = names.map(|(name, data_type)| Column::new(name, data_type)).collect();
    let table = Table { name: "Orders".into(), columns, measures: Vec::new(), description: None, is_hidden: None };
    Arc::new(TableSchema::new(&table).under(TARGET.values))
}

fn arranged() -> impl Iterator<Item = (&'static str, DataType)> {
    let known = ARRANGED.into_iter().map(|place| (NAMES[place], TYPES[place]));
    known.clone().take(2).chain([("Absent", DataType::String)]).chain(known.skip(2))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn columns_are_written_as_their_rows_are(
        lines in any_lines(),
        window in 1_usize..70,
        (max_rows, max_bytes) in (1_usize..60, 100_usize..20_000),
        (has_schema, as_array, checks, refuse_nan) in any::<(bool, bool, bool, bool)>(),
    ) {
        let schema = has_schema.then(|| table(NAMES.into_iter().zip(TYPES)));
        let new = || {
            let dialect = if as_array { &PUSH_ARRAY } else { &PUSH_ROWS };
            let max_bytes = if checks { 1_000_000 } else { max_bytes };
            let options = Options { refuse_nan, ..Options::default() };
            let mut encoder = Encoder::new(dialect, schema.clone(), options, Limits { max_rows, max_bytes }, 9);
            if checks {
                encoder.only_check();
            }
            encoder
        };
        let expected = seen(new(), Lines::new(lines.clone(), 0));
        prop_assert_eq!(seen(new(), Lines::new(lines, window)), expected);
    }

    #[test]
    fn columns_are_written_into_arrays_as_their_rows_are(
        lines in any_lines(),
        window in 1_usize..70,
        (max_rows, max_bytes) in (1_usize..60, 100_usize..20_000),
        key in any::<[bool; 7]>(),
    ) {
        let new = || {
            let limits = Limits { max_rows, max_bytes };
            Encoder::new(&ARRAYS, Some(table(arranged())), Options::default(), limits, 9).with_key(key)
        };
        let expected = seen(new(), Lines::new(lines.clone(), 0));
        prop_assert_eq!(seen(new(), Lines::new(lines, window)), expected);
    }

    #[test]
    fn types_are_read_off_columns_as_off_rows(lines in any_lines(), window in 1_usize..70, convert in any::<bool>()) {
        let types = |mut rows: Lines| {
            let known = Known { target: &TARGET, given: Vec::new(), declared: Vec::new(), convert };
            let cells = Options { convert, values: TARGET.values, ..Options::default() };
            let mut watching = Watching::new(Inference::new(known), cells, TARGET.types);
            let Ok(()) = watching.watch(&mut rows);
            format!("{} {:?}", watching.row(), watching.finish())
        };
        prop_assert_eq!(types(Lines::new(lines.clone(), window)), types(Lines::new(lines, 0)));
    }
}

#[test]
fn a_row_of_an_array_has_the_cells_of_its_columns_and_the_number_of_its_key() {
    let line = |id, item: &str| Line {
        id,
        price: 0.5,
        paid: true,
        item: item.into(),
        year: 2020,
        there: [true, true, true, true, false],
    };
    let lines = vec![line(1, "a"), line(2, "a"), line(3, "b")];
    // The key is the text and what is missing.
    let key = [true, false, true, false, false, true, false];
    for window in [0, 9] {
        let limits = Limits { max_rows: 9, max_bytes: 1_000 };
        let encoder = Encoder::new(&ARRAYS, Some(table(arranged())), Options::default(), limits, 9);
        let Ok(filled) = encoder.with_key(key).fill(&mut Lines::new(lines.clone(), window));
        let run = filled.run.unwrap();
        let rows: Vec<_> = (0..3).map(|row| str::from_utf8(run.bare(row..row + 1)).unwrap()).collect();
        let expected = [r#""a",1"#, r#""a",2"#, r#""b",3"#];
        assert_eq!(
            rows,
            expected.map(|start| {
                let (item, id) = start.split_once(',').unwrap();
                format!(r#"[{item},{id},null,"2020-01-02T00:00:00",0.5,null,true]"#)
            })
        );
        let [one, same, other] = *run.keys() else { unreachable!() };
        assert!(one == same && one != other);
    }
}
