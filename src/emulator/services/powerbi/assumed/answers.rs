//! The answers that a switch can have, each with the word for it; the first is the default, and the stricter one.

use crate::emulator::switch::{Answers, answers};

answers! {
    /// Whether letters in upper and lower case are the same to a filter.
    pub Case:
    /// They are not.
    Sensitive = "sensitive",
    /// They are.
    Insensitive = "insensitive",
}

answers! {
    /// What Get Tables tells of a table.
    pub TablesAnswer:
    /// Its name, on which clients are known to rely.
    Names = "names",
    /// Its name, its columns and its measures, as the description of the operation says.
    Schema = "schema",
}

answers! {
    /// What the service does with the sequence number of a request that adds rows.
    pub SequenceNumbers:
    /// It refuses a number that is not above the last one.
    Refuses = "refuses",
    /// It answers such a request with success and adds nothing.
    Deduplicates = "deduplicates",
    /// It adds the rows, and lists no number.
    Ignores = "ignores",
    /// It does the same, and has no operation that lists numbers.
    Missing = "missing",
}

answers! {
    /// How answers spell the names of their properties.
    pub AnswerNames:
    /// As the examples of the description: `isRefreshable`, `@odata.context`.
    Examples = "examples",
    /// As its definitions: `IsRefreshable`, `odata.context`.
    Definitions = "definitions",
}

answers! {
    /// How a dataset comes to be.
    pub Creation:
    /// It is there when the answer comes, 201 Created.
    Created = "created",
    /// The answer is 202 Accepted, and the dataset appears later.
    Accepted = "accepted",
}

answers! {
    /// How a service principal is told that it may not.
    pub AppRefusal:
    /// 403 Forbidden.
    Forbidden = "403",
    /// 401 Unauthorized.
    Unauthorized = "401",
    /// 200 OK, with the refusal as its body.
    Success = "200",
}

answers! {
    /// How somebody is told of a workspace to which they do not belong.
    pub NoMember:
    /// 403 Forbidden.
    Forbidden = "403",
    /// 404 Not Found, as if there were no such workspace.
    NotFound = "404",
    /// 401 Unauthorized.
    Unauthorized = "401",
}

answers! {
    /// How the time is cut by which requests and rows are counted.
    pub Windows:
    /// Every span of time counts, however it is placed.
    Sliding = "sliding",
    /// One span after the other, each beginning with nothing.
    Fixed = "fixed",
}

answers! {
    /// How a refusal says when to come back.
    pub RetryAfter:
    /// In so many seconds.
    Seconds = "seconds",
    /// At a date.
    Date = "date",
    /// Not at all.
    Absent = "absent",
}

answers! {
    /// Whose quotas there are.
    pub Licence:
    /// Those of a paid licence.
    Pro = "pro",
    /// Those of a free one.
    Free = "free",
}
