from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import outcomes as oc
from outcomes.errors import UsageError
from outcomes.provenance import Provenance
from outcomes.questions.ask import undisclosed
from outcomes.questions.course_frame import course_frame
from outcomes.questions.course_model import (
    CourseModel,
    estimates,
    fitted,
    fixed_rows,
    means_on,
    pooled_model,
)
from outcomes.study import Study, study_from_tables

pytestmark = pytest.mark.quick(4)

FORBIDDEN = ("effect", "effective", "works")


def follow_ups(scores: dict[str, list[float]], arms: dict[str, str] | None = None, **provenance):
    """A study of courses with a baseline and follow-up scores four weeks apart."""
    rows = [
        (course, 28.0 * i, "baseline" if i == 0 else "follow_up", score)
        for course, values in scores.items()
        for i, score in enumerate(values)
        if not np.isnan(score)
    ]
    assessments = pd.DataFrame(rows, columns=["episode_id", "day", "timing", "score"])
    episodes = pd.DataFrame({"episode_id": list(scores)})
    if arms:
        episodes["arm"] = episodes["episode_id"].map(arms)
    return study_from_tables(
        {"episodes": episodes, "assessments": assessments.assign(instrument="nprs")},
        provenance=Provenance(**provenance),
    )


@pytest.fixture
def complete():
    rng = np.random.default_rng(5)
    level = rng.integers(5, 9, 24)
    drops = rng.integers(0, 4, (24, 2))
    return {f"c{i}": [level[i], *(level[i] - drops[i])] for i in range(24)}


def test_complete_data_give_the_plain_means(complete):
    """With every score present the model's mean at a time is the mean of the changes there."""
    given = oc.answer(follow_ups(complete), "how-much")
    curve = given.table[given.table["kind"] == "curve"].set_index("week")["estimate"]
    changes = np.array([[v[0] - v[1], v[0] - v[2]] for v in complete.values()])
    assert curve[4.0] == pytest.approx(changes[:, 0].mean(), abs=1e-8)
    assert curve[8.0] == pytest.approx(changes[:, 1].mean(), abs=1e-8)


def test_the_sentence_holds_the_estimate_its_interval_and_the_scale(complete):
    given = oc.answer(follow_ups(complete), "how-much")
    row = given.table[given.table["kind"] == "improvement"].iloc[0]
    numbers = f"{row.estimate:.1f} points (95 % CI {row.conf_low:.1f} to {row.conf_high:.1f})"
    assert numbers in given.sentence
    assert "24 courses" in given.sentence
    assert "0 to 10, lower is better" in given.sentence
    assert not any(word in given.sentence.lower() for word in FORBIDDEN)
    assert any("effect" in limit for limit in given.limits)


def test_arms_are_told_apart(complete):
    arms = {course: "usual care" if i % 2 else "massage" for i, course in enumerate(complete)}
    given = oc.answer(follow_ups(complete, arms), "how-much")
    means = given.table[given.table["kind"] == "improvement"].set_index("group")["estimate"]
    for arm in ("massage", "usual care"):
        changes = [v[0] - v[2] for c, v in complete.items() if arms[c] == arm]
        assert means[arm] == pytest.approx(np.mean(changes), abs=1e-8)
        assert f"in the {arm} arm" in given.sentence


@pytest.mark.parametrize(("few", "each"), [(10, False), (12, True)])
def test_an_arm_that_no_figure_may_show_is_told_with_the_others(complete, few, each):
    arms = {name: "usual" if i < few else "massage" for i, name in enumerate(complete)}
    given = oc.answer(follow_ups(complete, arms, control="usual"), "how-much")
    assert ("in the usual arm" in given.sentence) == each
    assert ("averaged over 24 courses, the arms together." in given.sentence) != each
    assert ("usual" in given.glance) == each == ("usual" in given.picture.alt)


def test_what_was_left_out_is_counted(complete):
    complete["c0"] = [7.0, np.nan, np.nan]
    given = oc.answer(follow_ups(complete), "how-much")
    assert given.source.left_out == {"course without a later score that counts": None}  # few, real
    assert given.source.n_used is None  # beside it, what is left out would be told
    assert undisclosed(follow_ups(complete), "how-much").source.n_used == 46


def test_too_few_courses_are_refused_in_plain_words(complete):
    few = dict(list(complete.items())[:6])
    given = oc.answer(follow_ups(few), "how-much")
    assert given.refused
    assert (
        "at least 11 courses with a score after their baseline; there are too few courses."
        in given.reason
    )
    assert given.table.empty
    assert given.figure is None


