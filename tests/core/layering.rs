//! Who may know whom: the table, held against every path that begins in our own crate.
//!
//! Read are the words of the source, without comments and `#[cfg(test)] mod …` blocks; texts only of the rooms that name no
//! service.

mod source;

use std::collections::BTreeSet;

use self::source::{File, mentions, source, texts, words};

/// Each room and the rooms it may name. A room may always name itself.
const MAY_KNOW: &[(&str, &[&str])] = &[
    ("error", &[]),
    ("clock", &[]),
    ("retry", &["clock", "error"]),
    ("rows", &["error"]),
    ("rate_limit", &["retry", "error", "clock"]),
    ("http", &["rate_limit", "retry", "error", "clock"]),
    ("auth", &["http", "retry", "error", "clock"]),
    ("delivery", &["rows", "http", "rate_limit", "retry", "error", "clock"]),
    ("services", &["delivery", "rows", "http", "rate_limit", "auth", "retry", "error", "clock"]),
    ("emulator", &["error", "clock"]),
    ("python", &["services", "delivery", "rows", "http", "rate_limit", "auth", "retry", "error", "clock", "emulator"]),
];

/// Rooms whose folders do not know each other: a new one touches nothing else.
const APART: &[&str] = &["services"];

/// Files and folders of `python` that are for services, and why. The others are for every sink: they name no service, and none
/// of these.
const FOR_SERVICES: &[(&str, &str)] = &[
    ("account", "our credentials sign in where Power BI is"),
    ("client", "the requests of Power BI"),
    ("credential", "tells our credentials, which are in `account`, from others"),
    ("emulator", "what is local of each service"),
    ("microstrategy", "that service"),
    ("quotas", "what Power BI allows"),
    ("schema", "names each service's target"),
    ("streaming", "a sink of Power BI"),
    ("table", "a sink of Power BI"),
];

/// Rooms that name no service, and words of services that their code may not hold.
const OF_NO_SERVICE: &[&str] = &["error", "clock", "retry", "rows", "delivery", "http", "rate_limit", "auth"];
const WORDS_OF_SERVICES: &[&str] = &[
    "powerbi",
    "power_bi",
    "push_dataset",
    "pushdataset",
    "microstrategy",
    "mstr",
    "large_table",
    "fifo",
    "max_name",
    "max_columns",
    "max_tables",
    "max_relationships",
    "xml_character",
];
/// The same of their texts, where our own names do not count.
const TEXTS_OF_SERVICES: &[&str] =
    &["power bi", "powerbi", "microstrategy", "mstr", "streaming_dataset", "publish", "sequence=", "dax"];
const OUR_NAMES: &[&str] = &["powerbi-push", "powerbi_push"];
/// Texts that users know, with a service's words in them: the file, the text, and why it stays there.
const TEXTS_THAT_STAY: &[(&str, &str, &str)] = &[
    (
        "auth/entra/app.rs",
        "is for personal accounts, which have no Power BI",
        "an app is made before anybody says for which service; without one that is for work there is nothing to do here",
    ),
    (
        "delivery/queue/spool.rs",
        "spool_dir= names a folder on another disk; nothing was published",
        "rows are in files before a session is open: nothing is committed, and users know that as published",
    ),
    (
        "delivery/worker/attempt.rs",
        "one process may write to a table with sequence=True; stop the other one, or push without it",
        "the option is ours, of every sink that numbers its requests",
    ),
    (
        "http/transport/emulated.rs",
        "use what the emulator at {emulator} gives out, such as the URL of its streaming_dataset(...)",
        "it is a method of our own emulator",
    ),
];
/// Limits of theirs: units of text, and rows from which on a table is large.
const NUMBERS_OF_SERVICES: &[&str] = &["4_000", "250_000"];

/// Rooms within a room and whom of their neighbours they may name; the outer room itself may name them all.
const INSIDE: &[(&str, &[&str])] = &[
    ("emulator::value", &[]),
    ("emulator::row", &["emulator::value"]),
    ("emulator::shown", &[]),
    ("emulator::switch", &[]),
    ("emulator::identity", &[]),
    ("emulator::kept", &["emulator::row", "emulator::value"]),
    ("emulator::keep", &["emulator::http", "emulator::identity", "emulator::kept"]),
    ("emulator::http", &["emulator::row", "emulator::shown", "emulator::kept"]),
    ("emulator::console", &["emulator::http", "emulator::shown"]),
    ("emulator::services::entra", &["emulator::http", "emulator::identity", "emulator::switch"]),
    (
        "emulator::services::powerbi",
        &[
            "emulator::http",
            "emulator::identity",
            "emulator::row",
            "emulator::value",
            "emulator::shown",
            "emulator::kept",
            "emulator::switch",
        ],
    ),
    (
        "emulator::services::microstrategy",
        &[
            "emulator::http",
            "emulator::row",
            "emulator::value",
            "emulator::shown",
            "emulator::kept",
            "emulator::switch",
        ],
    ),
    ("emulator::app", &["emulator::http", "emulator::identity", "emulator::console"]),
];

