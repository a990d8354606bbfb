//! Names of scores.

use core::fmt;
use core::str::FromStr;

/// How the scores of several classes become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Averaging {
    /// The score of the second of two classes.
    Binary,
    /// The mean over the classes.
    Macro,
    /// The mean weighted by how often each class is true.
    Weighted,
}

/// A score, by scikit-learn's name. Losses are as they are, not negated: less is better. Names of negated losses, `neg_…`, are read
/// as those of the losses.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Metric {
    /// Share of rows whose class is right.
    Accuracy,
    /// Share of the rows predicted to be of a class that are.
    Precision(Averaging),
    /// Share of the rows of a class that are predicted so.
    Recall(Averaging),
    /// Harmonic mean of precision and recall.
    F1(Averaging),
    /// Matthews correlation coefficient.
    Matthews,
    /// Mean of `-ln p` of the true class.
    LogLoss,
    /// Mean hinge loss.
    Hinge,
    /// Area under the ROC curve of the second of two classes.
    RocAuc,
    /// 1 minus the squared error over the variance.
    R2,
    /// Mean of `(y - p)^2`.
    SquaredError,
    /// Mean of `|y - p|`.
    AbsoluteError,
    /// 1 minus the Tweedie deviance of this power over that of the mean (1: Poisson, 2: Gamma).
    D2 {
        /// The power.
        power: f64,
    },
    /// Mean Tweedie deviance of this power.
    Deviance {
        /// The power.
        power: f64,
    },
}

/// Scores without a parameter and their names; the first name of each is the one that is printed.
const NAMES: &[(&str, Metric)] = &[
    ("accuracy", Metric::Accuracy),
    ("precision", Metric::Precision(Averaging::Binary)),
    ("precision_macro", Metric::Precision(Averaging::Macro)),
    ("precision_weighted", Metric::Precision(Averaging::Weighted)),
    ("recall", Metric::Recall(Averaging::Binary)),
    ("recall_macro", Metric::Recall(Averaging::Macro)),
    ("recall_weighted", Metric::Recall(Averaging::Weighted)),
    ("f1", Metric::F1(Averaging::Binary)),
    ("f1_macro", Metric::F1(Averaging::Macro)),
    ("f1_weighted", Metric::F1(Averaging::Weighted)),
    ("matthews_corrcoef", Metric::Matthews),
    ("log_loss", Metric::LogLoss),
    ("hinge_loss", Metric::Hinge),
    ("roc_auc", Metric::RocAuc),
    ("r2", Metric::R2),
    ("mean_squared_error", Metric::SquaredError),
    ("mean_absolute_error", Metric::AbsoluteError),
    ("mean_poisson_deviance", Metric::Deviance { power: 1.0 }),
    ("mean_gamma_deviance", Metric::Deviance { power: 2.0 }),
    ("d2_poisson", Metric::D2 { power: 1.0 }),
    ("d2_gamma", Metric::D2 { power: 2.0 }),
];
/// What people also call them.
const OTHER_NAMES: &[(&str, &str)] = &[
    ("mcc", "matthews_corrcoef"),
    ("mse", "mean_squared_error"),
    ("mae", "mean_absolute_error"),
];
const DEVIANCE: &str = "mean_tweedie_deviance=";
const D2: &str = "d2_tweedie=";

impl Metric {
    /// Every name that [`Metric::from_str`] takes, `POWER` standing for a number.
    pub fn names() -> impl Iterator<Item = String> {
        let names = NAMES.iter().map(|(name, _)| (*name).to_owned());
        names.chain([DEVIANCE, D2].map(|name| format!("{name}POWER")))
    }

    /// Its full name, which [`Metric::from_str`] takes.
    #[must_use]
    pub fn name(self) -> String {
        let known = NAMES.iter().find(|(_, metric)| *metric == self);
        match (known, self) {
            (Some((name, _)), _) => (*name).to_owned(),
            (None, Self::D2 { power }) => format!("{D2}{power}"),
            (None, Self::Deviance { power }) => format!("{DEVIANCE}{power}"),
            (None, _) => self.to_string(),
        }
    }

    /// Whether it is a score of classes.
    #[must_use]
    pub fn is_of_classes(self) -> bool {
        match self {
            Self::Accuracy
            | Self::Precision(_)
            | Self::Recall(_)
            | Self::F1(_)
            | Self::Matthews
            | Self::LogLoss
            | Self::Hinge
            | Self::RocAuc => true,
            Self::R2
            | Self::SquaredError
            | Self::AbsoluteError
            | Self::D2 { .. }
            | Self::Deviance { .. } => false,
        }
    }

