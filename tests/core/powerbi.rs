//! The Power BI operations, held against a service that says what a test wants it to say.

mod create;
mod names;
mod principals;
mod refusals;
mod sent;
mod tables;
mod waits;
mod workspaces;