def test_no_scores_are_refused():
    given = oc.answer(study_from_tables({}), "how-much")
    assert given.refused
    assert "no scores" in given.reason


def test_data_that_break_a_rule_are_refused_with_the_rule(complete):
    complete["c3"] = [7.0, 11.0, 5.0]
    given = oc.answer(follow_ups(complete), "how-much")
    assert given.refused
    assert "R12" in given.reason
    assert "11" not in given.reason


def test_conditions_with_few_courses_are_pooled_and_not_shown_alone():
    given = oc.answer(with_sessions(n_courses=40, rare=4), "how-much")
    assert set(given.table["group"]) == {"all", "headache", "sciatica"}


def with_sessions(n_courses: int, rare: int, seed: int = 3):
    rng = np.random.default_rng(seed)
    ids = [f"c{i}" for i in range(n_courses)]
    names = ["post_op"] * rare + list(rng.permutation(["headache", "sciatica"] * n_courses))
    course = np.repeat(ids, 6)
    visit = np.tile(np.arange(1, 7), n_courses)
    level = np.repeat(rng.normal(6, 1, n_courses), 6)
    score = np.clip(np.round(level - 0.3 * (visit - 1) + rng.normal(0, 1, len(visit))), 0, 10)
    common = {"episode_id": course, "session": visit, "day": 7.0 * (visit - 1)}
    return study_from_tables(
        {
            "episodes": pd.DataFrame({"episode_id": ids, "condition": names[:n_courses]}),
            "sessions": pd.DataFrame({**common, "pressure": rng.integers(1, 5, len(visit))}),
            "assessments": pd.DataFrame(
                {**common, "timing": "pre_session", "instrument": "nprs", "score": score}
            ),
        }
    )


def test_sessions_known_means_the_curve_is_over_sessions_received():
    given = oc.answer(with_sessions(60, 0), "how-much")
    curve = given.table[given.table["kind"] == "curve"]
    assert sorted(curve["session_count"].unique()) == [1.0, 2.0, 3.0, 4.0, 5.0]
    assert "after 5 sessions" in given.sentence
    assert "pressure" not in set(given.table["kind"])  # that number is the pressure answer's


def audit(gains, n_therapists, *, spread=0):
    """Scores before and after, the second on a day of its own; therapists take turns."""
    n = len(gains)
    ids = [f"e{i:03d}" for i in range(n)]
    later = 40.0 + spread * np.arange(n) / n
    therapists = [f"t{i % n_therapists}" for i in range(n)]
    at = {"episode_id": ids, "instrument": "nprs"}
    before = pd.DataFrame({**at, "day": 0.0, "timing": "baseline", "score": 9.0})
    after = pd.DataFrame({**at, "day": later, "timing": "follow_up", "score": 9.0 - gains})
    return study_from_tables(
        {
            "episodes": pd.DataFrame({"episode_id": ids, "therapist_id": therapists}),
            "assessments": pd.concat([before, after]),
        }
    )


@pytest.mark.parametrize("n_therapists", [2, 3, 6])
@pytest.mark.parametrize("differ", [0.0, 1.5])
def test_a_mean_knows_no_more_than_therapists_who_differ(n_therapists, differ):
    """Analysis of variance in closed form: t with therapists less one where they differ."""
    n, n_each = 60, 60 // n_therapists
    rng = np.random.default_rng(4)
    noise = rng.normal(0, 1, (n_each, n_therapists))
    noise -= noise.mean(axis=0)  # therapists differ by exactly what is added
    parts = differ * stats.norm.ppf((np.arange(n_therapists) + 0.5) / n_therapists)
    gains = (3 + noise + parts).ravel().clip(0, 9)
    given = oc.answer(audit(gains, n_therapists), "how-much")
    row = given.table[given.table["kind"] == "improvement"].iloc[0]
    if n_therapists >= 3 and differ:
        between = gains.reshape(n_each, -1).mean(axis=0).std(ddof=1)
        expected, df = between / np.sqrt(n_therapists), n_therapists - 1
    else:
        # therapists estimated not to differ may still: at most five times their number less one
        expected, df = gains.std(ddof=1) / np.sqrt(n), {2: n - 1, 3: 10, 6: 25}[n_therapists]
    assert row["std_error"] == pytest.approx(expected, rel=1e-4)
    assert row["df"] == pytest.approx(df, rel=1e-2)
    assert ("(1 | therapist_id)" in given.method) == (n_therapists >= 3)
    assert ("these two therapists" in given.sentence) == (n_therapists == 2)