/// Crates that only one room may name.
const ONLY_IN: &[(&str, &str)] = &[
    ("pyo3", "python"),
    ("pythonize", "python"),
    ("arrow_array", "python"),
    ("arrow_schema", "python"),
    ("axum", "emulator"),
    ("rcgen", "emulator"),
    ("tokio_rustls", "emulator"),
    ("webpki", "emulator"),
    ("hyper_util", "http"),
];

/// Every breach of the tables above, as `file:line: what, and what to do`.
fn breaches(files: &[File]) -> Vec<String> {
    let modules: BTreeSet<Vec<String>> = files.iter().map(|(path, _)| module_of(path)).collect();
    let mut found = Vec::new();
    for (path, text) in files {
        let home = module_of(path);
        if home.last().is_some_and(|name| name == "tests") {
            continue;
        }
        let words = words(text);
        if let Some(room) = home.first().filter(|room| row(room).is_none()) {
            found.push(format!("{path}: `{room}` is not in the table: add it to MAY_KNOW in tests/core/layering.rs"));
            continue;
        }
        if is_stray(&home) {
            let room = home.join("::");
            found.push(format!("{path}: `{room}` is not in the table: add it to INSIDE in tests/core/layering.rs"));
            continue;
        }
        for (target, line) in mentions(&words, &home) {
            found.extend(judge(&home, &target, &modules).map(|breach| format!("{path}:{line}: {breach}")));
        }
        for (word, line) in &words {
            let is_neutral = home.first().is_some_and(|room| OF_NO_SERVICE.contains(&room.as_str()));
            let lower = word.to_lowercase();
            let named = WORDS_OF_SERVICES.iter().find(|named| lower.contains(**named));
            let named = named.or_else(|| NUMBERS_OF_SERVICES.iter().find(|number| lower == **number));
            if let Some(named) = named.filter(|_| is_neutral) {
                found.push(format!("{path}:{line}: the engine names no service, and `{word}` holds `{named}`"));
            }
            let owner = ONLY_IN.iter().find(|(krate, _)| krate == word).map(|(_, owner)| *owner);
            if let Some(owner) = owner.filter(|owner| home.first().is_none_or(|room| room != owner)) {
                found.push(format!("{path}:{line}: only `{owner}` may name the crate `{word}`"));
            }
        }
    }
    found
}

/// Texts of the rooms that name no service, in which one is named.
fn texts_of_services(files: &[File]) -> Vec<String> {
    let mut found = Vec::new();
    for (path, text) in files {
        let home = module_of(path);
        let is_neutral = home.first().is_some_and(|room| OF_NO_SERVICE.contains(&room.as_str()));
        if !is_neutral || home.last().is_some_and(|name| name == "tests") {
            continue;
        }
        for (text, line) in texts(text) {
            let lower = OUR_NAMES.iter().fold(text.to_lowercase(), |text, ours| text.replace(ours, ""));
            let stays = TEXTS_THAT_STAY.iter().any(|(file, kept, _)| file == path && text.contains(kept));
            if let Some(named) = TEXTS_OF_SERVICES.iter().find(|named| lower.contains(**named) && !stays) {
                found.push(format!("{path}:{line}: the engine names no service, and {text} holds `{named}`"));
            }
        }
    }
    found
}

fn row(room: &str) -> Option<&'static [&'static str]> {
    MAY_KNOW.iter().find(|(name, _)| *name == room).map(|(_, known)| *known)
}

/// `services/powerbi.rs` is `[services, powerbi]`; `lib.rs` is the root, `[]`.
fn module_of(path: &str) -> Vec<String> {
    let stem = path.trim_end_matches(".rs").trim_end_matches("/mod");
    stem.split('/').filter(|name| *name != "lib").map(str::to_owned).collect()
}

