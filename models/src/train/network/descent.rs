//! Epochs of Adam over a quantized, more and more sparse network.

use core::ops::ControlFlow;

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};
use serde::{Deserialize, Serialize};

use super::budget::Budget;
use super::graph::Graph;
use super::problem::Problem;
use super::state::{ActivationState, LayerState, Parameter, State, Step};
use super::weights::WeightLimits;
use crate::network::{Activation, Layer};

/// How to train.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    /// Neurons of the hidden layers.
    pub(super) hidden: Vec<usize>,
    pub(super) activation: Activation,
    /// One per hidden layer.
    pub(super) activation_bits: Vec<u8>,
    /// One per layer.
    pub(super) limits: Vec<WeightLimits>,
    pub(super) budget: Budget,
    /// Strength of the penalty on squared weights.
    pub(super) alpha: f64,
    pub(super) learning_rate: f64,
    pub(super) batch_size: usize,
    pub(super) epochs: usize,
    /// Ends after so many epochs without a better score on the rows held out.
    pub(super) patience: Option<usize>,
    pub(super) tol: f64,
    pub(super) seed: u64,
}

/// Where training is.
#[derive(Clone, Debug, PartialEq)]
pub struct Epoch {
    /// Epochs done.
    pub epoch: usize,
    /// Epochs at most.
    pub epochs: usize,
    /// Mean loss of the rows trained on.
    pub loss: f64,
    /// Accuracy, or negated mean squared error in variances, on the rows held out or, without these, those trained on.
    pub score: f64,
}

/// All that is needed to go on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Progress {
    /// Epochs done.
    epoch: usize,
    steps: i32,
    state: State,
    best: Option<Best>,
    idle: usize,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Best {
    score: f64,
    loss: f64,
    layers: Vec<Layer>,
}

/// What is told of each epoch, and may end training.
pub(super) type Tell<'a> = dyn FnMut(&Epoch, &Progress) -> ControlFlow<()> + 'a;

/// Until here, weights are pruned; from here on, the best network counts.
const PRUNED: f64 = 0.6;

/// The best network: by the rows held out or, without these, by the loss of those trained on.
pub(super) fn descend(
    problem: &Problem,
    train: &[usize],
    held_out: &[usize],
    settings: &Settings,
    resumed: Option<Progress>,
    tell: &mut Tell<'_>,
) -> candle_core::Result<(Vec<Layer>, Option<Progress>)> {
    let mut at = match resumed {
        Some(progress) => progress,
        None => Progress {
            epoch: 0,
            steps: 0,
            state: settings.start(problem),
            best: None,
            idle: 0,
        },
    };
    let bits = settings.bits();
    while at.epoch < settings.epochs {
        let done = at.epoch as f64 / settings.epochs as f64;
        let pruned = done >= PRUNED;
        if !pruned {
            let progress = ((done - 0.05) / (PRUNED - 0.1)).clamp(0.0, 1.0);
            settings.budget.prune(&mut at.state, &bits, progress);
        }
        let loss = epoch(problem, train, settings, &mut at, pruned)?;
        at.epoch += 1;
        let layers = network(&at.state, settings)?;
        let rows = if held_out.is_empty() { train } else { held_out };
        let invalid = || candle_core::Error::Msg("the weights overflow".to_owned());
        let (held_loss, score) = problem.evaluate(&layers, rows).ok_or_else(invalid)?;
        if pruned || at.epoch == settings.epochs {
            settings.keep_best(&mut at, score, held_loss, layers);
        }
        let told = Epoch {
            epoch: at.epoch,
            epochs: settings.epochs,
            loss,
            score,
        };
        let stop = tell(&told, &at).is_break();
        if stop || settings.patience.is_some_and(|patience| at.idle >= patience) {
            break;
        }
    }
    let layers = match at.best.take() {
        Some(best) => best.layers,
        None => {
            settings.budget.prune(&mut at.state, &bits, 1.0);
            network(&at.state, settings)?
        }
    };
    Ok((layers, Some(at)))
}

