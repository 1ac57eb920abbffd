"""The validation table: its promises, its arithmetic on made records, its resuming, its page."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from outcomes.planning.truths import NAIVE, TRUTHS
from outcomes.questions.ask import QUESTIONS, answer
from outcomes.synthetic.scenarios import SCENARIOS
from studies.validation.__main__ import STUDIES, main
from studies.validation.cases import CASES, CLAIM, Case, Row
from studies.validation.judge import judge
from studies.validation.page import as_markdown
from studies.validation.run import (
    READ,
    answer_of,
    first_seed,
    run,
    run_study,
    study_of,
)
from studies.validation.spoilt import SPOILT

REFUSED = Case("default", "trial", (Row("any number", "refuse"),), 20)


def case_of(expectation, because=""):
    row = Row("curve", expectation, "change", naive="mean seen", because=because)
    return Case("default", "how-much", (row,))


def records(case, n=2000, coverage=0.95, bias=0.0):
    """Estimates around a truth of 1 with intervals that hold it in the stated share."""
    held = np.arange(n) < round(coverage * n)
    made = {"row": case.rows[0].name, "seed": range(n), "refused": False, "truth": 1.0}
    table = pd.DataFrame(
        {**made, "estimate": 1 + bias, "conf_low": np.where(held, 0.5, 1.5), "conf_high": 2.0}
    )
    return {case.name: table.assign(naive=2.0, naive_low=1.8, naive_high=2.2)}


def find(scenario, question, note=""):
    return next(c for c in CASES if (c.scenario, c.question, c.note) == (scenario, question, note))


def test_every_scenario_and_every_question_has_a_promise():
    assert {case.scenario for case in CASES} == set(SCENARIOS)
    numbers = {c.question for c in CASES for row in c.rows if row.expectation != "refuse"}
    assert numbers == set(QUESTIONS)


def test_every_name_in_a_promise_is_known_and_no_two_rows_share_theirs():
    rows = [(case.name, row) for case in CASES for row in case.rows]
    assert {row.truth for _, row in rows} - {""} <= set(TRUTHS)
    assert {row.naive for _, row in rows} - {""} <= set(NAIVE)
    assert {row.read for _, row in rows} <= set(READ)
    assert {case.spoilt for case in CASES} - {""} <= set(SPOILT)
    names = [(case.name, case.episodes, row.name) for case in CASES for row in case.rows]
    assert len(set(names)) == len(names)
    assert len({case.name for case in CASES}) == len(CASES)


def test_no_two_cases_share_a_seed():
    first = sorted(first_seed(case) for case in CASES)
    assert min(np.diff(first)) >= max(STUDIES["full"])


def test_a_remembered_frame_is_the_study_s_own_and_not_that_of_a_changed_one():
    study = study_of(REFUSED, 3)
    once, again = study.trajectory("nprs"), study.trajectory("nprs")
    again.loc[:, "improvement"] = 0.0
    pd.testing.assert_frame_equal(study.trajectory("nprs"), once)
    fewer = replace(study, assessments=study.assessments[study.assessments["session"] != 3])
    assert len(fewer.trajectory("nprs")) < len(once)


def test_a_full_run_has_the_studies_that_error_rates_need():
    full = {case.name: STUDIES["full"][case.many] for case in CASES}
    assert min(full.values()) >= 500
    assert all(full[c.name] >= 2000 for c in CASES if not c.slow and c.rows[0].truth)


@pytest.mark.parametrize(
    ("coverage", "expectation", "passed"),
    [(0.95, "recover", True), (0.85, "recover", False), (1.0, "recover", False),
     (1.0, "widen", True), (0.85, "widen", False), (0.95, "null", True), (0.99, "null", False),
     (0.91, "null", False)],
)  # fmt: skip
def test_a_row_is_kept_when_its_coverage_is_what_was_promised(coverage, expectation, passed):
    case = case_of(expectation)
    row = judge(records(case, coverage=coverage), [case]).iloc[0]
    assert row["coverage"] == coverage
    assert row["low"] <= coverage <= row["high"]
    assert row["passed"] == passed


def test_the_monte_carlo_interval_is_shared_out_over_the_rows():
    """Clopper-Pearson for 950 of 1000: scipy's own, at 99 % and at 1 - 0.01 / 2."""
    from scipy.stats import binomtest

    case = case_of("recover")
    alone = judge(records(case, 1000), [case]).iloc[0]
    expected = binomtest(950, 1000).proportion_ci(0.99)
    assert (alone["low"], alone["high"]) == pytest.approx((expected.low, expected.high))
    two = {**records(case, 1000), REFUSED.name: pd.DataFrame({"row": ["any number"], "refused": 1})}
    expected = binomtest(950, 1000).proportion_ci(0.995)
    assert judge(two, [case, REFUSED]).iloc[0]["low"] == pytest.approx(expected.low)


