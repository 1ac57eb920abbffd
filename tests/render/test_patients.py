"""Table 1 of real data names nothing that few have, and gives no hidden cell away."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

import outcomes as oc
from outcomes.privacy.disclosure import disclosure_for
from outcomes.render.contents.flow import flow_picture, flow_steps
from outcomes.render.contents.patients import patients
from outcomes.render.contents.summary import about
from outcomes.render.document import Table, numeric
from outcomes.study import Study

pytestmark = pytest.mark.quick(3)

WORDS = "knee, call Mary O\N{RIGHT SINGLE QUOTATION MARK}Neill"


def table_of(study: Study, *, synthetic: bool) -> Any:
    episodes = study.episodes.copy()
    episodes.loc[0, "condition"] = WORDS
    about = replace(study.provenance, synthetic=synthetic)
    study = replace(study, provenance=about, episodes=episodes)
    section = patients(study, disclosure_for(study))
    return next((one for one in section.blocks if isinstance(one, Table)), Table("", (), ()))


def test_words_that_one_patient_alone_bears_do_not_leave() -> None:
    study = oc.simulate(episodes=150, seed=3)
    assert any(WORDS in row[0] for row in table_of(study, synthetic=True).rows)
    shown = str(table_of(study, synthetic=False).rows)
    assert "Mary" not in shown
    assert "others, few each" in shown


def test_what_shows_nothing_is_listed_and_not_a_column_of_not_shown() -> None:
    study = oc.simulate(episodes=15, seed=3)
    assert "not shown" not in str(table_of(study, synthetic=False).rows)
    real = replace(study, provenance=replace(study.provenance, synthetic=False))
    told = [one.text for one in patients(real, disclosure_for(real)).blocks[1:]]
    assert told[0].startswith("Not shown, for every number of these would tell of fewer than 11")
    assert "; sex; " in told[0]
    assert "; age; " in told[0]  # its unit is no part of a list
    assert "baseline Neck Disability Index (0 to 50, lower is better)" in told[0]


@pytest.mark.parametrize("episodes", [8, 30, 60])
def test_no_small_count_stands_in_it_and_none_beside_a_per_cent(episodes: int) -> None:
    table = table_of(oc.simulate(episodes=episodes, seed=3), synthetic=False)
    for name, *cells in table.rows:
        if name.startswith(("Baseline", "Prescribed", "Weeks")):
            continue  # means
        for cell in cells:
            count = re.match(r"\d+\b", cell)
            assert not count or int(count[0]) == 0 or int(count[0]) >= 11, name


def test_how_many_have_an_instrument_or_a_cause_tells_no_condition_of_few() -> None:
    """RMDQ is of low back pain and sciatica, and neck pain after a crash is of a crash."""
    sizes = {"low_back": 25, "sciatica": 9, "headache": 9, "knee_pain": 5, "neck_mvc": 12}
    conditions = [name for name, n in sizes.items() for _ in range(n)]
    study = oc.simulate(episodes=60, seed=3)
    cause = ["overuse"] * 25 + ["none"] * 18 + ["fall"] * 5 + ["mvc"] * 12
    scores = study.assessments[study.assessments["instrument"] == "nprs"]
    of_back = set(study.episodes["episode_id"][:34])
    more = scores[scores["episode_id"].isin(of_back)].assign(instrument="rmdq")
    study = replace(
        study,
        episodes=study.episodes.assign(condition=conditions, mechanism=cause),
        assessments=pd.concat([scores, more], ignore_index=True),
        provenance=replace(study.provenance, synthetic=False),
    )
    rows = {row[0].strip(): row[1] for row in patients(study, disclosure_for(study)).blocks[0].rows}
    assert rows["low back pain"] == "25"
    assert rows["neck pain after a crash"] == "12"
    assert "How it began" not in rows  # 5 are left, beside the 12 of a crash
    name = "Baseline Roland-Morris Disability Questionnaire (0 to 24, lower is better)"
    assert rows[name].endswith(", n not shown")
    assert "sciatica" not in rows


def test_it_is_read_as_journals_print_it() -> None:
    table = table_of(oc.simulate(episodes=60, scenario="two-arm-trial", seed=3), synthetic=True)
    assert table.head[1].startswith("Overall, N = ")
    assert table.head[-1] == "SMD"
    rows = {row[0].strip(): row for row in table.rows}
    baseline = rows["Baseline Numeric pain rating scale (0 to 10, lower is better)"]
    assert re.fullmatch(r"\d\.\d \(\d\.\d\)", baseline[1])
    assert re.fullmatch(r"\d\.\d\d", baseline[-1])
    assert re.fullmatch(r"\d+ \(\d+ %\)", rows["female"][1])


@pytest.mark.parametrize(("values", "shown"), [([1, 2], False), ([1, 1.5, 2], False),
                                               ([1], True), ([1, 1.5, 2, 3], True)])  # fmt: skip
def test_a_mean_does_not_tell_how_few_have_one_of_few_values(
    values: list[float], shown: bool
) -> None:
    """1.4 (0.5) of 13 courses is twice a week in five and once in eight."""
    study = oc.simulate(episodes=13, seed=3)
    often = [values[k % len(values)] for k in range(13)]
    study = replace(study, episodes=study.episodes.assign(sessions_per_week=often))
    rows = {row[0].strip() for row in table_of(study, synthetic=False).rows}
    assert ("Prescribed visits a week" in rows) == shown


@pytest.mark.parametrize(("few", "apart"), [(10, False), (11, True)])
def test_an_arm_of_few_is_not_told_by_the_other_one(few: int, apart: bool) -> None:
    """29 courses less the 19 of one arm are the ten of the other."""
    study = oc.simulate(episodes=29, seed=3)
    arm = ["massage"] * few + ["usual"] * (29 - few)
    about = replace(study.provenance, synthetic=False)
    study = replace(study, episodes=study.episodes.assign(arm=arm), provenance=about)
    rule = disclosure_for(study)
    heads = patients(study, rule).blocks[0].head
    assert heads[1:] == (("Massage, N = 11", "Usual, N = 18", "SMD") if apart else
                         ("Overall, N = 29",))  # fmt: skip
    flow = flow_picture(study, "nprs", rule).data
    assert (set(flow["group"]) == {"massage", "usual"}) == apart


@pytest.mark.parametrize(
    ("scenario", "cancelled", "came"),
    [("two-arm-trial", 0, False), ("default", 0, True), ("default", 5, False)],
)
def test_boxes_of_the_flow_hold_no_more_than_the_one_above(
    scenario: str, cancelled: int, came: bool
) -> None:
    """A control has scores and no visits; so has who cancelled all of them."""
    study = oc.simulate(episodes=60, scenario=scenario, seed=3)
    gone = study.sessions["episode_id"].isin(study.episodes["episode_id"][:cancelled])
    status = study.sessions["status"].mask(gone, "cancelled")
    study = replace(study, sessions=study.sessions.assign(status=status))
    for arm in study.episodes["arm"].dropna().unique() if scenario != "default" else [""]:
        steps = flow_steps(study, "nprs", str(arm))
        counts = [step.n for step in steps]
        assert counts == sorted(counts, reverse=True)
        assert ("with a visit" in [step.name for step in steps]) == came


def test_table_one_lines_up_all_its_columns_of_numbers() -> None:
    study = oc.simulate(episodes=60, scenario="two-arm-trial", seed=3)
    assert numeric(table_of(study, synthetic=True)) == [False, True, True, True, True]


def test_how_many_have_a_value_does_not_tell_a_few_without() -> None:
    study = oc.simulate(episodes=150, seed=3)
    onset = study.episodes["onset_weeks"].where(study.episodes.index > 3)
    study = replace(study, episodes=study.episodes.assign(onset_weeks=onset))
    for synthetic in (True, False):
        rows = {row[0].strip(): row for row in table_of(study, synthetic=synthetic).rows}
        assert ("n = " in rows["Weeks since onset"][1]) == synthetic


def test_levels_put_together_are_none_only_where_all_of_them_are() -> None:
    study = oc.simulate(episodes=60, scenario="two-arm-trial", seed=3)
    rows = [row for row in table_of(study, synthetic=False).rows if "others" in row[0]]
    assert rows
    assert any("not shown" in row for row in rows)


@pytest.mark.parametrize(("again", "shown"), [(0, True), (1, False), (10, False), (11, True)])
def test_no_line_tells_how_few_patients_came_back(again: int, shown: bool) -> None:
    study = oc.simulate(episodes=40, seed=3)
    ids = [f"p{max(i, again)}" for i in range(len(study.episodes))]  # the first ones are one
    real = replace(study.provenance, synthetic=False)
    study = replace(study, episodes=study.episodes.assign(patient_id=ids), provenance=real)
    answers = (oc.answer(study, "how-much"),)
    line = about(study, answers, disclosure_for(study))
    assert line.startswith("40 courses")
    assert (f"of {40 - again} patients" in line) == shown
