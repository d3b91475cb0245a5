//! The properties that each object of a request may have, as data, and the one walk that holds JSON to them.

use serde_json::Value as Json;

use super::refusal::Refusal;
use super::rules;

/// An object of the request: the service's name for its type, and its properties.
pub(super) struct Form {
    type_name: &'static str,
    fields: &'static [Field],
}

struct Field {
    name: &'static str,
    required: bool,
    kind: Kind,
}

enum Kind {
    Text,
    Flag,
    Part(&'static Form),
    List(&'static Form),
    /// A list that the emulator has no use for.
    Unread,
}

const fn required(name: &'static str, kind: Kind) -> Field {
    Field { name, required: true, kind }
}

const fn optional(name: &'static str, kind: Kind) -> Field {
    Field { name, required: false, kind }
}

/// The body of Post Dataset (facts/powerbi 2).
pub(super) static DATASET: Form = Form {
    type_name: "Microsoft.PowerBI.ServiceContracts.Api.Dataset",
    fields: &[
        required("name", Kind::Text),
        required("tables", Kind::List(&TABLE)),
        optional("relationships", Kind::List(&RELATIONSHIP)),
        optional("datasources", Kind::List(&DATASOURCE)),
        optional("defaultMode", Kind::Text),
    ],
};

/// The body of Put Table, and a table of a new dataset.
pub(super) static TABLE: Form = Form {
    type_name: "Microsoft.PowerBI.ServiceContracts.Api.Table",
    fields: &[
        required("name", Kind::Text),
        required("columns", Kind::List(&COLUMN)),
        optional("rows", Kind::Unread),
        optional("measures", Kind::List(&MEASURE)),
        optional("isHidden", Kind::Flag),
        optional("description", Kind::Text),
        optional("source", Kind::List(&EXPRESSION)),
    ],
};

static COLUMN: Form = Form {
    type_name: "Microsoft.PowerBI.ServiceContracts.Api.Column",
    fields: &[
        required("name", Kind::Text),
        required("dataType", Kind::Text),
        optional("formatString", Kind::Text),
        optional("sortByColumn", Kind::Text),
        optional("dataCategory", Kind::Text),
        optional("isHidden", Kind::Flag),
        optional("summarizeBy", Kind::Text),
    ],
};

static MEASURE: Form = Form {
    type_name: "Microsoft.PowerBI.ServiceContracts.Api.Measure",
    fields: &[
        required("name", Kind::Text),
        required("expression", Kind::Text),
        optional("formatString", Kind::Text),
        optional("description", Kind::Text),
        optional("isHidden", Kind::Flag),
    ],
};

static RELATIONSHIP: Form = Form {
    type_name: "Microsoft.PowerBI.ServiceContracts.Api.Relationship",
    fields: &[
        required("name", Kind::Text),
        required("fromTable", Kind::Text),
        required("fromColumn", Kind::Text),
        required("toTable", Kind::Text),
        required("toColumn", Kind::Text),
        optional("crossFilteringBehavior", Kind::Text),
    ],
};

static EXPRESSION: Form = Form {
    type_name: "Microsoft.PowerBI.ServiceContracts.Api.ASMashupExpression",
    fields: &[required("expression", Kind::Text)],
};

static DATASOURCE: Form = Form {
    type_name: "Microsoft.PowerBI.ServiceContracts.Api.Datasource",
    fields: &[
        optional("name", Kind::Text),
        optional("connectionString", Kind::Text),
        optional("datasourceType", Kind::Text),
        optional("connectionDetails", Kind::Part(&CONNECTION)),
        optional("gatewayId", Kind::Text),
        optional("datasourceId", Kind::Text),
    ],
};

static CONNECTION: Form = Form {
    type_name: "Microsoft.PowerBI.ServiceContracts.Api.DatasourceConnectionDetails",
    fields: &[
        optional("server", Kind::Text),
        optional("database", Kind::Text),
        optional("url", Kind::Text),
        optional("path", Kind::Text),
        optional("kind", Kind::Text),
        optional("account", Kind::Text),
        optional("domain", Kind::Text),
        optional("emailAddress", Kind::Text),
        optional("loginServer", Kind::Text),
        optional("classInfo", Kind::Text),
    ],
};

impl Form {
    /// Fails with the first thing in `json`, found at `place`, that this form does not have.
    pub(super) fn check(&self, json: &Json, place: &str) -> Result<(), Refusal> {
        let Some(object) = json.as_object() else { return Err(wrong(place, "must be an object")) };
        if let Some(name) = object.keys().find(|name| self.fields.iter().all(|field| field.name != **name)) {
            let message = format!(
                "The property '{name}' does not exist on type '{}'. Make sure to only use property names that are defined \
                 by the type.",
                self.type_name
            );
            return Err(Refusal::new(&rules::UNKNOWN_PROPERTY, message).of("dataset"));
        }
        for field in self.fields {
            match object.get(field.name) {
                Some(value) if !value.is_null() => field.check(value, &format!("{place}.{}", field.name))?,
                _ if field.required => return Err(wrong(&format!("{place}.{}", field.name), "is required")),
                _ => {}
            }
        }
        Ok(())
    }
}

impl Field {
    fn check(&self, json: &Json, place: &str) -> Result<(), Refusal> {
        match self.kind {
            Kind::Text if json.is_string() => Ok(()),
            Kind::Text => Err(wrong(place, "must be a string")),
            Kind::Flag if json.is_boolean() => Ok(()),
            Kind::Flag => Err(wrong(place, "must be true or false")),
            Kind::Part(form) => form.check(json, place),
            Kind::List(_) | Kind::Unread if !json.is_array() => Err(wrong(place, "must be an array")),
            Kind::List(form) => {
                list(json).iter().enumerate().try_for_each(|(at, item)| form.check(item, &format!("{place}[{at}]")))
            }
            Kind::Unread => Ok(()),
        }
    }
}

/// A schema that breaks a rule at `place`.
pub(super) fn wrong(place: &str, what: &str) -> Refusal {
    Refusal::new(&rules::BAD_SCHEMA, format!("{place} {what}")).of("dataset")
}

/// The items of an array; none where there is no array.
pub(super) fn list(json: &Json) -> &[Json] {
    json.as_array().map_or(&[], Vec::as_slice)
}

/// A string property; empty where it is missing.
pub(super) fn text<'a>(json: &'a Json, name: &str) -> &'a str {
    json[name].as_str().unwrap_or_default()
}
