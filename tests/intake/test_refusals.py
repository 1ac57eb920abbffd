"""Each refusal of the intake has its words, and each place in them is told."""

from __future__ import annotations

import ast
from pathlib import Path
from string import Formatter

import pytest

from outcomes import errors
from outcomes.errors import DataError
from outcomes.intake.refusals import refuse
from outcomes.plain_text import shipped

SOURCE = Path(__file__).resolve().parents[2] / "src" / "outcomes"


def test_every_refusal_has_its_words_and_tells_their_places():
    told = [
        (node.args[0].value, frozenset(keyword.arg for keyword in node.keywords) - {"where"})
        for path in SOURCE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "refuse"
    ]
    words = {
        name: frozenset(
            place for text in entry.values() for _, place, _, _ in Formatter().parse(text) if place
        )
        for name, entry in shipped("intake/refusals.toml").items()
    }
    assert {*told} == {*words.items()}


def test_kinds_of_refusals_are_errors_of_the_package():
    kinds = {entry["kind"] for entry in shipped("intake/refusals.toml").values()}
    assert all(issubclass(getattr(errors, kind), errors.OutcomesError) for kind in kinds)


def over_a_cell():
    try:
        float("7 Ann Lee")
    except ValueError:
        refuse("cells_in_row", "x.csv, row 3", n=2, width=4)


def test_a_refusal_does_not_show_what_led_to_it():
    with pytest.raises(DataError, match="as many cells as the header; got 2 for 4") as caught:
        over_a_cell()
    assert caught.value.__suppress_context__
