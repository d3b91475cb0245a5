//! JSON in the service's spelling, or the same shape made of Python objects, to a checked schema.
//!
//! Reading goes on after a problem, so that one error lists them all.

use serde_json::Value;

use super::{Choices, Column, DataType, Dataset, Measure, Relationship, Table, Target};
use crate::error::{Error, Result, shown};

/// Problems that one error lists; nobody reads more.
const MOST_TOLD: usize = 1_000;

/// Reads and checks one table, by the rules of `target`.
pub fn read_table_for(value: &Value, target: &'static Target) -> Result<Table> {
    let mut problems = Vec::new();
    let table = table(Reader::new(value, "the table".into(), target, &mut problems));
    (target.check_table)(&table, &mut problems);
    done(table, "table", &problems)
}

/// Reads and checks a dataset, by the rules of `target`.
pub fn read_dataset_for(value: &Value, target: &'static Target) -> Result<Dataset> {
    let mut problems = Vec::new();
    let dataset = dataset(Reader::new(value, "the dataset".into(), target, &mut problems));
    (target.check_dataset)(&dataset, &mut problems);
    done(dataset, "dataset", &problems)
}

fn done<T>(schema: T, what: &str, problems: &[String]) -> Result<T> {
    match problems {
        [] => Ok(schema),
        [one] => Err(Error::configuration(one.clone())),
        many => {
            let told = many.len().min(MOST_TOLD);
            let rest = if many.len() > told { format!("\n- and {} more", many.len() - told) } else { String::new() };
            let list = many[..told].join("\n- ");
            Err(Error::configuration(format!("the {what} has {} problems:\n- {list}{rest}", many.len())))
        }
    }
}

fn dataset(mut item: Reader<'_, '_>) -> Dataset {
    // Two properties that the service adds when it shows a dataset.
    item.take("id");
    item.take("@odata.context");
    let dataset = Dataset {
        name: item.required_text("name"),
        tables: item.list("tables", "table", true, table),
        relationships: item.list("relationships", "relationship", false, relationship),
        mode: item.choice("defaultMode", |choices| choices.modes).unwrap_or_else(|| item.first_mode()),
        retention: item
            .choice("defaultRetentionPolicy", |choices| choices.retentions)
            .filter(|policy| policy != "None"),
    };
    if item.take("datasources").is_some() {
        item.problem("`datasources` is not for push datasets");
    }
    item.finish(&["name", "tables", "relationships", "defaultMode", "defaultRetentionPolicy"]);
    dataset
}

fn table(mut item: Reader<'_, '_>) -> Table {
    let name = item.required_text("name");
    item.place = format!("table `{}`", shown(&name));
    let table = Table {
        columns: item.list("columns", "column", true, column),
        measures: item.list("measures", "measure", false, measure),
        description: item.text("description"),
        is_hidden: item.flag("isHidden"),
        name,
    };
    item.finish(&["name", "columns", "measures", "description", "isHidden"]);
    table
}

fn column(mut item: Reader<'_, '_>) -> Column {
    let name = item.required_text("name");
    item.place = format!("{} `{}`", item.place, shown(&name));
    let type_name = item.required_text("dataType");
    let data_type = item.target.type_named(&type_name);
    if data_type.is_none() && !type_name.is_empty() {
        let names = item.target.type_names();
        item.problem(&format!("has the data type `{}`; the types are {names}", shown(&type_name)));
    }
    let column = Column {
        format_string: item.text("formatString"),
        sort_by_column: item.text("sortByColumn"),
        data_category: item.text("dataCategory"),
        is_hidden: item.flag("isHidden"),
        summarize_by: item.choice("summarizeBy", |choices| choices.summarize_by),
        ..Column::new(name, data_type.unwrap_or(DataType::String))
    };
    let known = ["name", "dataType", "formatString", "sortByColumn", "dataCategory", "isHidden", "summarizeBy"];
    item.finish(&known);
    column
}

fn measure(mut item: Reader<'_, '_>) -> Measure {
    let name = item.required_text("name");
    item.place = format!("{} `{}`", item.place, shown(&name));
    let measure = Measure {
        name,
        expression: item.required_text("expression"),
        format_string: item.text("formatString"),
        description: item.text("description"),
        is_hidden: item.flag("isHidden"),
    };
    item.finish(&["name", "expression", "formatString", "description", "isHidden"]);
    measure
}

fn relationship(mut item: Reader<'_, '_>) -> Relationship {
    let relationship = Relationship {
        name: item.required_text("name"),
        from_table: item.required_text("fromTable"),
        from_column: item.required_text("fromColumn"),
        to_table: item.required_text("toTable"),
        to_column: item.required_text("toColumn"),
        cross_filtering: item
            .choice("crossFilteringBehavior", |choices| choices.cross_filtering)
            .unwrap_or_else(|| "OneDirection".into()),
    };
    let known = ["name", "fromTable", "fromColumn", "toTable", "toColumn", "crossFilteringBehavior"];
    item.finish(&known);
    relationship
}

