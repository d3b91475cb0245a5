//! The page at `/`: what was created, the last rows of each table, and the latest requests.

mod chips;

use std::fmt::{self, Display};

use axum::body::Body;
use axum::http::{HeaderValue, Response, header};
use uuid::Uuid;

use super::data_type::DataType;
use super::log::Request;
use super::state::{Shared, State};
use super::store::{Dataset, Table};
use super::value::Value;
use super::workspace::Workspace;

const PAGE: &str = include_str!("dashboard/page.html");
const ICON: &str = include_str!("dashboard/favicon.svg");
/// The last rows of a table that are shown.
const ROWS: usize = 10;
/// The latest requests that are shown.
const REQUESTS: usize = 40;
/// Letters of a cell that are shown.
const LETTERS: usize = 80;

/// Whether a path belongs to the page.
pub(super) fn has(path: &str) -> bool {
    matches!(path, "/" | "/favicon.ico" | "/favicon.svg")
}

/// The page, or its icon.
pub(super) fn page(shared: &Shared, path: &str) -> Response<Body> {
    if path != "/" {
        return response("image/svg+xml", "default-src 'none'; style-src 'unsafe-inline'", ICON.to_owned());
    }
    let nonce = Uuid::new_v4().simple().to_string();
    let policy = format!(
        "default-src 'none'; img-src 'self'; connect-src 'self'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    let main = content(shared, &shared.lock());
    let page = PAGE.replace("{nonce}", &nonce).replace("{url}", &shared.url()).replace("{main}", &main);
    response("text/html; charset=utf-8", &policy, page)
}

fn response(content_type: &'static str, policy: &str, body: String) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert("cross-origin-resource-policy", HeaderValue::from_static("same-origin"));
    if let Ok(policy) = HeaderValue::from_str(policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}

/// Text in HTML, whoever wrote it.
struct Escaped<T>(T);

impl<T: Display> Display for Escaped<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.to_string();
        text.chars().try_for_each(|letter| match letter {
            '&' => f.write_str("&amp;"),
            '<' => f.write_str("&lt;"),
            '>' => f.write_str("&gt;"),
            '"' => f.write_str("&quot;"),
            '\'' => f.write_str("&#39;"),
            letter => write!(f, "{letter}"),
        })
    }
}

fn content(shared: &Shared, state: &State) -> String {
    let mine = state.store.workspaces.iter().take(1).map(|mine| workspace(shared, mine, ""));
    let others = state.store.workspaces.iter().skip(1).map(|it| workspace(shared, it, &chips::of_workspace(it)));
    let datasets: String = mine.chain(others).collect();
    let datasets = if datasets.is_empty() {
        let nothing = nothing("Nothing was created yet", "New datasets show up here.");
        format!("<section><h2>My workspace</h2>{nothing}</section>")
    } else {
        datasets
    };
    let requests: String = state.log.requests().rev().take(REQUESTS).map(request).collect();
    let requests =
        if requests.is_empty() { nothing("All is quiet", "Requests show up here.") } else { card(&requests) };
    let numbers = numbers(state);
    format!(
        "{numbers}<div class=\"house\"><div>{datasets}</div><section><h2>Latest requests</h2>{requests}</section></div>"
    )
}

fn card(content: &str) -> String {
    format!("<div class=\"card\">{content}</div>")
}

fn nothing(title: &str, text: &str) -> String {
    card(&format!("<div class=\"empty\"><b>{title}</b>{text}</div>"))
}

fn numbers(state: &State) -> String {
    let datasets: Vec<&Dataset> = state.store.workspaces.iter().flat_map(|workspace| &workspace.datasets).collect();
    let tables: Vec<&Table> = datasets.iter().flat_map(|dataset| &dataset.tables).collect();
    let rows = tables.iter().map(|table| table.rows.len()).sum();
    let refused = state.log.requests().filter(|request| request.status.is_none_or(|status| status >= 400)).count();
    let shown = [
        ("datasets", datasets.len()),
        ("tables", tables.len()),
        ("rows", rows),
        ("requests", state.log.requests().count()),
        ("refused or dropped", refused),
    ];
    let shown = shown.iter().map(|(what, count)| format!("<div><b>{}</b><span>{what}</span></div>", grouped(*count)));
    format!("<div class=\"numbers\">{}</div>", shown.collect::<String>())
}

/// A number with commas: `336,776`.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let comma = |at: usize| at > 0 && (digits.len() - at).is_multiple_of(3);
    digits.char_indices().flat_map(|(at, digit)| comma(at).then_some(',').into_iter().chain([digit])).collect()
}

fn plural(rows: usize) -> &'static str {
    if rows == 1 { "row" } else { "rows" }
}

