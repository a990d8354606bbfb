//! Losses of one score.

use crate::train::linear::params::SgdLoss;

/// A loss of target `y` and score `z`; for classification `y` is -1 or 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Loss {
    /// `max(0, margin - y z)`; margin 1 is the hinge, 0 the perceptron.
    Hinge { margin: f64 },
    /// `max(0, 1 - y z)^2`
    SquaredHinge,
    /// `ln(1 + exp(-y z))`
    Log,
    /// `max(0, 1 - y z)^2` down to `y z = -1`, then straight on (Zhang 2004).
    ModifiedHuber,
    /// `(z - y)^2 / 2`
    Squared,
    /// `(z - y)^2 / 2` up to `|z - y| = epsilon`, then straight on.
    Huber { epsilon: f64 },
    /// `max(0, |z - y| - epsilon)`
    EpsilonInsensitive { epsilon: f64 },
    /// `max(0, |z - y| - epsilon)^2`
    SquaredEpsilonInsensitive { epsilon: f64 },
}

impl Loss {
    /// The loss, with the tolerance of those that have one.
    pub(super) fn new(loss: SgdLoss, epsilon: f64) -> Self {
        match loss {
            SgdLoss::Hinge => Self::Hinge { margin: 1.0 },
            SgdLoss::Perceptron => Self::Hinge { margin: 0.0 },
            SgdLoss::SquaredHinge => Self::SquaredHinge,
            SgdLoss::Log => Self::Log,
            SgdLoss::ModifiedHuber => Self::ModifiedHuber,
            SgdLoss::SquaredError => Self::Squared,
            SgdLoss::Huber => Self::Huber { epsilon },
            SgdLoss::EpsilonInsensitive => Self::EpsilonInsensitive { epsilon },
            SgdLoss::SquaredEpsilonInsensitive => Self::SquaredEpsilonInsensitive { epsilon },
        }
    }

    pub(super) fn value(self, y: f64, z: f64) -> f64 {
        let error = z - y;
        match self {
            Self::Hinge { margin } => (margin - y * z).max(0.0),
            Self::SquaredHinge => (1.0 - y * z).max(0.0).powi(2),
            Self::Log => (-y * z).max(0.0) + (-(y * z).abs()).exp().ln_1p(),
            Self::ModifiedHuber if y * z < -1.0 => -4.0 * y * z,
            Self::ModifiedHuber => (1.0 - y * z).max(0.0).powi(2),
            Self::Squared => 0.5 * error * error,
            Self::Huber { epsilon } if error.abs() > epsilon => {
                epsilon * (error.abs() - 0.5 * epsilon)
            }
            Self::Huber { .. } => 0.5 * error * error,
            Self::EpsilonInsensitive { epsilon } => (error.abs() - epsilon).max(0.0),
            Self::SquaredEpsilonInsensitive { epsilon } => (error.abs() - epsilon).max(0.0).powi(2),
        }
    }

    /// The derivative by the score; at a corner, the one towards less loss.
    pub(super) fn slope(self, y: f64, z: f64) -> f64 {
        let (margin, error) = (y * z, z - y);
        match self {
            Self::Hinge { margin: wanted } => {
                if margin <= wanted {
                    -y
                } else {
                    0.0
                }
            }
            Self::SquaredHinge => -2.0 * y * (1.0 - margin).max(0.0),
            Self::Log => -y / (1.0 + margin.exp()),
            Self::ModifiedHuber if margin < -1.0 => -4.0 * y,
            Self::ModifiedHuber => -2.0 * y * (1.0 - margin).max(0.0),
            Self::Squared => error,
            Self::Huber { epsilon } => error.clamp(-epsilon, epsilon),
            Self::EpsilonInsensitive { epsilon } => {
                if error.abs() > epsilon {
                    error.signum()
                } else {
                    0.0
                }
            }
            Self::SquaredEpsilonInsensitive { epsilon } => {
                2.0 * (error.abs() - epsilon).max(0.0) * error.signum()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slopes_are_derivatives() {
        let names = [
            SgdLoss::Hinge,
            SgdLoss::Perceptron,
            SgdLoss::SquaredHinge,
            SgdLoss::Log,
            SgdLoss::ModifiedHuber,
            SgdLoss::SquaredError,
            SgdLoss::Huber,
            SgdLoss::EpsilonInsensitive,
            SgdLoss::SquaredEpsilonInsensitive,
        ];
        for name in names {
            let loss = Loss::new(name, 0.3);
            for y in [-1.0, 1.0] {
                // Off the corners at 0, 1 and 0.3 from y.
                for z in [-2.55, -1.15, -0.85, -0.45, 0.45, 0.85, 1.15, 2.55] {
                    let h = 1e-6;
                    let numeric = (loss.value(y, z + h) - loss.value(y, z - h)) / (2.0 * h);
                    assert!(
                        (numeric - loss.slope(y, z)).abs() < 1e-6,
                        "{name:?} at {y}, {z}"
                    );
                }
            }
        }
    }

    #[test]
    fn values_by_hand() {
        assert_eq!(Loss::new(SgdLoss::Hinge, 0.0).value(1.0, -0.5), 1.5);
        assert_eq!(Loss::new(SgdLoss::ModifiedHuber, 0.0).value(-1.0, 2.0), 8.0);
        assert_eq!(
            Loss::new(SgdLoss::Huber, 0.5).value(1.0, 3.0),
            0.5 * (2.0 - 0.25)
        );
        assert_eq!(Loss::new(SgdLoss::Log, 0.0).value(1.0, 0.0), 2_f64.ln());
    }
}