/// One JSON object being read; remembers which properties were asked for.
struct Reader<'v, 'p> {
    properties: Vec<(&'v str, &'v Value)>,
    place: String,
    target: &'static Target,
    problems: &'p mut Vec<String>,
}

impl<'v, 'p> Reader<'v, 'p> {
    fn new(value: &'v Value, place: String, target: &'static Target, problems: &'p mut Vec<String>) -> Self {
        if !value.is_object() {
            problems.push(format!("{place} must be an object, not {}", kind(value)));
        }
        let members = value.as_object().into_iter().flatten();
        let properties = members.map(|(name, value)| (name.as_str(), value)).collect();
        Self { properties, place, target, problems }
    }

    /// Takes a property out; null is the same as absent.
    fn take(&mut self, property: &str) -> Option<&'v Value> {
        let place = self.properties.iter().position(|(name, _)| *name == property)?;
        let (_, value) = self.properties.remove(place);
        (!value.is_null()).then_some(value)
    }

    fn problem(&mut self, what: &str) {
        self.problems.push(format!("{} {what}", self.place));
    }

    fn text(&mut self, property: &str) -> Option<String> {
        match self.take(property)? {
            Value::String(text) => Some(text.clone()),
            other => {
                self.problem(&format!("has `{property}` of {}, not a string", kind(other)));
                None
            }
        }
    }

    fn required_text(&mut self, property: &str) -> String {
        if !self.properties.iter().any(|(name, value)| *name == property && !value.is_null()) {
            self.problem(&format!("lacks `{property}`"));
        }
        let text = self.text(property);
        if text.as_deref() == Some("") {
            self.problem(&format!("has an empty `{property}`"));
        }
        text.unwrap_or_default()
    }

    fn flag(&mut self, property: &str) -> Option<bool> {
        match self.take(property)? {
            Value::Bool(flag) => Some(*flag),
            other => {
                self.problem(&format!("has `{property}` of {}, not true or false", kind(other)));
                None
            }
        }
    }

    /// One of a few words, in any case; answers the word as `choices` spells it.
    /// One of the words that the target knows; where it knows none, its own rules judge the word.
    fn choice(&mut self, property: &str, choices: fn(&Choices) -> &'static [&'static str]) -> Option<String> {
        let text = self.text(property)?;
        let choices = choices(&self.target.choices);
        if choices.is_empty() {
            return Some(text);
        }
        let known = choices.iter().find(|choice| choice.eq_ignore_ascii_case(&text));
        if known.is_none() {
            self.problem(&format!("has `{property}` `{}`; it takes {}", shown(&text), choices.join(", ")));
        }
        known.map(ToString::to_string)
    }

    fn first_mode(&self) -> String {
        self.target.choices.modes.first().map(ToString::to_string).unwrap_or_default()
    }

    fn list<T>(&mut self, property: &str, what: &str, required: bool, read: fn(Reader<'_, '_>) -> T) -> Vec<T> {
        let items = match self.take(property) {
            Some(Value::Array(items)) => items,
            Some(other) => {
                self.problem(&format!("has `{property}` of {}, not a list", kind(other)));
                return Vec::new();
            }
            None => {
                if required {
                    self.problem(&format!("lacks `{property}`"));
                }
                return Vec::new();
            }
        };
        if required && items.is_empty() {
            self.problem(&format!("has no {property}"));
        }
        if let Some(problem) = self.target.counts.far_too_many(&self.place, property, items.len(), false) {
            self.problems.push(problem);
            return Vec::new();
        }
        let mut read_items = Vec::with_capacity(items.len());
        for (position, item) in items.iter().enumerate() {
            let place = format!("{}: {what} {position}", self.place);
            if item.is_object() {
                read_items.push(read(Reader::new(item, place, self.target, self.problems)));
            } else {
                self.problems.push(format!("{place} must be a {what}, not {}", kind(item)));
            }
        }
        read_items
    }

    /// Whatever was not asked for is unknown: the service refuses it, a wrong case included.
    fn finish(mut self, known: &[&str]) {
        for (property, _) in std::mem::take(&mut self.properties) {
            let meant = known.iter().find(|known| known.eq_ignore_ascii_case(property));
            let advice =
                meant.map_or_else(|| format!("it takes {}", known.join(", ")), |meant| format!("spell it `{meant}`"));
            self.problem(&format!("has the unknown property `{}`; {advice}", shown(property)));
        }
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