/// Goes over the rows once; the mean loss on the way.
fn epoch(
    problem: &Problem,
    train: &[usize],
    settings: &Settings,
    at: &mut Progress,
    pruned: bool,
) -> candle_core::Result<f64> {
    let mut order = train.to_vec();
    let mut rng = ChaCha8Rng::seed_from_u64(settings.seed);
    rng.set_stream(at.epoch as u64 + 1);
    for last in (1..order.len()).rev() {
        order.swap(last, below(&mut rng, last + 1));
    }
    let batches = order.chunks(settings.batch_size);
    let (count, mut total) = (batches.len(), 0.0);
    for (number, rows) in batches.enumerate() {
        let done =
            (at.epoch as f64 + number as f64 / count as f64) / settings.epochs as f64;
        at.steps += 1;
        let step = Step {
            rate: settings.learning_rate * (0.5 + 0.5 * (core::f64::consts::PI * done).cos()).max(0.01),
            number: at.steps,
        };
        let integers = at.state.integers(&settings.limits).map_err(invalid)?;
        let graph = Graph::new(&at.state, &integers)?;
        let loss = problem.loss(rows, &graph.scores(&problem.batch(rows)?)?)?;
        total += loss.to_scalar::<f64>()? * rows.len() as f64;
        let decay = settings.alpha / rows.len() as f64;
        let gradients = graph.gradients(&loss)?;
        for (layer, gradients) in at.state.layers.iter_mut().zip(gradients) {
            let decayed = gradients.weights.iter().zip(&layer.weights.values).zip(&layer.mask);
            let decayed: Vec<f64> = decayed
                .map(|((g, w), &kept)| if kept || !pruned { g + decay * w } else { 0.0 })
                .collect();
            layer.weights.step(decayed, step);
            layer.bias.step(gradients.bias, step);
            let range = layer.activation.as_mut().and_then(|a| a.log_range.as_mut());
            if let (Some(range), Some(gradient)) = (range, gradients.range) {
                range.step([gradient], step);
            }
        }
    }
    Ok(total / train.len() as f64)
}

fn invalid(e: impl core::fmt::Display) -> candle_core::Error {
    candle_core::Error::Msg(e.to_string())
}

/// The network as it would be compiled.
fn network(state: &State, settings: &Settings) -> candle_core::Result<Vec<Layer>> {
    let integers = state.integers(&settings.limits).map_err(invalid)?;
    Ok(Graph::new(state, &integers)?.layers)
}

/// A number below `n`; the bias is below 2^-32 for any table that fits the memory.
fn below(rng: &mut ChaCha8Rng, n: usize) -> usize {
    usize::try_from(rng.next_u64() % n as u64).unwrap_or_default()
}

impl Settings {
    /// Bits of the values that each layer reads.
    fn bits(&self) -> Vec<usize> {
        let bits = |limits: &WeightLimits| {
            let width = limits.widths.iter().copied().max().unwrap_or(1);
            (i64::BITS - width.leading_zeros()) as usize
        };
        self.limits.iter().map(bits).collect()
    }

    /// Weights such that sums have variance 1 and mean 0.
    fn start(&self, problem: &Problem) -> State {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        let mut uniform = |width: f64| {
            let unit = (rng.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
            width * (2.0 * unit - 1.0)
        };
        let input_max = self.limits[0].widths.iter().copied().max().unwrap_or(1) as f64;
        let (means, variances) = moments(problem, input_max);
        let mut spread: f64 = variances.iter().sum();
        let mut inputs = problem.inputs;
        let outputs = problem.targets.outputs();
        let mut layers = Vec::new();
        let sizes = self.hidden.iter().copied().chain([outputs]);
        for (at, neurons) in sizes.enumerate() {
            let width = (3.0 / spread.max(1e-12)).sqrt();
            let weights: Vec<f64> = (0..neurons * inputs).map(|_| uniform(width)).collect();
            let bias = |neuron: usize| {
                let row = &weights[neuron * inputs..(neuron + 1) * inputs];
                -row.iter().zip(&means).map(|(w, mean)| w * mean).sum::<f64>()
            };
            let bias = (0..neurons).map(|neuron| if at == 0 { bias(neuron) } else { 0.0 });
            let bits = self.activation_bits.get(at);
            layers.push(LayerState {
                inputs,
                neurons,
                bias: Parameter::new(bias.collect()),
                mask: vec![true; weights.len()],
                weights: Parameter::new(weights),
                activation: bits.map(|&bits| ActivationState::new(self.activation, bits)),
            });
            // Of a rectified or squashed standard normal variable, about.
            spread = 0.5 * neurons as f64;
            inputs = neurons;
        }
        State { input_max, layers }
    }

    fn keep_best(&self, at: &mut Progress, score: f64, loss: f64, layers: Vec<Layer>) {
        let better = |best: &Best| match self.patience {
            Some(_) => (score, -loss) > (best.score, -best.loss),
            None => loss < best.loss,
        };
        let progress = |best: &Best| match self.patience {
            Some(_) => score > best.score + self.tol,
            None => loss < best.loss - self.tol,
        };
        let idle = at.best.as_ref().is_some_and(|best| !progress(best));
        at.idle = if idle { at.idle + 1 } else { 0 };
        if at.best.as_ref().is_none_or(better) {
            at.best = Some(Best {
                score,
                loss,
                layers,
            });
        }
    }
}

/// Mean and variance of each input, in units of `input_max`.
fn moments(problem: &Problem, input_max: f64) -> (Vec<f64>, Vec<f64>) {
    let n = problem.inputs;
    let (mut means, mut squares) = (vec![0.0; n], vec![0.0; n]);
    let rows = problem.rows() as f64;
    for row in problem.codes.chunks(n) {
        for (j, code) in row.iter().enumerate() {
            means[j] += code / input_max / rows;
            squares[j] += (code / input_max).powi(2) / rows;
        }
    }
    let variances = squares.iter().zip(&means).map(|(s, m)| s - m * m);
    let variances = variances.collect();
    (means, variances)
}
