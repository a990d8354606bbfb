"""Doctests of the package know it by its name, and numpy as everybody does."""

import pytest
import tenebra


@pytest.fixture(autouse=True)
def _names(doctest_namespace: dict[str, object]) -> None:
    doctest_namespace["tenebra"] = tenebra
