//! What boosting minimizes: losses of a margin, by their first and second derivatives.

use tenebra_quant::InverseLink;

use super::params::Loss;

/// A loss, named as XGBoost names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Objective {
    /// `(m - y)^2 / 2`
    SquaredError,
    /// `log(1 + e^m) - y m`, `y` a class or probability
    Logistic,
    /// `log sum e^m - m_y`, with the second derivative doubled as XGBoost does
    Softmax,
    /// `e^m - y m`, `y >= 0`
    Poisson,
    /// `m + y e^-m`, `y > 0`
    Gamma,
}

/// Least second derivative, as in XGBoost: a row that is certain still counts a little.
const LEAST_HESSIAN: f64 = 1e-16;

impl Objective {
    /// The objective of a regression.
    pub(super) fn regression(loss: Loss) -> Self {
        match loss {
            Loss::Poisson => Self::Poisson,
            Loss::Gamma => Self::Gamma,
            Loss::SquaredError => Self::SquaredError,
        }
    }

    pub(super) fn inverse_link(self) -> InverseLink {
        match self {
            Self::SquaredError => InverseLink::Identity,
            Self::Logistic => InverseLink::Sigmoid,
            Self::Softmax => InverseLink::Softmax,
            Self::Poisson | Self::Gamma => InverseLink::Exp,
        }
    }

    /// Whether the loss is defined for a target.
    pub(super) fn accepts(self, y: f64) -> bool {
        match self {
            Self::Poisson => y >= 0.0,
            Self::Gamma => y > 0.0,
            Self::SquaredError | Self::Logistic | Self::Softmax => true,
        }
    }

    /// The constant margins that fit the mean targets best; of those that fit classes equally well, the ones with mean 0.
    pub(super) fn margins_of_means(self, means: &[f64]) -> Vec<f64> {
        // All rows with a weight may be of one class, or all counts 0.
        let log = |mean: f64| mean.max(1e-10).ln();
        let one = |&mean: &f64| match self {
            Self::SquaredError => mean,
            Self::Logistic => log(mean) - log(1.0 - mean),
            Self::Softmax | Self::Poisson | Self::Gamma => log(mean),
        };
        let mut margins: Vec<f64> = means.iter().map(one).collect();
        if self == Self::Softmax {
            #[expect(
                clippy::cast_precision_loss,
                reason = "class counts are far below 2^53"
            )]
            let centre = margins.iter().sum::<f64>() / margins.len() as f64;
            margins.iter_mut().for_each(|margin| *margin -= centre);
        }
        margins
    }

    /// First and second derivative of the loss of each output of one row, given the targets.
    pub(super) fn derivatives(self, margins: &[f64], targets: &[f64]) -> Vec<(f64, f64)> {
        let mut means = margins.to_vec();
        self.inverse_link().apply(&mut means);
        let one = |(&mean, &y): (&f64, &f64)| match self {
            Self::SquaredError => (mean - y, 1.0),
            Self::Logistic => (mean - y, mean * (1.0 - mean)),
            Self::Softmax => (mean - y, 2.0 * mean * (1.0 - mean)),
            Self::Poisson => (mean - y, mean),
            Self::Gamma => (1.0 - y / mean, y / mean),
        };
        let floored = |(g, h): (f64, f64)| (g, h.max(LEAST_HESSIAN));
        means.iter().zip(targets).map(one).map(floored).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loss(objective: Objective, margins: &[f64], targets: &[f64]) -> f64 {
        let (m, y) = (margins[0], targets[0]);
        match objective {
            Objective::SquaredError => (m - y).powi(2) / 2.0,
            Objective::Logistic => m.exp().ln_1p() - y * m,
            Objective::Softmax => {
                let sum: f64 = margins.iter().map(|m| m.exp()).sum();
                sum.ln() - margins.iter().zip(targets).map(|(m, y)| m * y).sum::<f64>()
            }
            Objective::Poisson => m.exp() - y * m,
            Objective::Gamma => m + y * (-m).exp(),
        }
    }

    #[test]
    fn derivatives_are_those_of_the_loss() {
        let cases = [
            (Objective::SquaredError, vec![0.3], vec![1.5], 1.0),
            (Objective::Logistic, vec![0.3], vec![1.0], 1.0),
            (
                Objective::Softmax,
                vec![0.3, -1.0, 0.5],
                vec![0.0, 1.0, 0.0],
                2.0,
            ),
            (Objective::Poisson, vec![0.3], vec![2.0], 1.0),
            (Objective::Gamma, vec![0.3], vec![2.0], 1.0),
        ];
        for (objective, margins, targets, factor) in cases {
            let (gradient, hessian) = objective.derivatives(&margins, &targets)[0];
            let at = |shift: f64| {
                let mut margins = margins.clone();
                margins[0] += shift;
                loss(objective, &margins, &targets)
            };
            // Central differences: errors of order step^2, here below 1e-6.
            let step = 1e-4;
            let first = (at(step) - at(-step)) / (2.0 * step);
            let second = (at(step) - 2.0 * at(0.0) + at(-step)) / (step * step);
            assert!(
                (gradient - first).abs() < 1e-6,
                "{objective:?}: {gradient} {first}"
            );
            assert!(
                (hessian - factor * second).abs() < 1e-5,
                "{objective:?}: {hessian} {second}"
            );
        }
    }

    #[test]
    fn starting_margins_of_classes_give_their_shares() {
        let shares = [0.5, 0.3, 0.2];
        let mut margins = Objective::Softmax.margins_of_means(&shares);
        assert!(margins.iter().sum::<f64>().abs() < 1e-12);
        InverseLink::Softmax.apply(&mut margins);
        assert!(
            margins
                .iter()
                .zip(shares)
                .all(|(p, share)| (p - share).abs() < 1e-12)
        );
    }

    #[test]
    fn the_starting_margin_zeroes_the_mean_gradient() {
        for objective in [
            Objective::SquaredError,
            Objective::Logistic,
            Objective::Poisson,
            Objective::Gamma,
        ] {
            let targets = [0.25, 0.75];
            let margin = objective.margins_of_means(&[0.5])[0];
            let sum: f64 = targets
                .iter()
                .map(|&y| objective.derivatives(&[margin], &[y])[0].0)
                .sum();
            assert!(sum.abs() < 1e-12, "{objective:?}: {sum}");
        }
    }
}
