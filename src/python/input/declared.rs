//! The types that a frame says its columns have, for columns without values.

use arrow_schema::DataType as ArrowType;
use pyo3::intern;
use pyo3::prelude::*;

use crate::rows::schema::DataType;

/// The type of a column of Arrow.
pub(super) fn arrow_type(data_type: &ArrowType) -> Option<DataType> {
    Some(match data_type {
        ArrowType::Boolean => DataType::Boolean,
        _ if data_type.is_integer() => DataType::Int64,
        _ if data_type.is_floating() => DataType::Double,
        ArrowType::Decimal32(..) | ArrowType::Decimal64(..) | ArrowType::Decimal128(..) | ArrowType::Decimal256(..) => {
            DataType::Decimal
        }
        ArrowType::Utf8 | ArrowType::LargeUtf8 | ArrowType::Utf8View | ArrowType::FixedSizeBinary(16) => {
            DataType::String
        }
        // These are read only where there is a use for them.
        ArrowType::Time32(_) | ArrowType::Time64(_) => DataType::String,
        ArrowType::Date32 | ArrowType::Date64 | ArrowType::Timestamp(..) => DataType::DateTime,
        ArrowType::Dictionary(_, values) => return arrow_type(values),
        ArrowType::RunEndEncoded(_, values) => return arrow_type(values.data_type()),
        _ => return None,
    })
}

/// The type of a column of pandas or polars that is read as a list.
pub(super) fn listed_type(dtype: &Bound<'_, PyAny>) -> PyResult<Option<DataType>> {
    let face = crate::python::errors::face(dtype.py(), "schema.data_types")?;
    // Objects may be anything.
    if dtype.str()?.to_str()? == "object" {
        return Ok(None);
    }
    let name: Option<String> = face.getattr(intern!(dtype.py(), "name_of"))?.call1((dtype,))?.extract()?;
    Ok(name.and_then(|name| DataType::parse(&name)))
}
