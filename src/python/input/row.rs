//! One Python object to one row: a dict, another mapping, a named tuple, or an object with known fields.

use pyo3::PyTypeInfo;
use pyo3::exceptions::PyTypeError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDateTime, PyDict, PySet, PyString, PyTuple, PyType};

use super::column_index::{ColumnIndex, KeptKeys, Keys};
use super::ffi::{self, Version};
use super::no_rows::advice_for_row;
use super::{Failure, changed, value};
use crate::python::door;
use crate::rows::cell::Row;

/// How the rows of each type met during a call are read.
pub(in crate::python) struct RowReaders<'py> {
    known: Vec<(Bound<'py, PyType>, Shape<'py>)>,
    keys: Keys<'py>,
}

/// How one type's objects are read as rows.
enum Shape<'py> {
    /// By `keys()` and `[]`.
    Mapping,
    /// A tuple, by its fields' names.
    Tuple(Fields<'py>),
    /// By attributes of these names; then, for pydantic's models, by the fields that the model did not declare.
    Object { fields: Fields<'py>, plain: Option<Version>, is_model: bool },
    /// Not at all.
    NoRow,
}

/// The names that all objects of one type have.
#[derive(Default)]
struct Fields<'py> {
    names: Vec<Bound<'py, PyAny>>,
    places: ColumnIndex,
    /// The first values of the row being read; none between two rows.
    values: Vec<Bound<'py, PyAny>>,
}

impl<'py> Fields<'py> {
    fn new(names: impl Iterator<Item = PyResult<Bound<'py, PyAny>>>) -> PyResult<Self> {
        Ok(Self { names: names.collect::<PyResult<_>>()?, ..Self::default() })
    }

    /// Hands each field's value to `row`: those in `values`, and behind them what `more` answers.
    fn visit(
        &mut self,
        row: &mut impl Row,
        mut more: impl FnMut(usize, &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>>,
    ) -> PyResult<()> {
        let Self { names, places, values } = self;
        places.ask(|| names.iter().map(|name| column_name(name).ok().and_then(|name| row.place(name))).collect());
        let mut values = values.drain(..);
        for (at, (name, place)) in names.iter().zip(places.known()).enumerate() {
            let value = values.next().map_or_else(|| more(at, name), Ok)?;
            match place {
                Some(place) => value::give(&value, *place, row)?,
                None => visit_cell(name, &value, row)?,
            }
        }
        Ok(())
    }
}

impl<'py> RowReaders<'py> {
    /// Rows for the same columns as those that had these keys.
    pub(in crate::python) fn resume(py: Python<'py>, keys: KeptKeys) -> Self {
        // Python imports its datetimes when they are first asked for, which must not be while a row is read.
        PyDateTime::type_object(py);
        ffi::try_ints(py);
        Self { known: Vec::new(), keys: keys.resume(py) }
    }

    /// Whether the items of dicts are read where they lie.
    #[inline]
    pub(super) fn reads_tables(&self) -> bool {
        self.keys.reads_tables
    }

    /// The keys of the last dict.
    pub(in crate::python) fn into_keys(self) -> KeptKeys {
        self.keys.keep()
    }

    /// The rows to come are for another `row` than those before.
    pub(super) fn begin(&mut self) {
        self.keys.forget();
        for (_, shape) in &mut self.known {
            if let Shape::Tuple(fields) | Shape::Object { fields, .. } = shape {
                fields.places = ColumnIndex::default();
            }
        }
    }

    /// Hands the cells of `object` to `row`.
    #[inline(always)]
    pub(in crate::python) fn visit(&mut self, object: &Bound<'py, PyAny>, row: &mut impl Row) -> Result<(), Failure> {
        if let Ok(dict) = object.cast_exact::<PyDict>() {
            return Ok(visit_dict(dict, &mut self.keys, row)?);
        }
        self.visit_other(object, row)
    }

    #[inline(never)]
    fn visit_other(&mut self, object: &Bound<'py, PyAny>, row: &mut impl Row) -> Result<(), Failure> {
        match self.shape(object)? {
            Shape::Mapping => visit_mapping(object, row)?,
            Shape::Tuple(fields) => {
                let tuple = object.cast::<PyTuple>().map_err(PyErr::from)?;
                // Whatever it claims, a tuple shows no more fields than it has values.
                fields.names.truncate(tuple.len());
                fields.visit(row, |at, _| tuple.get_item(at))?;
            }
            Shape::Object { fields, plain, is_model } => {
                if plain.as_ref().is_some_and(|plain| plain.is_still(object)) {
                    ffi::own_values(object, &fields.names, &mut fields.values)?;
                }
                fields.visit(row, |_, name| object.getattr(name.cast::<PyString>()?))?;
                if *is_model {
                    visit_undeclared(object, &mut self.keys, row)?;
                }
            }
            Shape::NoRow => row.not_a_mapping(&value::type_name(object), Some(advice_for_row(object))),
        }
        Ok(())
    }

