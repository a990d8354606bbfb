//! From hyper-parameters to what training keeps to.

use super::budget::Budget;
use super::estimators::{ActivationName, Network};
use super::weights::WeightLimits;
use crate::network::{Activation, ActivationCodes, CostModel, LayerLoad};
use crate::train::TrainError;
use crate::train::params::List;

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

/// Bits of a weight of the last layer, with its sign; its weights are free.
const LAST_WEIGHT_BITS: u8 = 8;

impl Settings {
    /// What `params` say for so many inputs and outputs.
    ///
    /// # Errors
    /// [`TrainError::Combination`] for lists of another length than layers, and budgets that cannot be kept.
    pub(super) fn new(
        estimator: &'static str,
        params: &Network,
        inputs: usize,
        outputs: usize,
        costs: &dyn CostModel,
    ) -> Result<Self, TrainError> {
        let hidden: Vec<usize> = params
            .hidden_layer_sizes
            .as_slice()
            .iter()
            .map(|&n| usize::try_from(n).unwrap_or(1))
            .collect();
        let layers = Layers {
            estimator,
            params,
            count: hidden.len(),
        };
        let activation_bits = layers.bits("activation_bits", &params.activation_bits)?;
        let limits = layers.limits(inputs, &hidden, &activation_bits, outputs)?;
        let mut settings = Self {
            hidden,
            activation: match params.activation {
                ActivationName::Relu => Activation::Relu,
                ActivationName::Tanh => Activation::Tanh,
                ActivationName::Logistic => Activation::Logistic,
                ActivationName::Identity => Activation::Identity,
            },
            activation_bits,
            limits,
            budget: Budget {
                max_weights: params.max_weights,
                max_products: params.max_products,
            },
            alpha: params.alpha,
            learning_rate: params.learning_rate_init,
            batch_size: params.batch_size,
            epochs: params.max_iter,
            patience: params.early_stopping.then_some(params.n_iter_no_change),
            tol: params.tol,
            seed: params.random_state,
        };
        let least: usize = settings.bits().iter().take(settings.hidden.len()).sum();
        if let Some(most) = params.max_products.filter(|most| *most < least) {
            return Err(layers.combination(format!(
                "max_products = {most}, but one weight in each hidden layer takes {least} products; allow more, or use fewer bits (n_bits, activation_bits)"
            )));
        }
        if let Some(milliseconds) = params.max_milliseconds {
            let products = settings.products_within(milliseconds, costs);
            let products = products.map_err(|least| {
                layers.combination(format!(
                    "max_milliseconds = {milliseconds}, but these layers take {least:.1} ms without any weight; use fewer or smaller layers"
                ))
            })?;
            if products < least {
                let takes = costs.milliseconds(&settings.loads(least));
                return Err(layers.combination(format!(
                    "max_milliseconds = {milliseconds}, but one weight in each hidden layer takes {takes:.2} ms; allow more, or use fewer layers or bits (n_bits, activation_bits)"
                )));
            }
            let most = settings.budget.max_products.unwrap_or(usize::MAX);
            settings.budget.max_products = Some(products.min(most));
        }
        Ok(settings)
    }

    /// Bits of the values that each layer reads.
    pub(super) fn bits(&self) -> Vec<usize> {
        let bits = |limits: &WeightLimits| {
            let width = limits.widths.iter().copied().max().unwrap_or(1);
            (i64::BITS - width.leading_zeros()) as usize
        };
        self.limits.iter().map(bits).collect()
    }

    /// The most products that take at most so many milliseconds, spread evenly over the weights; else what no products take.
    fn products_within(&self, milliseconds: f64, costs: &dyn CostModel) -> Result<usize, f64> {
        let all: usize = self
            .loads(usize::MAX)
            .iter()
            .map(|load| load.products)
            .sum();
        let cost = |products| costs.milliseconds(&self.loads(products));
        if cost(0) > milliseconds {
            return Err(cost(0));
        }
        // `low` fits; `high` does not, or is one too many.
        let (mut low, mut high) = (0, all + 1);
        while high - low > 1 {
            let middle = usize::midpoint(low, high);
            if cost(middle) <= milliseconds {
                low = middle;
            } else {
                high = middle;
            }
        }
        Ok(low)
    }