@pytest.mark.parametrize("name", ["how-much", "therapists", "leavers"])
def test_who_stands_in_at_a_visit_changes_no_mean(clinic, name):
    whole = clinic(n=80)
    own = whole.sessions["episode_id"].map(lambda one: f"t{int(one[1:]) % 6}")
    alone = replace(whole, sessions=whole.sessions.assign(therapist_id=own))
    stands_in = whole.sessions["session"].eq(3) & whole.sessions["episode_id"].str.endswith("7")
    helped = replace(alone, sessions=alone.sessions.assign(therapist_id=own.mask(stands_in, "t0")))
    one, other = (oc.answer(study, name) for study in (alone, helped))
    assert not one.refused
    assert one.sentence == other.sentence
    pd.testing.assert_frame_equal(one.table, other.table)


def test_one_follow_up_each_on_whatever_day_is_one_time():
    gains = np.tile([1.0, 2.0, 3.0], 20)
    study = audit(gains, 1, spread=50)
    given = oc.answer(study, "how-much")
    assert not given.refused
    row = given.table[given.table["kind"] == "improvement"].iloc[0]
    assert (row["estimate"], row["n_episodes"]) == (pytest.approx(2.0), 60)
    assert row["std_error"] == pytest.approx(gains.std(ddof=1) / np.sqrt(60))
    assert "patients of this one therapist improved by 2.0 points" in given.sentence
    assert "taken in weeks 6 to 13 (counted as week " in given.method
    assert not oc.answer(study, "leavers").refused


def test_scores_near_two_common_times_are_of_these():
    """Discharge near day 90, follow-up near 180: no day has eleven courses, each time has all."""
    rng = np.random.default_rng(1)
    gains, days = rng.integers(0, 5, (2, 45)), np.array([[90], [180]]) + rng.integers(-12, 13, 45)
    parts = [("baseline", np.zeros(45), 0 * gains[0]), ("discharge", days[0], gains[0]),
             ("follow_up", days[1], gains[1])]  # fmt: skip
    ids = [f"c{i:02}" for i in range(45)]
    frames = [
        pd.DataFrame({"episode_id": ids, "timing": timing, "day": day, "score": 8 - gain})
        for timing, day, gain in parts
    ]
    late = pd.DataFrame({"episode_id": ["c00"], "timing": "follow_up", "day": 400, "score": 0})
    scores = pd.concat([*frames, late]).assign(instrument="nprs")
    study = study_from_tables({"assessments": scores})
    given = oc.answer(study, "how-much")
    curve = given.table[given.table["kind"] == "curve"]
    assert curve["week"].tolist() == [13, 26]
    assert (curve["n_episodes"] == 45).all()
    assert curve["estimate"].tolist() == pytest.approx(gains.mean(axis=1))
    assert "taken in weeks 11 to 15 (counted as week 13) and 24 to 27 (counted as" in given.method
    assert given.source.left_out["outside the windows of weeks, or not the nearest in one"] is None
    assert "No course was without a score" in oc.answer(study, "leavers").sentence


@pytest.mark.parametrize("dated", [True, False])
def test_first_and_last_score_alone_are_of_one_time(dated):
    """Who was last seen after two visits stopped then: no mean after two visits of all."""
    rng = np.random.default_rng(7)
    ids, last = [f"c{i:02}" for i in range(60)], rng.integers(2, 10, 60)
    gains = rng.integers(0, 5, 60).astype(float)
    visits = pd.DataFrame({"episode_id": np.repeat(ids, last)})
    visits["session"] = visits.groupby("episode_id").cumcount() + 1.0
    visits["day"] = 7 * (visits["session"] - 1) if dated else np.nan
    therapists = rng.permutation(np.repeat([f"t{k}" for k in range(5)], 12))
    courses = pd.DataFrame({"episode_id": ids, "therapist_id": therapists})
    first = pd.DataFrame({"episode_id": ids, "session": 1, "timing": "baseline", "score": 8.0})
    then = first.assign(session=last, timing="pre_session", score=8 - gains)
    scores = pd.concat([first, then]).assign(instrument="nprs")
    tables = {"episodes": courses, "sessions": visits, "assessments": scores}
    given = oc.answer(study_from_tables(tables), "how-much")
    row = given.table[given.table["kind"] == "improvement"].iloc[0]
    assert row["estimate"] == pytest.approx(gains.mean())
    assert row["n_episodes"] == 60
    assert row["week" if dated else "session_count"] == np.median(last - 1).round()
    assert any("all of these count as of one time" in limit for limit in given.limits)
    gone = oc.answer(study_from_tables(tables), "leavers")
    assert "No course was without a score after baseline" in gone.sentence
    others = oc.answer(study_from_tables(tables), "therapists")
    by = pd.Series(gains).groupby(therapists).agg(["mean", "var"])  # balanced: analysis of variance
    between = max(12 * by["mean"].var() / by["var"].mean() - 1, 0.0) * by["var"].mean() / 12
    assert others.table["estimate"].iloc[0] == pytest.approx(np.sqrt(between), abs=1e-5)


