//! One Python object to one row: a dict, another mapping, a named tuple, or an object with known fields.

use pyo3::exceptions::PyTypeError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PySet, PyString, PyTuple, PyType};

use super::borrowed::DictItems;
use super::{Failure, changed, value};
use crate::cell::Row;

/// How the rows of each type met during a call are read.
#[derive(Default)]
pub(in crate::python) struct Shapes<'py> {
    known: Vec<(Bound<'py, PyType>, Shape<'py>)>,
}

/// How one type's objects are read as rows.
enum Shape<'py> {
    /// By `keys()` and `[]`.
    Mapping,
    /// A tuple, by its fields' names.
    Tuple(Vec<Bound<'py, PyAny>>),
    /// By attributes of these names; then, for pydantic's models, by the fields that the model did not declare.
    Object { names: Vec<Bound<'py, PyAny>>, is_model: bool },
    /// Not at all.
    NoRow,
}

impl<'py> Shapes<'py> {
    /// Hands the cells of `object` to `row`.
    pub(in crate::python) fn visit(&mut self, object: &Bound<'py, PyAny>, row: &mut impl Row) -> Result<(), Failure> {
        if let Ok(dict) = object.cast_exact::<PyDict>() {
            return Ok(visit_dict(dict, row)?);
        }
        match self.shape(object)? {
            Shape::Mapping => visit_mapping(object, row)?,
            Shape::Tuple(names) => {
                let tuple = object.cast::<PyTuple>().map_err(PyErr::from)?;
                for (name, value) in names.iter().zip(tuple.iter_borrowed()) {
                    visit_cell(name, &value, row)?;
                }
            }
            Shape::Object { names, is_model } => {
                for name in names {
                    visit_cell(name, &object.getattr(name.cast::<PyString>().map_err(PyErr::from)?)?, row)?;
                }
                if *is_model {
                    visit_undeclared(object, row)?;
                }
            }
            Shape::NoRow => row.not_a_mapping(&value::type_name(object)),
        }
        Ok(())
    }

    fn shape(&mut self, object: &Bound<'py, PyAny>) -> Result<&Shape<'py>, Failure> {
        let class = object.get_type();
        let known = self.known.iter().position(|(known, _)| known.is(&class));
        if known.is_none() {
            let shape = Shape::of(object)?;
            refuse_index(&class, &shape)?;
            self.known.push((class, shape));
        }
        Ok(&self.known[known.unwrap_or(self.known.len() - 1)].1)
    }
}

/// Whether `object` is one row that knows its columns, such as a dataclass instance.
pub(super) fn is_row(object: &Bound<'_, PyAny>) -> PyResult<bool> {
    Ok(!matches!(Shape::of(object)?, Shape::NoRow))
}

impl<'py> Shape<'py> {
    fn of(object: &Bound<'py, PyAny>) -> PyResult<Self> {
        let py = object.py();
        let class = object.get_type();
        if object.is_instance_of::<PyTuple>() {
            return Ok(match class.getattr_opt(intern!(py, "_fields"))? {
                Some(fields) => Self::Tuple(fields.try_iter()?.collect::<PyResult<_>>()?),
                None => Self::NoRow,
            });
        }
        if object.hasattr(intern!(py, "keys"))? && object.hasattr(intern!(py, "__getitem__"))? {
            return Ok(Self::Mapping);
        }
        if class.hasattr(intern!(py, "__pydantic_validator__"))? && class.hasattr(intern!(py, "model_fields"))? {
            let fields = class.getattr(intern!(py, "model_fields"))?;
            return Ok(Self::Object { names: fields.try_iter()?.collect::<PyResult<_>>()?, is_model: true });
        }
        let fields = if class.hasattr(intern!(py, "__dataclass_fields__"))? {
            // Not all of `__dataclass_fields__` are fields: class variables are among them.
            py.import(intern!(py, "dataclasses"))?.call_method1(intern!(py, "fields"), (&class,))?
        } else if let Some(fields) = class.getattr_opt(intern!(py, "__attrs_attrs__"))? {
            fields
        } else {
            return Ok(Self::NoRow);
        };
        let names = fields.try_iter()?.map(|field| field?.getattr(intern!(py, "name")));
        Ok(Self::Object { names: names.collect::<PyResult<_>>()?, is_model: false })
    }
}

/// A pandas index is never pushed, and `itertuples()` puts it first.
fn refuse_index(class: &Bound<'_, PyType>, shape: &Shape<'_>) -> Result<(), Failure> {
    let Shape::Tuple(names) = shape else { return Ok(()) };
    let starts_with_index = names.first().is_some_and(|name| name.extract::<&str>().is_ok_and(|name| name == "Index"));
    if starts_with_index && class.name()? == "Pandas" {
        let message = "the rows hold a pandas index, which is never pushed: use itertuples(index=False)";
        return Err(Failure::NoRows(PyTypeError::new_err(message)));
    }
    Ok(())
}

fn visit_dict(dict: &Bound<'_, PyDict>, row: &mut impl Row) -> PyResult<()> {
    for item in DictItems::new(dict) {
        let (key, value) = item.ok_or_else(changed)?;
        visit_cell(&key, &value, row)?;
    }
    Ok(())
}

fn visit_mapping(mapping: &Bound<'_, PyAny>, row: &mut impl Row) -> PyResult<()> {
    let seen = PySet::empty(mapping.py())?;
    for key in mapping.call_method0(intern!(mapping.py(), "keys"))?.try_iter()? {
        let key = key?;
        if seen.contains(&key)? {
            // `SELECT 1 AS Id, 2 AS Id`: one of the two values would be lost.
            row.bad_key(&format!("two values are called {}", key.repr()?.to_string_lossy()));
            continue;
        }
        seen.add(&key)?;
        let value = mapping.get_item(&key)?;
        visit_cell(&key, &value, row)?;
    }
    Ok(())
}

/// What a model with `extra="allow"` was given beyond its fields.
fn visit_undeclared(model: &Bound<'_, PyAny>, row: &mut impl Row) -> PyResult<()> {
    let undeclared = model.getattr_opt(intern!(model.py(), "__pydantic_extra__"))?;
    match undeclared.as_ref().map(|extra| extra.cast::<PyDict>()) {
        Some(Ok(extra)) => visit_dict(extra, row),
        _ => Ok(()),
    }
}

fn visit_cell(key: &Bound<'_, PyAny>, value: &Bound<'_, PyAny>, row: &mut impl Row) -> PyResult<()> {
    let Ok(name) = key.cast::<PyString>() else {
        row.bad_key(&format!("a column's name must be a str, not {}", value::type_name(key)));
        return Ok(());
    };
    let Ok(name) = name.to_str() else {
        row.bad_key("a column's name holds a lone surrogate, which is no valid Unicode");
        return Ok(());
    };
    value::visit(value, &mut |cell| row.cell(name, cell))
}
