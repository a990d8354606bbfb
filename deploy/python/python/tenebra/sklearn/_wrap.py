"""Subclasses of estimators that can predict encrypted."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from importlib import import_module
from typing import Any

from tenebra._model import Compiled, Progress
from tenebra._report import Report
from tenebra.errors import CompileError, InputError, NotFittedError, UnsupportedError
from tenebra.fitted import from_fitted
from tenebra.sklearn._names import LINEAR, TREES

_PREDICTING = ("predict", "predict_proba", "decision_function", "score_samples", "transform")
#: Keyword arguments that predictions take besides their own.
_HOW = [
    inspect.Parameter("fhe", inspect.Parameter.KEYWORD_ONLY, default="disable"),
    inspect.Parameter("threads", inspect.Parameter.KEYWORD_ONLY, default=1),
    inspect.Parameter("progress", inspect.Parameter.KEYWORD_ONLY, default=None),
]
_OPTIONS = ("bins", "range", "decoy_bits", "leaf_bits", "query", "p_fail", "hide_model", "hide_advantage", "measure")


class Encrypted:
    """What estimators have that can predict encrypted.

    Attributes:
        compiled_: the `tenebra.Compiled`, once `compile` made it; fitting again drops it.
    """

    #: Bits of codes; see each class.
    n_bits: int | None

    def compile(self, X: Any = None, *, progress: Progress | None = None, **options: Any) -> Report:
        """Compiles the fitted estimator, with rows like those that will be predicted, and returns the report.

        Args:
            X: rows to find ranges with, usually those of `fit`.
            progress: hears how many queries of the noise measurement are done, of how many.
            options: as `tenebra.compile`, but `n_bits`, which is a parameter of the estimator.
        """
        for name in options:
            if name not in _OPTIONS:
                raise CompileError(f"there is no option `{name}`", f"there are {', '.join(_OPTIONS)}")
        model = from_fitted(self)
        if self.n_bits is not None:
            options["n_bits"] = self.n_bits
            if model.of_trees:
                options.setdefault("bins", "uniform")
        self.compiled_: Compiled = model.compile(X, progress=progress, **options)
        return self.compiled_.report

    def _asked(self, method: str, X: Any, fhe: str, threads: int, progress: Progress | None) -> Any:
        if fhe not in ("simulate", "execute"):
            raise InputError(f"`fhe` is {fhe!r}", 'it must be "disable", "simulate" or "execute"')
        compiled = getattr(self, "compiled_", None)
        if compiled is None:
            raise NotFittedError(f"this {type(self).__name__} is not compiled", "call `compile(X)` after `fit`")
        return getattr(compiled, method)(X, fhe=fhe, threads=threads, progress=progress)

    def _wrapper_params(self) -> Any:
        # XGBoost's, which keeps these from its learner.
        return super()._wrapper_params() | {"n_bits"}  # type: ignore[misc]

    def _process_params(self, stage: str) -> dict[str, Any]:
        # LightGBM's, which hands these to its learner.
        params = super()._process_params(stage)  # type: ignore[misc]
        params.pop("n_bits", None)
        return params


class KeptApart:
    """CatBoost keeps parameters and state of its own, and knows no others."""

    n_bits: int | None

    def get_params(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        params: dict[str, Any] = super().get_params(*args, **kwargs)  # type: ignore[misc]
        return params if "_fitting" in vars(self) else params | {"n_bits": self.n_bits}

    def set_params(self, **params: Any) -> Any:
        if "n_bits" in params:
            self.n_bits = params.pop("n_bits")
        return super().set_params(**params)  # type: ignore[misc]

    def __getstate__(self) -> dict[str, Any]:
        own = {name: vars(self)[name] for name in ("n_bits", "compiled_") if name in vars(self)}
        return {"_own": own, "_params": super().__getstate__()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state["_params"])  # type: ignore[misc]
        vars(self).update(state["_own"])


def wrap(name: str, home: str) -> type:
    """The subclass of `home.name`, in `tenebra.sklearn`."""
    base = getattr(import_module(home), name)
    space: dict[str, Any] = {
        "__module__": "tenebra.sklearn",
        "__qualname__": name,
        "__doc__": _doc(name, home, base),
    }
    space["__init__"] = _init(base, 8 if name in LINEAR else None)
    cls: Any = None
    for method in ("fit", "partial_fit"):
        if hasattr(base, method):
            space[method] = _fitting(base, method, lambda: cls)
    for method in _PREDICTING:
        if hasattr(base, method):
            space[method] = _predicting(base, method, lambda: cls)
    if hasattr(base, "path"):
        # Cross-validated paths hand all parameters to the solver.
        space["get_params"] = _params_while_fitting(lambda: cls)
    parameters = getattr(base, "_parameter_constraints", None)
    if parameters is not None:
        from sklearn.utils._param_validation import Integral, Interval

        space["_parameter_constraints"] = {**parameters, "n_bits": [Interval(Integral, 2, 16, closed="both"), None]}
    bases = (Encrypted, KeptApart, base) if home == "catboost" else (Encrypted, base)
    cls = type(name, bases, space)
    return cls


def _doc(name: str, home: str, base: type) -> str:
    if name in LINEAR:
        bits = "n_bits: bits of a feature's code and of a weight, 2 to 16."
    elif name in TREES:
        bits = "n_bits: bits of codes in uniform steps; None, the default, takes the trees' own thresholds, which is exact."
    else:
        bits = "n_bits: as `tenebra.compile` takes it for what is fitted; None takes its default, which for trees is exact."
    summary = (inspect.getdoc(base) or name).splitlines()[0]
    return f"{summary}\n\n`{home}.{name}`, of which parameters and attributes are, that can predict encrypted: see `tenebra.sklearn`.\n\n{bits}"


def _init(base: Any, bits: int | None) -> Callable[..., None]:
    signature = inspect.signature(base.__init__)
    parameters = list(signature.parameters.values())
    own = inspect.Parameter("n_bits", inspect.Parameter.KEYWORD_ONLY, default=bits)
    keywords = [p for p in parameters if p.kind is inspect.Parameter.VAR_KEYWORD]
    others = [p for p in parameters if p.kind is not inspect.Parameter.VAR_KEYWORD]

    def __init__(self: Any, *args: Any, n_bits: Any = bits, **kwargs: Any) -> None:
        base.__init__(self, *args, **kwargs)
        self.n_bits = n_bits

    __init__.__signature__ = signature.replace(parameters=[*others, own, *keywords])  # type: ignore[attr-defined]
    return __init__


def _fitting(base: Any, name: str, cls: Callable[[], Any]) -> Callable[..., Any]:
    original = getattr(base, name)

    @wraps(original)
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        vars(self).pop("compiled_", None)
        if "_fitting" in vars(self):
            # `fit` by `partial_fit`.
            return getattr(super(cls(), self), name)(*args, **kwargs)
        self._fitting = True
        try:
            return getattr(super(cls(), self), name)(*args, **kwargs)
        finally:
            del self._fitting

    return _as_available(base, name, method, cls)


def _as_available(base: Any, name: str, method: Any, cls: Callable[[], Any]) -> Any:
    """The method, there for the parameters with which the original's is."""
    if inspect.isfunction(inspect.getattr_static(base, name)):
        return method
    from sklearn.utils.metaestimators import available_if

    return available_if(lambda self: hasattr(super(cls(), self), name))(method)