def test_frequencies_of_courses_with_one_later_score_each_are_compared_at_one_time():
    """Half of the courses have it at week 1, half at week 2, where they vary twice as much."""
    rng = np.random.default_rng(4)
    late, often = np.repeat([0, 1], 30), np.tile([0, 1], 30)
    gains = rng.integers(0, 4, 60) * (1.0 + late)
    ids = [f"c{k:02}" for k in range(60)]
    visits = pd.DataFrame({"episode_id": np.repeat(ids, 3), "session": np.tile([1, 2, 3], 60)})
    visits["day"] = 7 * (visits["session"] - 1)
    first = pd.DataFrame({"episode_id": ids, "session": 1, "timing": "baseline", "score": 9.0})
    then = first.assign(session=2 + late, timing="pre_session", score=9 - gains)
    courses = pd.DataFrame({"episode_id": ids, "sessions_per_week": 1.0 + often})
    scores = pd.concat([first, then]).assign(instrument="nprs")
    tables = {"episodes": courses, "sessions": visits, "assessments": scores}
    found = oc.answer(study_from_tables(tables), "frequency").table.set_index("kind")
    at_two = [gains[(late == 1) & (often == k)].mean() for k in (1, 0)]
    assert found.loc["equal weeks", "estimate"] == pytest.approx(at_two[0] - at_two[1])


def test_one_later_score_each_without_a_day_is_refused_and_no_error():
    study = audit(np.ones(20), 1)
    scores = study.assessments
    later = scores["timing"] == "follow_up"
    scores = scores.assign(session=later + 1.0, day=float("nan"), timing="pre_session")
    assert oc.answer(replace(study, assessments=scores), "how-much").refused


def test_the_sentence_says_how_many_had_a_score_then():
    scores = with_sessions(60, 0).assessments
    last = scores["session"] == scores["session"].max()
    fewer = scores[~last | (scores["episode_id"].rank(method="dense") <= 35)]
    given = oc.answer(replace(with_sessions(60, 0), assessments=fewer), "how-much")
    at = given.table[given.table["kind"] == "improvement"].iloc[0]
    assert f"over 60 courses, {at['n_episodes']:.0f} of them with a score then" in given.sentence


def test_how_many_had_a_score_then_is_not_told_where_the_rest_are_few():
    scores = with_sessions(60, 0).assessments
    last = scores["session"] == scores["session"].max()
    fewer = scores[~last | (scores["episode_id"].rank(method="dense") <= 57)]
    given = oc.answer(replace(with_sessions(60, 0), assessments=fewer), "how-much")
    assert np.isnan(given.table["n_episodes"].iloc[0])
    assert "over 60 courses, not all of them with a score then" in given.sentence


def test_courses_that_all_change_alike_are_told_so_and_not_in_words_of_a_model():
    study = follow_ups({f"c{i}": [9.0 - i % 4, 7.0 - i % 4, 5.0 - i % 4] for i in range(24)})
    for name in ("how-much", "leavers"):
        assert "courses that started alike show the same change" in oc.answer(study, name).reason


def test_arms_too_small_for_a_mean_leave_the_mean_of_all_to_the_picture():
    study = follow_ups({f"c{i}": [9.0 - i % 4, 7.0 - i % 3, 5.0 - i % 5] for i in range(18)})
    arms = np.where(np.arange(18) % 2, "massage", "wait")
    study = replace(study, episodes=study.episodes.assign(arm=arms))
    drawn = undisclosed(study, "how-much", instrument="nprs").picture
    assert set(drawn.data["group"]) == {"all"}
    assert re.search(r"At week \d+, all courses: .*\.$", drawn.alt)
    assert drawn.title.startswith("During care, patients improved")


