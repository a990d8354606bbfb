//! What the client does with decrypted scores.

use num_traits::Float;

use crate::steps::real;

/// The inverse link: turns the real scores of a model into predictions or probabilities.
///
/// Runs on the client, after a decrypted code became a real with the output's scale.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "snake_case")
)]
pub enum InverseLink {
    /// Scores are the predictions, as in linear regression.
    Identity,
    /// `exp(s)`, as in Poisson, Gamma and Tweedie regression with a log link.
    Exp,
    /// `1 / (1 + exp(-s))`, the probability of class 1 in binary logistic regression.
    Sigmoid,
    /// One-versus-rest: the sigmoids divided by their sum.
    SigmoidNormalized,
    /// `exp(s_i) / sum_j exp(s_j)`, as in multinomial logistic regression.
    Softmax,
}

impl InverseLink {
    /// Replaces the scores by their inverse link, without overflow for any finite scores but in [`Exp`](Self::Exp),
    /// whose true result may exceed the float type and is then infinite. An empty slice stays empty.
    pub fn apply<F: Float>(self, scores: &mut [F]) {
        match self {
            Self::Identity => {}
            Self::Exp => each(scores, F::exp),
            Self::Sigmoid => each(scores, sigmoid),
            Self::SigmoidNormalized => {
                // Below -40 the sigmoid is exp(s) to the last bit, and the sum of such may underflow; softmax does not.
                if scores.iter().all(|&score| score < real(-40)) {
                    return Self::Softmax.apply(scores);
                }
                each(scores, sigmoid);
                normalize(scores);
            }
            Self::Softmax => {
                // The same ratios, with every exponent at most 0 and one of them 0.
                let largest = scores.iter().copied().fold(F::neg_infinity(), F::max);
                each(scores, |score| (score - largest).exp());
                normalize(scores);
            }
        }
    }
}

fn each<F: Float>(scores: &mut [F], f: impl Fn(F) -> F) {
    for score in scores {
        *score = f(*score);
    }
}

fn normalize<F: Float>(scores: &mut [F]) {
    let sum = scores.iter().fold(F::zero(), |sum, &score| sum + score);
    each(scores, |score| score / sum);
}

/// The logistic function; its exponent is never positive, so nothing overflows.
fn sigmoid<F: Float>(score: F) -> F {
    let e = (-score.abs()).exp();
    if score < F::zero() {
        e / (F::one() + e)
    } else {
        (F::one() + e).recip()
    }
}

/// How scores become a class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "snake_case")
)]
pub enum Decision {
    /// Regression: there is no class.
    None,
    /// One score: class 1 iff it is above 0.
    Threshold,
    /// One score per class: the first of the largest.
    ArgMax,
}

impl Decision {
    /// The index of the class that `scores`, *before* the inverse link, decide on.
    ///
    /// `None` for regression and for an empty slice. [`Threshold`](Self::Threshold) looks at the first score only; a NaN
    /// is above nothing.
    #[must_use]
    pub fn decide<F: Float>(self, scores: &[F]) -> Option<usize> {
        match self {
            Self::None => None,
            Self::Threshold => scores.first().map(|&score| usize::from(score > F::zero())),
            Self::ArgMax => {
                let mut scores = scores.iter().enumerate();
                let first = scores.next()?;
                let best = scores.fold(
                    first,
                    |best, next| if next.1 > best.1 { next } else { best },
                );
                Some(best.0)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied<const N: usize>(link: InverseLink, mut scores: [f64; N]) -> [f64; N] {
        link.apply(&mut scores);
        scores
    }

    #[test]
    fn links_by_hand() {
        let ln3 = 3_f64.ln();
        assert_eq!(applied(InverseLink::Identity, [1.0, -2.0]), [1.0, -2.0]);
        assert_eq!(applied(InverseLink::Exp, [0.0]), [1.0]);
        // 1 / (1 + 1/3) = 3/4 and 1 / (1 + 3) = 1/4, whose sum is 1.
        let near = |a: [f64; 2], b: [f64; 2]| {
            assert!((a[0] - b[0]).abs() + (a[1] - b[1]).abs() < 1e-15, "{a:?}")
        };
        near(applied(InverseLink::Sigmoid, [ln3, -ln3]), [0.75, 0.25]);
        // 3/4 and 1/2: 3/5 and 2/5.
        near(
            applied(InverseLink::SigmoidNormalized, [ln3, 0.0]),
            [0.6, 0.4],
        );
        // 3 and 1: 3/4 and 1/4.
        near(applied(InverseLink::Softmax, [ln3, 0.0]), [0.75, 0.25]);
    }

    #[test]
    fn links_are_stable_for_extreme_scores() {
        for link in [InverseLink::Softmax, InverseLink::SigmoidNormalized] {
            for scores in [[1e308, -1e308], [-1e4, -1e308], [1e308, 0.0]] {
                let [p, q] = applied(link, scores);
                assert!(
                    p > 0.6 && q < 0.4 && p + q == 1.0,
                    "{link:?} {scores:?}: {p} {q}"
                );
            }
            // exp(1) : 1 though both sigmoids underflow.
            let [p, q] = applied(link, [-1000.0, -1001.0]);
            assert!((p / q - 1_f64.exp()).abs() < 1e-12);
            assert_eq!(applied(link, []), [0.0; 0]);
        }
        assert_eq!(
            applied(InverseLink::Sigmoid, [f64::MAX, f64::MIN]),
            [1.0, 0.0]
        );
    }

    #[test]
    fn decisions() {
        assert_eq!(Decision::None.decide(&[1.0]), None);
        for (score, class) in [(0.0, 0), (1e-300, 1), (-1.0, 0), (f64::NAN, 0)] {
            assert_eq!(Decision::Threshold.decide(&[score]), Some(class));
        }
        assert_eq!(Decision::ArgMax.decide(&[1.0_f32, 3.0, 3.0, 2.0]), Some(1));
        assert_eq!(Decision::ArgMax.decide::<f32>(&[]), None);
        assert_eq!(Decision::Threshold.decide::<f32>(&[]), None);
    }
}