def test_bias_of_the_honest_and_of_the_naive_analysis():
    case = case_of("recover")
    row = judge(records(case, bias=0.25), [case]).iloc[0]
    assert row["bias"] == pytest.approx(0.25)
    assert row["naive_bias"] == pytest.approx(1.0)
    assert row["naive_coverage"] == 0.0


def test_a_study_without_the_number_is_not_counted_as_held():
    case = case_of("recover")
    found = records(case, 100)
    found[case.name].loc[:9, ["estimate", "conf_low", "conf_high", "truth"]] = np.nan
    row = judge(found, [case]).iloc[0]
    assert (row["n"], row["told"]) == (100, 90)
    assert row["coverage"] == pytest.approx(85 / 90)


@pytest.mark.parametrize(("share", "passed"), [(0.96, True), (0.9, False)])
def test_a_refusal_is_kept_by_its_share(share, passed):
    told = np.arange(100) < share * 100
    found = {REFUSED.name: pd.DataFrame({"row": "any number", "seed": range(100), "refused": told})}
    row = judge(found, [REFUSED]).iloc[0]
    assert row["refused"] == share
    assert row["passed"] == passed


def test_the_page_says_how_many_studies_and_why_a_row_misses():
    case = case_of("recover", because="It takes visits as independent.")
    page = as_markdown(judge(records(case, coverage=0.7), [case]), "run.py validate")
    assert "| 2,000 |" in page
    assert "**no**" in page
    assert "- how-much, default, curve: It takes visits as independent." in page
    assert "Written by `run.py validate`" in page
    assert "so few studies" not in page
    few = as_markdown(judge(records(case, 100), [case]), "run.py validate --quick")
    assert "Every row is kept." in few
    assert "so few studies" in few


def test_a_run_goes_on_where_it_stopped_and_is_the_same_run(tmp_path):
    told, first = [], first_seed(REFUSED)

    def counted(done, total):
        told.append((done, total))

    def upto(n):
        return run([REFUSED], {REFUSED.name: n}, tmp_path, processes=1, progress=counted)

    upto(1)
    both = upto(2)
    assert told == [(0, 1), (1, 1), (1, 2), (2, 2)]
    assert both[REFUSED.name]["seed"].tolist() == [first, first + 1]
    assert both[REFUSED.name]["refused"].all()
    assert upto(1)[REFUSED.name]["seed"].tolist() == [first]


def test_ctrl_c_keeps_what_is_finished(tmp_path, monkeypatch, capsys):
    def stopped(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("studies.validation.__main__.run", stopped)
    page = tmp_path / "page.md"
    assert main(["--quick", "--folder", str(tmp_path), "--page", str(page)]) == 130
    assert "kept" in capsys.readouterr().out
    assert not page.exists()


def test_a_name_that_no_case_has_is_told(capsys):
    with pytest.raises(SystemExit):
        main(["--only", "no such case"])
    assert "part of the name of a case" in capsys.readouterr().err


def test_a_trial_is_compared_with_its_own_truth():
    first, *_, last = run_study(find("two-arm-trial", "trial"), 3)
    assert first["truth"] == pytest.approx(1.52, abs=0.1)
    assert first["conf_low"] < first["estimate"] < first["conf_high"]
    assert first["naive"] > first["truth"]
    assert last["truth"] == pytest.approx(0.04, abs=0.1)


def test_more_visits_help_by_equal_weeks_and_lose_weeks_by_equal_sessions():
    by_week, by_session = run_study(find("default", "frequency", "scripts of six weeks"), 3)
    assert by_week["truth"] > 0 > by_session["truth"]


def test_the_answer_makes_no_claim_where_the_naive_one_does():
    case = find("regression-to-the-mean", "how-much")
    claim = next(r for r in run_study(replace(case, episodes=60), 3) if r["row"] == CLAIM)
    assert claim["refused"]
    assert claim["truth"] == 0.0
    assert claim["naive_low"] > 0


def test_what_is_judged_is_the_number_that_users_get():
    case = Case("default", "how-much", (), 40)
    study = study_of(case, 5)
    parts = [answer_of(case, study).table, answer(study, "how-much", instrument="nprs").table]
    judged, given = (
        part[(part["kind"] == "curve") & (part["group"] == "all")].reset_index(drop=True)
        for part in parts
    )
    columns = ["session_count", "estimate", "conf_low", "conf_high"]
    pd.testing.assert_frame_equal(judged[columns], given[columns])


def test_spoilt_records_lack_what_they_should():
    def pressures(spoilt):
        return study_of(Case("default", "pressure", (), 30, spoilt=spoilt), 1).sessions["pressure"]

    assert pressures("pressure never recorded").isna().all()
    assert pressures("everyone at the same pressure").nunique() == 1
    assert pressures("no overlap").nunique() == 2
    stayed = study_of(
        Case("default", "leavers", (), 30, spoilt="everyone leaves after one visit"), 1
    )
    assert stayed.trajectory("nprs").empty
