"""Which estimators there are, and where their originals are."""

from __future__ import annotations

_LINEAR = {
    "sklearn.linear_model": """ARDRegression BayesianRidge ElasticNet ElasticNetCV GammaRegressor HuberRegressor Lars LarsCV Lasso LassoCV
        LassoLars LassoLarsCV LassoLarsIC LinearRegression LogisticRegression LogisticRegressionCV MultiTaskElasticNet
        MultiTaskElasticNetCV MultiTaskLasso MultiTaskLassoCV OrthogonalMatchingPursuit OrthogonalMatchingPursuitCV
        PassiveAggressiveClassifier PassiveAggressiveRegressor Perceptron PoissonRegressor QuantileRegressor RANSACRegressor Ridge
        RidgeCV RidgeClassifier RidgeClassifierCV SGDClassifier SGDRegressor TheilSenRegressor TweedieRegressor""",
    "sklearn.svm": "LinearSVC LinearSVR",
    "sklearn.discriminant_analysis": "LinearDiscriminantAnalysis",
    "sklearn.neighbors": "NearestCentroid",
    "sklearn.naive_bayes": "MultinomialNB ComplementNB",
    "sklearn.cross_decomposition": "PLSRegression",
    "sklearn.cluster": "KMeans MiniBatchKMeans",
    "sklearn.decomposition": "PCA TruncatedSVD",
}
_TREES = {
    "sklearn.tree": "DecisionTreeClassifier DecisionTreeRegressor ExtraTreeClassifier ExtraTreeRegressor",
    "sklearn.ensemble": """AdaBoostClassifier ExtraTreesClassifier ExtraTreesRegressor GradientBoostingClassifier GradientBoostingRegressor
        HistGradientBoostingClassifier HistGradientBoostingRegressor IsolationForest RandomForestClassifier RandomForestRegressor""",
    "sklearn.naive_bayes": "BernoulliNB CategoricalNB",
    "xgboost": "XGBClassifier XGBRegressor XGBRFClassifier XGBRFRegressor XGBRanker",
    "lightgbm": "LGBMClassifier LGBMRegressor LGBMRanker",
}
HOMES = {
    name: home for homes in (_LINEAR, _TREES) for home, names in homes.items() for name in names.split()
}
LINEAR = {name for names in _LINEAR.values() for name in names.split()}
