"""Table 1 of real data names nothing that few have, and gives no hidden cell away."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

import outcomes as oc
from outcomes.privacy.disclosure import disclosure_for
from outcomes.render.contents.patients import patients
from outcomes.study import Study

WORDS = "knee, call Mary O\N{RIGHT SINGLE QUOTATION MARK}Neill"


def table_of(study: Study, *, synthetic: bool) -> Any:
    episodes = study.episodes.copy()
    episodes.loc[0, "condition"] = WORDS
    about = replace(study.provenance, synthetic=synthetic)
    study = replace(study, provenance=about, episodes=episodes)
    return patients(study, disclosure_for(study)).blocks[0]


def test_words_that_one_patient_alone_bears_do_not_leave() -> None:
    study = oc.simulate(episodes=150, seed=3)
    assert any(WORDS in row[0] for row in table_of(study, synthetic=True).rows)
    shown = str(table_of(study, synthetic=False).rows)
    assert "Mary" not in shown
    assert "others, few each" in shown


@pytest.mark.parametrize("episodes", [8, 30, 60])
def test_no_small_count_stands_in_it_and_none_beside_a_per_cent(episodes: int) -> None:
    table = table_of(oc.simulate(episodes=episodes, seed=3), synthetic=False)
    for name, *cells in table.rows:
        if name.startswith(("baseline", "script", "weeks")):
            continue  # means
        for cell in cells:
            count = re.match(r"\d+\b", cell)
            assert not count or int(count[0]) == 0 or int(count[0]) >= 11, name


def test_no_quartile_where_a_quarter_is_few() -> None:
    small = table_of(oc.simulate(episodes=30, seed=3), synthetic=False)
    assert not any("[" in cell for row in small.rows for cell in row[1:])
    large = table_of(oc.simulate(episodes=150, seed=3), synthetic=False)
    assert any("[" in cell for row in large.rows for cell in row[1:])


def test_levels_put_together_are_none_only_where_all_of_them_are() -> None:
    study = oc.simulate(episodes=60, scenario="two-arm-trial", seed=3)
    rows = [row for row in table_of(study, synthetic=False).rows if "others" in row[0]]
    assert rows
    assert any("not shown" in row for row in rows)
