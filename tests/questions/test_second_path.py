"""Answers against R, which computed them from the tables and the sentences on methods alone."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from outcomes.questions.ask import undisclosed
from outcomes.study import study_from_tables

FOLDER = Path(__file__).parents[1] / "reference" / "second_path"
FOUND = json.loads((FOLDER / "second_path.json").read_text(encoding="utf-8"))
THREE = ["estimate", "std_error", "df"]


@pytest.fixture(name="tables", scope="module")
def tables_fixture():
    """Answers by question, as tables by kind; the file numbers appointments, missed ones too."""
    names = ("episodes", "sessions", "assessments")
    study = study_from_tables({name: pd.read_csv(FOLDER / f"{name}.csv") for name in names})
    asked = ("pressure", "therapists", "frequency", "sessions", "leavers")
    return {one: undisclosed(study, one).table.set_index("kind") for one in asked}


@pytest.mark.parametrize("kind", FOUND["pressure"])
def test_pressure_is_that_of_visits_received_whatever_their_numbers(tables, kind):
    row = tables["pressure"].loc[kind]
    assert row[THREE].tolist() == pytest.approx(FOUND["pressure"][kind], rel=2e-5)


def test_therapists(tables):
    spread, share = (tables["therapists"].loc[kind] for kind in ("spread", "share"))
    found = [spread["estimate"], share["estimate"], spread["statistic"], spread["p_value"]]
    assert found == pytest.approx([*FOUND["therapists"].values()], rel=2e-5)


@pytest.mark.parametrize(("kind", "axis"), [("equal weeks", "week"),
                                            ("equal sessions", "session_count")])  # fmt: skip
def test_frequency(tables, kind, axis):
    row = tables["frequency"].loc[kind]
    assert row[[axis, *THREE]].tolist() == pytest.approx(FOUND["frequency"][kind], rel=2e-5)


def test_curve_tipping_point_and_totals(tables):
    """Totals are of visits received, that of the last score among them."""
    curve = tables["sessions"].loc["curve", ["session_count", *THREE]]
    assert curve.to_numpy(float) == pytest.approx(pd.DataFrame(FOUND["curve"]).to_numpy(), rel=2e-5)
    tipping = tables["leavers"].loc["tipping point", "estimate"]
    assert tipping == pytest.approx(FOUND["tipping"], rel=2e-5)
    trap = tables["sessions"].loc["trap"].iloc[0]
    assert trap["term"] == "total 0-5 sessions"
    assert trap[["n_episodes", "estimate"]].tolist() == pytest.approx(FOUND["trap"])