@pytest.mark.parametrize("alike", ["end", "arms", "days"])
def test_scores_in_which_only_the_start_differs_are_refused_in_plain_words(alike):
    study = with_sessions(60, 0)
    scores, arms = study.assessments, study.episodes
    same = scores["score"].where(scores["session"] < 2, 4.0)
    if alike == "arms":
        arms = arms.assign(arm=np.where(np.arange(len(arms)) % 2, "massage", "wait"))
        study = replace(study, provenance=replace(study.provenance, control="wait"))
    if alike == "days":  # nobody changes, whatever the day
        same = scores.groupby("episode_id")["score"].transform("first")
        scores = scores.assign(day=scores["day"] + np.arange(len(scores)) % 3)
    study = replace(study, episodes=arms, assessments=scores.assign(score=same))
    for name in ("how-much", "trial"):
        given = oc.answer(study, name)
        assert given.refused
        assert "got" not in given.reason
        if name == "how-much" or alike == "arms":
            assert given.reason.startswith(
                "courses that started alike show the same change, or each"
            )


def test_an_unknown_question_or_instrument_is_wrong_use(complete):
    study = follow_ups(complete)
    with pytest.raises(UsageError, match="Did you mean how-much"):
        oc.answer(study, "how-mach")
    with pytest.raises(UsageError):
        oc.answer(study, "how-much", instrument="nprz")


def test_the_repr_shows_no_data(complete):
    assert repr(oc.answer(follow_ups(complete), "how-much")) == "Answer(how-much: 8 estimates)"


def test_all_questions_are_asked_in_their_order(complete):
    names = [given.name for given in oc.answers(follow_ups(complete))]
    assert names[0] == "how-much"
    assert len(names) == len(set(names))


def serial_study(correlation: float, n_courses: int = 80, seed: int = 11):
    """Courses of eight weekly visits whose residuals follow an autoregression of known strength."""
    rng = np.random.default_rng(seed)
    steps = np.abs(np.subtract.outer(range(8), range(8)))
    residuals = rng.normal(size=(n_courses, 8)) @ np.linalg.cholesky(correlation**steps).T
    scores = 50 + 5 * rng.normal(size=(n_courses, 1)) - 2 * np.arange(8) + 6 * residuals
    common = {
        "episode_id": np.repeat([f"c{i}" for i in range(n_courses)], 8),
        "session": np.tile(np.arange(1, 9), n_courses),
        "day": np.tile(7.0 * np.arange(8), n_courses),
    }
    return study_from_tables(
        {
            "sessions": pd.DataFrame(common),
            "assessments": pd.DataFrame(
                {**common, "timing": "pre_session", "instrument": "odi", "score": scores.ravel()}
            ),
        }
    )


def test_serial_correlation_is_taken_where_it_is_and_not_where_it_is_not():
    strong = oc.answer(serial_study(0.85), "how-much")
    none = oc.answer(serial_study(1e-9), "how-much")
    assert "+ ou(day | episode_id)` on" in strong.method
    assert "+ ou(day | episode_id)` on" not in none.method
    assert "independent residuals" in set(strong.table["term"])


def test_change_that_is_all_selection_stands_beside_regression_to_the_mean():
    study = oc.simulate(episodes=1000, scenario="regression-to-the-mean", seed=5)
    answer = oc.answer(study, "how-much", instrument="nprs")
    row = answer.table[answer.table["term"] == "regression to the mean, at least"].iloc[0]
    change = answer.table.loc[answer.table["kind"] == "improvement", "estimate"].iloc[0]
    assert row["conf_low"] < change < row["conf_high"]
    assert any(
        "Regression to the mean alone would bring at least" in limit for limit in answer.limits
    )
    untreated = answer.table.loc[answer.table["term"].str.startswith("untreated"), "estimate"]
    assert untreated.tolist() == [pytest.approx(0.58)]


def own_bad_weeks(*, twice, n=60, seed=3):
    """People who come in a bad week of their own, no rule and no change; scored twice, if wished.

    They come in the worst of four weeks: it passes, and brings 10 * 1.029, the mean of the largest
    of four normal deviations.
    """
    rng = np.random.default_rng(seed)
    level, bad = rng.normal(50.0, 8.0, n), rng.normal(0.0, 10.0, (4, n)).max(axis=0)
    days = ([-14.0] if twice else []) + [0.0, 28.0]
    scores = [level + (bad if i == 0 else 0.0) + rng.normal(0.0, 4.0, n) for i in range(len(days))]
    scores = np.clip(np.round(scores), 0, 100)
    rows = {"episode_id": np.tile([f"c{i}" for i in range(n)], len(days)), "instrument": "vas"}
    rows |= {"day": np.repeat(days, n), "score": scores.ravel()}
    rows["timing"] = np.repeat(["baseline"] + ["pre_session"] * (len(days) - 1), n)
    return study_from_tables({"assessments": pd.DataFrame(rows)})


