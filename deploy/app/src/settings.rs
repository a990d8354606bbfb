//! What a compilation can be told, by name; whatever would have no effect is refused.

use tenebra_circuit::{Hide, Optimize, Options, QueryMode};
use tenebra_models::forest::BinsMode;
use tenebra_models::network::NetworkOptions;
use tenebra_models::quantized::Calibration;
use tenebra_models::{Model, QuantizeOptions};

use crate::compile::{CompileOptions, decoys};
use crate::error::Error;

/// Most responses that a model can be hidden in.
const MAX_RESPONSES: u64 = 1 << 40;

/// Codes of trees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bins {
    /// Even steps of `n_bits` bits.
    Uniform,
    /// The model's own split points: exact.
    Thresholds,
}

/// What is asked of a compilation; `None` is the default of the kind of model.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// Bits of a feature's code and of a weight, 2 to 16; of trees with [`Bins::Uniform`] alone; of a float network of an input's code, 1
    /// to 8.
    pub n_bits: Option<u8>,
    /// Bits of a weight of a float network's hidden layers, 2 to 8.
    pub weight_bits: Option<u8>,
    /// Bits of the activations of a float network, 1 to 8.
    pub activation_bits: Option<u8>,
    /// Codes of trees.
    pub bins: Option<Bins>,
    /// How the range of a linear model's features is found in the calibration data.
    pub range: Option<Calibration>,
    /// Hides split points among decoys: codes of so many more bits, 0 to 4.
    pub decoy_bits: Option<u8>,
    /// Bits of a leaf, 1 to 24.
    pub leaf_bits: Option<u8>,
    /// Whether queries are ready to use, or packed.
    pub query: QueryMode,
    /// What is least in the plan that is chosen.
    pub optimize: Optimize,
    /// log2 of the largest acceptable probability of a wrong result.
    pub p_fail_log2: f64,
    /// Hides a linear model from its clients in so many responses, rounded up to a power of two; up to 2^40.
    pub hide_responses: Option<u64>,
    /// log2 of the advantage with which these tell two models apart, -1 to -64.
    pub hide_advantage_log2: Option<i32>,
    /// Whether the noise of every plan is measured before it is taken.
    pub measure: bool,
}

impl Default for Settings {
    fn default() -> Self {
        let CompileOptions { plan, measure, .. } = CompileOptions::default();
        Self {
            n_bits: None,
            weight_bits: None,
            activation_bits: None,
            bins: None,
            range: None,
            decoy_bits: None,
            leaf_bits: None,
            query: plan.query,
            optimize: plan.optimize,
            p_fail_log2: plan.p_fail_log2,
            hide_responses: None,
            hide_advantage_log2: None,
            measure,
        }
    }
}

impl Settings {
    /// The options of a compilation of `model`.
    ///
    /// # Errors
    /// [`Error::NoEffect`] for a setting that would change nothing, [`Error::Setting`] for one out of its range.
    pub fn options(&self, model: &Model) -> Result<CompileOptions, Error> {
        self.check_effects(model)?;
        Ok(CompileOptions {
            quantize: self.quantize_options(model)?,
            plan: Options {
                p_fail_log2: self.p_fail_log2,
                query: self.query,
                optimize: self.optimize,
                hide: self.hide()?,
                ..Options::default()
            },
            measure: self.measure,
        })
    }

    fn quantize_options(&self, model: &Model) -> Result<QuantizeOptions, Error> {
        if is_float_network(model) {
            let bits = |setting, bits: Option<u8>, min| {
                let bits = bits.map(|bits| within(setting, bits.into(), min, 8));
                bits.transpose()
            };
            return Ok(QuantizeOptions {
                network: NetworkOptions {
                    input_bits: bits("n_bits", self.n_bits, 1)?,
                    weight_bits: bits("weight_bits", self.weight_bits, 2)?,
                    activation_bits: bits("activation_bits", self.activation_bits, 1)?,
                },
                ..QuantizeOptions::default()
            });
        }
        let n_bits = within("n_bits", self.n_bits.unwrap_or(8).into(), 2, 16)?;
        let mut quantize = QuantizeOptions::with_bits(n_bits)?;
        quantize.forest.bins = match self.bins {
            Some(Bins::Uniform) => BinsMode::Uniform(quantize.input_bits),
            Some(Bins::Thresholds) | None => BinsMode::Thresholds,
        };
        quantize.forest.leaf_bits = self.leaf_bits;
        quantize.calibration = self.range.unwrap_or_default();
        if let Some(bits) = self.decoy_bits {
            let bits = within("decoy_bits", bits.into(), 0, 4)?;
            quantize.forest.decoys = Some(decoys(model, bits)?);
        }
        Ok(quantize)
    }

