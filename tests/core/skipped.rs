//! What a test needs and the machine or the checkout does not have, said in one line.

use std::collections::BTreeSet;
use std::io::{Write, stderr};
use std::sync::Mutex;

/// What was said already: several tests may need the same.
static SAID: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Says why something is not tested here. It goes past libtest, which shows nothing of what a passed test prints.
pub(crate) fn skipped(why: &str) {
    if SAID.lock().unwrap().insert(why.to_owned()) {
        stderr().write_all(format!("\nskipped: {why}\n").as_bytes()).unwrap();
    }
}

/// The vendor's own description of the operations, which is no part of this project: it lies beside the checkout, or
/// its tests are skipped.
pub(crate) fn description() -> Option<serde_json::Value> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/facts/powerbi_push.swagger.json");
    let Ok(text) = std::fs::read_to_string(path) else {
        skipped(&format!("the service's own description, which is no part of this project, is not at {path}"));
        return None;
    };
    Some(serde_json::from_str(&text).unwrap())
}