@pytest.mark.parametrize("seed", range(4))
def test_a_bad_week_that_leaves_no_cut_in_the_baselines_is_not_called_no_regression(seed):
    given = oc.answer(own_bad_weeks(twice=False, seed=seed), "how-much")
    assert not given.table["term"].str.contains("regression").any()
    assert any("cannot be told from these baselines" in limit for limit in given.limits)


def test_two_scores_before_care_tell_what_comes_without_it():
    given = oc.answer(own_bad_weeks(twice=True, n=400), "how-much")
    row = given.table[given.table["term"] == "between two scores before care"].iloc[0]
    assert row["conf_low"] < 10.29 < row["conf_high"]
    assert any(
        "without any visit (400 courses; positive = better)" in limit for limit in given.limits
    )


def test_a_condition_without_late_scores_warns_nobody(clinic):
    study = clinic(n=80)
    study.episodes["condition"] = ["headache", "sciatica"] * 40
    short = set(study.episodes["episode_id"][1::2])
    early = (study.assessments["session"] <= 2) | ~study.assessments["episode_id"].isin(short)
    study = replace(study, assessments=study.assessments[early].reset_index(drop=True))
    given = oc.answer(study, "how-much")  # warnings are errors here
    last = given.table[given.table["group"] == "sciatica"]
    assert last["session_count"].max() == 1


def few_hands(seed: int, n: int = 30, k: int = 3) -> Study:
    """Courses of three to seven visits with one of k therapists who do not differ."""
    rng = np.random.default_rng(seed)
    ids, visit = np.repeat([f"e{i}" for i in range(n)], 7), np.tile(np.arange(1, 8), n)
    who = np.repeat(rng.integers(k, size=n), 7)
    gain = np.repeat(rng.normal(2, 1, n), 7) * (1 - 0.7 ** (visit - 1))
    score = np.repeat(rng.normal(6, 1.3, n), 7) - gain + rng.normal(0, 1, 7 * n)
    rows = pd.DataFrame({
        "episode_id": ids, "session": visit, "day": 7 * (visit - 1),
        "therapist_id": [f"t{x}" for x in who], "score": score.round().clip(0, 10),
    })[visit <= np.repeat(rng.integers(3, 8, n), 7)]  # fmt: skip
    scores = rows.drop(columns="therapist_id").assign(instrument="nprs", timing="pre_session")
    return study_from_tables({"sessions": rows.drop(columns="score"), "assessments": scores})


def test_degrees_of_freedom_are_not_fewer_than_therapists_less_one():
    """Satterthwaite's fall to 0.4 near the bound of zero: the interval was wider than the scale."""
    study = few_hands(56)
    model = pooled_model(study, "nprs")
    grid = pd.DataFrame({"session_count": [model.course.horizon]})
    assert estimates(model.fit, fixed_rows(model.fit, grid))["df"].iloc[0] < 0.5
    row = undisclosed(study, "how-much").table.iloc[0]
    half = stats.t.ppf(0.975, 2) * row["std_error"]
    assert row["df"] == 2
    assert row["conf_low"] == pytest.approx(row["estimate"] - half)
    assert row["conf_high"] == pytest.approx(row["estimate"] + half)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_of_three_therapists_they_lie_between_two_and_ten(seed):
    assert 2 <= undisclosed(few_hands(seed), "how-much").table["df"].iloc[0] <= 10


@pytest.mark.parametrize(
    ("courses", "df"), [([4] * 6, 23), ([14, 2, 2, 2, 2, 2], 8.5), ([20, 2, 2], 5)]
)
def test_therapists_who_treat_few_tell_little_of_therapists(courses, df):
    """24² over 14² and five times 2² is 2.7 of six; five times that less one is 8.5."""
    study = audit(np.tile([2.0, 4.0], 12), 6)  # who has an even number of courses has a mean of 3
    who = np.repeat([f"t{k}" for k in range(len(courses))], courses)
    study = replace(study, episodes=study.episodes.assign(therapist_id=who))
    assert undisclosed(study, "how-much").table["df"].iloc[0] == pytest.approx(df)