    fn hide(&self) -> Result<Option<Hide>, Error> {
        let Some(responses) = self.hide_responses else {
            return match self.hide_advantage_log2 {
                Some(_) => Err(Error::NoEffect {
                    setting: "hide_advantage",
                    why: "the model is not hidden; `hide_model` says in how many responses it is to be",
                }),
                None => Ok(None),
            };
        };
        if !(1..=MAX_RESPONSES).contains(&responses) {
            let max = MAX_RESPONSES.cast_signed();
            return Err(Error::Setting {
                setting: "hide_model",
                value: i64::try_from(responses).unwrap_or(i64::MAX),
                min: 1,
                max,
            });
        }
        let advantage = self
            .hide_advantage_log2
            .map(|log2| within("hide_advantage", log2.into(), -64, -1).map(|_: i8| log2));
        let advantage = advantage.transpose()?.map(i32::unsigned_abs);
        let default = Hide::default();
        Ok(Some(Hide {
            responses_log2: u8::try_from(responses.next_power_of_two().ilog2()).unwrap_or(u8::MAX),
            advantage_bits: advantage
                .and_then(|bits| u8::try_from(bits).ok())
                .unwrap_or(default.advantage_bits),
        }))
    }

    /// Refuses settings that would change nothing.
    fn check_effects(&self, model: &Model) -> Result<(), Error> {
        let bins = (self.bins.is_some(), "bins");
        let decoy_bits = (self.decoy_bits.is_some(), "decoy_bits");
        let leaf_bits = (self.leaf_bits.is_some(), "leaf_bits");
        let n_bits = (self.n_bits.is_some(), "n_bits");
        let range = (self.range.is_some(), "range");
        let weight_bits = (self.weight_bits.is_some(), "weight_bits");
        let activation_bits = (self.activation_bits.is_some(), "activation_bits");
        let packed = (self.query == QueryMode::Packed, "query");
        let optimize = (self.optimize != Optimize::default(), "optimize");
        let uniform = self.bins == Some(Bins::Uniform);
        let of_networks = "it is for networks with float weights";
        match model.behind_steps() {
            Model::Linear(_) => {
                let why = "a linear model has neither split points nor leaves, and its queries are direct";
                refuse(why, &[bins, decoy_bits, leaf_bits, packed])?;
                let why = "a linear model has one plan, which is fastest and smallest";
                refuse(why, &[optimize])?;
                refuse(of_networks, &[weight_bits, activation_bits])
            }
            Model::Network(_) if is_float_network(model) => {
                let why = "a float network is quantized by least error on the calibration data";
                refuse(why, &[range, bins, decoy_bits, leaf_bits])
            }
            Model::Network(_) => {
                let why =
                    "a network is compiled with the codes and weights that it was trained with";
                refuse(why, &[n_bits, weight_bits, activation_bits, range])?;
                refuse(why, &[bins, decoy_bits, leaf_bits])
            }
            _ => {
                let own =
                    "the codes are the model's own thresholds; uniform ones take so many bits";
                refuse(own, &[(n_bits.0 && !uniform, n_bits.1)])?;
                let why = "uniform codes have no split points to hide";
                refuse(why, &[(decoy_bits.0 && uniform, decoy_bits.1)])?;
                let why = "it is for linear models; this one takes the ranges of its split points";
                refuse(why, &[range])?;
                refuse(of_networks, &[weight_bits, activation_bits])
            }
        }
    }
}

fn is_float_network(model: &Model) -> bool {
    matches!(model.behind_steps(), Model::Network(network) if !network.is_quantized())
}

/// Refuses the first of these settings that is given.
fn refuse(why: &'static str, settings: &[(bool, &'static str)]) -> Result<(), Error> {
    match settings.iter().find(|(given, _)| *given) {
        Some((_, setting)) => Err(Error::NoEffect { setting, why }),
        None => Ok(()),
    }
}

