"""The generated pages are what the code says, and calibration holds where it claims to."""

from __future__ import annotations

from pathlib import Path

import pytest

from docs.make import simulation as pages
from outcomes.synthetic.scenarios import SCENARIOS
from studies import calibration
from studies.calibration import PARTS, measure
from studies.calibration_page import TARGETS, calibration_page

DOCS = Path(__file__).resolve().parents[2] / "docs"
NAMES = [
    "default", "null", "pressure-helps", "pressure-inverted-u", "confounded-pressure", "feedback",
    "informative-dropout", "regression-to-the-mean", "session-count-trap", "few-clusters",
    "switching-therapists", "floor-and-ceiling", "two-arm-trial", "dose-finding-trial", "hospice",
    "large-registry",
]  # fmt: skip


def test_scenarios_and_parameters_are_documented_as_they_are():
    page = (DOCS / "simulation.md").read_text(encoding="utf-8")
    assert page == pages.simulation_page(), "write it again: python run.py pages"
    assert set(NAMES) <= set(SCENARIOS)  # what was published stays
    for item in SCENARIOS.values():
        assert item.lesson
        assert item.naive
        assert item.honest


def test_both_pages_are_written(tmp_path, monkeypatch):
    monkeypatch.setattr(pages, "calibration_page", lambda: "calibration")
    pages.main(str(tmp_path))
    assert (tmp_path / "calibration.md").read_text(encoding="utf-8") == "calibration"
    assert (tmp_path / "simulation.md").read_text(encoding="utf-8").startswith("# Simulated")


@pytest.fixture(scope="module")
def found():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(calibration, "N_BATCHES", 3)
        return measure(PARTS)


def test_every_target_is_measured_and_every_measure_shown(found):
    assert {target.name for targets in TARGETS.values() for target in targets} == set(found)


@pytest.mark.parametrize(
    ("name", "target", "tolerance"),
    [
        ("responders, all, unrounded", 0.182, 0.012),
        ("responders, all, rounded", 0.243, 0.012),
        ("responders, entrants, unrounded", 0.287, 0.015),
        ("responders, entrants, rounded", 0.374, 0.015),
        ("regression to the mean", 0.878, 0.06),
        ("stopped before visit 9, base hazard", 1 - 0.94**8, 0.03),
        ("lost at week 12", 0.18, 0.03),
        ("r one week apart", 0.7, 0.05),
        ("effect after 8 sessions, part of the plateau", 0.8647, 0.003),
        ("neck trials, placebo", 15.7, 2.5),
        ("neck trials, massage", 25.9, 3.0),
        ("baseline mean sciatica", 6.0, 0.15),
        ("drop within a visit, massage", 1.87, 0.08),
    ],
)
def test_what_is_claimed_to_hold_does(found, name, target, tolerance):
    assert found[name][0] == pytest.approx(target, abs=tolerance)


@pytest.mark.slow
def test_calibration_page_is_what_the_generator_yields():
    assert (DOCS / "calibration.md").read_text(encoding="utf-8") == calibration_page()
