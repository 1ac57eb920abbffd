"""Leavers: who they are, the mean under worse leavers, refusals."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import outcomes as oc
from outcomes.questions.ask import undisclosed
from outcomes.questions.disclosed import disclosed
from outcomes.questions.leavers import _points
from studies.overclaims import overclaims


def cut(study, n_leave, reason, after=2):
    """The first courses leave after so many visits, for one reason; the rest meet their goal."""
    ids = sorted(study.episodes["episode_id"])
    gone = set(ids[:n_leave])

    def kept(table):
        return table[~(table["episode_id"].isin(gone) & (table["session"] > after))]

    reasons = [reason if name in gone else "goal_met" for name in study.episodes["episode_id"]]
    return replace(
        study,
        episodes=study.episodes.assign(end_reason=reasons),
        sessions=kept(study.sessions),
        assessments=kept(study.assessments),
    )


def test_delta_rows_fall_by_the_share_that_left(clinic):
    table = undisclosed(cut(clinic(n=80), 20, "cost"), "leavers", instrument="nprs").table
    rows = table[table["kind"] == "delta"].set_index("delta")["estimate"]
    assert rows[0.0] - rows[2.0] == pytest.approx(2.0 * 20 / 80)


def test_a_tipping_point_above_zero_never_reads_as_zero(clinic):
    study = cut(clinic(n=80), 30, "cost")
    measure = study.instrument("nprs")
    for tip in (0.003, 0.04, 0.24, 3.6):
        said = float(_points(tip, measure).split()[0])
        assert said > 0
        assert said == pytest.approx(tip, rel=0.2)


def test_those_who_met_their_goal_are_not_supposed_to_have_done_worse(clinic):
    answer = undisclosed(cut(clinic(n=80), 20, "goal_met"), "leavers", instrument="nprs")
    assert "Nobody left for a reason that could skew the result" in answer.sentence
    stayed = undisclosed(clinic(n=80), "leavers", instrument="nprs")
    assert stayed.sentence.startswith("No course is without a late score")
    assert stayed.table.loc[stayed.table["kind"] == "delta", "delta"].notna().all()


def test_the_last_scores_of_each_reason_are_shown(clinic):
    study = cut(clinic(n=80), 20, "cost", after=3)
    table = undisclosed(study, "leavers", instrument="nprs").table
    row = table[(table["kind"] == "reason") & (table["term"] == "cost")].iloc[0]
    frame = study.trajectory("nprs").groupby("episode_id").tail(1)
    own = frame[frame["episode_id"] < "e0020"]["improvement"]
    assert row["estimate"] == pytest.approx(own.mean())
    assert row["n_episodes"] == 20


def test_the_sentence_gives_counts_and_stays_with_change(clinic):
    answer = undisclosed(cut(clinic(n=80), 20, "cost"), "leavers", instrument="nprs")
    assert "20 of 80 courses" in answer.sentence
    assert answer.sentence.startswith("Only if patients who left early")
    assert not overclaims(answer.sentence, "change")


def test_everybody_leaving_after_one_visit_is_refused(clinic):
    answer = undisclosed(cut(clinic(n=40), 40, "cost", after=1), "leavers", instrument="nprs")
    assert answer.refused
    assert "no course has a baseline and a later score" in answer.reason


def test_what_few_who_left_move_is_not_told_for_it_would_tell_them(clinic):
    """Two rows of one share of leavers, or the tipping point, give their number by subtraction."""
    study = clinic(n=60)
    gone = set(study.episodes["episode_id"][:8])
    early = (study.assessments["session"] <= 2) | ~study.assessments["episode_id"].isin(gone)
    facts = study.episodes.assign(end_reason="cost")
    provenance = replace(study.provenance, synthetic=False)
    real = replace(study, assessments=study.assessments[early], episodes=facts,
                   provenance=provenance)  # fmt: skip
    given = oc.answer(real, "leavers")
    rows = given.table[given.table["kind"].isin(["delta", "tipping point"])]
    assert rows.loc[rows["estimate"].notna(), "delta"].tolist() == [0.0]
    said = [
        given.sentence,
        given.picture.title,
        given.picture.alt,
        *(c.detail for c in given.checks),
    ]
    assert not any("short of similar" in text or "tipping point" in text for text in said)
    assert given.sentence.startswith("So few courses left for a reason that could skew")
    assert ". Fewer than 11 of 60 courses had no score" in given.sentence
    assert (given.glance, given.verdict) == (
        "too few left for a reason that could skew it",
        "cannot tell",
    )
    assert undisclosed(real, "leavers").verdict == "it stands"
    unclear = real.assessments.assign(score=5.0 + np.arange(len(real.assessments)) % 3)
    flat = oc.answer(replace(real, assessments=unclear), "leavers")
    assert flat.sentence.startswith("Improvement is not clear, even if those who left went on")
    assert flat.glance == "improvement is not clear"


def test_no_row_tells_how_few_have_no_baseline(clinic):
    """1.2 less 0.6 at a point is 20 of 54, where all but the 54 of 60 courses are not told."""
    study = cut(clinic(n=60), 20, "cost")
    lost = study.episodes["episode_id"].tail(6)
    scores = study.assessments[~study.assessments["episode_id"].isin(lost)]
    real = replace(study, assessments=scores, provenance=replace(study.provenance, synthetic=False))
    given = oc.answer(real, "leavers")
    rows = given.table[given.table["kind"] == "delta"].dropna(subset=["estimate"])
    tip = given.table.loc[given.table["kind"] == "tipping point", "estimate"].iloc[0]
    assert rows["delta"].tolist() == [0.0, round(tip, 1)]
    assert "20 of fewer than 60 courses" in given.sentence
    left = disclosed(given).table.set_index("kind")["estimate"]
    assert left["tipping point"] == round(tip, 1)
    assert left["delta"].dropna().tolist() == [round(size, 1) for size in rows["estimate"]]


def test_many_without_a_score_of_whom_few_left_unwell_are_not_called_few_who_left(clinic):
    """25 of 60 have no score then, 20 of them for a met goal: five might have done worse."""
    study = cut(clinic(n=60), 25, "cost")
    well = study.episodes["episode_id"] >= "e0005"
    facts = study.episodes.assign(end_reason=study.episodes["end_reason"].mask(well, "goal_met"))
    provenance = replace(study.provenance, synthetic=False)
    given = oc.answer(replace(study, episodes=facts, provenance=provenance), "leavers")
    assert "25 of 60 courses had no score" in given.sentence
    assert given.sentence.startswith("So few courses left for a reason that could skew the result")
    assert "left early" not in f"{given.sentence} {given.glance}"


@pytest.mark.parametrize(("well", "synthetic", "worse"), [(3, False, 30), (3, True, 27),
                                                          (15, False, 15)])  # fmt: skip
def test_few_who_left_well_are_not_told_by_the_rest_of_all_who_left(clinic, well, synthetic, worse):
    """Two rows of the mean tell the share that may have done worse; the sentence all who left."""
    study = cut(clinic(n=80), 30, "cost")
    ids = sorted(study.episodes["episode_id"])[:well]
    met = study.episodes["end_reason"].mask(study.episodes["episode_id"].isin(ids), "goal_met")
    about = replace(study.provenance, synthetic=synthetic)
    study = replace(study, episodes=study.episodes.assign(end_reason=met), provenance=about)
    given = oc.answer(study, "leavers")
    rows = given.table[given.table["kind"] == "delta"].set_index("delta")["estimate"]
    assert (rows[0.0] - rows[2.0]) / 2.0 * 80 == pytest.approx(worse)
    assert "30 of 80 courses" in given.sentence


def test_both_sides_of_a_neck_are_no_one_outcome(clinic):
    study = clinic(n=40, visits=3)
    both = study.assessments.assign(
        instrument="rom-cervical-rotation", joint="cervical", plane="rotation", side="left"
    )
    both["score"] = (both["score"] * 5).round()
    right = both.assign(side="right", score=80 - both["score"])
    study = replace(study, assessments=pd.concat([both, right], ignore_index=True))
    table = oc.answer(study, "leavers").table.set_index("kind")
    last = study.assessments[study.assessments["session"] == 3]["score"].mean()
    first = study.assessments[study.assessments["session"] == 1]["score"].mean()
    assert table.loc["stayed", "estimate"] == pytest.approx(last - first)
    assert not oc.answer(study, "how-much").refused
    for name in ("pressure", "frequency", "over-time", "trial"):
        assert "several movements" in oc.answer(study, name).reason


@pytest.mark.parametrize("name", ["how-much", "pressure", "frequency", "therapists", "trial"])
def test_where_nobody_was_scored_again_that_is_the_reason(clinic, name):
    study = clinic(n=30, visits=3)
    first = study.assessments[study.assessments["session"] == 1]
    courses = study.episodes.assign(sessions_per_week=2.0, therapist_id="t1")
    once = replace(study, assessments=first, episodes=courses)
    assert "no course has a baseline and a later score" in oc.answer(once, name).reason
