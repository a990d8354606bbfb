//! What each XGBoost objective makes of a margin, and of the global bias.

use tenebra_quant::{Decision, InverseLink};

/// The prediction rule of an objective.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Objective {
    pub(super) inverse_link: InverseLink,
    pub(super) decision: Decision,
    base: Base,
}

/// The unit that `base_score` is written in.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Base {
    /// The margin itself.
    Margin,
    /// A probability; the margin is its log-odds.
    Probability,
    /// A positive mean; the margin is its logarithm.
    Mean,
}

impl Objective {
    /// `None` for an objective whose predictions are not a link of [`InverseLink`] applied to the margins.
    pub(super) fn from_name(name: &str) -> Option<Self> {
        use Base::{Margin, Mean, Probability};
        use Decision::{ArgMax, None as NoDecision, Threshold};
        use InverseLink::{Exp, Identity, Sigmoid, Softmax};
        let (inverse_link, decision, base) = match name {
            "binary:logistic" => (Sigmoid, Threshold, Probability),
            "binary:logitraw" | "binary:hinge" => (Identity, Threshold, Margin),
            "multi:softmax" | "multi:softprob" => (Softmax, ArgMax, Margin),
            "reg:logistic" => (Sigmoid, NoDecision, Probability),
            "reg:squarederror"
            | "reg:linear"
            | "reg:squaredlogerror"
            | "reg:pseudohubererror"
            | "reg:absoluteerror"
            | "reg:quantileerror"
            | "rank:pairwise"
            | "rank:ndcg"
            | "rank:map" => (Identity, NoDecision, Margin),
            "count:poisson" | "reg:gamma" | "reg:tweedie" | "survival:cox" | "survival:aft" => {
                (Exp, NoDecision, Mean)
            }
            _ => return None,
        };
        Some(Self {
            inverse_link,
            decision,
            base,
        })
    }

    /// The margin of a base score.
    pub(super) fn margin(self, base_score: f32) -> f64 {
        let base_score = f64::from(base_score);
        match self.base {
            Base::Margin => base_score,
            Base::Probability => (base_score / (1.0 - base_score)).ln(),
            Base::Mean => base_score.ln(),
        }
    }
}
