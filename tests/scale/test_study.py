"""A study in parts answers as the same rows in memory do, and says where it cannot."""

import numpy as np
import pandas as pd
import pytest

import outcomes as oc
import outcomes.scale.study as scale
from outcomes.errors import UsageError
from outcomes.mixed import fit as mixed_fit
from outcomes.questions import course_frame, how_much
from outcomes.study import study_from_tables
from tests.scale.parted import write, write_parts


@pytest.fixture
def _few_rows(monkeypatch):
    """Let a few hundred rows count as many: they are fitted part by part."""
    monkeypatch.setattr(mixed_fit, "MANY_ROWS", 100)
    monkeypatch.setattr(mixed_fit, "PART_ROWS", 200)
    monkeypatch.setattr(course_frame, "MANY_ROWS", 100)


def same_numbers(own, other, rtol=1e-8):
    keys = ["term", "kind", "group", "session_count"]
    a, b = (t.assign(session_count=t["session_count"].fillna(-1)).set_index(keys)
            for t in (own, other))  # fmt: skip
    assert set(b.index) - set(a.index) <= {i for i in b.index if "robust" in i[0]}
    for name in ("estimate", "std_error", "df", "n_episodes"):
        left, right = a[name].astype(float), b[name].reindex(a.index).astype(float)
        np.testing.assert_allclose(left, right, rtol=rtol, atol=1e-12)


@pytest.mark.usefixtures("_few_rows")
def test_how_much_of_parts_is_that_of_the_rows_in_memory(registry, parts):
    found = oc.answer(oc.load(parts), "how-much")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mixed_fit, "MANY_ROWS", 10**9)
        whole = oc.answer(registry, "how-much")
    same_numbers(found.table, whole.table)
    assert found.glance == whole.glance
    assert found.source.n_used == whole.source.n_used
    assert found.source.left_out == whole.source.left_out
    assert "random sample" not in found.sentence


@pytest.mark.usefixtures("_few_rows")
def test_the_answer_of_so_many_scores_says_what_was_not_tried(monkeypatch, registry):
    monkeypatch.setattr(how_much, "MANY_ROWS", 100)
    found = oc.answer(registry, "how-much")
    assert any("held against errors robust to courses" in limit for limit in found.limits)
    assert "Residuals are independent; others are tried with up to 100 scores." in found.method
    assert "robust" not in "".join(found.table["term"])


@pytest.mark.usefixtures("_few_rows")
def test_change_before_care_is_that_of_each_course_whatever_the_parts(registry, tmp_path):
    """Series were numbered part by part, and the first of each part taken for one course."""
    scores = registry.assessments
    first = scores[(scores["instrument"] == "nprs") & (scores["timing"] == "baseline")]
    before = np.arange(len(first)) % 7 + 2.0
    early = first.assign(session=np.nan, timing="pre_session", day=-7.0, score=before)
    tables = {name: registry.table(name) for name in ("episodes", "sessions", "goals")}
    study = study_from_tables({**tables, "assessments": pd.concat([scores, early])})
    found, whole = (
        oc.answer(one, "how-much").table.set_index("term").loc["between two scores before care"]
        for one in (oc.load(write_parts(study, tmp_path / "p", [80, 170])), study)
    )
    assert found["n_episodes"] == whole["n_episodes"] == len(first)
    assert found["estimate"] == pytest.approx(whole["estimate"], rel=1e-12)
    assert whole["estimate"] == pytest.approx((before - first["score"]).mean(), rel=1e-12)


def test_rows_are_reconciled(registry, parts):
    found = oc.answer(oc.load(parts), "how-much").source
    scores = registry.assessments
    of_course = scores["timing"].isin(["pre_session", "discharge", "follow_up"])
    later = (of_course & (scores["instrument"] == "nprs")).sum()
    assert found.n_used + found.left_out["not at the start of a visit"] == later


def test_findings_of_parts_are_those_of_the_whole(registry, tmp_path):
    scores = registry.assessments.copy()
    scores.loc[scores.index[[5, -1]], "score"] = 11.0
    spoiled = oc.study.study_from_tables(
        {name: registry.table(name) for name in ("episodes", "sessions", "goals")}
        | {"assessments": scores}
    )
    found = oc.check(oc.load(write_parts(spoiled, tmp_path / "p", [100]))).table
    whole = oc.check(spoiled).table
    keys = ["rule", "table", "column"]
    pd.testing.assert_frame_equal(found.sort_values(keys, ignore_index=True),
                                  whole.sort_values(keys, ignore_index=True))  # fmt: skip
    refused = oc.answer(oc.load(tmp_path / "p"), "how-much")
    assert refused.refused
    assert "R12" in refused.reason


def test_what_does_not_add_up_is_asked_of_a_sample_and_says_so(parts, monkeypatch):
    monkeypatch.setattr(scale, "SAMPLE", 120)
    found = oc.answer(oc.load(parts), "safety", seed=3)
    said = "from a random sample: 120 of 260 courses (seed 3)"
    assert f"This is {said}." in found.sentence
    assert any(said in limit for limit in found.limits)
    assert found.source.left_out["course not in the random sample"] == 140
    assert found.source.n_episodes == 120