/// What is wrong with `home` naming `target`, if anything.
fn judge(home: &[String], target: &[String], modules: &BTreeSet<Vec<String>>) -> Option<String> {
    let Some(room) = target.first().filter(|room| row(room).is_some()) else {
        let named = target.join("::");
        return Some(format!(
            "`crate::{named}` is not a room of the table: name the room itself, or add it to MAY_KNOW"
        ));
    };
    let Some(own) = home.first() else {
        return (room == "python").then(|| "nobody knows `python`, the root neither".to_owned());
    };
    if let Some(breach) = judge_shared(home, target) {
        return Some(breach);
    }
    if own != room {
        let may = row(own).is_some_and(|known| known.contains(&room.as_str()));
        return (!may).then(|| format!("`{own}` may not know `{room}`"));
    }
    if let Some(breach) = judge_inside(home, target) {
        return Some(breach);
    }
    let (here, there) = (home.get(1)?, target.get(1)?);
    let siblings = APART.contains(&own.as_str()) && modules.contains(&target[..2]);
    (siblings && here != there).then(|| format!("`{own}::{here}` may not know `{own}::{there}`"))
}

/// What is wrong with a file of `python` that is for every sink.
fn judge_shared(home: &[String], target: &[String]) -> Option<String> {
    let for_services = |path: &[String]| path.get(1).is_some_and(|file| FOR_SERVICES.iter().any(|(of, _)| of == file));
    if home[0] != "python" || for_services(home) {
        return None;
    }
    // The room itself lists all of its files.
    let names_file = target[0] == "python" && home.len() > 1 && for_services(target);
    (target[0] == "services" || names_file).then(|| {
        let (home, target) = (home.join("::"), target.join("::"));
        format!("`{home}` is for every sink and may not know `{target}`: make it a part of the route or of the sink, or add it to FOR_SERVICES")
    })
}

/// The row of the inner room to which a path leads.
fn inner(path: &[String]) -> Option<&'static (&'static str, &'static [&'static str])> {
    INSIDE.iter().find(|(room, _)| room.split("::").eq(path.iter().take(room.split("::").count())))
}

/// What is wrong with one inner room naming another, or the room around both.
fn judge_inside(home: &[String], target: &[String]) -> Option<String> {
    let (here, known) = inner(home)?;
    match inner(target) {
        Some((there, _)) if there == here || known.contains(there) => None,
        Some((there, _)) => Some(format!("`{here}` may not know `{there}`")),
        None => Some(format!("`{here}` may not know `{}`: name the inner room itself", target.join("::"))),
    }
}

/// Whether a module stands beside inner rooms, and is none.
fn is_stray(home: &[String]) -> bool {
    let mut rooms = INSIDE.iter().map(|(room, _)| room.split("::").collect::<Vec<_>>());
    let has_rooms = INSIDE.iter().any(|(room, _)| room.split("::").next() == home.first().map(String::as_str));
    has_rooms && inner(home).is_none() && !rooms.any(|room| home.iter().eq(room.iter().take(home.len())))
}

/// The breaches of a setup of these files.
fn setup(files: &[(&str, &str)]) -> Vec<String> {
    breaches(&files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect::<Vec<_>>())
}

