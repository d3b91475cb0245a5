//! What was seen of one column, and the type that it has by that.

use super::{Kind, Looks, NoType};
use crate::error::shown;
use crate::rows::schema::{DataType, ValueRules};

/// What was seen of one column.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) name: String,
    /// The first value of each type.
    examples: Vec<(DataType, String)>,
    /// The first NaN.
    nan: Option<String>,
    /// The first whole number that a Double does not hold.
    wide: Option<String>,
    /// What all of its text reads as.
    looks: Option<Looks>,
    unsupported: Option<(NoType, String)>,
}

impl Seen {
    pub(super) fn new(name: &str) -> Self {
        Self { name: name.into(), examples: Vec::new(), nan: None, wide: None, looks: None, unsupported: None }
    }

    pub(super) fn see(&mut self, kind: Kind, example: impl Fn() -> String) {
        match kind {
            Kind::Missing => {}
            Kind::NaN => {
                self.nan.get_or_insert_with(example);
            }
            Kind::Unsupported(why) => {
                self.unsupported.get_or_insert_with(|| (why, example()));
            }
            Kind::Type(data_type) => self.see_type(data_type, example),
            Kind::WideInt => {
                self.wide.get_or_insert_with(&example);
                self.see_type(DataType::Int64, example);
            }
            Kind::Text(looks) => {
                self.looks = Some(self.looks().and(looks));
                self.see_type(DataType::String, example);
            }
        }
    }

    /// Whether another value of that kind tells nothing new.
    pub(super) fn knows(&self, kind: Kind) -> bool {
        let has = |data_type| self.examples.iter().any(|(known, _)| *known == data_type);
        match kind {
            Kind::Missing => true,
            Kind::NaN => self.nan.is_some(),
            Kind::Type(data_type) => has(data_type),
            Kind::WideInt => self.wide.is_some() && has(DataType::Int64),
            Kind::Text(looks) => has(DataType::String) && self.looks().and(looks) == self.looks(),
            Kind::Unsupported(_) => self.unsupported.is_some(),
        }
    }

    /// What its text may still read as.
    pub(super) fn looks(&self) -> Looks {
        self.looks.unwrap_or(Looks::BLANK)
    }

    fn see_type(&mut self, data_type: DataType, example: impl Fn() -> String) {
        if !self.examples.iter().any(|(known, _)| *known == data_type) {
            self.examples.push((data_type, example()));
        }
    }

    /// What a column of nothing but text reads as.
    pub(super) fn hint(&self) -> Option<DataType> {
        match self.examples.as_slice() {
            [(DataType::String, _)] => self.reads_as(&[]),
            _ => None,
        }
    }

    /// What its text reads as, so that it goes together with the `others`.
    fn reads_as(&self, others: &[DataType]) -> Option<DataType> {
        let looks = self.looks.filter(|looks| looks.says)?;
        let only = |data_type: DataType| others.iter().all(|other| *other == data_type);
        let numbers = [DataType::Int64, DataType::Double];
        if !others.iter().all(|other| numbers.contains(other)) {
            let same = [(looks.truth, DataType::Boolean), (looks.moment, DataType::DateTime)];
            return same.into_iter().find(|(reads, data_type)| *reads && only(*data_type)).map(|(_, found)| found);
        }
        let wide = others.contains(&DataType::Double) && !looks.number;
        match looks {
            Looks { whole: true, .. } if !wide => Some(DataType::Int64),
            Looks { number: true, .. } => Some(DataType::Double),
            Looks { truth: true, .. } if others.is_empty() => Some(DataType::Boolean),
            Looks { moment: true, .. } if others.is_empty() => Some(DataType::DateTime),
            _ => None,
        }
    }

    /// Its type, or why it has none. `declared` counts where there are no values.
    pub(super) fn data_type(
        &self,
        declared: Option<DataType>,
        convert: bool,
        values: ValueRules,
    ) -> Result<DataType, String> {
        if let Some((why, example)) = &self.unsupported {
            return Err(self.no_type(*why, example, values));
        }
        let mut types: Vec<_> = self.examples.iter().map(|(data_type, _)| *data_type).collect();
        if convert && types.contains(&DataType::String) && self.looks.is_some() {
            types.retain(|data_type| *data_type != DataType::String);
            let text = self.reads_as(&types).unwrap_or(DataType::String);
            if !types.contains(&text) {
                types.push(text);
            }
        }
        let has = |wanted| types.contains(&wanted);
        match types.as_slice() {
            [] if self.nan.is_some() => Ok(DataType::Double),
            [] => declared.ok_or_else(|| {
                format!("column `{0}` has no values: types={{{0:?}: str}} gives it a type", shown(&self.name))
            }),
            [DataType::Int64] => self.widened(self.nan.as_deref(), values),
            [only] => Ok(*only),
            [_, _] if has(DataType::Int64) && has(DataType::Double) => {
                let fraction = [DataType::Double, DataType::String].into_iter().find_map(|found| self.example(found));
                self.widened(fraction, values)
            }
            [_, _] if has(DataType::Int64) && has(DataType::Decimal) => Ok(DataType::Decimal),
            [_, _] if has(DataType::Date) && has(DataType::DateTime) => Ok(DataType::DateTime),
            _ => Err(self.mixed()),
        }
    }

    /// The type of whole numbers, where there is a `fraction` among them or not.
    fn widened(&self, fraction: Option<&str>, values: ValueRules) -> Result<DataType, String> {
        match (fraction, &self.wide) {
            (None, _) => Ok(DataType::Int64),
            (Some(_), None) => Ok(DataType::Double),
            (Some(_), Some(wide)) if self.examples.len() == 1 => Err(format!(
                "column `{0}` has NaN and a whole number beyond 2^53 that a Double cannot hold: {wide}; types={{{0:?}: \
                 int}} takes NaN as a missing value",
                shown(&self.name)
            )),
            (Some(fraction), Some(wide)) => Err(format!(
                "column `{0}` has fractions and a whole number beyond 2^53 that a Double cannot hold: {fraction}, \
                 {wide}; types={{{0:?}: float}} takes the nearest when rows are pushed with convert=True, and Decimal {1}",
                shown(&self.name),
                values.said("takes {digits} digits, {scale} of them after the point")
            )),
        }
    }

    fn example(&self, data_type: DataType) -> Option<&str> {
        self.examples.iter().find(|(known, _)| *known == data_type).map(|(_, example)| example.as_str())
    }

    fn mixed(&self) -> String {
        let examples: Vec<_> = self.examples.iter().map(|(_, example)| example.as_str()).collect();
        let name = shown(&self.name);
        format!(
            "column `{name}` mixes kinds: {}; types={{{name:?}: str}} takes them as text when rows are pushed with \
             convert=True",
            examples.join(", ")
        )
    }

    fn no_type(&self, NoType { why, data_type, advice }: NoType, example: &str, values: ValueRules) -> String {
        let (name, why, advice) = (shown(&self.name), values.said(why), values.said(advice));
        let by = data_type.map(|data_type| format!("types={{{name:?}: {data_type}}} "));
        format!("column `{name}` has {why}: {example}; {}{advice}", by.unwrap_or_default())
    }
}