def test_a_sample_is_of_whole_courses_and_the_same_whatever_the_parts(registry, parts, tmp_path):
    one = oc.load(parts).sample(50, seed=1)
    other = oc.load(write_parts(registry, tmp_path / "other", [10, 11, 200])).sample(50, seed=1)
    assert set(one.episodes["episode_id"]) == set(other.episodes["episode_id"])
    assert len(one.episodes) == 50
    again = oc.load(parts).sample(50, seed=2)
    assert set(one.episodes["episode_id"]) != set(again.episodes["episode_id"])
    whole = registry.assessments
    own = whole[whole["episode_id"].isin(one.episodes["episode_id"])]
    assert len(own) == len(one.assessments)
    assert oc.load(parts).sample(500).provenance.sampled == ()


def test_hive_folders_are_parts_whose_names_are_columns(registry, tmp_path):
    clinic = registry.episodes.set_index("episode_id")["clinic_id"]
    for name in ("episodes", "sessions", "assessments", "goals"):
        frame = registry.table(name)
        for key, rows in frame.groupby(clinic.reindex(frame["episode_id"]).to_numpy()):
            kept = rows.drop(columns="clinic_id", errors="ignore")
            half = len(kept) // 2  # a Hive folder may hold several files
            write(kept.iloc[:half], tmp_path / "hive" / name / f"clinic_id={key}" / "a.parquet")
            write(kept.iloc[half:], tmp_path / "hive" / name / f"clinic_id={key}" / "b.parquet")
    study = oc.load(tmp_path / "hive")
    assert [part.name for part in study.parts] == [f"clinic_id=c{k}" for k in (1, 2, 3)]
    found, whole = oc.answer(study, "how-much"), oc.answer(registry, "how-much")
    same_numbers(found.table, whole.table, 1e-6)  # the order of the courses is another
    assert sorted(study.episodes["clinic_id"].unique()) == ["c1", "c2", "c3"]


def test_a_study_in_parts_holds_no_rows_and_says_what_to_do(registry, parts):
    study = oc.load(parts)
    assert repr(study).endswith("in 3 parts)")
    assert len(study.episodes) == 260
    for wish in (
        lambda: study.assessments["score"].mean() and study.assessments[["score"]],
        lambda: study.sessions.groupby("episode_id"),
        lambda: study.trajectory("nprs", "immediate"),
        lambda: study.save(parts / "x"),
    ):
        with pytest.raises(UsageError, match="in parts"):
            wish()
    rows = [len(one.trajectory("nprs")) for one in study.studies()]
    assert sum(rows) == len(registry.trajectory("nprs"))


def test_rows_of_parts_are_those_in_memory_but_for_the_names_of_courses_and_patients(
    registry, parts
):
    found, whole = oc.load(parts).trajectory("nprs").together(), registry.trajectory("nprs")
    assert list(found) == list(whole)
    assert found.stamp == whole.stamp
    for name in found:
        if name in ("episode_id", "patient_id"):
            codes = [pd.factorize(frame[name])[0] for frame in (found, whole)]
            np.testing.assert_array_equal(*codes)
        else:
            left, right = (frame[name].astype(object) for frame in (found, whole))
            pd.testing.assert_series_equal(
                left.where(left.notna(), None), right.where(right.notna(), None)
            )


@pytest.mark.filterwarnings("ignore::outcomes.errors.SingularFitWarning")
def test_models_are_fitted_to_parts_piece_by_piece(registry, parts):
    formula = (
        "improvement ~ condition * session_count + pressure + score_before + baseline"
        " + (1 + session_count | episode_id) + (0 + session_count | therapist_id)"
    )
    pieces = oc.load(parts).trajectory("nprs")
    found, whole = oc.lmm(formula, pieces), oc.lmm(formula, registry.trajectory("nprs"))
    assert found.n_observations == whole.n_observations
    for name in ("estimate", "std_error", "df"):
        np.testing.assert_allclose(found.tidy()[name], whole.tidy()[name], rtol=1e-4)


def test_conditions_of_parts_are_those_of_the_rows_in_memory(registry, parts):
    found, whole = oc.answer(oc.load(parts), "conditions"), oc.answer(registry, "conditions")
    assert found.sentence == whole.sentence
    for name in ("estimate", "std_error", "df"):
        left, right = found.table[name].astype(float), whole.table[name].astype(float)
        np.testing.assert_allclose(left, right, rtol=1e-8)


def test_what_is_counted_file_by_file_is_that_of_the_rows_in_memory(registry, parts, tmp_path):
    found = oc.load(parts)
    assert found.scored_instruments() == registry.scored_instruments()
    assert not found.of_one_patient()
    alone = {name: registry.table(name) for name in ("sessions", "assessments", "goals")}
    alone["episodes"] = registry.episodes.assign(patient_id="p1")
    assert oc.load(write_parts(study_from_tables(alone), tmp_path / "one", [80])).of_one_patient()


@pytest.mark.usefixtures("_few_rows")
def test_patients_who_are_not_named_are_counted_over_parts(registry, tmp_path):
    """Names of patients that are partly missing were of a kind that did not add up."""
    tables = {name: registry.table(name) for name in ("sessions", "assessments", "goals")}
    names = registry.episodes["patient_id"]
    tables["episodes"] = registry.episodes.assign(patient_id=names.mask(names.index % 50 == 3))
    study = study_from_tables(tables)
    found, whole = (
        course_frame.course_frame(one, "nprs").tallies
        for one in (oc.load(write_parts(study, tmp_path / "p", [80, 170])), study)
    )
    assert (found.patients, found.unnamed) == (whole.patients, whole.unnamed)
    assert whole.unnamed > 0
