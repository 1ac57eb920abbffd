"""The other simulator: what it writes is a study, and its bookkeeping is right."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest

import outcomes as oc
from studies.clinics.__main__ import share, summary
from studies.clinics.arms import Trial, trial_study
from studies.clinics.clinic import Clinic, clinic_study, true_mean
from studies.clinics.page import FOUND, counted, section

FOLDER = Path(__file__).resolve().parents[2] / "studies" / "clinics"


def test_it_shares_nothing_with_the_packages_simulator():
    for path in FOLDER.glob("*.py"):
        names = {
            node.module or ""
            for node in ast.walk(ast.parse(path.read_text("utf-8")))
            if isinstance(node, ast.ImportFrom)
        }
        assert not [name for name in names if "synthetic" in name]
        assert "simulate(" not in path.read_text("utf-8")


@pytest.mark.parametrize("therapists", ["none", "nested", "crossed", "one arm"])
def test_studies_keep_to_the_contract(therapists):
    rng = np.random.default_rng(1)
    trial = trial_study(Trial(patients=20, therapists=therapists, each=3, leaving=0.3), rng)
    clinic = clinic_study(Clinic(conditions=(0.0, 0.5)), rng)
    assert oc.check(trial).ok
    assert oc.check(clinic).ok
    assert not clinic.provenance.synthetic


def test_the_true_mean_is_that_of_many_courses_whose_scores_are_all_there():
    own = Clinic(courses=20_000, therapists=20_000, visits=(5, 5), leave=0.0, leave_well=0.0,
                 leave_stuck=0.0, missing=0.0)  # fmt: skip
    frame = clinic_study(own, np.random.default_rng(2)).trajectory("nprs")
    seen = frame.loc[frame["session_count"] == 4, "improvement"]
    assert seen.mean() == pytest.approx(true_mean(own)(4.0), abs=4 * seen.sem())


def test_shares_have_exact_intervals():
    found = share(19, 20)
    expected = binomtest(19, 20).proportion_ci(0.95, "exact")
    assert found == pytest.approx((0.95, expected.low, expected.high))
    records = [
        {
            "label": "mean",
            "estimate": 1.0,
            "low": 0.5,
            "high": 1.5,
            "truth": t,
            "df": 9,
            "number": n,
        }
        for n, t in enumerate((1.0, 2.0))
    ]
    line = summary("a cell", [*records, {"label": "refused", "number": 2}]).to_dict("records")
    assert line[0]["held"].startswith("50.0%")
    assert [row["studies"] for row in line] == [2, 1]
    assert line[0]["of"] == 3


def test_the_page_counts_what_was_held_said_and_refused():
    held = {"label": "mean", "estimate": 1.0, "low": 0.5, "high": 1.5, "truth": 1.2}
    missed = {**held, "truth": 2.0}
    hidden = {**held, "estimate": np.nan, "low": np.nan, "high": np.nan}
    said = {"label": "said to be better", "said": False}
    rows = enumerate([held, missed, {"label": "refused"}, said, hidden])
    found = counted([{**row, "number": number, "cell": "a clinic"} for number, row in rows])
    table = found.set_index("label")
    assert table.loc["mean", ["given", "held", "studies"]].tolist() == [2, 1, 5]
    lines = section(found).splitlines()
    assert any(line.startswith("| a clinic | mean | 5 | 50.0 % (1 to 99)") for line in lines)
    assert any(line.startswith("| a clinic | refused | 5 | in 20.0 %") for line in lines)
    assert any(line.startswith("| a clinic | said to be better | 5 | in 0.0 %") for line in lines)


def test_the_page_of_documentation_shows_the_counts_that_are_kept():
    page = FOUND.parents[2] / "docs" / "validation.md"
    assert section(pd.read_csv(FOUND)) in page.read_text("utf-8")