def _params_while_fitting(cls: Callable[[], Any]) -> Callable[..., dict[str, Any]]:
    def get_params(self: Any, deep: bool = True) -> dict[str, Any]:
        params: dict[str, Any] = super(cls(), self).get_params(deep)
        if "_fitting" in vars(self):
            params.pop("n_bits", None)
        return params

    return get_params


def _predicting(base: Any, name: str, cls: Callable[[], Any]) -> Any:
    original = getattr(base, name)
    # What is compiled is what predicts.
    compiled = name != "transform" or not hasattr(base, "predict")

    def method(
        self: Any, X: Any, *args: Any, fhe: Any = "disable", threads: Any = 1, progress: Any = None, **kwargs: Any
    ) -> Any:
        if fhe == "disable":
            return getattr(super(cls(), self), name)(X, *args, **kwargs)
        if args or kwargs:
            given = ", ".join([*(repr(argument) for argument in args), *kwargs])
            raise InputError(f"`{name}` with fhe={fhe!r} takes no {given}", "rows, threads and progress are taken")
        if not compiled:
            raise UnsupportedError(f"`{name}` of {base.__name__} is not compiled, only what predicts", '`fhe="disable"` transforms in the clear')
        return self._asked(name, X, fhe, threads, progress)

    method.__name__ = name
    method.__doc__ = f"{inspect.getdoc(original) or ''}\n\nWith `fhe` of `'simulate'` or `'execute'`, by the compiled model."
    if callable(original):
        signature = inspect.signature(original)
        parameters = list(signature.parameters.values())
        keywords = [p for p in parameters if p.kind is inspect.Parameter.VAR_KEYWORD]
        others = [p for p in parameters if p.kind is not inspect.Parameter.VAR_KEYWORD]
        method.__signature__ = signature.replace(parameters=[*others, *_HOW, *keywords])  # type: ignore[attr-defined]
    return _as_available(base, name, method, cls)
