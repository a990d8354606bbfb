//! Linear maps to fewer columns.

use linfa_linalg::qr::QR;
use linfa_linalg::svd::SVD;
use ndarray::{Array2, Axis};
use tenebra_quant::RowStep;

use crate::pipeline::error::PipelineError;
use crate::pipeline::frame::{Column, Frame};
use crate::pipeline::params::{Pca, TruncatedSvd};
use crate::train::Params;

/// Singular values, descending, and right singular vectors as rows, their largest entry positive.
type Singular = (Vec<f64>, Array2<f64>);

fn singular(step: &'static str, matrix: Array2<f64>) -> Result<Singular, PipelineError> {
    let failed = |e: linfa_linalg::LinalgError| PipelineError::Parameter {
        step,
        message: format!("no singular values were found: {e}"),
    };
    let (rows, columns) = matrix.dim();
    // The triangular factor has the same singular values and right vectors, and is square.
    let square = if rows > columns {
        matrix.qr().map_err(failed)?.into_r()
    } else {
        matrix
    };
    let wide = square.nrows() < square.ncols();
    let tall = if wide { square.t().to_owned() } else { square };
    let (u, values, vt) = tall.svd(true, true).map_err(failed)?;
    let vectors = if wide {
        u.map(|u| u.t().to_owned())
    } else {
        vt
    };
    let vectors = vectors.unwrap_or_default();
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*b].total_cmp(&values[*a]));
    let values = order.iter().map(|&at| values[at]).collect();
    let mut vectors = vectors.select(Axis(0), &order);
    for mut row in vectors.rows_mut() {
        let largest = row
            .iter()
            .fold(0.0_f64, |a, x| if x.abs() > a.abs() { *x } else { a });
        if largest < 0.0 {
            row.mapv_inplace(|x| -x);
        }
    }
    Ok((values, vectors))
}

fn matrix(frame: &Frame<'_>, columns: &[Column], means: &[f64]) -> Array2<f64> {
    let mut matrix = Array2::zeros((frame.n_rows(), columns.len()));
    for ((column, mean), mut cells) in columns.iter().zip(means).zip(matrix.columns_mut()) {
        for (cell, value) in cells.iter_mut().zip(frame.values(column)) {
            *cell = value - mean;
        }
    }
    matrix
}

pub(crate) fn pca(
    params: &Params,
    frame: &mut Frame<'_>,
    columns: &[Column],
) -> Result<Vec<Column>, PipelineError> {
    const STEP: &str = "PCA";
    let params = Pca::read(params);
    let (rows, most) = (frame.n_rows(), frame.n_rows().min(columns.len()));
    let refuse = |message: String| {
        Err(PipelineError::Parameter {
            step: STEP,
            message,
        })
    };
    if rows < 2 {
        return refuse(format!(
            "{rows} rows have no variance; at least 2 are needed"
        ));
    }
    let mean = |column: &Column| frame.values(column).sum::<f64>() / rows as f64;
    let means: Vec<f64> = columns.iter().map(mean).collect();
    let (values, vectors) = singular(STEP, matrix(frame, columns, &means))?;
    let variances: Vec<f64> = values.iter().map(|s| s * s / (rows - 1) as f64).collect();
    let count = match params.n_components {
        Some(share) if share < 1.0 => {
            let total: f64 = variances.iter().sum();
            let mut sum = 0.0;
            let enough = variances.iter().position(|variance| {
                sum += variance / total;
                sum > share
            });
            enough.map_or(most, |at| at + 1)
        }
        Some(count) => {
            let wanted = (1..=most).find(|&known| known as f64 == count);
            let Some(wanted) = wanted else {
                return refuse(format!(
                    "`n_components` = {count} must be a whole number up to {most}, the smaller of rows and columns, or a share below 1"
                ));
            };
            wanted
        }
        _ => most,
    };
    let whiten = params.whiten;
    let weights = (0..count).map(|at| {
        let scale = if whiten { variances[at].sqrt() } else { 1.0 };
        let scale = if scale < f64::EPSILON { 1.0 } else { scale };
        vectors
            .row(at)
            .iter()
            .map(|weight| weight / scale)
            .collect()
    });
    let weights: Vec<Vec<f64>> = weights.collect();
    project(STEP, "pca", frame, columns, &means, weights)
}

pub(crate) fn truncated_svd(
    params: &Params,
    frame: &mut Frame<'_>,
    columns: &[Column],
) -> Result<Vec<Column>, PipelineError> {
    const STEP: &str = "TruncatedSVD";
    let params = TruncatedSvd::read(params);
    let (count, most) = (params.n_components, frame.n_rows().min(columns.len()));
    if count > most {
        return Err(PipelineError::Parameter {
            step: STEP,
            message: format!(
                "`n_components` = {count} is above {most}, the smaller of rows and columns"
            ),
        });
    }
    let zeros = vec![0.0; columns.len()];
    let (_, vectors) = singular(STEP, matrix(frame, columns, &zeros))?;
    let weights = (0..count).map(|at| vectors.row(at).to_vec()).collect();
    project(STEP, "truncatedsvd", frame, columns, &zeros, weights)
}

/// Copies of the columns, which then are consecutive, less their means; and sums of them.
fn project(
    step: &'static str,
    name: &str,
    frame: &mut Frame<'_>,
    columns: &[Column],
    means: &[f64],
    weights: Vec<Vec<f64>>,
) -> Result<Vec<Column>, PipelineError> {
    let mut first = columns.first().map_or(0, |column| column.value);
    let consecutive = columns
        .iter()
        .enumerate()
        .all(|(at, c)| c.value == first + at);
    if !consecutive || means.iter().any(|mean| *mean != 0.0) {
        first = frame.width + frame.steps.len();
        for (column, &center) in columns.iter().zip(means) {
            let (from, scale) = (column.value, 1.0);
            frame.push(
                step,
                RowStep::Affine {
                    from,
                    center,
                    scale,
                },
            )?;
        }
    }
    let project = |(at, weights): (usize, Vec<f64>)| {
        frame.column(step, format!("{name}{at}"), RowStep::Dot { first, weights })
    };
    weights.into_iter().enumerate().map(project).collect()
}
