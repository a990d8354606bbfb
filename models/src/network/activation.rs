//! Functions of one number between layers.

use serde::{Deserialize, Serialize};

/// A function of one number; finite for finite numbers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Activation {
    /// `z`
    Identity,
    /// `max(z, 0)`
    Relu,
    /// `z` above 0, else `alpha z`
    LeakyRelu {
        /// Slope below 0.
        alpha: f64,
    },
    /// `z` above 0, else `alpha (exp(z) - 1)`
    Elu {
        /// The limit below, negated.
        alpha: f64,
    },
    /// `tanh(z)`
    Tanh,
    /// `1 / (1 + exp(-z))`
    Logistic,
    /// `alpha z + beta`, clamped to `[0, 1]`
    HardSigmoid {
        /// Slope.
        alpha: f64,
        /// Value at 0.
        beta: f64,
    },
    /// `z` times its hard sigmoid of slope 1/6 and value 1/2
    HardSwish,
    /// `log(1 + exp(z))`
    Softplus,
    /// `z`, clamped to `[min, max]`
    Clip {
        /// Lower end.
        min: f64,
        /// Upper end.
        max: f64,
    },
    /// `z / (1 + |z|)`
    Softsign,
    /// `z / (1 + exp(-z))`, also called SiLU
    Swish,
    /// `z tanh(log(1 + exp(z)))`
    Mish,
    /// `z (1 + erf(z / sqrt(2))) / 2`
    Gelu,
    /// Its approximation by `tanh` of a cubic polynomial
    GeluTanh,
    /// The error function
    Erf,
    /// 1, 0 or -1
    Sign,
    /// `|z|`
    Abs,
}

impl Activation {
    /// The value at `z`.
    #[must_use]
    pub fn apply(self, z: f64) -> f64 {
        match self {
            Self::Identity => z,
            Self::Relu => z.max(0.0),
            Self::LeakyRelu { alpha } => {
                if z > 0.0 {
                    z
                } else {
                    alpha * z
                }
            }
            Self::Elu { alpha } => {
                if z > 0.0 {
                    z
                } else {
                    alpha * z.exp_m1()
                }
            }
            Self::Tanh => z.tanh(),
            Self::Logistic => 1.0 / (1.0 + (-z).exp()),
            Self::HardSigmoid { alpha, beta } => (alpha * z + beta).clamp(0.0, 1.0),
            Self::HardSwish => z * (z / 6.0 + 0.5).clamp(0.0, 1.0),
            Self::Softplus => z.max(0.0) + (-z.abs()).exp().ln_1p(),
            Self::Softsign => z / (1.0 + z.abs()),
            // Far out, where the exponential is infinite, 0.
            Self::Swish => z / (1.0 + (-z).exp()),
            Self::Mish => z * Self::Softplus.apply(z).tanh(),
            Self::Gelu => 0.5 * z * (1.0 + libm::erf(z * core::f64::consts::FRAC_1_SQRT_2)),
            Self::GeluTanh => {
                let inner = core::f64::consts::FRAC_2_SQRT_PI
                    * core::f64::consts::FRAC_1_SQRT_2
                    * (z + 0.044_715 * z * z * z);
                0.5 * z * (1.0 + inner.tanh())
            }
            Self::Erf => libm::erf(z),
            // The ends are in order: the door sees to that.
            Self::Clip { min, max } => z.max(min).min(max),
            Self::Sign => {
                if z == 0.0 {
                    0.0
                } else {
                    z.signum()
                }
            }
            Self::Abs => z.abs(),
        }
    }

    /// Parameters that make no function: which, and its value.
    pub(super) fn fault(self) -> Option<String> {
        let (a, b) = match self {
            Self::LeakyRelu { alpha } | Self::Elu { alpha } => (alpha, 0.0),
            Self::HardSigmoid { alpha, beta } => (alpha, beta),
            Self::Clip { min, max } => (min, max),
            _ => (0.0, 0.0),
        };
        let ordered = !matches!(self, Self::Clip { min, max } if min > max);
        (!(a.is_finite() && b.is_finite() && ordered))
            .then(|| format!("the activation {self:?} needs finite parameters, in order"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_by_hand() {
        let ln3 = 3_f64.ln();
        for (activation, z, expected) in [
            (Activation::Identity, -2.5, -2.5),
            (Activation::Relu, -1.0, 0.0),
            (Activation::Relu, 2.0, 2.0),
            (Activation::LeakyRelu { alpha: 0.1 }, -2.0, -0.2),
            // 0.5 (1/3 - 1)
            (Activation::Elu { alpha: 0.5 }, -ln3, -1.0 / 3.0),
            // (3 - 1/3) / (3 + 1/3)
            (Activation::Tanh, ln3, 0.8),
            (Activation::Logistic, ln3, 0.75),
            (
                Activation::HardSigmoid {
                    alpha: 0.2,
                    beta: 0.5,
                },
                1.0,
                0.7,
            ),
            (Activation::HardSwish, 1.5, 1.125),
            (Activation::HardSwish, -9.0, 0.0),
            // log(1 + 3)
            (Activation::Softplus, ln3, 2.0 * 2_f64.ln()),
            (
                Activation::Clip {
                    min: -1.0,
                    max: 2.0,
                },
                5.0,
                2.0,
            ),
            (Activation::Softsign, -3.0, -0.75),
            (Activation::Swish, ln3, 0.75 * ln3),
            // log(1 + exp(ln3)) = 2 ln 2; tanh of it (4 - 1/4) / (4 + 1/4)
            (Activation::Mish, ln3, ln3 * 15.0 / 17.0),
            // erf(1) = 0.842700792949714869...
            (Activation::Erf, 1.0, 0.842_700_792_949_714_9),
            (
                Activation::Gelu,
                2_f64.sqrt(),
                0.921_350_396_474_857_4 * 2_f64.sqrt(),
            ),
            (Activation::Sign, -0.0, 0.0),
            (Activation::Sign, -3.0, -1.0),
            (Activation::Abs, -3.0, 3.0),
        ] {
            let found = activation.apply(z);
            assert!((found - expected).abs() < 1e-15, "{activation:?}: {found}");
        }
    }

    #[test]
    fn finite_far_out() {
        for activation in [
            Activation::Tanh,
            Activation::Logistic,
            Activation::Softplus,
            Activation::HardSwish,
            Activation::Swish,
            Activation::Mish,
            Activation::Gelu,
            Activation::Elu { alpha: 1.0 },
        ] {
            for z in [-1e300, -800.0, 800.0, 1e300] {
                assert!(activation.apply(z).is_finite(), "{activation:?} at {z}");
            }
        }
    }

    #[test]
    fn names_are_in_the_json() {
        let text = serde_json::to_string(&Activation::LeakyRelu { alpha: 0.25 }).unwrap();
        assert_eq!(text, r#"{"name":"leaky_relu","alpha":0.25}"#);
        assert!(serde_json::from_str::<Activation>(r#"{"name":"cube"}"#).is_err());
    }
}