#[test]
fn every_room_knows_only_whom_the_table_allows() {
    let found = breaches(&source());
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn the_engine_is_kept_from_naming_any_service_that_there_is() {
    let paths: Vec<_> = source().into_iter().map(|(path, _)| module_of(&path)).collect();
    let services: BTreeSet<_> =
        paths.iter().filter(|path| path.len() > 1 && path[0] == "services").map(|path| path[1].as_str()).collect();
    assert!(services.len() > 1);
    for service in services {
        assert!(WORDS_OF_SERVICES.contains(&service), "{service} is not in WORDS_OF_SERVICES");
        assert!(TEXTS_OF_SERVICES.contains(&service), "{service} is not in TEXTS_OF_SERVICES");
    }
}

#[test]
fn the_tables_go_one_way() {
    for table in [MAY_KNOW, INSIDE] {
        let mut settled: BTreeSet<&str> = BTreeSet::new();
        while settled.len() < table.len() {
            let before = settled.len();
            let free = |known: &&[&str]| known.iter().all(|room| settled.contains(room));
            let next: Vec<&str> = table.iter().filter(|(_, known)| free(known)).map(|(room, _)| *room).collect();
            settled.extend(next);
            assert!(settled.len() > before, "a circle, or a room without a row, beyond {settled:?}");
        }
    }
}

#[test]
fn services_of_the_emulator_know_neither_each_other_nor_the_rooms_around_them() {
    for (text, breach) in [
        ("use crate::emulator::services::powerbi::PowerBi;", "`emulator::services::powerbi`"),
        ("use super::powerbi;", "`emulator::services::powerbi`"),
        ("use crate::emulator::console;", "`emulator::console`"),
        ("use crate::emulator::Options;", "`emulator::Options`: name the inner room itself"),
        ("use crate::emulator::services::Service;", "`emulator::services::Service`: name the inner room itself"),
    ] {
        let found = setup(&[("emulator/services/entra.rs", text)]);
        assert_eq!(found, [format!("emulator/services/entra.rs:1: `emulator::services::entra` may not know {breach}")]);
    }
    let text = "pub(in crate::emulator) use super::Entra; use crate::emulator::http::{Answer, query}; use crate::emulator::identity::Identity;";
    let root = ("emulator.rs", "use self::services::entra::Entra; use self::console; pub struct Options;");
    assert_eq!(
        setup(&[("emulator/services/entra/sign_in.rs", text), root, ("emulator/services.rs", "mod entra;")]),
        [""; 0]
    );
    let found = setup(&[("emulator/services/teapot/spout.rs", ""), ("emulator/attic.rs", "")]);
    let expected = |file: &str, room: &str| {
        format!("emulator/{file}: `emulator::{room}` is not in the table: add it to INSIDE in tests/core/layering.rs")
    };
    assert_eq!(found, [expected("services/teapot/spout.rs", "services::teapot::spout"), expected("attic.rs", "attic")]);
}

#[test]
fn a_forbidden_room_is_seen_in_every_way_of_naming_it() {
    for text in [
        "use crate::services::Client;",
        "pub use crate::{error::Error, services::{self, Client}};",
        "use crate::error::{\n    Error,\n};\nuse crate::{error, services};",
        "fn f() -> crate::services::Client { todo!() }",
        "use super::services::Client;",
        "use self::super::services;",
        "mod inner { use super::super::services; }",
        "mod inner { mod deep {} fn f() { super::super::services::go() } }",
        "macro_rules! m { () => { $crate::services::go() } }",
        "const QUOTE: char = '\"'; use crate::services; const B: char = '\\''; const C: &str = \"\\\"\";",
        "fn f<'a>(x: &'a str) { r#\"raw \" \"#; crate::services::go() }",
        "#[cfg(not(test))] mod real { use crate::services; }",
    ] {
        let found = setup(&[("rows.rs", text)]);
        assert_eq!(found.len(), 1 + text.matches("services::{").count(), "{text}: {found:?}");
        assert!(found[0].ends_with("`rows` may not know `services`"), "{found:?}");
    }
}

#[test]
fn a_breach_says_its_file_and_line() {
    let found = setup(&[("rows/infer.rs", "//! One.\n/* two\nthree */\nuse crate::\n    http::Wire;\n")]);
    assert_eq!(found, ["rows/infer.rs:5: `rows` may not know `http`"]);
}

#[test]
fn allowed_rooms_and_ones_own_are_no_breach() {
    let text = "use crate::error::{Error, Result as R};\nuse crate::rows::infer;\nuse self::infer::Infer;\n\
                pub(crate) mod infer;\nmod inner { use super::Table; }\npub(in crate::rows) fn f() {}";
    assert_eq!(setup(&[("rows.rs", text), ("rows/infer.rs", "use super::{Table, super::error};")]), [""; 0]);
}

#[test]
fn comments_strings_and_tests_do_not_count() {
    let text = "//! [`crate::services`]\n/* /* nested */ crate::services::x */\nconst A: &str = \"crate::services::x\";\n\
                const B: &str = r##\"\"# crate::services::x\"##;\nconst C: &[u8] = b\"crate::services::x\";\n\
                #[cfg(all(test, feature = \"emulator\"))]\n#[allow(unused)]\nmod tests { use crate::services; }";
    assert_eq!(setup(&[("rows.rs", text), ("rows/tests.rs", "use crate::services;")]), [""; 0]);
}

#[test]
fn services_do_not_know_each_other() {
    let microstrategy = ("services/microstrategy.rs", "pub fn go() {}");
    for text in
        ["use super::microstrategy;", "use crate::services::microstrategy::go;", "use super::{microstrategy::go};"]
    {
        let found = setup(&[microstrategy, ("services/powerbi.rs", text)]);
        let breach = "`services::powerbi` may not know `services::microstrategy`";
        assert_eq!(found, [format!("services/powerbi.rs:1: {breach}")], "{text}");
    }
    let parent = ("services.rs", "mod microstrategy; use microstrategy::go; pub use self::microstrategy::go as run;");
    let shared = ("services/powerbi.rs", "use super::Deliver; use crate::services::Limits;");
    assert_eq!(setup(&[microstrategy, parent, shared]), [""; 0]);
}

#[test]
fn a_room_outside_the_table_is_reported() {
    let found = setup(&[("cellar.rs", "")]);
    assert_eq!(found, ["cellar.rs: `cellar` is not in the table: add it to MAY_KNOW in tests/core/layering.rs"]);
    for text in ["use crate::cellar::Wine;", "use crate::Wine;", "use crate::*;", "use crate as root;", "use super::*;"]
    {
        let found = setup(&[("rows.rs", text)]);
        assert!(found.len() == 1 && found[0].contains("not a room of the table"), "{text}: {found:?}");
    }
}

#[test]
fn nobody_knows_python_and_only_python_names_its_crates() {
    assert_eq!(setup(&[("lib.rs", "pub use crate::services::Client;\npub use crate::python::X;")]).len(), 1);
    assert_eq!(setup(&[("delivery.rs", "use crate::python::X;")]), ["delivery.rs:1: `delivery` may not know `python`"]);
    assert_eq!(setup(&[("rows.rs", "use pyo3::Bound;")]), ["rows.rs:1: only `python` may name the crate `pyo3`"]);
    assert_eq!(setup(&[("python/rows.rs", "use pyo3::Bound; use crate::rows::Cell;")]), [""; 0]);
}

#[test]
fn what_python_has_for_every_sink_knows_no_service() {
    let end = "make it a part of the route or of the sink, or add it to FOR_SERVICES";
    for (file, room, text, named) in [
        ("push.rs", "push", "use crate::services::powerbi::TARGET;", "services::powerbi::TARGET"),
        ("push/end.rs", "push::end", "use crate::python::client::Client;", "python::client::Client"),
        ("sender.rs", "sender", "use super::table;", "python::table"),
        ("tableau.rs", "tableau", "use crate::services;", "services"),
    ] {
        let found = setup(&[(&format!("python/{file}"), text)]);
        let breach = format!("`python::{room}` is for every sink and may not know `{named}`");
        assert_eq!(found, [format!("python/{file}:1: {breach}: {end}")]);
    }
    let table =
        ("python/table.rs", "use super::client::Client; use super::push; use crate::services::powerbi::TARGET;");
    let deep = ("python/microstrategy/upload.rs", "use crate::services::microstrategy::Client;");
    assert_eq!(setup(&[table, deep, ("python.rs", "mod table; use self::table::Table;")]), [""; 0]);
    let source = source();
    for (file, _) in FOR_SERVICES {
        let there = source.iter().any(|(path, _)| *path == format!("python/{file}.rs"));
        assert!(there, "there is no src/python/{file}.rs: take it from FOR_SERVICES");
    }
}

#[test]
fn no_text_of_the_engine_names_a_service() {
    let files = |text: &str| [("error/words.rs".to_owned(), text.to_owned())];
    let found = texts_of_services(&files("// Power BI\nconst A: &str = r\"ask Power BI\";"));
    assert_eq!(found, ["error/words.rs:2: the engine names no service, and r\"ask Power BI\" holds `power bi`"]);
    let fine = "const A: &str = \"powerbi-push {}\"; #[cfg(test)] mod tests { const A: &str = \"Power BI\"; }";
    assert_eq!(texts_of_services(&files(fine)), [""; 0]);
    let source = source();
    assert_eq!(texts_of_services(&source), [""; 0]);
    for (file, text, _) in TEXTS_THAT_STAY {
        let there = source.iter().any(|(path, source)| path == file && source.contains(text));
        assert!(there, "`{text}` is not in {file}: take it from TEXTS_THAT_STAY");
    }
}

#[test]
fn the_engine_names_no_service() {
    let found = setup(&[("delivery.rs", "struct PowerBiQueue;"), ("rows/mstr.rs", "fn f() {}")]);
    assert_eq!(found, ["delivery.rs:1: the engine names no service, and `PowerBiQueue` holds `powerbi`"]);
    let found = setup(&[("rate_limit/quotas.rs", "const LARGE_TABLE: u64 = 9;")]);
    assert_eq!(found, ["rate_limit/quotas.rs:1: the engine names no service, and `LARGE_TABLE` holds `large_table`"]);
    let found = setup(&[("rows/schema/target.rs", "const MOST: usize = 4_000;")]);
    assert_eq!(found, ["rows/schema/target.rs:1: the engine names no service, and `4_000` holds `4_000`"]);
    assert_eq!(setup(&[("rows/cell.rs", "const MOST: usize = 64_000;")]), [""; 0]);
    assert_eq!(setup(&[("services/powerbi.rs", "struct PowerBi;"), ("http.rs", "// Power BI, powerbi")]), [""; 0]);
}
