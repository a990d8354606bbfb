//! Tensors on symbols: constants, or cells that are functions of the features, along dimensions of which one may be the rows.

use super::cell::Cell;
use super::element::{Element, half_from_bits, integer};
use super::error::OnnxError;
use super::form::Form;
use super::proto::TensorProto;

/// A dimension of a shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dim {
    /// As many as there are rows of data; elements are the same function for every one, so that one is stored.
    Rows,
    /// So many times as many as rows, as flattening makes them: row by row, and so many are stored.
    RowsOf(usize),
    Fixed(usize),
}

impl Dim {
    /// Elements that are stored along it.
    pub(super) fn stored(self) -> usize {
        match self {
            Self::Rows => 1,
            Self::RowsOf(size) | Self::Fixed(size) => size,
        }
    }

    pub(super) fn has_rows(self) -> bool {
        matches!(self, Self::Rows | Self::RowsOf(_))
    }
}

/// A tensor with at most one dimension of rows.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tensor {
    pub(super) element: Element,
    pub(super) dims: Vec<Dim>,
    pub(super) data: Data,
}

/// The elements of a tensor, the last dimension fastest.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Data {
    Numbers(Vec<f64>),
    Integers(Vec<i64>),
    Strings(Vec<String>),
    Cells(Vec<Cell>),
}

impl Data {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Numbers(values) => values.len(),
            Self::Integers(values) => values.len(),
            Self::Strings(values) => values.len(),
            Self::Cells(values) => values.len(),
        }
    }

    /// The elements as numbers, if they are constants that are.
    pub(super) fn numbers(&self) -> Option<Vec<f64>> {
        match self {
            Self::Numbers(values) => Some(values.clone()),
            Self::Integers(values) => values
                .iter()
                .map(|&x| (x.unsigned_abs() <= 1 << 53).then_some(x as f64))
                .collect(),
            Self::Strings(_) | Self::Cells(_) => None,
        }
    }

    /// The elements at `places`, which are in range.
    pub(super) fn gather(&self, places: &[usize]) -> Self {
        fn of<T: Clone>(values: &[T], places: &[usize]) -> Vec<T> {
            places.iter().map(|&at| values[at].clone()).collect()
        }
        match self {
            Self::Numbers(values) => Self::Numbers(of(values, places)),
            Self::Integers(values) => Self::Integers(of(values, places)),
            Self::Strings(values) => Self::Strings(of(values, places)),
            Self::Cells(values) => Self::Cells(of(values, places)),
        }
    }

    /// Work to copy the heaviest of its elements.
    pub(super) fn heaviest(&self) -> usize {
        match self {
            Self::Numbers(_) | Self::Integers(_) => 1,
            Self::Strings(values) => 4 + values.iter().map(String::len).max().unwrap_or(0) / 8,
            Self::Cells(cells) => cells.iter().map(Cell::size).max().unwrap_or(0),
        }
    }

    /// Whether it is the same for every row.
    pub(super) fn is_constant(&self) -> bool {
        !matches!(self, Self::Cells(_))
    }

    /// Elements as text, as class labels are written.
    pub(super) fn labels(&self) -> Option<Vec<String>> {
        match self {
            Self::Strings(labels) => Some(labels.clone()),
            Self::Integers(labels) => Some(labels.iter().map(i64::to_string).collect()),
            Self::Numbers(labels) => Some(labels.iter().map(f64::to_string).collect()),
            Self::Cells(_) => None,
        }
    }
}

impl Tensor {
    pub(super) fn new(proto: &TensorProto) -> Result<Self, OnnxError> {
        let name = proto.name.clone();
        let refuse = |message: String| OnnxError::Tensor {
            name: name.clone(),
            message,
        };
        if proto.data_location != 0 {
            return Err(refuse(
                "its data is in another file; save the model as one file".to_owned(),
            ));
        }
        let shape: Option<Vec<usize>> = proto
            .dims
            .iter()
            .map(|&d| usize::try_from(d).ok())
            .collect();
        let shape = shape
            .ok_or_else(|| refuse(format!("the shape {:?} has a negative size", proto.dims)))?;
        let element = Element::from_number(i64::from(proto.data_type)).ok_or_else(|| {
            refuse(format!(
                "elements of type {} are not supported; use float, double or integers",
                proto.data_type
            ))
        })?;
        let data = data(proto, element).map_err(&refuse)?;
        let expected = shape
            .iter()
            .try_fold(1_usize, |size, &d| size.checked_mul(d));
        if expected != Some(data.len()) {
            return Err(refuse(format!(
                "{} elements do not fill the shape {shape:?}",
                data.len()
            )));
        }
        Ok(Self {
            element,
            dims: shape.into_iter().map(Dim::Fixed).collect(),
            data,
        })
    }

    pub(super) fn cells(element: Element, dims: Vec<Dim>, cells: Vec<Cell>) -> Self {
        Self {
            element,
            dims,
            data: Data::Cells(cells),
        }
    }

    /// `[rows, exprs.len()]`
    pub(super) fn columns(
        element: Element,
        exprs: impl IntoIterator<Item = super::cell::Expr>,
    ) -> Self {
        let cells: Vec<Cell> = exprs.into_iter().map(Cell::new).collect();
        Self::cells(element, vec![Dim::Rows, Dim::Fixed(cells.len())], cells)
    }