/// `value`, if it lies in its range.
fn within<T: TryFrom<i64>>(
    setting: &'static str,
    value: i64,
    min: i64,
    max: i64,
) -> Result<T, Error> {
    let refused = Error::Setting {
        setting,
        value,
        min,
        max,
    };
    if !(min..=max).contains(&value) {
        return Err(refused);
    }
    T::try_from(value).map_err(|_| refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = r#"{"format":"tenebra-model","version":1,"kind":"linear","estimator":"LinearRegression",
        "n_features":1,"coef":[[2]],"intercept":[1],"inverse_link":"identity","decision":"none"}"#;
    const TREE: &str = r#"{"format":"tenebra-model","version":1,"kind":"forest","estimator":"DecisionTreeRegressor",
        "n_features":1,"round_to_f32":true,"trees":[{"first_output":0,"nodes":[{"leaf":[1]}]}],"bias":[0],
        "inverse_link":"identity","decision":"none"}"#;

    const NETWORK: &str = r#"{"format":"tenebra-model","version":1,"kind":"network","estimator":"MLPRegressor","n_features":1,
        "layers":[{"weights":[[[0,2.0]]],"scale":[1],"bias":[0],"activation":{"name":"relu"}},
        {"weights":[[[0,1.0]]],"scale":[1],"bias":[0],"activation":{"name":"identity"}}],
        "inverse_link":"identity","decision":"none"}"#;

    struct Case {
        model: &'static str,
        settings: Settings,
        message: &'static str,
    }

    #[test]
    fn what_has_no_effect_or_no_sense_is_refused_by_name() {
        let default = Settings::default();
        let cases = [
            Case {
                model: LINE,
                settings: Settings {
                    leaf_bits: Some(3),
                    ..default
                },
                message: "`leaf_bits` has no effect",
            },
            Case {
                model: LINE,
                settings: Settings {
                    n_bits: Some(17),
                    ..default
                },
                message: "`n_bits` is 17; it must be 2 to 16",
            },
            Case {
                model: LINE,
                settings: Settings {
                    hide_responses: Some(MAX_RESPONSES + 1),
                    ..default
                },
                message: "`hide_model` is 1099511627777",
            },
            Case {
                model: LINE,
                settings: Settings {
                    hide_responses: Some(5),
                    hide_advantage_log2: Some(0),
                    ..default
                },
                message: "`hide_advantage` is 0; it must be -64 to -1",
            },
            Case {
                model: LINE,
                settings: Settings {
                    hide_advantage_log2: Some(-9),
                    ..default
                },
                message: "`hide_advantage` has no effect",
            },
            Case {
                model: LINE,
                settings: Settings {
                    optimize: Optimize::Bandwidth,
                    ..default
                },
                message: "`optimize` has no effect",
            },
            Case {
                model: TREE,
                settings: Settings {
                    n_bits: Some(6),
                    ..default
                },
                message: "`n_bits` has no effect: the codes are the model's own thresholds",
            },
            Case {
                model: TREE,
                settings: Settings {
                    weight_bits: Some(4),
                    ..default
                },
                message: "`weight_bits` has no effect",
            },
            Case {
                model: NETWORK,
                settings: Settings {
                    n_bits: Some(9),
                    ..default
                },
                message: "`n_bits` is 9; it must be 1 to 8",
            },
            Case {
                model: NETWORK,
                settings: Settings {
                    leaf_bits: Some(9),
                    ..default
                },
                message: "`leaf_bits` has no effect: a float network",
            },
            Case {
                model: TREE,
                settings: Settings {
                    decoy_bits: Some(5),
                    ..default
                },
                message: "`decoy_bits` is 5; it must be 0 to 4",
            },
        ];
        for case in cases {
            let model = Model::from_json(case.model).unwrap();
            let found = case.settings.options(&model).unwrap_err().to_string();
            assert!(found.contains(case.message), "{found}");
        }
    }

    #[test]
    fn settings_reach_the_options() {
        let settings = Settings {
            n_bits: Some(5),
            hide_responses: Some(5),
            hide_advantage_log2: Some(-20),
            ..Settings::default()
        };
        let options = settings.options(&Model::from_json(LINE).unwrap()).unwrap();
        assert_eq!(options.quantize, QuantizeOptions::with_bits(5).unwrap());
        let hide = Hide {
            responses_log2: 3,
            advantage_bits: 20,
        };
        assert_eq!(options.plan.hide, Some(hide));
    }
}
