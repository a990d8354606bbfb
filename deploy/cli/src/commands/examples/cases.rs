//! The examples.

use tenebra_app::generated::{self, Claims};
use tenebra_models::DataError;
use tenebra_models::data::{CsvSpec, DataSet, read_csv};

/// What is drawn of an example.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Picture {
    /// Float and encrypted decisions over the plane.
    Boundary,
    /// The fitted line, and decrypted predictions.
    Line,
    /// Residuals over predictions.
    Residuals,
    /// Means of the truth over means of predictions, in ten groups of rows.
    Tenths,
    /// How often what is predicted with a probability is so.
    Reliability,
    /// Rows by true and predicted class.
    Confusion,
}

/// A model and its data.
#[derive(Debug)]
pub(super) struct Example {
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    pub(super) about: &'static str,
    /// As `tenebra train --pipeline` reads it.
    pub(super) pipeline: &'static str,
    pub(super) metric: &'static str,
    pub(super) data: fn() -> Result<(DataSet, DataSet), DataError>,
    pub(super) pictures: &'static [Picture],
}

/// The first rows to learn from, and the others.
fn split(data: &DataSet, train: usize) -> (DataSet, DataSet) {
    let rows = data.table.n_rows();
    let (first, rest): (Vec<usize>, Vec<usize>) = ((0..train).collect(), (train..rows).collect());
    (data.select(&first), data.select(&rest))
}

fn bundled(train: &str, test: &str, target: &str) -> Result<(DataSet, DataSet), DataError> {
    let spec = CsvSpec::with_target(target);
    Ok((
        read_csv(train.as_bytes(), &spec)?,
        read_csv(test.as_bytes(), &spec)?,
    ))
}

fn line() -> Result<(DataSet, DataSet), DataError> {
    Ok(split(&generated::line(300)?, 180))
}

fn clouds() -> Result<(DataSet, DataSet), DataError> {
    Ok(split(&generated::clouds(400)?, 200))
}

#[cfg(feature = "networks")]
fn moons() -> Result<(DataSet, DataSet), DataError> {
    Ok(split(&generated::moons(500)?, 400))
}

fn friedman() -> Result<(DataSet, DataSet), DataError> {
    Ok(split(&generated::friedman(800)?, 600))
}

fn frequency() -> Result<(DataSet, DataSet), DataError> {
    Ok(split(&generated::claims(3000, Claims::Frequency)?, 2400))
}

fn severity() -> Result<(DataSet, DataSet), DataError> {
    Ok(split(&generated::claims(3000, Claims::Severity)?, 2400))
}

fn premium() -> Result<(DataSet, DataSet), DataError> {
    Ok(split(&generated::claims(3000, Claims::Premium)?, 2400))
}

fn pima() -> Result<(DataSet, DataSet), DataError> {
    let train = include_str!("../../../data/pima_train.csv");
    let test = include_str!("../../../data/pima_test.csv");
    bundled(train, test, "diabetes")
}

fn breast_cancer() -> Result<(DataSet, DataSet), DataError> {
    let train = include_str!("../../../data/breast_cancer_train.csv");
    let test = include_str!("../../../data/breast_cancer_test.csv");
    bundled(train, test, "diagnosis")
}

const CLAIMS: &str = "car insurance, made up: 2,400 policies to learn from, 600 held out";
const PIMA: &str = "Pima women and diabetes: 200 rows to learn from, 332 held out";
const BREAST_CANCER: &str = "Breast Cancer Wisconsin: 455 rows to learn from, 114 held out";
const FRIEDMAN: &str = "Friedman's function, made up: 600 rows to learn from, 200 held out";

/// In the order of the table.
pub(super) static EXAMPLES: &[Example] = &[
    Example {
        name: "linear-regression",
        title: "Linear regression",
        about: "a line with noise, made up: 180 rows to learn from, 120 held out",
        pipeline: "LinearRegression",
        metric: "r2",
        data: line,
        pictures: &[Picture::Line],
    },
    Example {
        name: "logistic-regression",
        title: "Logistic regression",
        about: "two clouds in the plane, made up: 200 points to learn from, 200 held out",
        pipeline: "LogisticRegression",
        metric: "accuracy",
        data: clouds,
        pictures: &[Picture::Boundary, Picture::Reliability],
    },
    Example {
        name: "poisson-regression",
        title: "Poisson regression",
        about: CLAIMS,
        pipeline: "standard-scaler | PoissonRegressor(alpha=0.0001)",
        metric: "mean_poisson_deviance",
        data: frequency,
        pictures: &[Picture::Tenths],
    },
    Example {
        name: "gamma-regression",
        title: "Gamma regression",
        about: CLAIMS,
        pipeline: "standard-scaler | GammaRegressor(alpha=0.0001)",
        metric: "mean_gamma_deviance",
        data: severity,
        pictures: &[Picture::Tenths, Picture::Residuals],
    },
    Example {
        name: "tweedie-regression",
        title: "Tweedie regression, power 1.9",
        about: CLAIMS,
        pipeline: "standard-scaler | TweedieRegressor(power=1.9, alpha=0.0001)",
        metric: "mean_tweedie_deviance=1.9",
        data: premium,
        pictures: &[Picture::Tenths],
    },
    Example {
        name: "decision-tree",
        title: "Decision tree",
        about: BREAST_CANCER,
        pipeline: "DecisionTreeClassifier(max_depth=5)",
        metric: "precision",
        data: breast_cancer,
        pictures: &[Picture::Confusion],
    },
    Example {
        name: "boosted-classifier",
        title: "Gradient boosting, classes",
        about: PIMA,
        pipeline: "GradientBoostingClassifier(n_estimators=20, max_depth=3)",
        metric: "matthews_corrcoef",
        data: pima,
        pictures: &[Picture::Confusion, Picture::Reliability],
    },
    Example {
        name: "boosted-regressor",
        title: "Gradient boosting, numbers",
        about: FRIEDMAN,
        pipeline: "GradientBoostingRegressor(n_estimators=30, max_depth=3)",
        metric: "r2",
        data: friedman,
        pictures: &[Picture::Residuals],
    },
    Example {
        name: "random-forest",
        title: "Random forest",
        about: BREAST_CANCER,
        pipeline: "RandomForestClassifier(n_estimators=20, max_depth=4)",
        metric: "accuracy",
        data: breast_cancer,
        pictures: &[Picture::Confusion],
    },
    Example {
        name: "additive-model",
        title: "Additive model",
        about: PIMA,
        pipeline: "AdditiveClassifier",
        metric: "accuracy",
        data: pima,
        pictures: &[Picture::Reliability],
    },
    Example {
        name: "support-vectors",
        title: "Linear support vectors",
        about: BREAST_CANCER,
        pipeline: "LinearSVC",
        metric: "accuracy",
        data: breast_cancer,
        pictures: &[Picture::Confusion],
    },
    #[cfg(feature = "networks")]
    Example {
        name: "network",
        title: "Neural network",
        about: "two half moons, made up: 400 points to learn from, 100 held out",
        pipeline: "standard-scaler | MLPClassifier(hidden_layer_sizes=32, n_bits=5)",
        metric: "accuracy",
        data: moons,
        pictures: &[Picture::Boundary],
    },
];
