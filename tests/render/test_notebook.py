"""What users hold shows itself: studies, findings, answers, fits."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pandas as pd
import pytest

import outcomes as oc
from outcomes.render.notebook import BOUND, Answers
from outcomes.study import study_from_tables


@pytest.fixture(scope="module")
def study() -> Any:
    return oc.load("data/synthetic")


def test_a_study_shows_what_it_holds_and_that_it_is_simulated(study: Any) -> None:
    shown = study._repr_html_()
    assert "SYNTHETIC data" in shown
    assert f"{len(study.sessions):,}" in shown
    assert "Numeric pain rating scale" in shown


def test_a_real_study_has_no_stamp_and_odd_words_are_words() -> None:
    scores = pd.DataFrame({"episode_id": ["a"], "session": [1], "instrument": "nprs", "score": [5]})
    shown = study_from_tables({"assessments": scores})._repr_html_()
    assert "SYNTHETIC" not in shown


def test_findings_say_what_to_do(study: Any) -> None:
    found = oc.check(study)
    shown = found._repr_html_()
    for remedy in found.table["remedy"]:
        assert remedy[:20] in unescape(shown)
    assert "0 errors" not in shown
    assert "No errors" in shown


def test_answers_show_each_question_with_its_sentence(study: Any) -> None:
    one = oc.answer(study, "goals")
    shown = Answers([one])._repr_html_()
    assert one.question in unescape(shown)
    assert "SYNTHETIC data" in shown
    assert Answers([])._repr_html_().count("<tr>") == 1


@pytest.mark.parametrize("owner", BOUND, ids=lambda owner: owner.__name__)
def test_every_bound_name_is_there_and_documented(owner: type) -> None:
    for name in BOUND[owner]:
        assert hasattr(owner, name)
        if not name.startswith("_") and name != "figure":
            assert getattr(owner, name).__doc__


@pytest.fixture(scope="module")
def as_real(study: Any) -> Any:
    """The shipped scores, not said to be simulated."""
    return study_from_tables({name: study.table(name) for name in ("episodes", "assessments")})


def test_a_picture_of_single_patients_is_seen_and_not_saved(as_real: Any, tmp_path: Any) -> None:
    rows = as_real.trajectory("nprs")
    fit = oc.lmm("improvement ~ session_count + (1 | episode_id)", rows)
    assert "SYNTHETIC" not in fit._repr_html_()
    for figure in (
        as_real.plot("nprs"), as_real.waterfall("nprs"), fit.check(),
        fit.plot(partial_residuals=True),
    ):  # fmt: skip
        assert "<svg" in figure._repr_html_()
        with pytest.raises(oc.PrivacyError, match="stays on the analyst's screen"):
            figure.savefig(tmp_path / "seen.png")
    assert not list(tmp_path.iterdir())
    fit.plot().savefig(tmp_path / "means.png")


def test_pictures_of_simulated_patients_and_of_other_data_are_saved(
    study: Any, tmp_path: Any
) -> None:
    study.waterfall("nprs").savefig(tmp_path / "bars.png")
    other = pd.DataFrame({"y": [1.0, 2, 4, 3, 5, 7], "g": list("aabbcc")})
    oc.lmm("y ~ 1 + (1 | g)", other).check().savefig(tmp_path / "other.png")
    assert all(place.stat().st_size > 1000 for place in tmp_path.iterdir())
    assert len(list(tmp_path.iterdir())) == 2


def test_margins_slopes_and_contrasts_are_told_as_coefficients_are(study: Any) -> None:
    rows = study.trajectory("nprs")
    fit = oc.lmm("improvement ~ condition * session_count + (1 | episode_id)", rows)
    margins = fit.emmeans("condition", at={"session_count": 5.0}, conf_level=0.9)
    shown = unescape(margins._repr_html_())
    assert "SYNTHETIC data" in shown
    assert "Improvement (points, positive = better): estimate (90 % CI)" in shown
    row = margins.set_index("condition").loc["neck_mvc"]
    found = re.search(r"neck pain after a crash</th><td>([\d.]+) \(([\d.]+) to ([\d.]+)\)", shown)
    assert found
    assert [float(x) for x in found.groups()] == pytest.approx(
        [row["estimate"], row["conf_low"], row["conf_high"]], abs=0.051
    )
    contrasts = unescape(fit.contrasts("condition")._repr_html_())
    assert "carpal tunnel − headache" in contrasts
    assert '(95 % CI, adjusted)</th><th scope="col">p, holm</th>' in contrasts
    plain = unescape(fit.contrasts("condition", adjust="none")._repr_html_())
    assert '(95 % CI)</th><th scope="col">p</th>' in plain
    slopes = unescape(fit.emtrends("session_count", by="condition")._repr_html_())
    assert "Sessions so far" in slopes
    assert type(margins[["estimate"]]) is pd.DataFrame


def test_a_margin_without_data_says_so(study: Any) -> None:
    rows = study.trajectory("nprs")
    some = rows[(rows["condition"] != "sciatica") | (rows["session_count"] == 2)]
    with pytest.warns(oc.OutcomesWarning, match="rank deficient"):
        fit = oc.lmm("improvement ~ condition * session_count + (1 | episode_id)", some)
    margins = fit.emmeans("condition", at={"session_count": 5.0})
    assert "no data here" in margins._repr_html_()
    figure = fit.plot()
    assert "headache: " in figure.alt
    assert "nan" not in figure.alt