    /// What the layers load if all weights, or those of so many products, are kept.
    fn loads(&self, products: usize) -> Vec<LayerLoad> {
        let bits = self.bits();
        let dense = |at: usize| self.limits[at].widths.len() * self.hidden[at] * bits[at];
        let all: usize = (0..self.hidden.len()).map(dense).sum();
        let hidden = self.hidden.iter().enumerate().map(|(at, &neurons)| {
            let part = dense(at) as u128 * products.min(all) as u128 / all.max(1) as u128;
            let products = usize::try_from(part).unwrap_or(usize::MAX);
            LayerLoad {
                neurons,
                weights: products / bits[at].max(1),
                products,
                widest: (self.limits[at].max_reach + 1, 0),
                most_weights: self.limits[at].widths.len(),
                activation_bits: self.activation_bits[at],
            }
        });
        let last = LayerLoad {
            neurons: 0,
            weights: 0,
            products: 0,
            widest: (0, 0),
            most_weights: 0,
            activation_bits: 0,
        };
        hidden.chain([last]).collect()
    }
}

/// The largest code of so many bits.
fn max_code(bits: u8) -> i64 {
    ActivationCodes::new(0.0, 1.0, bits).max_code().into()
}

/// What has slots: the last hidden layer needs one per output, the others one per row of the next layer's gadgets.
fn default_ranges(hidden: usize, outputs: usize) -> Vec<i64> {
    /// Most slots of a re-selection, by the parameters that so many layers need.
    const RESELECTION_SLOTS: i64 = 8;
    let (ring, slots) = if hidden > 2 {
        (4096, 2 * RESELECTION_SLOTS)
    } else {
        (2048, RESELECTION_SLOTS)
    };
    let outputs = i64::try_from(outputs).unwrap_or(i64::MAX);
    // Sums of fewer values are of little use: many classes take several rotations.
    let last = (ring / outputs.max(1)).max(64);
    (0..hidden)
        .map(|at| if at + 1 == hidden { last } else { ring / slots })
        .collect()
}

struct Layers<'a> {
    estimator: &'static str,
    params: &'a Network,
    /// Hidden ones.
    count: usize,
}

impl Layers<'_> {
    fn combination(&self, message: String) -> TrainError {
        TrainError::Combination {
            estimator: self.estimator,
            message,
        }
    }

    /// What the weights of all layers keep to.
    fn limits(
        &self,
        inputs: usize,
        hidden: &[usize],
        activation_bits: &[u8],
        outputs: usize,
    ) -> Result<Vec<WeightLimits>, TrainError> {
        let weight_bits = self.bits("weight_bits", &self.params.weight_bits)?;
        let ranges = match &self.params.max_range {
            Some(ranges) => self.list("max_range", ranges)?,
            None => default_ranges(hidden.len(), outputs),
        };
        let input_bits = u8::try_from(self.params.input_bits(inputs)).unwrap_or(u8::MAX);
        let mut widths = vec![max_code(input_bits); inputs];
        let mut limits = Vec::new();
        for (at, &neurons) in hidden.iter().enumerate() {
            limits.push(WeightLimits {
                max_weight: (1 << (weight_bits[at] - 1)) - 1,
                max_reach: ranges[at] - 1,
                widths,
            });
            widths = vec![max_code(activation_bits[at]); neurons];
        }
        limits.push(WeightLimits {
            max_weight: (1 << (LAST_WEIGHT_BITS - 1)) - 1,
            max_reach: (1 << self.params.output_bits) - 1,
            widths,
        });
        for (at, limits) in limits.iter().enumerate() {
            let width = limits.widths.first().copied().unwrap_or(1);
            if limits.max_reach < width {
                let (layer, range, codes) = (at + 1, limits.max_reach + 1, width + 1);
                return Err(self.combination(format!(
                    "layer {layer} reads codes of {codes} values and its sums may take {range}: allow more (max_range, output_bits), or use fewer bits (n_bits, activation_bits)"
                )));
            }
        }
        Ok(limits)
    }

    /// Bits, one value per hidden layer.
    fn bits(&self, name: &str, list: &List) -> Result<Vec<u8>, TrainError> {
        let list = self.list(name, list)?;
        let bits = |&bits: &i64| u8::try_from(bits).unwrap_or(u8::MAX);
        Ok(list.iter().map(bits).collect())
    }

    /// One value per hidden layer.
    fn list(&self, name: &str, list: &List) -> Result<Vec<i64>, TrainError> {
        match list.as_slice() {
            &[one] => Ok(vec![one; self.count]),
            more if more.len() == self.count => Ok(more.to_vec()),
            more => Err(self.combination(format!(
                "{name} has {} values for {} hidden layers; give one, or one per layer",
                more.len(),
                self.count
            ))),
        }
    }
}
