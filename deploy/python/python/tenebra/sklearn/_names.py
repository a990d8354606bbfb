"""Which estimators there are, and where their originals are."""

from __future__ import annotations

_LINEAR = {
    "sklearn.linear_model": """ARDRegression BayesianRidge ElasticNet ElasticNetCV GammaRegressor HuberRegressor Lars LarsCV Lasso LassoCV
        LassoLars LassoLarsCV LassoLarsIC LinearRegression LogisticRegression LogisticRegressionCV MultiTaskElasticNet
        MultiTaskElasticNetCV MultiTaskLasso MultiTaskLassoCV OrthogonalMatchingPursuit OrthogonalMatchingPursuitCV
        PassiveAggressiveClassifier PassiveAggressiveRegressor Perceptron PoissonRegressor QuantileRegressor RANSACRegressor Ridge
        RidgeCV RidgeClassifier RidgeClassifierCV SGDClassifier SGDOneClassSVM SGDRegressor TheilSenRegressor TweedieRegressor""",
    "sklearn.svm": "LinearSVC LinearSVR NuSVC NuSVR OneClassSVM SVC SVR",
    "sklearn.discriminant_analysis": "LinearDiscriminantAnalysis",
    "sklearn.neighbors": "NearestCentroid",
    "sklearn.naive_bayes": "MultinomialNB ComplementNB GaussianNB",
    "sklearn.cross_decomposition": "CCA PLSCanonical PLSRegression",
    "sklearn.cluster": "KMeans MiniBatchKMeans",
    "sklearn.decomposition": "IncrementalPCA PCA TruncatedSVD",
}
_TREES = {
    "sklearn.tree": "DecisionTreeClassifier DecisionTreeRegressor ExtraTreeClassifier ExtraTreeRegressor",
    "sklearn.ensemble": """AdaBoostClassifier AdaBoostRegressor ExtraTreesClassifier ExtraTreesRegressor GradientBoostingClassifier GradientBoostingRegressor
        HistGradientBoostingClassifier HistGradientBoostingRegressor IsolationForest RandomForestClassifier RandomForestRegressor""",
    "sklearn.naive_bayes": "BernoulliNB CategoricalNB",
    "xgboost": "XGBClassifier XGBRegressor XGBRFClassifier XGBRFRegressor XGBRanker",
    "lightgbm": "LGBMClassifier LGBMRegressor LGBMRanker",
    "catboost": "CatBoostClassifier CatBoostRegressor CatBoostRanker",
    "interpret.glassbox": "ExplainableBoostingClassifier ExplainableBoostingRegressor",
}
#: Networks, and what is made of other estimators.
_OTHERS = {
    "sklearn.neural_network": "MLPClassifier MLPRegressor",
    "sklearn.ensemble": "BaggingClassifier BaggingRegressor StackingClassifier StackingRegressor VotingClassifier VotingRegressor",
    "sklearn.multiclass": "OneVsRestClassifier",
    "sklearn.multioutput": "MultiOutputClassifier MultiOutputRegressor",
    "sklearn.calibration": "CalibratedClassifierCV",
}
HOMES = {
    name: home for homes in (_LINEAR, _TREES, _OTHERS) for home, names in homes.items() for name in names.split()
}
#: What bits are by default.
LINEAR = {name for names in _LINEAR.values() for name in names.split()}
TREES = {name for names in _TREES.values() for name in names.split()}
