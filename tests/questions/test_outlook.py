"""One patient's outlook: refused on little data, inside the scale, and as the errors say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from outcomes.questions.ask import undisclosed
from outcomes.questions.course_frame import course_frame
from outcomes.questions.outlook import Basis, foresee, learn, time_reached
from outcomes.questions.patient import Outlook, outlook_of
from outcomes.render.html import answer_html
from outcomes.study import Study, study_from_tables


def cut(study: Study, episode: str, scores: int, goals: pd.DataFrame | None = None) -> Study:
    """Return the study with one course as it stood after some scores."""
    kept = (study.assessments["episode_id"] != episode) | (study.assessments["session"] <= scores)
    visits = (study.sessions["episode_id"] != episode) | (study.sessions["session"] <= scores)
    tables = {
        "episodes": study.episodes, "sessions": study.sessions[visits],
        "assessments": study.assessments[kept],
    }  # fmt: skip
    return study_from_tables(tables if goals is None else {**tables, "goals": goals})


def goal(**facts: object) -> pd.DataFrame:
    return pd.DataFrame([{"episode_id": "e0003", "instrument": "nprs", **facts}])


@pytest.fixture(scope="module", name="study")
def study_fixture(clinic: Callable[..., Study]) -> Study:
    return clinic(n=90)


def outlook(study: Study, episode: str = "e0003") -> Outlook | str:
    return outlook_of(study, study.instrument("nprs"), episode)


def test_each_score_to_come_has_an_interval_inside_the_scale(study: Study) -> None:
    asked = cut(study, "e0003", 3, goal(target=4.0, by_sessions=4))
    found = outlook(asked)
    assert isinstance(found, Outlook)
    table = found.table
    baseline = asked.trajectory("nprs").query("episode_id == 'e0003'")["baseline"].iloc[0]
    assert table["session_count"].tolist() == [3, 4, 5]
    assert table["day"].tolist() == [21, 28, 35]
    assert (table["pred_low"] < table["estimate"]).all()
    assert (table["estimate"] < table["pred_high"]).all()
    assert table["pred_high"].max() <= baseline
    assert table["sustained"].is_monotonic_increasing
    assert found.by == 4
    assert "after 4 sessions the goal (4 or lower)" in found.sentence
    again = outlook(asked)
    assert isinstance(again, Outlook)
    pd.testing.assert_frame_equal(table, again.table)


@pytest.mark.parametrize(
    ("n", "scores", "reason"),
    [(50, 3, "needs 50 other courses"), (90, 1, "no score of a visit"), (90, 6, "later than")],
)
def test_too_little_data_is_refused_with_the_count(
    clinic: Callable[..., Study], n: int, scores: int, reason: str
) -> None:
    found = outlook(cut(clinic(n=n), "e0003", scores))
    assert isinstance(found, str)
    assert reason in found


def test_fifty_one_courses_are_enough(clinic: Callable[..., Study]) -> None:
    assert isinstance(outlook(cut(clinic(n=51), "e0003", 2)), Outlook)


def test_a_course_with_a_discharge_score_is_over(study: Study) -> None:
    end = pd.DataFrame([{"episode_id": "e0003", "day": 30.0, "timing": "discharge",
                         "instrument": "nprs", "score": 3.0}])  # fmt: skip
    short = cut(study, "e0003", 3)
    over = replace(short, assessments=pd.concat([short.assessments, end], ignore_index=True))
    assert outlook(over) == "this course has ended"
    on = over.episodes["end_reason"].mask(over.episodes["episode_id"] == "e0003", "ongoing")
    assert "ended" not in str(outlook(replace(over, episodes=over.episodes.assign(end_reason=on))))


@pytest.mark.parametrize(
    ("facts", "note"),
    [
        ({"target": 10.5}, "not better than the baseline, or off the scale"),
        ({"target": 9.9}, "not better than the baseline, or off the scale"),
        ({"target": 4.0, "set_day": 8}, "set after the fact"),
    ],
)
def test_a_goal_that_is_not_fair_is_named(study: Study, facts: dict[str, float], note: str) -> None:
    found = outlook(cut(study, "e0003", 3, goal(**facts)))
    assert isinstance(found, Outlook)
    assert note in found.goal_note


def test_a_goal_met_twice_is_said_to_be_met(study: Study) -> None:
    asked = cut(study, "e0003", 4)
    scores = asked.assessments
    low = (scores["episode_id"] == "e0003") & (scores["session"] >= 3)
    scores = scores.assign(score=scores["score"].mask(low, 2.0))
    found = outlook(
        replace(asked, assessments=scores, goals=cut(study, "x", 9, goal(target=2.0)).goals)
    )
    assert isinstance(found, Outlook)
    assert found.target is None
    assert "met at two scores in a row already" in found.sentence


def test_the_answer_says_what_is_to_come_and_never_why(study: Study) -> None:
    asked = cut(study, "e0003", 3, goal(target=4.0))
    answer = undisclosed(asked, "patient", instrument="nprs", episode="e0003")
    assert not answer.refused
    assert set(answer.table["kind"]) == {"change", "score", "expected", "goal met", "goal kept by"}
    assert not {"effect", "effective", "works"} & set(answer.sentence.split())
    assert "nobody can tell whether that is more than measurement error" in answer.sentence
    assert answer.picture is not None
    assert "expected" in answer.picture.data["kind"].tolist()
    shown = answer_html(answer)
    assert "95 % confidence" not in shown
    assert "named beside it" in shown
    alone = undisclosed(cut(study, "e0003", 6), "patient", instrument="nprs", episode="e0003")
    assert "points better than at baseline, and nobody can tell whether" in alone.sentence
    assert any("No outlook is given" in limit for limit in alone.limits)


@pytest.fixture(scope="module", name="basis")
def basis_fixture(study: Study) -> Basis:
    return learn(course_frame(study, "nprs"), study.instrument("nprs"), 2)


def as_if(basis: Basis, z: np.ndarray) -> Basis:
    z = np.tile(z, 5)  # the nearest fifth is all of them
    errors = pd.DataFrame({"episode_id": "other", "expected": 5.0, "z": z})
    return replace(basis, errors=errors)


def own_rows(study: Study) -> pd.DataFrame:
    rows = study.trajectory("nprs").query("episode_id == 'e0003'").reset_index(drop=True)
    rows.loc[2:, ["score", "improvement"]] = np.nan
    return rows


def test_normal_errors_give_normal_intervals_and_probabilities(study: Study, basis: Basis) -> None:
    normal = as_if(basis, norm.ppf(np.arange(1, 2000) / 2000))
    rows = own_rows(study)
    table = foresee(normal, rows, rows.index < 2, target=5.0)
    half = norm.ppf(0.9) * table["std_error"]
    np.testing.assert_allclose(table["pred_high"], table["estimate"] + half, atol=1e-3)
    gain = rows["baseline"].iloc[0] - 5.5  # pain is recorded in whole points: 5.4 counts as 5
    expected = norm.sf((gain - table["estimate"]) / table["std_error"])
    np.testing.assert_allclose(table["met"], expected, atol=0.03)


def test_skewed_errors_give_skewed_intervals(study: Study, basis: Basis) -> None:
    skewed = as_if(basis, np.linspace(0, 1, 999) ** 3)  # never worse than expected
    rows = own_rows(study)
    table = foresee(skewed, rows, rows.index < 2)
    np.testing.assert_allclose(table["pred_low"] - table["estimate"], 0.001 * table["std_error"],
                               atol=1e-3)  # fmt: skip
    np.testing.assert_allclose(table["pred_high"] - table["estimate"], 0.729 * table["std_error"],
                               atol=1e-2)  # fmt: skip


def test_errors_are_those_of_courses_the_model_had_not_seen(study: Study, basis: Basis) -> None:
    rows = basis.course.rows
    later = rows.groupby("episode_id").cumcount() >= 2
    assert sorted(basis.errors["episode_id"]) == sorted(rows.loc[later, "episode_id"])
    changed = study.assessments["episode_id"] == "e0003"
    odd = replace(study, assessments=study.assessments.assign(
        score=study.assessments["score"].mask(changed & (study.assessments["session"] > 3), 10.0)
    ))  # fmt: skip
    own = basis.errors["episode_id"] == "e0003"
    again = learn(course_frame(odd, "nprs"), odd.instrument("nprs"), 2).errors
    assert (again.loc[own, "z"] != basis.errors.loc[own, "z"]).any()
    np.testing.assert_allclose(again.loc[own, "expected"].iloc[0],
                               basis.errors.loc[own, "expected"].iloc[0])  # fmt: skip


def test_a_time_that_is_not_reached_is_missing() -> None:
    table = pd.DataFrame({"week": [1.0, 2.0], "sustained": [0.1, 0.2]})
    assert np.isnan(time_reached(table, "week", 0.5))


def test_several_movements_of_one_course_are_not_mixed() -> None:
    scores = pd.DataFrame(
        {"episode_id": "a", "session": [1, 2, 1, 2], "instrument": "rom", "score": [50, 60, 30, 35],
         "joint": "cervical", "plane": ["flexion", "flexion", "rotation", "rotation"]}
    )  # fmt: skip
    refused = undisclosed(
        study_from_tables({"assessments": scores}), "patient", instrument="rom", episode="a"
    )
    assert "several movements" in refused.reason


def test_nothing_is_foreseen_later_than_courses_of_its_own_condition_tell(
    clinic: Callable[..., Study],
) -> None:
    """Of 40 courses with sciatica none has a score after 3 sessions; of 80 others all have."""
    study = clinic(n=120)
    names = study.episodes["episode_id"]
    sciatica = set(names[:40])
    others = study.assessments["episode_id"].isin(sciatica) & (study.assessments["session"] > 4)
    conditions = study.episodes["condition"].mask(names.isin(sciatica), "sciatica")
    tables = {
        "episodes": study.episodes.assign(condition=conditions), "sessions": study.sessions,
        "assessments": study.assessments[~others],
    }  # fmt: skip
    mixed = study_from_tables(tables)
    found = outlook(cut(mixed, "e0003", 2))
    assert isinstance(found, Outlook)
    assert found.table["session_count"].tolist() == [2, 3]
    assert np.isfinite(found.table["estimate"]).all()
    assert "fewer than 11 such courses" in str(outlook(cut(mixed, "e0003", 4)))