fn times(count: usize) -> &'static str {
    if count == 1 { "time" } else { "times" }
}

/// A workspace that holds something.
fn workspace(shared: &Shared, workspace: &Workspace, chips: &str) -> String {
    if workspace.datasets.is_empty() {
        return String::new();
    }
    let datasets: String = workspace.datasets.iter().rev().map(|it| dataset(shared, it)).collect();
    format!("<section><div class=\"line\"><h2>{}</h2>{chips}</div>{datasets}</section>", Escaped(&workspace.name))
}

fn dataset(shared: &Shared, dataset: &Dataset) -> String {
    let chips = chips::of_dataset(dataset, shared.clock.now(), &shared.assumed, shared.limits);
    let tables: String = dataset.tables.iter().map(table).collect();
    format!(
        "<article class=\"card\" id=\"{id}\"><div class=\"head\"><div class=\"line\"><h3>{name}</h3>{chips}</div>\
         <code class=\"soft\">{id}</code></div>{tables}</article>",
        id = Escaped(&dataset.id),
        name = Escaped(&dataset.name),
    )
}

fn table(table: &Table) -> String {
    let name = Escaped(&table.name);
    let count = grouped(table.rows.len());
    let rows = plural(table.rows.len());
    let chips = chips::of_table(table);
    let head = format!(
        "<div class=\"line\"><h4>{name}</h4>{chips}<span><span class=\"count\">{count}</span> <span class=\"soft\">{rows}</span></span></div>"
    );
    let last = if table.rows.is_empty() { String::new() } else { last_rows(table) };
    format!("<div class=\"table\">{head}{last}</div>")
}

/// The newest rows, newest last, with a column for each of the table's.
fn last_rows(table: &Table) -> String {
    let columns = &table.columns.list;
    let class = |data_type| match data_type {
        DataType::Int64 | DataType::Double | DataType::Decimal => " class=\"right\"",
        _ => "",
    };
    let head = columns.iter().map(|column| {
        format!("<th{}>{}<small>{:?}</small></th>", class(column.data_type), Escaped(&column.name), column.data_type)
    });
    let head: String = head.collect();
    let first = table.rows.len().saturating_sub(ROWS);
    let body = table.rows.range(first..).map(|row| {
        let cells = columns.iter().map(|column| (class(column.data_type), row.get(&column.name)));
        let cells = cells.map(|(class, value)| format!("<td{class}>{}</td>", cell(value)));
        format!("<tr>{}</tr>", cells.collect::<String>())
    });
    let body: String = body.collect();
    format!("<div class=\"scroll\"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>")
}

fn cell(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => "<span class=\"none\">null</span>".into(),
        Some(value) => {
            let text = value.to_string();
            let shown: String = text.chars().take(LETTERS).collect();
            let rest = if shown.len() < text.len() { "…" } else { "" };
            format!("{}{rest}", Escaped(shown))
        }
    }
}

fn request(request: &Request) -> String {
    let (class, status) = match request.status {
        Some(status @ ..400) => ("good", status.to_string()),
        Some(status @ (429 | 503)) => ("wait", status.to_string()),
        Some(status) => ("bad", status.to_string()),
        None => ("bad", "dropped".into()),
    };
    let operation = request.operation.map(|operation| operation.strip_prefix("Datasets_").unwrap_or(operation));
    let rows = if request.rows > 0 {
        format!(" · {} {}", grouped(request.rows), plural(request.rows))
    } else {
        String::new()
    };
    let why = request.refusal.as_ref().map(|why| format!("<div class=\"why\">{}</div>", Escaped(why)));
    format!(
        "<div class=\"asked\"><span class=\"number\">{number}</span><div><b>{what}</b><span class=\"soft\">{rows} · \
         {at:.1} s</span><div class=\"path mono\" title=\"{path}\"><bdi>{method} {path}</bdi></div></div>\
         <span class=\"pill {class}\">{status}</span>{why}</div>",
        number = request.number,
        what = Escaped(operation.unwrap_or("no such operation")),
        at = request.at.as_secs_f64(),
        method = Escaped(&request.method),
        path = Escaped(&request.path),
        why = why.unwrap_or_default(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_in_threes() {
        let grouped = [0, 999, 1_000, 336_776, 10_000_000].map(grouped);
        assert_eq!(grouped, ["0", "999", "1,000", "336,776", "10,000,000"]);
    }

    #[test]
    fn no_sign_of_html_is_left_in_a_text() {
        assert_eq!(
            Escaped("<a href=\"x\">'&'</a>").to_string(),
            "&lt;a href=&quot;x&quot;&gt;&#39;&amp;&#39;&lt;/a&gt;"
        );
    }
}