    fn shape(&mut self, object: &Bound<'py, PyAny>) -> Result<&mut Shape<'py>, Failure> {
        let class = object.get_type();
        let known = self.known.iter().position(|(known, _)| known.is(&class));
        if known.is_none() {
            let shape = Shape::of(object)?;
            refuse_index(&class, &shape)?;
            self.known.push((class, shape));
        }
        let found = known.unwrap_or(self.known.len() - 1);
        Ok(&mut self.known[found].1)
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
                Some(fields) => Self::Tuple(Fields::new(door::each(&fields)?)?),
                None => Self::NoRow,
            });
        }
        if object.hasattr(intern!(py, "keys"))? && object.hasattr(intern!(py, "__getitem__"))? {
            return Ok(Self::Mapping);
        }
        if class.hasattr(intern!(py, "__pydantic_validator__"))? && class.hasattr(intern!(py, "model_fields"))? {
            let fields = class.getattr(intern!(py, "model_fields"))?;
            return Ok(Self::Object { fields: Fields::new(door::each(&fields)?)?, plain: None, is_model: true });
        }
        let fields = if class.hasattr(intern!(py, "__dataclass_fields__"))? {
            // Not all of `__dataclass_fields__` are fields: class variables are among them.
            py.import(intern!(py, "dataclasses"))?.call_method1(intern!(py, "fields"), (&class,))?
        } else if let Some(fields) = class.getattr_opt(intern!(py, "__attrs_attrs__"))? {
            fields
        } else {
            return Ok(Self::NoRow);
        };
        let names = door::each(&fields)?.map(|field| field?.getattr(intern!(py, "name")));
        let fields = Fields::new(names)?;
        let plain = if has_plain_fields(&class, &fields.names)? { Version::of(&class) } else { None };
        Ok(Self::Object { fields, plain, is_model: false })
    }
}

/// Whether the attributes called `names` of this class's objects are what their `__dict__` holds, where it holds them:
/// the class neither answers for its attributes itself nor has a property or a slot of that name.
fn has_plain_fields(class: &Bound<'_, PyType>, names: &[Bound<'_, PyAny>]) -> PyResult<bool> {
    let py = class.py();
    let asked = intern!(py, "__getattribute__");
    let usual = class.getattr(asked)?.is(&PyAny::type_object(py).getattr(asked)?);
    if !usual || class.hasattr(intern!(py, "__getattr__"))? || class.getattr(intern!(py, "__dictoffset__"))?.eq(0)? {
        return Ok(false);
    }
    for name in names {
        for base in class.mro() {
            let own = base.getattr(intern!(py, "__dict__"))?;
            if own.contains(name)? {
                let kind = own.get_item(name)?.get_type();
                if kind.hasattr(intern!(py, "__set__"))? || kind.hasattr(intern!(py, "__delete__"))? {
                    return Ok(false);
                }
                break;
            }
        }
    }
    Ok(true)
}

/// What `itertuples()` puts first is the index under a name that it does not have.
fn refuse_index(class: &Bound<'_, PyType>, shape: &Shape<'_>) -> Result<(), Failure> {
    let Shape::Tuple(Fields { names, .. }) = shape else { return Ok(()) };
    let starts_with_index = names.first().is_some_and(|name| name.extract::<&str>().is_ok_and(|name| name == "Index"));
    if starts_with_index && class.name()? == "Pandas" {
        let message = "the rows hold a pandas index, which itertuples() calls `Index`: use itertuples(index=False), or push the \
                       frame, of which a named index is a column";
        return Err(Failure::NoRows(PyTypeError::new_err(message)));
    }
    Ok(())
}

#[inline(always)]
fn visit_dict<'py>(dict: &Bound<'py, PyDict>, keys: &mut Keys<'py>, row: &mut impl Row) -> PyResult<()> {
    ffi::visit_dict(dict, keys, row, visit_other)?.ok_or_else(changed)
}

/// An item whose key has not been met, or has no place, or whose value is of a rarer type.
#[inline(never)]
fn visit_other<'py>(
    key: Bound<'py, PyAny>,
    value: &Bound<'py, PyAny>,
    keys: &mut Keys<'py>,
    row: &mut impl Row,
) -> PyResult<()> {
    match column_name(&key).ok().and_then(|name| row.place(name)) {
        Some(place) => {
            keys.learn(key, place);
            value::give(value, place, row)
        }
        None => visit_cell(&key, value, row),
    }
}

fn visit_mapping(mapping: &Bound<'_, PyAny>, row: &mut impl Row) -> PyResult<()> {
    let seen = PySet::empty(mapping.py())?;
    for key in door::each(&mapping.call_method0(intern!(mapping.py(), "keys"))?)? {
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
fn visit_undeclared<'py>(model: &Bound<'py, PyAny>, keys: &mut Keys<'py>, row: &mut impl Row) -> PyResult<()> {
    let undeclared = model.getattr_opt(intern!(model.py(), "__pydantic_extra__"))?;
    match undeclared.as_ref().map(|extra| extra.cast::<PyDict>()) {
        Some(Ok(extra)) => visit_dict(extra, keys, row),
        _ => Ok(()),
    }
}

/// A value with whatever its key is.
fn visit_cell(key: &Bound<'_, PyAny>, value: &Bound<'_, PyAny>, row: &mut impl Row) -> PyResult<()> {
    let name = match column_name(key) {
        Ok(name) => name,
        Err(why) => {
            row.bad_key(&why);
            return Ok(());
        }
    };
    match row.place(name) {
        Some(place) => value::give(value, place, row),
        None => value::visit(value, &mut |cell| row.cell_without_place(name, cell)),
    }
}

/// The name that a key is, or why it is none.
fn column_name<'k>(key: &'k Bound<'_, PyAny>) -> Result<&'k str, String> {
    let Ok(name) = key.cast::<PyString>() else {
        return Err(format!("a column's name must be a str, not {}; str(name) makes it one", value::type_name(key)));
    };
    name.to_str().map_err(|_| "a column's name holds a lone surrogate, which is no valid Unicode".to_owned())
}