@pytest.mark.parametrize(("own", "whose"), [(1, " of this one"), (2, " of these two")])
def test_who_stands_in_at_a_few_visits_is_not_one_more_therapist(own, whose):
    """The numbers are those of the same records without stand-ins."""
    study = few_hands(8, k=own)
    stood_in = study.sessions["therapist_id"].astype(object).copy()
    stood_in.iloc[[3, 17]] = ["locum a", "locum b"]
    changed = replace(study, sessions=study.sessions.assign(therapist_id=stood_in))
    found, right = (undisclosed(each, "how-much", instrument="nprs") for each in (changed, study))
    columns = ["estimate", "conf_low", "conf_high"]
    np.testing.assert_allclose(found.table[columns], right.table[columns])
    assert f"patients{whose} therapist" in found.sentence
    assert found.sentence == right.sentence


def courses_seen(*visits, synthetic):
    """Return a study in which each course has so many visits, with a score before each."""
    rows = [(f"c{i:02}", k + 1) for i, n in enumerate(visits) for k in range(n)]
    scores = pd.DataFrame(rows, columns=["episode_id", "session"])
    rng = np.random.default_rng(5)
    pain = np.clip(8 - scores["session"] + rng.integers(-1, 2, len(rows)), 0, 10).astype(float)
    scores = scores.assign(day=7.0 * scores["session"] - 7, instrument="nprs", score=pain)
    study = study_from_tables(
        {"assessments": scores, "sessions": scores[["episode_id", "session", "day"]]}
    )
    return replace(study, provenance=replace(study.provenance, synthetic=synthetic))


@pytest.mark.parametrize("synthetic", [True, False])
def test_a_headline_rests_on_no_fewer_than_a_figure_may_show(synthetic):
    study = courses_seen(
        *[4] * 10, *[3] * 2, synthetic=synthetic
    )  # 12 after 2 sessions, 10 after 3
    found = oc.answer(study, "how-much")
    assert "after 2 sessions" in found.sentence.replace("\N{NO-BREAK SPACE}", " ")


def test_times_that_no_eleven_courses_reach_together_are_told_as_such():
    study = courses_seen(*[5] * 12, synthetic=False)
    scores, first = study.assessments, study.episodes["episode_id"][:6]
    early = (scores["session"] <= 3) == scores["episode_id"].isin(first)
    kept = early | (scores["session"] == 1)
    found = oc.answer(replace(study, assessments=scores[kept]), "how-much")
    assert found.refused
    assert "at least 11 courses with a score at the same time" in found.reason


def test_the_line_of_measurement_error_says_whose_it_is(clinic):
    """The registry has the error of the NPRS for neck pain alone (Kovacs 2008: 4 points)."""
    study = clinic(n=40)
    names = np.where(np.arange(40) % 2, "knee_pain", "neck_other")
    study = replace(study, episodes=study.episodes.assign(condition=names))
    marks = undisclosed(study, "how-much", instrument="nprs").picture.marks
    assert (4.0, "measurement error in neck pain (4)") in marks


def with_therapists(n_therapists, own):
    """Return 60 courses of five visits; the therapist of a course gives `own` of them."""
    rng = np.random.default_rng(8)
    skill, of_course = rng.normal(0, 1, n_therapists), np.arange(60) % n_therapists
    gave = np.where(rng.random((60, 5)) < own, of_course[:, None], -1)
    gave = np.where(gave < 0, rng.integers(n_therapists, size=gave.shape), gave)
    gain = np.cumsum(skill[gave], axis=1) / 5 + np.arange(1, 6) / 3
    scores = 60 + rng.normal(0, 5, (60, 1)) - np.hstack([np.zeros((60, 1)), gain[:, :-1]])
    scores += rng.normal(0, 1, scores.shape)
    at = pd.DataFrame({"episode_id": np.repeat([f"e{i:02d}" for i in range(60)], 5),
                       "session": np.tile(np.arange(1, 6), 60)})  # fmt: skip
    at["day"] = at["session"] * 7 + np.arange(300) % 3
    scored = at.assign(instrument="odi", timing="pre_session", score=scores.ravel())
    visits = at.assign(therapist_id=[f"t{k}" for k in gave.ravel()], status="attended")
    return study_from_tables({"sessions": visits, "assessments": scored})


