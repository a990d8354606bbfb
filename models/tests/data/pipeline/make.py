"""What scikit-learn 1.9 makes of small tables: `python make.py > transformers.json`.

Every case: rows to fit on and rows to transform (missing values are null), the step as `--pipeline` writes it, sample weights or none,
and the transformed rows, the fitted ones first.
"""

import json
import sys
import warnings

import numpy as np
import sklearn
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.feature_selection import SelectKBest, VarianceThreshold, chi2, f_classif, f_regression
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    KBinsDiscretizer,
    MaxAbsScaler,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    PowerTransformer,
    QuantileTransformer,
    RobustScaler,
    StandardScaler,
)

warnings.simplefilter("ignore")
rng = np.random.default_rng(7)
n, m = 60, 20


def table(rows):
    skewed = rng.lognormal(1.0, 0.8, rows)
    normal = rng.normal(50.0, 7.0, rows)
    count = rng.integers(0, 5, rows).astype(float)
    mixed = rng.normal(0.0, 1.0, rows) ** 3
    return np.column_stack([skewed, normal, count, mixed, 0.3 * skewed - 0.1 * normal + rng.normal(0, 0.2, rows)])


X, Z = table(n), table(m)
wide, wide_z = rng.normal(size=(8, 12)), rng.normal(size=(4, 12))
constant = X.copy()
constant[:, 1] = 0.1 + 0.2
holes = X.copy()
holes[rng.random(X.shape) < 0.2] = np.nan
holes_z = Z.copy()
holes_z[::3, 2] = np.nan
cats = np.column_stack([rng.integers(0, 4, n), rng.integers(0, 2, n) * 2.5, rng.integers(-1, 2, n)]).astype(float)
cats_z = cats[rng.integers(0, n, m)]
cats_holes = cats.copy()
cats_holes[::5, 0] = np.nan
unknown = cats_z.copy()
unknown[::4, 0] = 9.0
y_class = (X[:, 0] + 0.5 * X[:, 3] > np.median(X[:, 0])).astype(int) + (X[:, 1] > 55)
y_number = X[:, 0] - 2.0 * X[:, 3] + rng.normal(0, 1, n)
weights = rng.integers(0, 4, n).astype(float)
tied = np.round(X)
# Whole numbers, evenly spread, so that many lie midway between two centres; tenths, where rounding decides; two far apart.
ties = np.column_stack([np.arange(n) % 9, np.arange(n) % 11 / 10, np.arange(n) // 2, np.where(np.arange(n) < 3, 1e3, np.arange(n) % 4)])


def dense(a):
    return a.toarray() if hasattr(a, "toarray") else np.asarray(a)


def nulls(a):
    return [[None if np.isnan(x) else float(x) for x in row] for row in dense(a)]


cases = []


def case(step, transformer, fit=X, other=Z, y=None, sample_weight=None, tolerance=1e-9):
    kwargs = {} if sample_weight is None else {"sample_weight": sample_weight}
    transformer.fit(fit, y, **kwargs)
    both = np.vstack([fit, other])
    cases.append(
        {
            "step": step,
            "fit": nulls(fit),
            "other": nulls(other),
            "target": None if y is None else [str(v) for v in y.tolist()],
            "weights": None if sample_weight is None else list(sample_weight),
            "tolerance": tolerance,
            "expected": nulls(transformer.transform(both)),
        }
    )


for fit, other in [(X, Z), (constant, Z), (holes, holes_z)]:
    case("standard-scaler", StandardScaler(), fit, other)
    case("min-max-scaler", MinMaxScaler(), fit, other)
    case("max-abs-scaler", MaxAbsScaler(), fit, other)
    case("robust-scaler", RobustScaler(), fit, other)
case("standard-scaler", StandardScaler(), sample_weight=weights)
case("standard-scaler(with_mean=false)", StandardScaler(with_mean=False))
case("standard-scaler(with_std=false)", StandardScaler(with_std=False))
case("min-max-scaler(feature_range=(-2,3),clip=true)", MinMaxScaler(feature_range=(-2, 3), clip=True))
case("max-abs-scaler(clip=true)", MaxAbsScaler(clip=True))
case(
    "robust-scaler(quantile_range=(10,90),unit_variance=true)",
    RobustScaler(quantile_range=(10, 90), unit_variance=True),
)
case("robust-scaler(with_centering=false)", RobustScaler(with_centering=False))
for strategy in ["mean", "median", "most_frequent"]:
    case(f"simple-imputer(strategy={strategy})", SimpleImputer(strategy=strategy), holes, holes_z)
case(
    "simple-imputer(strategy=constant,fill_value=-1.5,add_indicator=true)",
    SimpleImputer(strategy="constant", fill_value=-1.5, add_indicator=True),
    holes,
    holes_z,
)
gone = holes.copy()
gone[:, 3] = np.nan
case("simple-imputer", SimpleImputer(), gone, holes_z)
case("one-hot-encoder", OneHotEncoder(), cats, cats_z)
case("one-hot-encoder(drop=first)", OneHotEncoder(drop="first"), cats, cats_z)
case("one-hot-encoder(drop=if_binary)", OneHotEncoder(drop="if_binary"), cats, cats_z)
case("one-hot-encoder(handle_unknown=ignore)", OneHotEncoder(handle_unknown="ignore"), cats, unknown)
case("one-hot-encoder", OneHotEncoder(), cats_holes, cats_z)
case("ordinal-encoder", OrdinalEncoder(), cats, cats_z)
case("ordinal-encoder", OrdinalEncoder(), cats_holes, cats_z)
case(
    "ordinal-encoder(handle_unknown=use_encoded_value,unknown_value=-1,encoded_missing_value=-2)",
    OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-2),
    cats_holes,
    unknown,
)
case("pca", PCA())
case("pca(2)", PCA(2))
case("pca(0.9)", PCA(0.9))
case("pca(3,whiten=true)", PCA(3, whiten=True))
case("pca(5)", PCA(5), wide, wide_z)
case("truncated-svd(2)", TruncatedSVD(2, algorithm="arpack", tol=0))
case("truncated-svd(4)", TruncatedSVD(4, algorithm="arpack", tol=0), wide, wide_z)
case("standard-scaler | pca(3)", make_pipeline(StandardScaler(), PCA(3)))
case("select-k-best(2)", SelectKBest(f_classif, k=2), y=y_class)
case("select-k-best(3)", SelectKBest(f_classif, k=3), constant, Z, y=y_class)
case("select-k-best(2,score_func=chi2)", SelectKBest(chi2, k=2), np.abs(X), np.abs(Z), y=y_class)
case("select-k-best(2,score_func=f_regression)", SelectKBest(f_regression, k=2), y=y_number)
case("variance-threshold", VarianceThreshold(), constant, Z)
case("variance-threshold(5)", VarianceThreshold(5.0), holes, holes_z)
case("polynomial-features", PolynomialFeatures())
case("polynomial-features(2,include_bias=false)", PolynomialFeatures(2, include_bias=False))
case("polynomial-features(interaction_only=true)", PolynomialFeatures(interaction_only=True))
for data in [X, tied]:
    case("k-bins-discretizer", KBinsDiscretizer(), data)
    for strategy in ["uniform", "quantile"]:
        case(
            f"k-bins-discretizer(4,encode=ordinal,strategy={strategy})",
            KBinsDiscretizer(4, encode="ordinal", strategy=strategy),
            data,
        )
for data, other in [(X, Z), (tied, np.round(Z)), (cats, cats_z), (ties, ties)]:
    for bins in [2, 4, 7]:
        case(
            f"k-bins-discretizer({bins},encode=ordinal,strategy=kmeans)",
            KBinsDiscretizer(bins, encode="ordinal", strategy="kmeans"),
            data,
            other,
        )
case(
    "k-bins-discretizer(4,encode=ordinal,strategy=kmeans)",
    KBinsDiscretizer(4, encode="ordinal", strategy="kmeans"),
    sample_weight=weights,
)
case(
    "k-bins-discretizer(4,encode=ordinal,quantile_method=linear)",
    KBinsDiscretizer(4, encode="ordinal", quantile_method="linear"),
)
case("k-bins-discretizer(4,encode=ordinal)", KBinsDiscretizer(4, encode="ordinal"), sample_weight=weights)
case("k-bins-discretizer(3)", KBinsDiscretizer(3, encode="onehot-dense"), constant)
case("quantile-transformer", QuantileTransformer())
case("quantile-transformer(10)", QuantileTransformer(n_quantiles=10), tied, np.round(Z))
case(
    "quantile-transformer(20,output_distribution=normal)",
    QuantileTransformer(n_quantiles=20, output_distribution="normal"),
    holes,
    holes_z,
)


class Converged(PowerTransformer):
    """With the exponents at which the derivative of the likelihood is zero, in extended precision. SciPy seeks the minimum of the
    likelihood itself, which is flat to rounding about it: its exponents differ from these by up to 1.2e-7 here."""

    def _yeo_johnson_optimize(self, x):
        near = super()._yeo_johnson_optimize(x)
        x = x[~np.isnan(x)].astype(np.longdouble)
        log = np.log1p(np.abs(x))

        def slope(exponent):
            sign, power = np.where(x >= 0, 1, -1), np.where(x >= 0, exponent, 2 - exponent)
            y = sign * np.expm1(power * log) / power
            derivative = (np.exp(power * log) * (power * log - 1) + 1) / power**2
            centred = y - y.mean()
            return len(x) * (centred * derivative).sum() / (centred**2).sum() - (sign * log).sum()

        low, high = np.longdouble(near) - 1e-4, np.longdouble(near) + 1e-4
        assert slope(low) < 0 < slope(high)
        for _ in range(64):
            middle = (low + high) / 2
            low, high = (middle, high) if slope(middle) < 0 else (low, middle)
        differences.append(abs(float(low) - near))
        return float(low)


differences = []
case("power-transformer", Converged())
case("power-transformer(standardize=false)", Converged(standardize=False), -np.abs(X), -np.abs(Z))
case("power-transformer", Converged(), holes, holes_z)
print("exponents of SciPy differ from the zero of the derivative by", max(differences), file=sys.stderr)
# What scikit-learn itself gives, to its own tolerance.
case("power-transformer", PowerTransformer(), tolerance=1e-6)
case("power-transformer(standardize=false)", PowerTransformer(standardize=False), -np.abs(X), -np.abs(Z), tolerance=1e-6)
case("power-transformer", PowerTransformer(), holes, holes_z, tolerance=1e-6)
names = ["c0", "c1", "c2", "c3", "c4"]
columns = ColumnTransformer(
    [
        ("a", make_pipeline(SimpleImputer(), StandardScaler()), [3, 0]),
        ("b", OneHotEncoder(handle_unknown="ignore"), [2]),
    ],
    remainder="passthrough",
)
case(
    "column-transformer(c3, c0: simple-imputer | standard-scaler; c2: one-hot-encoder(handle_unknown=ignore); rest: passthrough)",
    columns,
    holes,
    holes_z,
)

print(json.dumps({"scikit-learn": sklearn.__version__, "cases": cases}))
