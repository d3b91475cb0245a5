//! A workspace: a place for datasets, and who may do what there.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::dataset::Dataset;
use crate::emulator::identity::Principal;
use crate::emulator::services::powerbi::schema::Schema;

/// What somebody may do in a workspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Role {
    /// Only look.
    Viewer,
    /// Also create datasets and push rows.
    Contributor,
    /// Also share.
    Member,
    /// Everything.
    Admin,
}

impl Role {
    /// The role of this name, as the service spells it.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Viewer, Self::Contributor, Self::Member, Self::Admin].into_iter().find(|role| role.name() == name)
    }

    /// The service's name for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Viewer => "Viewer",
            Self::Contributor => "Contributor",
            Self::Member => "Member",
            Self::Admin => "Admin",
        }
    }
}

/// A workspace that is to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewWorkspace {
    /// Its name.
    pub name: String,
    /// What the emulator's user may do in it; `None` if the user is no member.
    pub role: Option<Role>,
    /// What the emulator's app may do in it; `None` until somebody adds it.
    pub app_role: Option<Role>,
    /// Whether it is on a dedicated capacity.
    pub dedicated_capacity: bool,
}

impl From<&str> for NewWorkspace {
    /// One of this name, whose admin is the user.
    fn from(name: &str) -> Self {
        Self { name: name.to_owned(), role: Some(Role::Admin), app_role: None, dedicated_capacity: false }
    }
}

/// A place for datasets.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::emulator::services::powerbi) struct Workspace {
    pub(in crate::emulator::services::powerbi) id: String,
    pub(in crate::emulator::services::powerbi) name: String,
    role: Option<Role>,
    app_role: Option<Role>,
    /// The id of its dedicated capacity.
    pub(in crate::emulator::services::powerbi) capacity: Option<String>,
    pub(in crate::emulator::services::powerbi) datasets: Vec<Dataset>,
}

impl Workspace {
    pub(in crate::emulator::services::powerbi) fn new(wanted: impl Into<NewWorkspace>) -> Self {
        let NewWorkspace { name, role, app_role, dedicated_capacity } = wanted.into();
        let id = || Uuid::new_v4().to_string();
        Self { id: id(), name, role, app_role, capacity: dedicated_capacity.then(id), datasets: Vec::new() }
    }

    /// What somebody may do in it; `None` if nothing.
    pub(in crate::emulator::services::powerbi) fn role_of(&self, principal: Principal) -> Option<Role> {
        match principal {
            Principal::User => self.role,
            Principal::App => self.app_role,
        }
    }

    /// What the service calls read-only is read here as: the user may only look.
    pub(in crate::emulator::services::powerbi) fn is_read_only(&self) -> bool {
        self.role == Some(Role::Viewer)
    }

    /// Whether it has a dataset of this id.
    pub(in crate::emulator::services::powerbi) fn has(&self, id: &str) -> bool {
        self.datasets.iter().any(|dataset| dataset.id == id)
    }

    pub(in crate::emulator::services::powerbi) fn create(
        &mut self,
        schema: Schema,
        retention: &'static str,
        now: SystemTime,
    ) -> &mut Dataset {
        let at = self.datasets.len();
        self.datasets.push(Dataset::new(schema, retention, now));
        &mut self.datasets[at]
    }

    /// The dataset with that id, whether or not it is there yet.
    pub(in crate::emulator::services::powerbi) fn dataset(&mut self, id: &str) -> Option<&mut Dataset> {
        self.datasets.iter_mut().find(|dataset| dataset.id.eq_ignore_ascii_case(id))
    }
}
