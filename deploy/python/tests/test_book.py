"""The book's table of estimators is what the tests run, and what is refused."""

from __future__ import annotations

import re
from pathlib import Path

import tenebra.sklearn
from estimators import CASES
from tenebra.fitted import refusals

PAGE = (Path(__file__).parents[3] / "docs" / "book" / "src" / "python.md").read_text()


def _named(page: str) -> list[tuple[str, bool]]:
    """Names of estimators in the first column of a table, and whether each is marked."""
    cells = (line.split("|")[1] for line in page.splitlines() if line.startswith("| "))
    return [(name, star != "") for cell in cells for name, star in re.findall(r"`([A-Z]\w+)`(\\\*)?", cell)]


def test_every_estimator_of_the_table_runs() -> None:
    runs, _ = PAGE.split("Refused, with the reason")
    named = _named(runs)
    wrapped = {name for name, marked in named if not marked}
    assert wrapped == set(tenebra.sklearn.__all__)
    tested = " ".join(case.name for case in CASES)
    for name in (name for name, marked in named if marked):
        assert re.search(rf"\b{name}\b", tested), name


def test_every_refused_name_has_a_reason() -> None:
    _, refused = PAGE.split("Refused, with the reason")
    named = [name for name, _ in _named(refused)]
    assert len(named) > 10
    for name in named:
        assert refusals.reason(f"sklearn.{name}"), name
