//! What an emulator keeps in a file for its next start.

use std::fs;
use std::path::{Path, PathBuf};

use powerbi_push::emulator::{Emulator, NewWorkspace, Options, Role};
use serde_json::{Value as Json, json};

use super::{Setup, send, spelled};

/// A path of its own that is gone with all that begins with it.
struct KeptFile(PathBuf);

impl KeptFile {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("powerbi-push-keep-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    fn path(&self) -> PathBuf {
        self.0.join("state")
    }
}

impl Drop for KeptFile {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn keeping(path: &Path, port: u16) -> Options {
    Options { keep: Some(path.to_owned()), port, ..Options::default() }
}

fn refusal(path: &Path) -> String {
    Emulator::start(keeping(path, 0)).unwrap_err().to_string()
}

#[tokio::test]
async fn the_next_start_has_datasets_rows_and_push_urls_of_the_last_one() {
    let file = KeptFile::new("all");
    let setup = Setup::start(keeping(&file.path(), 0));
    let port = setup.emulator.port();
    let columns = [("at", "DateTime"), ("celsius", "Number"), ("place", "Text")];
    let columns = columns.map(|(name, word)| (name.to_owned(), word.to_owned()));
    let push_url = setup.emulator.streaming_dataset("Sensors", &columns, true).unwrap();
    let push = |setup: &Setup, body: &'static str| {
        send(setup.http.post(&push_url).header("content-type", "application/json").body(body))
    };
    let first = r#"[{"at": "2026-01-31T12:00:00.5Z", "celsius": 21.5, "place": null}, {"place": "é \"x\""}]"#;
    assert_eq!(push(&setup, first).await.status, 200);
    let rows = setup.table(&[("Id", "Int64"), ("Price", "Decimal"), ("Paid", "Boolean")]).await;
    setup.post(&rows, r#"{"rows":[{"Id":9007199254740993,"Price":1.10,"Paid":true},{}]}"#).await;
    let workspace = NewWorkspace { role: Some(Role::Viewer), ..NewWorkspace::from("Sales team") };
    let group = setup.emulator.add_workspace(workspace);
    setup.emulator.allow_queries(false);
    let (tenant, client) = (setup.emulator.tenant_id().to_owned(), setup.emulator.client_id().to_owned());
    let password = setup.emulator.microstrategy().password();
    let stored = |setup: &Setup, dataset: &str| -> Vec<Vec<(String, String)>> {
        setup.emulator.rows(None, dataset, None).unwrap().iter().map(spelled).collect()
    };
    let before = [stored(&setup, "Sensors"), stored(&setup, "Sales")];
    let tables = setup.get(rows.split("/tables").next().unwrap()).await.text;
    setup.emulator.stop();
    drop(setup);

    let setup = Setup::start(keeping(&file.path(), port));
    assert_eq!([stored(&setup, "Sensors"), stored(&setup, "Sales")], before);
    assert_eq!((setup.emulator.tenant_id(), setup.emulator.client_id()), (tenant.as_str(), client.as_str()));
    assert_eq!(setup.emulator.microstrategy().password(), password);
    assert_eq!(setup.get(rows.split("/tables").next().unwrap()).await.text, tables);
    let groups = setup.get("/groups").await.json();
    assert_eq!((&groups["value"][0]["id"], &groups["value"][0]["isReadOnly"]), (&json!(group), &json!(true)));
    // The push URL that was copied goes on working.
    assert_eq!(push(&setup, r#"[{"celsius": 1}]"#).await.status, 200);
    assert_eq!(stored(&setup, "Sensors").len(), 3);
    assert_eq!(setup.post(&rows, r#"{"rows":[{"Id":"one"}]}"#).await.status, 400);
}

#[tokio::test]
async fn what_comes_is_written_while_it_runs() {
    let file = KeptFile::new("running");
    let setup = Setup::start(keeping(&file.path(), 0));
    let rows = setup.table(&[("Id", "Int64")]).await;
    setup.post(&rows, r#"{"rows":[{"Id":42}]}"#).await;
    let written = || fs::read_to_string(file.path()).unwrap().contains(r#""rows":[{"Id":42}]"#);
    while !written() {
        std::thread::yield_now();
    }
}

#[test]
fn a_second_emulator_on_one_file_is_refused() {
    let file = KeptFile::new("twice");
    let first = Emulator::start(keeping(&file.path(), 0)).unwrap();
    let error = Emulator::start(keeping(&file.path(), 0)).unwrap_err();
    assert_eq!(error.to_string(), format!("the file {} is kept by another emulator that runs", file.path().display()));
    assert_eq!(error.hint.as_deref(), Some("stop that one, or keep another file"));
    first.stop();
    Emulator::start(keeping(&file.path(), 0)).unwrap();
}

#[test]
fn a_folder_is_no_file_to_keep() {
    let folder = std::env::temp_dir();
    assert_eq!(refusal(&folder), format!("`keep` names no file: `{}` is a folder", folder.display()));
    assert_eq!(refusal(Path::new("")), "`keep` names no file: `` is a folder");
}

#[test]
fn a_file_that_is_not_whole_or_of_another_kind_is_refused_and_left_alone() {
    let file = KeptFile::new("torn");
    Emulator::start(keeping(&file.path(), 0)).unwrap().stop();
    let whole = fs::read_to_string(file.path()).unwrap();
    let lines: Vec<&str> = whole.lines().collect();
    let name = file.path().display().to_string();
    let cut = lines[..2].join("\n");
    let half = &whole[..whole.len() - 8];
    let bad_row = whole.replace(r#"{"end":true}"#, "{\"table\":7,\"rows\":[]}\n{\"end\":true}");
    for (text, reason) in [
        ("hello\n".to_owned(), ", line 1: expected value"),
        (json!({"datasets": []}).to_string(), ", line 1: it does not begin as a file of an emulator does, version 1"),
        (cut, ": its end is missing"),
        (half.to_owned(), ", line 5: "),
        (bad_row, ", line 5: there is no such table"),
        (whole.replacen(r#""tables":0"#, r#""chairs":0"#, 1), ", line 2: it is no line of such a file"),
        (whole.replacen(r#""workspaces""#, r#""places""#, 1), ": what Power BI held: "),
    ] {
        fs::write(file.path(), &text).unwrap();
        let said = refusal(&file.path());
        assert!(said.starts_with(&format!("the file {name}{reason}")), "{said}");
        assert_eq!(fs::read_to_string(file.path()).unwrap(), text);
    }
}

#[tokio::test]
async fn a_reset_is_kept_too_and_microstrategy_with_it() {
    let file = KeptFile::new("reset");
    let setup = Setup::start(keeping(&file.path(), 0));
    let _ = setup.emulator.open_streaming_dataset("Sensors");
    setup.emulator.reset();
    setup.emulator.stop();
    drop(setup);
    let told: Vec<Json> =
        fs::read_to_string(file.path()).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(told.len(), 5);
    assert_eq!(told[3]["service"]["store"]["workspaces"][0]["datasets"], json!([]));
    assert_eq!(told[2]["service"]["store"]["projects"][0]["name"], "MicroStrategy Tutorial");
}

#[cfg(unix)]
#[test]
fn only_its_owner_reads_the_file() {
    use std::os::unix::fs::PermissionsExt;
    let file = KeptFile::new("owner");
    Emulator::start(keeping(&file.path(), 0)).unwrap().stop();
    assert_eq!(fs::metadata(file.path()).unwrap().permissions().mode() & 0o777, 0o600);
}