@pytest.mark.parametrize("own", [0.3, 1.0])
def test_where_others_stand_in_a_mean_keeps_all_that_therapists_differ_by(own):
    """Of what therapists differ by, courses show the square of the part that is their own's."""
    study = with_therapists(6, own)
    given = undisclosed(study, "how-much", instrument="odi")
    row, model = given.table.iloc[0], pooled_model(study, "odi")
    told = any("given by someone other than" in str(limit) for limit in given.limits)
    assert told == (own < 1)
    course = course_frame(study, "odi").of_courses()
    formula, at = model.fit.request.formula, {course.axis: [row["session_count"]]}
    plain = re.sub(r" \+ \([^()]*therapist_id\)", "", formula)
    with_them, without = (
        means_on(CourseModel(course, fitted(f, course.rows)), pd.DataFrame(at))["std_error"][0]
        for f in (formula, plain)
    )
    share = course_frame(study, "odi").own_share
    part = max(share - (1 - share) / 5, 0.4)
    more = (with_them**2 - without**2) * (1 / part**2 - 1) if own < 1 else 0.0
    assert row["std_error"] == pytest.approx(np.sqrt(with_them**2 + more), rel=1e-3)
    assert row["std_error"] > 1.2 * with_them or own == 1


def test_visits_without_a_name_do_not_leave_the_therapists_of_all_courses_out():
    """One of 300 visits did, and the mean of six who differ was as sure as of 60 alike."""
    study = with_therapists(6, 1.0)
    whole = undisclosed(study, "how-much", instrument="odi")
    some = study.sessions["session"] % 2 == 0
    nameless = study.sessions["therapist_id"].mask(some)
    fewer = replace(study, sessions=study.sessions.assign(therapist_id=nameless))
    given = undisclosed(fewer, "how-much", instrument="odi")
    numbers = ["estimate", "std_error", "df"]
    pd.testing.assert_series_equal(given.table.loc[0, numbers], whole.table.loc[0, numbers])
    assert not any("no therapist recorded" in str(limit) for limit in given.limits)
    first = study.sessions["episode_id"] == "e00"
    untold = study.sessions["therapist_id"].mask(first)
    given = undisclosed(
        replace(study, sessions=study.sessions.assign(therapist_id=untold)), "how-much",
        instrument="odi",
    )  # fmt: skip
    assert any("no therapist recorded" in str(limit) for limit in given.limits)
    assert "therapist" not in given.method.partition("`")[2].partition("`")[0]


@pytest.mark.parametrize(("patients", "holds"), [(4, 0.9), (10, 0.9)])
def test_courses_of_one_patient_are_alike_in_what_they_gain(patients, holds):
    """Of three courses each patient gains as much in all: the mean is known from so few people."""
    n_held, n_studies = 0, 20
    for seed in range(n_studies):
        rng = np.random.default_rng(5000 + seed)
        n = 3 * patients
        gain = np.repeat(rng.normal(1.5, 1.2, patients), 3) + rng.normal(0, 0.6, n)
        start = rng.normal(6, 1, n)
        ids = np.array([f"c{i:02d}" for i in range(n)])
        who = np.repeat([f"p{i}" for i in range(patients)], 3)
        visit = np.tile(np.arange(6), n)
        score = np.repeat(start, 6) - np.repeat(gain, 6) * visit / 5 + rng.normal(0, 0.8, 6 * n)
        visits = pd.DataFrame({"episode_id": np.repeat(ids, 6), "session": visit + 1,
                               "day": 7 * visit})  # fmt: skip
        study = study_from_tables({
            "episodes": pd.DataFrame({"episode_id": ids, "patient_id": who}),
            "sessions": visits.assign(status="attended"),
            "assessments": visits.assign(timing="pre_session", instrument="nprs",
                                         score=score.round().clip(0, 10)),
        })  # fmt: skip
        row = undisclosed(study, "how-much", thorough=False).table.iloc[0]
        n_held += row["conf_low"] <= 1.5 <= row["conf_high"]
    assert n_held >= holds * n_studies


def test_courses_whose_arm_is_not_recorded_are_not_called_an_arm():
    rng = np.random.default_rng(3)
    ids = [f"c{i:02d}" for i in range(60)]
    scores = pd.DataFrame(
        {
            "episode_id": ids * 2,
            "instrument": "nprs",
            "day": np.repeat([0, 42], 60),
            "timing": np.repeat(["baseline", "follow_up"], 60),
            "score": np.r_[rng.integers(5, 10, 60), rng.integers(1, 8, 60)],
        }
    )
    arms = np.tile(["new", "usual", None], 20)
    study = study_from_tables({"episodes": pd.DataFrame({"episode_id": ids, "arm": arms}),
                               "assessments": scores})  # fmt: skip
    given = undisclosed(study, "how-much")
    assert "in courses without an arm" in given.sentence
    assert "not recorded arm" not in given.sentence
