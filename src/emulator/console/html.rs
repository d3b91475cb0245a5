//! What is between the page's head and foot, as HTML.

use std::fmt::{self, Display};

use crate::emulator::http::{Latest, Request};
use crate::emulator::shown::{Column, Dataset, Section, Table, grouped};

/// Letters of a cell that are shown.
const LETTERS: usize = 80;

/// Everything that changes.
pub(super) fn main(sections: &[Section], latest: &Latest) -> String {
    let filled: String = sections.iter().filter(|it| !it.datasets.is_empty()).map(section).collect();
    let datasets = if filled.is_empty() { empty(sections) } else { filled };
    let requests: String = latest.requests.iter().map(request).collect();
    let requests =
        if requests.is_empty() { nothing("All is quiet", "Requests show up here.") } else { card(&requests) };
    let numbers = numbers(sections, latest);
    format!(
        "{numbers}<div class=\"house\"><div>{datasets}</div><section><h2>Latest requests</h2>{requests}</section></div>"
    )
}

/// Text with the signs of HTML escaped.
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

fn empty(sections: &[Section]) -> String {
    let title = sections.first().map_or("", |section| section.title.as_str());
    let nothing = nothing("Nothing was created yet", "New datasets show up here.");
    format!("<section><h2>{}</h2>{nothing}</section>", Escaped(title))
}

fn card(content: &str) -> String {
    format!("<div class=\"card\">{content}</div>")
}

fn nothing(title: &str, text: &str) -> String {
    card(&format!("<div class=\"empty\"><b>{title}</b>{text}</div>"))
}

fn numbers(sections: &[Section], latest: &Latest) -> String {
    let datasets: Vec<&Dataset> = sections.iter().flat_map(|section| &section.datasets).collect();
    let tables: Vec<&Table> = datasets.iter().flat_map(|dataset| &dataset.tables).collect();
    let shown = [
        ("datasets", datasets.len()),
        ("tables", tables.len()),
        ("rows", tables.iter().map(|table| table.count).sum()),
        ("requests", latest.count),
        ("refused or dropped", latest.refused),
    ];
    let shown = shown.iter().map(|(what, count)| format!("<div><b>{}</b><span>{what}</span></div>", grouped(*count)));
    format!("<div class=\"numbers\">{}</div>", shown.collect::<String>())
}

fn plural(rows: usize) -> &'static str {
    if rows == 1 { "row" } else { "rows" }
}

fn badges(badges: &[String]) -> String {
    let badges = badges.iter().map(|badge| format!("<span class=\"badge\">{}</span>", Escaped(badge)));
    badges.collect()
}

/// A section that holds something.
fn section(section: &Section) -> String {
    let datasets: String = section.datasets.iter().map(dataset).collect();
    let (title, badges) = (Escaped(&section.title), badges(&section.badges));
    format!("<section><div class=\"line\"><h2>{title}</h2>{badges}</div>{datasets}</section>")
}

fn dataset(dataset: &Dataset) -> String {
    let tables: String = dataset.tables.iter().map(table).collect();
    format!(
        "<article class=\"card\" id=\"{id}\"><div class=\"head\"><div class=\"line\"><h3>{name}</h3>{badges}</div>\
         <code class=\"soft\">{id}</code></div>{tables}</article>",
        id = Escaped(&dataset.id),
        name = Escaped(&dataset.name),
        badges = badges(&dataset.badges),
    )
}

fn table(table: &Table) -> String {
    let head = format!(
        "<div class=\"line\"><h4>{name}</h4>{badges}<span><span class=\"count\">{count}</span> \
         <span class=\"soft\">{rows}</span></span></div>",
        name = Escaped(&table.name),
        badges = badges(&table.badges),
        count = grouped(table.count),
        rows = plural(table.count),
    );
    let newest = if table.newest.is_empty() { String::new() } else { newest(table) };
    format!("<div class=\"table\">{head}{newest}</div>")
}

/// The newest rows, newest last, with a column for each of the table's.
fn newest(table: &Table) -> String {
    let class = |column: &Column| if column.is_number { " class=\"right\"" } else { "" };
    let head = table.columns.iter().map(|column| {
        let Column { name, type_name, .. } = column;
        format!("<th{}>{}<small>{}</small></th>", class(column), Escaped(name), Escaped(type_name))
    });
    let head: String = head.collect();
    let body = table.newest.iter().map(|row| {
        let cells = table.columns.iter().zip(row);
        let cells = cells.map(|(column, value)| format!("<td{}>{}</td>", class(column), cell(value.as_deref())));
        format!("<tr>{}</tr>", cells.collect::<String>())
    });
    let body: String = body.collect();
    format!("<div class=\"scroll\"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>")
}

fn cell(value: Option<&str>) -> String {
    let Some(text) = value else { return "<span class=\"none\">null</span>".into() };
    let shown: String = text.chars().take(LETTERS).collect();
    let rest = if shown.len() < text.len() { "…" } else { "" };
    format!("{}{rest}", Escaped(shown))
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
    fn no_sign_of_html_is_left_in_a_text() {
        assert_eq!(
            Escaped("<a href=\"x\">'&'</a>").to_string(),
            "&lt;a href=&quot;x&quot;&gt;&#39;&amp;&#39;&lt;/a&gt;"
        );
    }
}
