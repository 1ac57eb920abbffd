"""Are results changing: means by period of courses alike, and the trend, by a second path."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf

import outcomes as oc
from outcomes.intake.import_export import import_export
from outcomes.questions.ask import undisclosed
from outcomes.study import study_from_tables
from studies.validation.cases import CASES
from studies.validation.run import first_seed, study_of

YEARS = ("2021", "2022", "2023", "2024")


def before_and_after(rng, n=160, a_year=0.0):
    """Return courses of four years with one later score each, without therapists."""
    year = rng.integers(0, 4, n)
    kind = rng.choice(["headache", "low_back"], n)
    baseline = rng.integers(4, 10, n).astype(float)
    last = baseline - 1 - a_year * year - (kind == "headache") + rng.normal(0, 1, n)
    ids = [f"e{i:03d}" for i in range(n)]
    scores = pd.DataFrame({
        "episode_id": ids * 2, "instrument": "nprs", "day": [0] * n + [42] * n,
        "timing": ["baseline"] * n + ["follow_up"] * n,
        "score": np.r_[baseline, last.clip(0, 10)],
    })  # fmt: skip
    courses = pd.DataFrame({"episode_id": ids, "condition": kind,
                            "period": [YEARS[i] for i in year]})  # fmt: skip
    return study_from_tables({"episodes": courses, "assessments": scores})


def test_means_and_trend_are_those_of_least_squares():
    study = before_and_after(np.random.default_rng(3), a_year=0.3)
    table = undisclosed(study, "over-time").table
    wide = study.assessments.pivot_table(index="episode_id", columns="timing", values="score")
    rows = study.episodes.merge(wide, on="episode_id")
    rows["improvement"] = rows["baseline"] - rows["follow_up"]
    rows["years"] = rows["period"].astype(float)
    line = smf.ols("improvement ~ condition + baseline + years", rows).fit()
    trend = table[table["kind"] == "trend"].iloc[0]
    assert trend["estimate"] == pytest.approx(line.params["years"], rel=1e-6)
    assert trend["std_error"] == pytest.approx(line.bse["years"], rel=1e-5)
    assert trend["p_value"] == pytest.approx(line.pvalues["years"], rel=1e-4)
    alone = smf.ols("improvement ~ condition + years", rows).fit()
    change = table[table["kind"] == "trend of change"].iloc[0]
    assert change["estimate"] == pytest.approx(alone.params["years"], rel=1e-6)
    assert change["std_error"] == pytest.approx(alone.bse["years"], rel=1e-5)
    assert trend["p_both"] == pytest.approx(max(line.pvalues["years"], alone.pvalues["years"]))
    each = smf.ols("improvement ~ condition + baseline + C(period)", rows).fit()
    alike = [each.predict(rows.assign(period=year)).mean() for year in YEARS]
    means = table[table["kind"] == "period"]
    assert means["term"].tolist() == list(YEARS)
    np.testing.assert_allclose(means["estimate"], alike, rtol=1e-6)
    reach = 3 * np.sqrt(each.ssr / (len(rows) - 4)) / np.sqrt(means["n_episodes"])
    np.testing.assert_allclose(means["limit_high"] - means["limit_low"], 2 * reach, rtol=1e-6)


@pytest.mark.parametrize(("a_year", "says"), [(0.6, "getting better"), (-0.6, "getting worse"),
                                              (0.0, "No clear change")])  # fmt: skip
def test_the_sentence_says_which_way(a_year, says):
    given = oc.answer(before_and_after(np.random.default_rng(11), a_year=a_year), "over-time")
    assert says in given.sentence


def test_few_periods_or_none_are_refused_with_what_to_do():
    study = before_and_after(np.random.default_rng(2))
    two = replace(study, episodes=study.episodes.assign(
        period=study.episodes["period"].replace({"2021": "2022", "2024": "2023"})))  # fmt: skip
    few = before_and_after(np.random.default_rng(2), n=25)
    none = replace(study, episodes=study.episodes.assign(period=None))
    for other, many in (
        (two, "only two periods have"),
        (few, "periods with 11 courses"),
        (none, "no period has"),
    ):
        given = oc.answer(other, "over-time")
        assert given.table.empty
        assert many in given.sentence
        assert 'period = "year"' in given.sentence


@pytest.mark.parametrize(("kind", "kept"), [("", None), ("year", ["2024", "2025"]),
                                            ("quarter", ["2024", "2025"])])  # fmt: skip
def test_an_import_keeps_a_period_only_as_coarse_as_is_allowed(tmp_path, kind, kept):
    rows = "".join(f"P{i},202{4 + i % 2}-0{1 + i % 9}-05,7\nP{i},202{4 + i % 2}-0{1 + i % 9}-12,5\n"
                   for i in range(12))  # fmt: skip
    place = tmp_path / "export.csv"
    place.write_text("Client,Day,Pain\n" + rows, encoding="utf-8")
    columns = {"identifiers": {"record": "Client"}, "columns": {"date": "Day"},
               "scores": {"nprs": {"pre_session": "Pain"}},
               "study": {"no_status": "attended", "period": kind}}  # fmt: skip
    study, manifest = import_export(place, columns, tmp_path / "key.json", tmp_path / "study")
    dates = next(entry["done"] for entry in manifest.checklist if entry["letter"] == "C")
    assert ("first visit is kept" in dates) == bool(kind)
    assert study.episodes["period"].notna().all() == bool(kind)
    if kept:
        assert sorted(study.episodes["period"].unique()) == kept
        again, _ = import_export(place, columns, tmp_path / "key.json", tmp_path / "study")
        assert again.episodes["period"].tolist() == study.episodes["period"].tolist()
        assert oc.load(tmp_path / "study").episodes["period"].tolist() == [
            *study.episodes["period"]
        ]


def test_periods_that_have_one_therapist_each_are_refused():
    study = before_and_after(np.random.default_rng(5))
    tables = {"episodes": study.episodes, "assessments": study.assessments}
    own = study.episodes[["episode_id", "period"]].rename(columns={"period": "therapist_id"})
    visits = own.assign(session=1, day=0, status="attended")
    found = undisclosed(study_from_tables({**tables, "sessions": visits}), "over-time")
    assert found.refused
    assert "each period has one therapist" in found.reason
    visits.loc[::3, "therapist_id"] = YEARS[0]
    shared = study_from_tables({**tables, "sessions": visits})
    assert not undisclosed(shared, "over-time").refused


def test_patients_who_come_ever_worse_make_no_worsening_out_of_errors_of_the_baseline():
    """Everybody changes by 2 in truth; both scores have errors, and later patients start worse."""
    rng = np.random.default_rng(12)
    study = before_and_after(rng, n=400)
    year = study.episodes["period"].astype(int).to_numpy() - 2021
    severity = rng.normal(5 + 0.6 * year, 1)
    read = np.r_[severity, severity - 2] + rng.normal(0, 1, 800)
    scores = study.assessments.assign(score=read.round().clip(0, 10))
    given = oc.answer(replace(study, assessments=scores), "over-time")
    row = given.table.iloc[0]
    assert row["conf_high"] < 0  # alike in the baseline as read
    assert row["p_both"] > 0.05
    assert "No clear change" in given.sentence
    assert "Baselines aside, it was" in given.sentence
    assert given.verdict == "cannot tell"


def test_a_period_that_is_no_year_or_quarter_has_no_place_in_time():
    study = before_and_after(np.random.default_rng(2))
    words = study.episodes["period"].map(dict(zip(YEARS, "abcd", strict=True)))
    named = oc.answer(replace(study, episodes=study.episodes.assign(period=words)), "over-time")
    assert "no period has as many" in named.sentence
    some = study.episodes["period"].replace({"2024": "later"})
    given = undisclosed(replace(study, episodes=study.episodes.assign(period=some)), "over-time")
    assert given.table["term"].tolist()[2:] == list(YEARS[:3])
    assert given.table["estimate"].notna().all()


@pytest.mark.filterwarnings("ignore:The optimiser stopped early")
def test_a_fit_that_does_not_settle_gives_no_trend():
    """Two courses of one patient, alike in their scores, leave no residual: -0.31 (-0.43 to -0.19)
    was said of a study in which nothing changes."""
    [case] = (c for c in CASES if "patients who return, years" in c.name)
    study = study_of(case, first_seed(case) + 77)
    answer = oc.answer(study, "over-time")
    assert answer.refused
    assert "must settle" in answer.reason
