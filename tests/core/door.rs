//! Every way from Python into Rust that may run Python goes through the one door, and nobody else gives the GIL away.
//!
//! Read is the source as rustfmt leaves it.

use std::fs;
use std::path::{Path, PathBuf};

/// Functions that hand out, or take note of, what is at hand.
const HARMLESS: &[&str] = &["__iter__", "answer", "canonical", "forked", "function", "leave"];

/// What a function's head says where Python is at hand.
const PYTHON: &[&str] = &["Python<", "Bound<", "Py<", "PyAny", "PathBuf"];

/// Through the door; the requests of a client, and the making of an account, share one way to it each.
const THROUGH: &[&str] = &["door::through(", "self.request(", "made("];

/// What gives the GIL away, or asks for it.
const GIL: &[&str] = &[".detach(", "Python::attach(", "try_attach(", "assume_attached("];

fn sources(folder: &Path) -> Vec<(PathBuf, String)> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let read = |path: PathBuf| {
        if path.is_dir() {
            return sources(&path);
        }
        let text = fs::read_to_string(&path).unwrap();
        vec![(path, text)]
    };
    entries.flat_map(read).collect()
}

fn of_python() -> Vec<(PathBuf, String)> {
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/python"))
}

/// The functions that Python can call, whole.
fn doors(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let blocks = |start: &str, end: &str| {
        text.split(start)
            .skip(1)
            .map(|block| block.split(end).next().unwrap_or_default().to_owned())
            .collect::<Vec<_>>()
    };
    for methods in blocks("\n#[pymethods]\n", "\n}\n") {
        let starts = methods.match_indices("\n    fn ").map(|(at, _)| at);
        found.extend(starts.map(|at| methods[at..].split("\n    }\n").next().unwrap_or_default().to_owned()));
    }
    found.extend(blocks("\n#[pyfunction]\n", "\n}\n"));
    found
}

fn name(function: &str) -> &str {
    let behind = function.split("fn ").nth(1).unwrap_or_default();
    behind.split(['(', '<']).next().unwrap_or_default()
}

/// What comes in beside the door.
fn intruders(text: &str) -> Vec<String> {
    let may_run_python = |function: &&String| {
        let head = function.split(" {\n").next().unwrap_or_default();
        PYTHON.iter().any(|word| head.contains(word)) && !HARMLESS.contains(&name(function))
    };
    let all = doors(text);
    let outside =
        all.iter().filter(may_run_python).filter(|function| !THROUGH.iter().any(|way| function.contains(way)));
    outside.map(|function| name(function).to_owned()).collect()
}

#[test]
fn nobody_comes_in_beside_the_door() {
    let sources = of_python();
    let all: Vec<_> = sources.iter().flat_map(|(_, text)| doors(text)).collect();
    assert!(all.len() > 60, "the checker reads {} ways in", all.len());
    let found: Vec<_> = sources.iter().map(|(path, text)| (path, intruders(text))).collect();
    let found: Vec<_> = found.iter().filter(|(_, names)| !names.is_empty()).collect();
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn nobody_but_the_door_gives_the_gil_away_or_asks_for_it() {
    for (path, text) in of_python() {
        let found: Vec<_> = GIL.iter().filter(|word| text.contains(*word)).collect();
        assert!(found.is_empty() || path.ends_with("door.rs"), "{}: {found:?}", path.display());
    }
}

#[test]
fn nobody_but_the_door_reads_on_in_what_python_holds() {
    for (path, text) in of_python() {
        assert!(!text.contains(".try_iter(") || path.ends_with("door.rs"), "{}", path.display());
        // Whoever reads without the door asks it himself: `may_go_on` at each row.
        assert!(!text.contains("door::once(") || path.ends_with("no_rows.rs"), "{}", path.display());
    }
}

#[test]
fn an_intruder_is_seen() {
    let methods = "\n#[pymethods]\nimpl A {\n    /// Does.\n    fn a(&self, py: Python<'_>) -> PyResult<()> {\n        x()\n    }\n\
                   \n    fn b(&self, py: Python<'_>) -> u8 {\n        door::through(py, || x())\n    }\n\
                   \n    fn c(&self) -> u8 {\n        1\n    }\n}\n";
    assert_eq!(intruders(methods), ["a"]);
    assert_eq!(
        intruders("\n#[pyfunction]\npub(super) fn d(\n    given: &Bound<'_, PyAny>,\n) -> u8 {\n    1\n}\n"),
        ["d"]
    );
}
