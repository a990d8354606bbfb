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
    /// The margin itself, and what is predicted is a class alone.
    Class,
}

/// XGBoost keeps probabilities of base scores this far from 0 and 1.
const LEAST_PROBABILITY: f32 = 1e-6;

impl Objective {
    /// For an objective whose predictions are not known to be a link of [`InverseLink`] applied to the margins, what to do
    /// instead.
    pub(super) fn from_name(name: &str) -> Result<Self, &'static str> {
        use Base::{Class, Margin, Mean, Probability};
        use Decision::{ArgMax, None as NoDecision, Threshold};
        use InverseLink::{Exp, Identity, Sigmoid, Softmax};
        let (inverse_link, decision, base) = match name {
            "binary:logistic" => (Sigmoid, Threshold, Probability),
            "binary:logitraw" => (Identity, Threshold, Margin),
            "binary:hinge" => (Identity, Threshold, Class),
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
            "reg:expectileerror" => {
                return Err("train with `reg:quantileerror` or `reg:squarederror`");
            }
            _ => {
                return Err(
                    "of an objective of one's own, the link is unknown: train with one of XGBoost's, such as `reg:squarederror`, `binary:logistic` or `multi:softprob`",
                );
            }
        };
        Ok(Self {
            inverse_link,
            decision,
            base,
        })
    }

    /// The rule for several labels a row, each with a probability or margin of its own.
    pub(super) fn of_labels(self) -> Option<Self> {
        let decision = Decision::None;
        let is_logistic = self.decision == Decision::Threshold && self.base != Base::Class;
        is_logistic.then_some(Self { decision, ..self })
    }

    /// The margin of a base score, rounded as XGBoost rounds it.
    pub(super) fn margin(self, base_score: f32) -> f64 {
        f64::from(match self.base {
            Base::Margin | Base::Class => base_score,
            Base::Probability if !(0.0..=1.0).contains(&base_score) => f32::NAN,
            Base::Probability => {
                let probability = base_score.clamp(LEAST_PROBABILITY, 1.0 - LEAST_PROBABILITY);
                -(1.0 / probability - 1.0).ln()
            }
            Base::Mean => base_score.ln(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As XGBoost 3.2.0 predicts with `output_margin=True` from trees without leaves.
    #[test]
    fn probabilities_are_clamped_as_xgboost_clamps_them() {
        let logistic = Objective::from_name("binary:logistic").unwrap();
        let close = |base: f32, margin: f64| (logistic.margin(base) - margin).abs() < 2e-6;
        assert!(close(0.0, -13.815_51) && close(1e-7, -13.815_51));
        assert!(close(1.0, 13.745_16) && close(0.999_999_94, 13.745_16));
        assert_eq!(logistic.margin(0.5), 0.0);
        assert!(
            [-1.0, 2.0, f32::NAN]
                .iter()
                .all(|b| logistic.margin(*b).is_nan())
        );
        let poisson = Objective::from_name("count:poisson").unwrap();
        assert!(poisson.margin(0.0).is_infinite() && poisson.margin(-1.0).is_nan());
    }
}
