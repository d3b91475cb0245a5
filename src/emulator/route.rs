//! From a method and a raw path to the operation that they mean.

use axum::http::Method;

/// What a request asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Route<'a> {
    /// The workspace's id; `None` is My workspace.
    pub(super) group: Option<&'a str>,
    /// `None` where the API has no such operation.
    pub(super) target: Option<Target<'a>>,
}

/// An operation and what it is about.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Target<'a> {
    GetGroups,
    GetGroup,
    PostDataset,
    GetDatasets,
    GetDataset(&'a str),
    DeleteDataset(&'a str),
    GetTables(&'a str),
    PutTable(&'a str, String),
    GetSequenceNumbers(&'a str, String),
    PostRows(&'a str, String),
    /// Post to the push URL of this tenant and dataset.
    PostToPushUrl(&'a str, &'a str),
    DeleteRows(&'a str, String),
}

impl<'a> Route<'a> {
    /// Reads a path as it was sent: only a table's name is decoded, and `..` means nothing.
    pub(super) fn of(method: &Method, path: &'a str) -> Self {
        let segments: Vec<&str> = path.split('/').collect();
        let (group, rest) = match segments.as_slice() {
            ["", "v1.0", "myorg", "groups"] if method == Method::GET => {
                return Self { group: None, target: Some(Target::GetGroups) };
            }
            ["", "v1.0", "myorg", "groups", group, rest @ ..] => (Some(*group), rest),
            ["", "v1.0", "myorg", rest @ ..] => (None, rest),
            ["", "beta", tenant, "datasets", id, "rows"] if method == Method::POST => {
                return Self { group: None, target: Some(Target::PostToPushUrl(tenant, id)) };
            }
            _ => return Self { group: None, target: None },
        };
        let target = match (method.as_str(), rest) {
            ("GET", []) if group.is_some() => Some(Target::GetGroup),
            ("POST", ["datasets"]) => Some(Target::PostDataset),
            ("GET", ["datasets"]) => Some(Target::GetDatasets),
            ("GET", ["datasets", id]) => Some(Target::GetDataset(id)),
            ("DELETE", ["datasets", id]) => Some(Target::DeleteDataset(id)),
            ("GET", ["datasets", id, "tables"]) => Some(Target::GetTables(id)),
            (_, ["datasets", id, "tables", table, rest @ ..]) => of_table(method, id, table, rest),
            _ => None,
        };
        Self { group, target }
    }

    /// The vendor's name of the operation, or ours where it has none.
    pub(super) fn operation(&self) -> Option<&'static str> {
        let (mine, in_group) = match self.target.as_ref()? {
            Target::GetGroups => ("Groups_GetGroups", "Groups_GetGroups"),
            Target::GetGroup => ("Groups_GetGroup", "Groups_GetGroup"),
            Target::PostDataset => ("Datasets_PostDataset", "Datasets_PostDatasetInGroup"),
            Target::GetDatasets => ("Datasets_GetDatasets", "Datasets_GetDatasetsInGroup"),
            Target::GetDataset(_) => ("Datasets_GetDataset", "Datasets_GetDatasetInGroup"),
            Target::DeleteDataset(_) => ("Datasets_DeleteDataset", "Datasets_DeleteDatasetInGroup"),
            Target::GetTables(_) => ("Datasets_GetTables", "Datasets_GetTablesInGroup"),
            Target::PutTable(..) => ("Datasets_PutTable", "Datasets_PutTableInGroup"),
            Target::GetSequenceNumbers(..) => ("Datasets_GetSequenceNumbers", "Datasets_GetSequenceNumbersInGroup"),
            Target::PostRows(..) => ("Datasets_PostRows", "Datasets_PostRowsInGroup"),
            Target::PostToPushUrl(..) => ("PushUrl_PostRows", "PushUrl_PostRows"),
            Target::DeleteRows(..) => ("Datasets_DeleteRows", "Datasets_DeleteRowsInGroup"),
        };
        Some(if self.group.is_some() { in_group } else { mine })
    }

    /// The id of the dataset that gets rows.
    pub(super) fn fills(&self) -> Option<&'a str> {
        match self.target {
            Some(Target::PostRows(id, _) | Target::PostToPushUrl(_, id)) => Some(id),
            _ => None,
        }
    }
}

/// What is asked of one table.
fn of_table<'a>(method: &Method, id: &'a str, table: &str, rest: &[&str]) -> Option<Target<'a>> {
    let table = decoded(table)?;
    match (method.as_str(), rest) {
        ("PUT", []) => Some(Target::PutTable(id, table)),
        ("GET", ["sequenceNumbers"]) => Some(Target::GetSequenceNumbers(id, table)),
        ("POST", ["rows"]) => Some(Target::PostRows(id, table)),
        ("DELETE", ["rows"]) => Some(Target::DeleteRows(id, table)),
        _ => None,
    }
}

/// Undoes percent-encoding; `None` where it is broken.
pub(super) fn decoded(segment: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
            let value = digit(rest.next())? * 16 + digit(rest.next())?;
            bytes.push(u8::try_from(value).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_name_is_one_segment_whatever_it_contains() {
        let path = "/v1.0/myorg/datasets/d/tables/a%2F..%2f%C3%A9%20b/rows";
        let route = Route::of(&Method::POST, path);
        assert_eq!(route.target, Some(Target::PostRows("d", "a/../é b".into())));
        assert_eq!(route.operation(), Some("Datasets_PostRows"));
    }

    #[test]
    fn a_path_that_is_not_exactly_an_operation_is_none() {
        for path in [
            "/v1.0/myorg/datasets/",
            "/v1.0/myorg/datasets/d/tables/t/../t/rows",
            "/v1.0/myorg/datasets/d/tables/%2/rows",
            "/v1.0/myorg/datasets/d/tables/%FF/rows",
            "/beta/myorg/datasets",
            "/beta/t/datasets/d/rows/",
            "/beta/t/datasets/d/tables/RealTimeData/rows",
            "/v1.0/t/datasets/d/rows",
            "//v1.0/myorg/datasets",
        ] {
            assert_eq!(Route::of(&Method::POST, path).target, None, "{path}");
        }
    }
}