    /// Whether less is better.
    #[must_use]
    pub fn is_loss(self) -> bool {
        match self {
            Self::LogLoss
            | Self::Hinge
            | Self::SquaredError
            | Self::AbsoluteError
            | Self::Deviance { .. } => true,
            Self::Accuracy
            | Self::Precision(_)
            | Self::Recall(_)
            | Self::F1(_)
            | Self::Matthews
            | Self::RocAuc
            | Self::R2
            | Self::D2 { .. } => false,
        }
    }

    /// Whether it looks at more than which class was predicted.
    pub(super) fn needs_scores(self) -> bool {
        matches!(self, Self::LogLoss | Self::Hinge | Self::RocAuc)
    }
}

impl fmt::Display for Metric {
    /// As [`Metric::name`], but `d2` for every power: that of the model is meant.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Self::D2 { .. } = self {
            return f.write_str("d2");
        }
        f.write_str(&self.name())
    }
}

/// A name that no score has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no score `{name}`{}; there are {}", meant(name), Metric::names().collect::<Vec<_>>().join(", "))]
pub struct UnknownMetric {
    /// As given.
    pub name: String,
}

/// What to take for a name that others have.
fn meant(name: &str) -> &'static str {
    match name.strip_prefix("neg_").unwrap_or(name) {
        "d2" => {
            ": the power of its deviance belongs to it, as in d2_poisson, d2_gamma or d2_tweedie=1.5"
        }
        "root_mean_squared_error" | "rmse" => ": mean_squared_error, its square, ranks alike",
        _ => "",
    }
}

impl FromStr for Metric {
    type Err = UnknownMetric;

    fn from_str(name: &str) -> Result<Self, UnknownMetric> {
        if let Some(loss) = name.strip_prefix("neg_") {
            let once = Some(loss).filter(|loss| !loss.starts_with("neg_"));
            let loss = once.and_then(|loss| loss.parse().ok());
            return loss
                .filter(|loss: &Self| loss.is_loss())
                .ok_or_else(|| UnknownMetric {
                    name: name.to_owned(),
                });
        }
        let other = OTHER_NAMES.iter().find(|(other, _)| *other == name);
        let plain = other.map_or(name, |(_, name)| *name);
        if let Some((_, metric)) = NAMES.iter().find(|(known, _)| *known == plain) {
            return Ok(*metric);
        }
        let power = |text: &str| text.parse().ok().filter(|power: &f64| power.is_finite());
        let deviance = name.strip_prefix(DEVIANCE).and_then(power);
        let d2 = name.strip_prefix(D2).and_then(power);
        match (deviance, d2) {
            (Some(power), _) => Ok(Self::Deviance { power }),
            (_, Some(power)) => Ok(Self::D2 { power }),
            _ => Err(UnknownMetric {
                name: name.to_owned(),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        for (name, metric) in NAMES {
            assert_eq!(name.parse(), Ok(*metric));
            assert_eq!(metric.name(), *name);
        }
        for (name, metric) in [
            ("mae", Metric::AbsoluteError),
            ("neg_mean_squared_error", Metric::SquaredError),
            ("neg_log_loss", Metric::LogLoss),
            ("mean_tweedie_deviance=1.5", Metric::Deviance { power: 1.5 }),
            ("d2_tweedie=-1", Metric::D2 { power: -1.0 }),
        ] {
            assert_eq!(name.parse(), Ok(metric));
            assert_eq!(metric.name().parse(), Ok(metric));
        }
        let message = "d2_tweedie=x".parse::<Metric>().unwrap_err().to_string();
        assert!(message.contains("`d2_tweedie=x`") && message.contains("roc_auc"));
        assert_eq!(Metric::D2 { power: 1.9 }.to_string(), "d2");
        for (name, start) in [
            ("d2", "no score `d2`: the power of its deviance"),
            (
                "neg_accuracy",
                "no score `neg_accuracy`; there are accuracy,",
            ),
            ("neg_neg_log_loss", "no score `neg_neg_log_loss`; there"),
            (
                "neg_root_mean_squared_error",
                "no score `neg_root_mean_squared_error`: mean_squared_error, its",
            ),
        ] {
            let message = name.parse::<Metric>().unwrap_err().to_string();
            assert!(message.starts_with(start), "{message}");
        }
    }
}