    pub(super) fn vector(element: Element, data: Data) -> Self {
        Self {
            element,
            dims: vec![Dim::Fixed(data.len())],
            data,
        }
    }

    /// Sizes as they are stored.
    pub(super) fn sizes(&self) -> Vec<usize> {
        self.dims.iter().map(|dim| dim.stored()).collect()
    }

    pub(super) fn has_rows(&self) -> bool {
        self.dims.iter().any(|dim| dim.has_rows())
    }

    /// The elements as numbers, if they are constants that are.
    pub(super) fn numbers(&self) -> Option<Vec<f64>> {
        self.data.numbers()
    }

    /// The elements as integers, if they are constants that are.
    pub(super) fn integers(&self) -> Option<&[i64]> {
        match &self.data {
            Data::Integers(values) => Some(values),
            _ => None,
        }
    }

    /// The elements as cells, constants too where they are numbers.
    pub(super) fn to_cells(&self) -> Option<Vec<Cell>> {
        if let Data::Cells(cells) = &self.data {
            return Some(cells.clone());
        }
        let constant = |x: f64| Cell::new(super::cell::Expr::Affine(Form::constant(x)));
        Some(self.numbers()?.into_iter().map(constant).collect())
    }

    /// Integers of which none depends on the rows, as constants: such are parts of a shape that has rows.
    pub(super) fn settled(mut self) -> Self {
        if let Data::Cells(cells) = &self.data
            && self.element.is_integer()
            && !self.has_rows()
        {
            let constant = |cell: &Cell| integer(cell.expr.as_constant()?);
            if let Some(integers) = cells.iter().map(constant).collect() {
                self.data = Data::Integers(integers);
            }
        }
        self
    }

    /// Work that it takes to copy it.
    pub(super) fn size(&self) -> usize {
        match &self.data {
            Data::Cells(cells) => cells.iter().map(Cell::size).sum(),
            data => data.len().saturating_mul(data.heaviest()),
        }
    }
}

/// Elements from whichever field holds them.
fn data(proto: &TensorProto, element: Element) -> Result<Data, String> {
    if element == Element::String {
        let strings = proto
            .string_data
            .iter()
            .map(|bytes| String::from_utf8_lossy(bytes).into_owned());
        return Ok(Data::Strings(strings.collect()));
    }
    if let Some(raw) = &proto.raw_data {
        return raw_data(raw, element);
    }
    let wrapped = |values: &[i32]| values.iter().map(|&x| element.wrap(x.into())).collect();
    Ok(match element {
        Element::Float16 => Data::Numbers(
            proto
                .int32_data
                .iter()
                .map(|&bits| half_from_bits(u16::try_from(bits).unwrap_or(0x7e00)))
                .collect(),
        ),
        Element::Float32 => Data::Numbers(proto.float_data.iter().map(|&x| f64::from(x)).collect()),
        Element::Float64 => Data::Numbers(proto.double_data.clone()),
        Element::Int64 => Data::Integers(proto.int64_data.clone()),
        Element::Uint32 => Data::Integers(
            proto
                .uint64_data
                .iter()
                .map(|&x| i64::from(u32::try_from(x).unwrap_or(u32::MAX)))
                .collect(),
        ),
        _ => Data::Integers(wrapped(&proto.int32_data)),
    })
}

fn raw_data(raw: &[u8], element: Element) -> Result<Data, String> {
    fn each<const N: usize, T>(raw: &[u8], read: impl Fn([u8; N]) -> T) -> Result<Vec<T>, String> {
        let (elements, rest) = raw.as_chunks::<N>();
        if !rest.is_empty() {
            return Err(format!(
                "{} raw bytes are no whole number of elements of {N}",
                raw.len()
            ));
        }
        Ok(elements.iter().map(|bytes| read(*bytes)).collect())
    }
    match element {
        Element::Float16 => each(raw, |b| half_from_bits(u16::from_le_bytes(b))).map(Data::Numbers),
        Element::Float32 => each(raw, |b| f64::from(f32::from_le_bytes(b))).map(Data::Numbers),
        Element::Float64 => each(raw, f64::from_le_bytes).map(Data::Numbers),
        Element::Int8 => each(raw, |b| i64::from(i8::from_le_bytes(b))).map(Data::Integers),
        Element::Int16 => each(raw, |b| i64::from(i16::from_le_bytes(b))).map(Data::Integers),
        Element::Int32 => each(raw, |b| i64::from(i32::from_le_bytes(b))).map(Data::Integers),
        Element::Int64 => each(raw, i64::from_le_bytes).map(Data::Integers),
        Element::Uint8 => each(raw, |[b]| i64::from(b)).map(Data::Integers),
        Element::Bool => each(raw, |[b]| i64::from(b != 0)).map(Data::Integers),
        Element::Uint16 => each(raw, |b| i64::from(u16::from_le_bytes(b))).map(Data::Integers),
        Element::Uint32 => each(raw, |b| i64::from(u32::from_le_bytes(b))).map(Data::Integers),
        Element::String => Err("strings have no raw bytes".to_owned()),
    }
}
