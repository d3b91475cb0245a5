//! API Info: how programs push rows into a dataset, as the service's page shows it, in more languages.

use std::fmt::Write as _;

use serde_json::{Map, Value as Json, json};

use super::columns::Column;
use super::data_type::DataType;
use super::store::{Dataset, Table};
use crate::emulator::shown::{ApiInfo, Snippet};

/// Where rows of a dataset go.
struct Target<'a> {
    /// Scheme, host and port of the emulator.
    site: &'a str,
    /// The id of the workspace; `None` is My workspace.
    group: Option<&'a str>,
    dataset: &'a str,
    table: &'a str,
    /// The address that takes the rows: a push URL, or the operation's.
    address: String,
    rows: Vec<Json>,
}

/// How rows are pushed into a dataset's first table: by its push URL where it has one, else with a token.
pub(super) fn of(site: &str, group: Option<&str>, dataset: &Dataset, push_url: Option<String>) -> Option<ApiInfo> {
    let table = dataset.tables.first()?;
    let group_path = group.map(|id| format!("groups/{id}/")).unwrap_or_default();
    let operation = || {
        let (id, name) = (&dataset.id, encoded(&table.name));
        format!("{site}/v1.0/myorg/{group_path}datasets/{id}/tables/{name}/rows")
    };
    let address = push_url.clone().unwrap_or_else(operation);
    let target = Target { site, group, dataset: &dataset.id, table: &table.name, address, rows: vec![example(table)] };
    let texts = if push_url.is_some() { target.by_push_url() } else { target.with_token() };
    let titles = ["Python with requests", "Python with powerbi_push", "curl", "PowerShell"];
    let snippets = titles.into_iter().zip(texts).map(|(title, text)| Snippet { title, text });
    Some(ApiInfo { push_url, snippets: snippets.collect() })
}

impl Target<'_> {
    fn by_push_url(&self) -> [String; 4] {
        let (url, rows) = (&self.address, Json::from(self.rows.clone()));
        let json = shell(&rows.to_string());
        [
            format!(
                "import requests\n\nurl = {}\nrows = {}\nanswer = requests.post(url, json=rows, timeout=60)\n\
                 answer.raise_for_status()\n",
                literal(url),
                python(&rows)
            ),
            format!(
                "import powerbi_push as pbi\n\nurl = {}\nrows = {}\nprint(pbi.push(rows, url))\n",
                literal(url),
                python(&rows)
            ),
            format!("curl -f -H 'Content-Type: application/json' -d {json} '{url}'\n"),
            format!(
                "$url = '{url}'\n$rows = @'\n{rows}\n'@\nInvoke-RestMethod -Method Post -Uri $url -Body $rows `\n  \
                 -ContentType 'application/json; charset=utf-8'\n"
            ),
        ]
    }

    fn with_token(&self) -> [String; 4] {
        let Self { site, group, dataset, table, address, rows } = self;
        let (site_literal, rows) = (literal(site), Json::from(rows.clone()));
        let body = json!({"rows": rows});
        let place = format!("({}, {}, {})", group.map_or("None".into(), literal), literal(dataset), literal(table));
        [
            format!(
                "import requests\n\nsite = {site_literal}\ntoken = requests.post(f\"{{site}}/emulator/token\", \
                 timeout=60).json()[\"token\"]\nrows = {}\nanswer = requests.post(\n    {},\n    \
                 headers={{\"Authorization\": f\"Bearer {{token}}\"}},\n    json={{\"rows\": rows}},\n    timeout=60,\n\
                 )\nanswer.raise_for_status()\n",
                python(&rows),
                literal(address)
            ),
            format!(
                "import os\n\nimport powerbi_push as pbi\n\nos.environ[\"POWERBI_PUSH_EMULATOR\"] = {site_literal}  # \
                 without it the rows go to Power BI\nrows = {}\nprint(pbi.push(rows, {place}))\n",
                python(&rows)
            ),
            format!(
                "TOKEN=$(curl -fsS -X POST {site}/emulator/token | sed 's/.*\"token\":\"\\([^\"]*\\)\".*/\\1/')\n\
                 curl -f -H \"Authorization: Bearer $TOKEN\" -H 'Content-Type: application/json' \\\n  -d {} '{address}'\n",
                shell(&body.to_string())
            ),
            format!(
                "$token = (Invoke-RestMethod -Method Post -Uri '{site}/emulator/token').token\n$body = @'\n{body}\n'@\n\
                 Invoke-RestMethod -Method Post -Uri '{address}' -Body $body `\n  -Headers @{{ Authorization = \
                 \"Bearer $token\" }} `\n  -ContentType 'application/json; charset=utf-8'\n"
            ),
        ]
    }
}

/// A row that fits a table.
fn example(table: &Table) -> Json {
    let columns = &table.columns.list;
    if columns.is_empty() {
        return json!({"celsius": 21.5, "room": "attic"});
    }
    Json::Object(columns.iter().map(|column| (column.name.to_string(), cell(column))).collect::<Map<_, _>>())
}

fn cell(column: &Column) -> Json {
    match column.data_type {
        DataType::Int64 => json!(98),
        DataType::Double | DataType::Decimal => json!(98.6),
        DataType::Boolean => json!(true),
        DataType::DateTime => json!("2026-01-31T12:00:00Z"),
        DataType::String => json!("AAAAA555555"),
    }
}

/// A Python literal of what JSON says.
fn python(json: &Json) -> String {
    match json {
        Json::Null => "None".into(),
        Json::Bool(value) => if *value { "True" } else { "False" }.into(),
        Json::Array(items) => format!("[{}]", items.iter().map(python).collect::<Vec<_>>().join(", ")),
        Json::Object(cells) => {
            let cells = cells.iter().map(|(name, cell)| format!("{}: {}", literal(name), python(cell)));
            format!("{{{}}}", cells.collect::<Vec<_>>().join(", "))
        }
        Json::Number(_) | Json::String(_) => json.to_string(),
    }
}

/// A text in quotes, as JSON and Python write it.
fn literal(text: &str) -> String {
    Json::from(text).to_string()
}

/// A text in quotes, as a shell reads it.
fn shell(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// A segment of a path.
fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut path, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            path.push(char::from(byte));
        } else {
            // Writing into a String cannot fail.
            let _ = write!(path, "%{byte:02X}");
        }
        path
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_quoted_as_each_language_reads_them() {
        let rows = json!([{"it's": "a \"b\"\\", "é": null, "on": true, "no": 1.5}]);
        assert_eq!(python(&rows), r#"[{"it's": "a \"b\"\\", "é": None, "on": True, "no": 1.5}]"#);
        assert_eq!(shell("it's"), r"'it'\''s'");
        assert_eq!(encoded("a é/b~"), "a%20%C3%A9%2Fb~");
    }
}
