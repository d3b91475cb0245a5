//! Projects, folders, and datasets as objects of the metadata (facts/microstrategy 2.2, 7).

use axum::http::StatusCode;
use serde_json::{Value as Json, json};

use super::{Asked, Operation, TYPE_DATASET, TYPE_PROJECT, list, shapes};
use crate::emulator::http::Answer;
use crate::emulator::services::microstrategy::refusal::Refusal;
use crate::emulator::services::microstrategy::store::{Dataset, FOLDERS};

/// The numbers by which a search may ask for datasets: reports and cubes, cubes, datasets that were pushed.
const DATASET_TYPES: [&str; 3] = [TYPE_DATASET, "776", "779"];

impl Asked<'_> {
    pub(super) fn status(&self) -> Answer {
        let up = u64::try_from(self.site.elapsed().as_millis()).unwrap_or(u64::MAX);
        let body = json!({
            "upSince": 1_604_567_982_811_u64, "upTime": up, "upTimeText": format!("{} seconds", up / 1_000),
            "webVersion": shapes::VERSION, "iServerVersion": shapes::VERSION,
            "minMobileCompatibleVersion": "11.2.220.0000",
        });
        Answer::json(StatusCode::OK, &body)
    }

    pub(super) fn projects(&self) -> Answer {
        let all: Vec<Json> = self.state.store.projects.iter().map(shapes::project).collect();
        let total = all.len();
        list(self.page(all), total)
    }

    pub(super) fn one_project(&self) -> Result<Answer, Refusal> {
        let wanted = self.call.name(0);
        let found = self.state.store.projects.iter().find(|it| it.id.eq_ignore_ascii_case(wanted) || it.name == wanted);
        Ok(Answer::json(StatusCode::OK, &shapes::project(found.ok_or_else(Refusal::no_object)?)))
    }

    /// The datasets of the project that are there for everyone.
    fn visible(&self) -> impl Iterator<Item = &Dataset> {
        self.state.store.datasets.iter().filter(|it| it.project == self.project && it.hidden_gets == 0)
    }

    pub(super) fn search(&self) -> Answer {
        let mut types = self.parameters.iter().filter(|(name, _)| name == "type").map(|(_, value)| value.as_str());
        let has_datasets = self.parameter("type").is_none() || types.any(|it| DATASET_TYPES.contains(&it));
        let name = self.parameter("name").unwrap_or_default().to_lowercase();
        let is_found = |dataset: &&Dataset| {
            let own = dataset.name.to_lowercase();
            has_datasets
                && match self.parameter("pattern") {
                    Some("1") => own.split_whitespace().any(|word| name.split_whitespace().any(|it| it == word)),
                    Some("2") => own.starts_with(&name),
                    Some("3") => own == name,
                    Some("5") => own.ends_with(&name),
                    _ => own.contains(&name),
                }
        };
        let found: Vec<Json> = self.visible().filter(is_found).map(shapes::object).collect();
        let total = found.len();
        Answer::json(StatusCode::OK, &json!({"totalItems": total, "result": self.page(found)}))
    }

    pub(super) fn folders() -> Answer {
        let all = FOLDERS.iter().map(|(_, id, name)| json!({"id": id, "name": name, "type": 8, "subtype": 2048}));
        list(all.collect(), FOLDERS.len())
    }

    pub(super) fn folder(&self) -> Result<Answer, Refusal> {
        let wanted = self.call.name(0);
        let is_known = self.call.operation == Operation::KnownFolder;
        let folder =
            FOLDERS.iter().find(
                |(number, id, _)| {
                    if is_known { number.to_string() == wanted } else { id.eq_ignore_ascii_case(wanted) }
                },
            );
        let (_, id, _) = folder.ok_or_else(Refusal::no_object)?;
        let all: Vec<Json> = self.visible().filter(|it| it.folder == *id).map(shapes::object).collect();
        let total = all.len();
        Ok(list(self.page(all), total))
    }

    /// The place of the dataset of this id in this project.
    pub(super) fn place(&self, id: &str) -> Result<usize, Refusal> {
        let is_it = |it: &Dataset| it.project == self.project && it.id.eq_ignore_ascii_case(id);
        self.state.store.datasets.iter().position(is_it).ok_or_else(Refusal::no_object)
    }

    /// The dataset of this id in this project; who asks for a new one is told the first times that there is none.
    pub(super) fn find(&mut self, id: &str) -> Result<&mut Dataset, Refusal> {
        let place = self.place(id)?;
        let found = &mut self.state.store.datasets[place];
        if found.hidden_gets > 0 && self.request.parts.method == "GET" {
            found.hidden_gets -= 1;
            return Err(Refusal::no_object());
        }
        Ok(found)
    }

    pub(super) fn object(&mut self) -> Result<Answer, Refusal> {
        if self.parameter("type") == Some(TYPE_PROJECT) {
            return self.one_project();
        }
        let id = self.dataset_id()?;
        Ok(Answer::json(StatusCode::OK, &shapes::object(self.find(&id)?)))
    }

    /// The id of the path; the kind must be a dataset.
    fn dataset_id(&self) -> Result<String, Refusal> {
        match self.parameter("type") {
            Some(TYPE_DATASET) => Ok(self.call.name(0).to_owned()),
            Some(_) => Err(Refusal::no_object()),
            None => Err(Refusal::missing("type")),
        }
    }

    pub(super) fn delete_object(&mut self) -> Result<Answer, Refusal> {
        let id = self.dataset_id()?;
        let id = self.find(&id)?.id.clone();
        self.state.store.datasets.retain(|dataset| dataset.id != id);
        self.state.uploads.all.retain(|upload| upload.dataset != id);
        Ok(Answer::empty(StatusCode::NO_CONTENT))
    }

    pub(super) fn cube(&mut self) -> Result<Answer, Refusal> {
        let id = self.call.name(0).to_owned();
        Ok(Answer::json(StatusCode::OK, &shapes::cube(self.find(&id)?)))
    }

    pub(super) fn cubes(&self) -> Result<Answer, Refusal> {
        let wanted = self.parameter("id").ok_or_else(|| Refusal::missing("id"))?;
        let ids: Vec<&str> = wanted.split(',').collect();
        let found = self.visible().filter(|it| ids.iter().any(|id| it.id.eq_ignore_ascii_case(id)));
        let infos = found.map(|it| {
            let rows: usize = it.tables.iter().map(|table| table.rows.len()).sum();
            json!({
                "cubeName": it.name, "cubeId": it.id, "ownerId": "", "path": format!("/My Reports/{}", it.name),
                "status": 76_998, "serverMode": 0, "size": 0, "rowCount": rows,
            })
        });
        Ok(Answer::json(StatusCode::OK, &json!({"cubesInfos": infos.collect::<Vec<_>>()})))
    }
}
