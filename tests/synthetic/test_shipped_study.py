"""The study in data/synthetic is what its recorded seed and version make."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import outcomes as oc
from outcomes.folders import contents, listed

SHIPPED = Path(__file__).resolve().parents[2] / "data" / "synthetic"
TRUTH = json.loads((SHIPPED / "truth.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def study():
    return oc.simulate(oc.Design.from_dict(TRUTH["parameters"]))


def test_is_the_default_scenario_of_its_seed(study):
    same = oc.simulate(episodes=200, seed=2026)
    assert study.truth.parameters == same.truth.parameters
    assert study.provenance.seed == TRUTH["seed"] == 2026
    assert TRUTH["version"] == oc.__version__


def test_bytes_are_the_same(study, tmp_path):
    study.save(tmp_path / "again")
    for name, digest in TRUTH["sha256"].items():
        written = (tmp_path / "again" / f"{name}.csv").read_bytes()
        assert hashlib.sha256(written).hexdigest() == digest
        assert written == (SHIPPED / f"{name}.csv").read_bytes()


def test_values_are_the_same_to_1e_8(study):
    loaded = oc.load(SHIPPED)
    for name in ("episodes", "sessions", "assessments", "goals"):
        made, read = study.table(name), loaded.table(name)
        assert len(made) == len(read)
        for column in made:
            if pd.api.types.is_float_dtype(made[column]):
                np.testing.assert_allclose(made[column], read[column], atol=1e-8)
    made = study.truth.estimands["value"].to_numpy()
    read = np.array([row["value"] for row in TRUTH["estimands"]])
    np.testing.assert_allclose(made, read, atol=1e-8)


def test_breaks_no_rule_but_shows_protocol_deviations():
    findings = oc.check(oc.load(SHIPPED))
    assert findings.ok
    assert {item.rule for item in findings.items} <= {"R26", "R28", "R30"}


def test_the_command_that_made_it_may_make_it_again():
    maker, files = listed(SHIPPED)
    assert maker == "simulate"
    for path in contents(SHIPPED):
        assert hashlib.sha256(path.read_bytes()).hexdigest() == files[path.name]
