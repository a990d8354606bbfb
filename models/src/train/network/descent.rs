//! Epochs of Adam over a quantized, more and more sparse network.

use core::ops::ControlFlow;

use serde::{Deserialize, Serialize};

use super::graph::Graph;
use super::problem::Problem;
use super::settings::Settings;
use super::state::{ActivationState, LayerState, Parameter, State, Step};
use crate::network::Layer;
use crate::random::Random;
use crate::train::Epoch;

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

/// The best network: by the rows held out or, without these, by the loss of those trained on.
pub(super) fn descend(
    problem: &Problem,
    train: &[usize],
    held_out: &[usize],
    settings: &Settings,
    resumed: Option<Progress>,
    tell: &mut Tell<'_>,
) -> candle_core::Result<Vec<Layer>> {
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
        let pruned = at.epoch >= settings.first_pruned();
        if at.epoch <= settings.first_pruned() {
            let progress = settings.pruning(at.epoch);
            settings.budget.prune(&mut at.state, &bits, progress);
        }
        let loss = epoch(problem, train, settings, &mut at, pruned)?;
        at.epoch += 1;
        let layers = network(&at.state, settings)?;
        let rows = if held_out.is_empty() { train } else { held_out };
        let invalid = || candle_core::Error::Msg("the weights overflow".to_owned());
        let (held_loss, score) = problem.evaluate(&layers, rows).ok_or_else(invalid)?;
        if pruned {
            settings.keep_best(&mut at, score, held_loss, layers);
        }
        let told = Epoch {
            epoch: at.epoch,
            epochs: settings.epochs,
            loss,
            score,
            score_name: "",
        };
        let stop = tell(&told, &at).is_break();
        if stop
            || settings
                .patience
                .is_some_and(|patience| at.idle >= patience)
        {
            break;
        }
    }
    match at.best.take() {
        Some(best) => Ok(best.layers),
        None => {
            settings.budget.prune(&mut at.state, &bits, 1.0);
            network(&at.state, settings)
        }
    }
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
    let rows = order.len();
    Random::new(settings.seed)
        .branch(at.epoch as u64 + 1)
        .choose(&mut order, rows);
    let batches = order.chunks(settings.batch_size);
    let (count, mut total) = (batches.len(), 0.0);
    for (number, rows) in batches.enumerate() {
        let done = (at.epoch as f64 + number as f64 / count as f64) / settings.epochs as f64;
        at.steps += 1;
        let step = Step {
            rate: settings.learning_rate
                * (0.5 + 0.5 * (core::f64::consts::PI * done).cos()).max(0.01),
            number: at.steps,
        };
        let integers = at.state.integers(&settings.limits).map_err(invalid)?;
        let graph = Graph::new(&at.state, &integers)?;
        let loss = problem.loss(rows, &graph.scores(&problem.batch(rows)?)?)?;
        total += loss.to_scalar::<f64>()? * rows.len() as f64;
        let decay = settings.alpha / rows.len() as f64;
        let gradients = graph.gradients(&loss)?;
        for (layer, mut gradients) in at.state.layers.iter_mut().zip(gradients) {
            let weights = layer.weights.values.iter().zip(&layer.mask);
            for (gradient, (weight, &kept)) in gradients.weights.iter_mut().zip(weights) {
                // Until all pruning is done, weights may come back.
                *gradient = if kept || !pruned {
                    *gradient + decay * weight
                } else {
                    0.0
                };
            }
            layer.step(gradients, step);
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

impl Progress {
    /// Whether training under `settings` can go on from here.
    pub(super) fn fits(&self, settings: &Settings, problem: &Problem) -> bool {
        let start = settings.start(problem);
        let pairs = || self.state.layers.iter().zip(&start.layers);
        self.epoch <= settings.epochs
            && self.steps >= 0
            && self.state.layers.len() == start.layers.len()
            && self.state.input_max == start.input_max
            && pairs().all(|(layer, start)| layer.has_shape_of(start))
    }
}

impl Settings {
    /// The first epoch whose network keeps the budget; from it on, the best network counts.
    fn first_pruned(&self) -> usize {
        (self.epochs * 3).div_ceil(5).min(self.epochs - 1)
    }

    /// How far pruning is in an epoch, 0 to 1.
    fn pruning(&self, epoch: usize) -> f64 {
        const STARTS: f64 = 0.1;
        let done = epoch as f64 / self.first_pruned().max(1) as f64;
        if epoch >= self.first_pruned() {
            return 1.0;
        }
        ((done - STARTS) / (0.9 - STARTS)).clamp(0.0, 1.0)
    }

    /// Weights such that sums have variance 1 and mean 0.
    pub(super) fn start(&self, problem: &Problem) -> State {
        let mut random = Random::new(self.seed);
        let mut uniform = |width: f64| width * (2.0 * random.unit() - 1.0);
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
                -row.iter()
                    .zip(&means)
                    .map(|(w, mean)| w * mean)
                    .sum::<f64>()
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
