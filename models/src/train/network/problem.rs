//! What is learned from: codes and targets.

use candle_core::{Device, Result, Tensor};

use crate::network::Layer;
use tenebra_quant::Affine;

/// Rows of codes and what to say of them.
#[derive(Clone, Debug)]
pub(super) struct Problem {
    /// Row by row.
    pub(super) codes: Vec<f64>,
    /// Codes of a row.
    pub(super) inputs: usize,
    pub(super) targets: Targets,
    /// How much a row counts, 1 on average.
    pub(super) weights: Vec<f64>,
}

/// What to say of the rows.
#[derive(Clone, Debug)]
pub(super) enum Targets {
    /// Numbers, row by row, of mean 0 and variance 1; squared error.
    Numbers { values: Vec<f64>, outputs: usize },
    /// 0 or 1; log loss of one score.
    Binary(Vec<f64>),
    /// Classes, from 0; log loss of a score each.
    Classes { codes: Vec<usize>, classes: usize },
}

impl Targets {
    pub(super) fn outputs(&self) -> usize {
        match self {
            Self::Numbers { outputs, .. } => *outputs,
            Self::Binary(_) => 1,
            Self::Classes { classes, .. } => *classes,
        }
    }

    /// Loss of the scores of a row.
    fn loss(&self, row: usize, scores: &[f64]) -> f64 {
        match self {
            Self::Numbers { values, outputs } => {
                let pairs = scores.iter().zip(&values[row * outputs..]);
                pairs.map(|(s, y)| (s - y).powi(2)).sum::<f64>() / 2.0
            }
            Self::Binary(values) => softplus(scores[0]) - values[row] * scores[0],
            Self::Classes { codes, .. } => {
                let most = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let sum: f64 = scores.iter().map(|s| (s - most).exp()).sum();
                most + sum.ln() - scores[codes[row]]
            }
        }
    }

    /// Whether the class is right, or the squared error of a regression, negated.
    fn score(&self, row: usize, scores: &[f64]) -> f64 {
        match self {
            Self::Numbers { outputs, .. } => -2.0 * self.loss(row, scores) / *outputs as f64,
            Self::Binary(values) => f64::from((scores[0] > 0.0) == (values[row] > 0.5)),
            Self::Classes { codes, .. } => {
                let mut best = 0;
                for (class, score) in scores.iter().enumerate() {
                    if *score > scores[best] {
                        best = class;
                    }
                }
                f64::from(best == codes[row])
            }
        }
    }
}

fn softplus(s: f64) -> f64 {
    s.max(0.0) + (-s.abs()).exp().ln_1p()
}

impl Problem {
    pub(super) fn rows(&self) -> usize {
        self.weights.len()
    }

    /// The codes of some rows as a tensor.
    pub(super) fn batch(&self, rows: &[usize]) -> Result<Tensor> {
        let n = self.inputs;
        let codes = rows
            .iter()
            .flat_map(|row| self.codes[row * n..(row + 1) * n].iter().copied());
        Tensor::from_vec(codes.collect::<Vec<_>>(), (rows.len(), n), &Device::Cpu)
    }

    /// The mean loss of some rows' scores.
    pub(super) fn loss(&self, rows: &[usize], scores: &Tensor) -> Result<Tensor> {
        let (device, n) = (&Device::Cpu, rows.len());
        let losses = match &self.targets {
            Targets::Numbers { values, outputs } => {
                let y = rows
                    .iter()
                    .flat_map(|row| &values[row * outputs..(row + 1) * outputs]);
                let y = Tensor::from_vec(y.copied().collect(), (n, *outputs), device)?;
                ((scores - y)?.sqr()?.sum(1)? / 2.0)?
            }
            Targets::Binary(values) => {
                let y = rows.iter().map(|&row| values[row]).collect::<Vec<_>>();
                let y = Tensor::from_vec(y, n, device)?;
                let s = scores.flatten_all()?;
                let soft = ((s.abs()?.neg()?.exp()? + 1.0)?.log()? + s.relu()?)?;
                (soft - (s * y)?)?
            }
            Targets::Classes { codes, classes } => {
                let mut y = vec![0.0; n * classes];
                for (at, &row) in rows.iter().enumerate() {
                    y[at * classes + codes[row]] = 1.0;
                }
                let y = Tensor::from_vec(y, (n, *classes), device)?;
                (scores.log_sum_exp(1)? - (scores * y)?.sum(1)?)?
            }
        };
        let weights = rows.iter().map(|&row| self.weights[row]);
        let weights = Tensor::from_vec(weights.collect::<Vec<_>>(), n, device)?;
        (losses * weights)?.mean_all()
    }

    /// Mean loss and score of `layers` on `rows`, by integers.
    pub(super) fn evaluate(&self, layers: &[Layer], rows: &[usize]) -> Option<(f64, f64)> {
        let affines: Vec<Option<Affine<f64>>> = layers
            .iter()
            .map(|layer| layer.codes.and_then(|codes| codes.affine().ok()))
            .collect();
        let (mut loss, mut score, mut total) = (0.0, 0.0, 0.0);
        for &row in rows {
            let codes = &self.codes[row * self.inputs..(row + 1) * self.inputs];
            let scores = integer_scores(layers, &affines, codes)?;
            loss += self.weights[row] * self.targets.loss(row, &scores);
            score += self.weights[row] * self.targets.score(row, &scores);
            total += self.weights[row];
        }
        (total > 0.0).then(|| (loss / total, score / total))
    }
}

/// What the circuit computes of codes, as scores.
pub(super) fn integer_scores(
    layers: &[Layer],
    affines: &[Option<Affine<f64>>],
    codes: &[f64],
) -> Option<Vec<f64>> {
    let mut x = codes.to_vec();
    for (layer, affine) in layers.iter().zip(affines) {
        let neuron = |neuron| {
            let sum = layer.sum(neuron, &x);
            match affine {
                Some(affine) => layer.code(neuron, sum, affine).ok().map(f64::from),
                None => Some(layer.activate(neuron, sum)),
            }
        };
        x = (0..layer.weights.len())
            .map(neuron)
            .collect::<Option<_>>()?;
    }
    Some(x)
}
