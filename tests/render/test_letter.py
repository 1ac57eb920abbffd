"""A letter says first what matters, in words a physician reads once, on one page."""

from __future__ import annotations

import datetime
import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import docx
import pandas as pd
import pytest

import outcomes as oc
from outcomes.errors import UsageError
from outcomes.questions.ask import undisclosed
from outcomes.render.course_changes import course_changes
from outcomes.render.document import Facts, Figure, Paragraph, Table
from outcomes.render.letter import (
    Letterhead,
    compose_letter,
    letter,
    letter_file,
    read_letterhead,
)
from outcomes.study import study_from_tables

NAMES = {"addressee": "Dr. Invented", "patient": "A. Nobody", "next_step": "Review in May."}


def made(scores: list[float], **facts: Any) -> Any:
    n = len(scores)
    episodes = {"episode_id": ["a"], "condition": "neck_other", "sessions_per_week": 1, "weeks": 6}
    visits = pd.DataFrame(
        {"episode_id": "a", "session": range(1, n + 1), "day": [7 * i for i in range(n)],
         "status": "attended", "minutes": 60, "pressure": 2, "adverse_event": "none"}
    )  # fmt: skip
    rows = pd.DataFrame(
        {"episode_id": "a", "session": range(1, n + 1), "day": visits["day"],
         "timing": "pre_session", "instrument": "nprs", "score": scores}
    )  # fmt: skip
    tables = {"episodes": pd.DataFrame({**episodes, **facts}), "sessions": visits}
    return study_from_tables({**tables, "assessments": rows})


def lead(study: Any, **options: Any) -> str:
    return lead_of(compose_letter(study, "a", **options).blocks)


def lead_of(blocks: Any) -> str:
    return next(b.text for b in blocks if isinstance(b, Paragraph) and b.role == "lead")


def test_a_worsening_is_the_first_thing_said() -> None:
    text = lead(made([7, 2, 8]))
    assert text.startswith("Worse by 1 point on the Numeric pain rating scale: 7 at the start, ")
    assert text.endswith("Your patient had 3 of 6 prescribed visits.")


@pytest.mark.parametrize(
    ("weeks", "said"),
    [(1.0, "3 visits (1 prescribed)."), (2.0, "3 visits (2 prescribed)."),
     (3.0, "3 of 3 prescribed visits.")],
)  # fmt: skip
def test_more_visits_than_were_prescribed_are_no_part_of_them(weeks: float, said: str) -> None:
    study = made([7, 2, 8])
    script = study.episodes.assign(sessions_per_week=1.0, weeks=weeks)
    assert lead(replace(study, episodes=script)).endswith(f"Your patient had {said}")


def test_an_improvement_follows_the_visits() -> None:
    assert lead(made([7, 4, 3])) == (
        "Your patient had 3 of 6 prescribed visits. Better by 4 points on the Numeric pain rating "
        "scale: 7 at the start, 3 at its best, 3 at the last score; "
        "within measurement error (MDC 4)."
    )


def test_the_first_sentence_says_of_a_change_what_the_table_says() -> None:
    for scores in ([7, 3], [7, 2], [7, 2, 2], [7, 6.5, 7], [7, 8], [2, 9, 9], [7, 6, 6.5]):
        study = made(scores)
        (change,) = course_changes(study, "a")
        blocks = [*compose_letter(study, "a").blocks]
        (row,) = next(b.rows for b in blocks if isinstance(b, Table) and b.caption[:6] == "Scores")
        first, best, last = row[1:4]
        way, and_, state = change.verdict.partition("; ")
        said = f": {first} at the start, {best} at its best, {last} at the last score{and_}{state}."
        assert f"{way.capitalize()} on the Numeric pain rating scale{said}" in lead_of(blocks)
        assert row[4] == change.verdict
        assert "than at the start" not in lead_of(blocks)
    assert course_changes(made([7, 6.5, 7]), "a")[0].shown[:3] == ("7.0", "6.5", "7.0")


def test_a_score_after_care_stands_beside_that_of_the_last_visit() -> None:
    """Worse at a follow-up half a year later is not worse under care."""
    study = made([7, 2, 3, 8])
    later = study.assessments["session"] == 4
    scores = study.assessments.assign(
        session=study.assessments["session"].mask(later),
        timing=study.assessments["timing"].mask(later, "follow_up"),
    )
    visits = study.sessions[study.sessions["session"] < 4]
    assert "7 at the start, 2 at its best, 3 at the last visit, 8 at a follow-up; " in lead(
        replace(study, assessments=scores, sessions=visits)
    )


def test_minutes_and_pressure_are_a_range_or_the_one_value() -> None:
    def care(minutes: Any, pressure: Any) -> str:
        study = made([7, 6, 5])
        study.sessions["minutes"] = pd.array(minutes, "Float64").astype(float)
        study.sessions["pressure"] = pd.array(pressure, "Float64").astype(float)
        blocks = compose_letter(study, "a").blocks
        facts = [pair for b in blocks if isinstance(b, Facts) for pair in b.items]
        return str(dict(facts)["Care given"])

    assert care([60, 30, 90], [None] * 3) == (
        "3 visits of 30 to 90 minutes; no visits cancelled or missed; pressure not recorded"
    )
    assert care([60, 60, 60], [2, 2, 2]) == (
        "3 visits of 60 minutes; no visits cancelled or missed; "
        "pressure 2 on Walton's scale of 0 to 5"
    )
    assert "3 visits of 60 minutes (recorded at 2); " in care([60, None, 60], [1, 2, 3])
    assert care([None] * 3, [1, 2, 3]).startswith("3 visits; ")


def test_dates_are_said_only_where_the_first_visit_is_given() -> None:
    study = made([7, 4, 3])
    text = lead(study, first_visit=datetime.date(2025, 1, 6))
    assert "from January 6, 2025 to January 20, 2025" in text
    assert "2025" not in lead(study)


def test_an_error_that_the_registry_has_for_other_conditions_is_not_called_unpublished() -> None:
    study = made([7, 3])
    knee = replace(study, episodes=study.episodes.assign(condition="knee_pain"))
    (change,) = course_changes(knee, "a")
    unknown = "no measurement error is known here for this condition, so chance is not ruled out"
    assert change.verdict == f"better by 4 points; {unknown}"


def test_the_figure_has_the_error_that_the_sentence_names() -> None:
    for condition, low in (("neck_other", 3.0), ("post_op", 7.0)):  # MDC 4, and none published
        blocks = compose_letter(made([7, 5], condition=condition), "a").blocks
        data = next(b.picture.data for b in blocks if isinstance(b, Figure))
        assert data.loc[data["kind"] == "baseline", "conf_low"].item() == low


def test_a_change_equal_to_the_mdc_is_not_more_than_it() -> None:
    (change,) = course_changes(made([7, 3]), "a")
    assert change.better == 4
    assert change.verdict == "better by 4 points; within measurement error (MDC 4)"
    (change,) = course_changes(made([7, 2]), "a")
    more = "better by 5 points; more than measurement error (MDC 4)"
    assert change.verdict == f"{more} at this score alone"
    (change,) = course_changes(made([7, 2, 2]), "a")
    assert change.verdict == more


def test_the_letter_judges_a_change_as_the_answer_about_the_patient_does() -> None:
    study = oc.load("data/synthetic")
    checked = 0
    for episode in study.episodes["episode_id"][:30]:
        found = undisclosed(study, "patient", instrument="nprs", episode=episode)
        mine = [c for c in course_changes(study, episode) if c.measure.name == "nprs"]
        term = "" if found.refused else found.table["term"].iloc[0]
        if term and mine and term != "not judged" and mine[0].better:
            checked += 1
            assert ("within" in mine[0].verdict) == (term == "within measurement error")
            assert ("alone" in mine[0].verdict) == term.endswith(" once")
    assert checked > 5


def test_one_movement_is_not_the_baseline_of_another() -> None:
    study = made([7, 4, 3])
    moved = [("shoulder", "flexion", 60.0, 90.0), ("shoulder", "abduction", 150.0, 120.0)]
    rows = pd.DataFrame(
        [("a", i + 1, 7 * i, "pre_session", "rom", score, joint, plane, "left")
         for joint, plane, *scores in moved for i, score in enumerate(scores)],
        columns=["episode_id", "session", "day", "timing", "instrument", "score", "joint", "plane",
                 "side"],
    )  # fmt: skip
    tables = {"episodes": study.episodes, "sessions": study.sessions}
    both = study_from_tables({**tables, "assessments": pd.concat([study.assessments, rows])})
    turned = [change for change in course_changes(both, "a") if change.measure.name == "rom"]
    assert sorted((one.first, one.last) for one in turned) == [(60.0, 90.0), (150.0, 120.0)]
    assert {one.title.split()[-2] for one in turned} == {"flexion", "abduction"}


def test_the_figure_says_of_visits_only_what_it_draws() -> None:
    whole = made([7, 4, 3])
    scores = whole.assessments.assign(day=float("nan"))
    for study, said in (
        (whole, "Scores on the full scale, and visits below, by day."),
        (study_from_tables({"assessments": scores}), "Scores on the full scale, by visit."),
    ):
        blocks = compose_letter(study, "a").blocks
        assert [b.caption for b in blocks if isinstance(b, Figure)] == [said]


def test_a_course_with_one_score_says_that_a_change_cannot_be_told() -> None:
    assert "a change cannot be told" in lead(made([7]))


def test_the_heading_names_the_condition_where_there_is_one() -> None:
    for condition, title in (("neck_other", "Course a, other neck pain"), (None, "Course a")):
        assert compose_letter(made([7, 3], condition=condition), "a").sections[0].title == title


def test_names_stand_on_the_letter_or_are_lines_to_fill() -> None:
    blank = compose_letter(made([7, 3]), "a")
    filled = compose_letter(made([7, 3]), "a", letterhead=read_letterhead(NAMES))
    assert "____" in str([b.items for b in blank.blocks if hasattr(b, "items")])
    shown = str([b.items for b in filled.blocks if hasattr(b, "items")])
    for text in NAMES.values():
        assert text in shown


@pytest.mark.parametrize("wrong", [{"adressee": "x"}, {"patient": 3}])
def test_another_entry_of_a_letterhead_is_refused(wrong: Any) -> None:
    with pytest.raises(UsageError, match="texts called practice"):
        read_letterhead(wrong)
    assert read_letterhead(None) == Letterhead()


def test_every_instrument_stands_in_the_table_on_its_full_scale() -> None:
    study = oc.load("data/synthetic")
    document = compose_letter(study, str(study.trajectory("ndi")["episode_id"].iloc[0]))
    table = next(
        b for b in document.blocks if isinstance(b, Table) and b.caption == "Scores and goals"
    )
    assert any("(0 to 50, lower is better)" in row[0] for row in table.rows)
    assert any("(0 to 10, lower is better)" in row[0] for row in table.rows)


def test_adverse_events_are_told_in_words() -> None:
    study = made([7, 4, 3])
    study.sessions.loc[1, ["adverse_event", "adverse_severity"]] = ["soreness", 2]
    facts = dict(
        pair for b in compose_letter(study, "a").blocks for pair in getattr(b, "items", ())
        if isinstance(pair, tuple)
    )  # fmt: skip
    assert facts["Adverse events"] == "soreness (moderate) once; asked at 3 visits"


def test_all_formats_are_written_and_only_about_one_course(
    synthetic_study: Any, tmp_path: Path
) -> None:
    counts = synthetic_study.assessments["episode_id"].value_counts()
    episode = str(counts.index[0])
    folder = letter(synthetic_study, episode, tmp_path / "letter", formats=("html", "pdf", "docx"))
    pdf = (folder / letter_file(episode, "pdf")).read_bytes()
    assert pdf.count(b"/Type /Page\n") + pdf.count(b"/Type/Page\n") <= 1
    text = (folder / letter_file(episode)).read_text(encoding="utf-8")
    word = docx.Document(io.BytesIO((folder / letter_file(episode, "docx")).read_bytes()))
    assert "SYNTHETIC" in text
    assert "<svg" in text
    assert "NUMPAGES" in word.sections[0].footer.paragraphs[0]._p.xml
    others = set(synthetic_study.episodes["episode_id"]) - {episode}
    assert not [name for name in others if name in text]


def test_a_format_that_it_cannot_write_is_refused(synthetic_study: Any, tmp_path: Path) -> None:
    episode = str(synthetic_study.assessments["episode_id"].iloc[0])
    with pytest.raises(UsageError, match="html, pdf, docx"):
        letter(synthetic_study, episode, tmp_path / "letter", formats=("html", "pptx"))
    assert not (tmp_path / "letter").exists()


def test_a_course_that_is_not_there_is_refused_without_naming_others(
    synthetic_study: Any, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="one of the study's episodes") as caught:
        letter(synthetic_study, "nobody", tmp_path / "letter")
    assert "nobody" not in str(caught.value)
    assert not (tmp_path / "letter").exists()


def test_a_letter_from_a_trial_does_not_call_the_care_massage() -> None:
    study = made([81, 60, 80])
    assert compose_letter(study, "a").title == "Report on a course of massage"
    arms = replace(study, episodes=study.episodes.assign(arm="usual care", condition="other"))
    document = compose_letter(arms, "a")
    assert document.title == "Report on a course of care"
    assert [section.title for section in document.sections] == ["Course a"]


def test_what_is_expected_after_a_bad_first_score_explains_no_worsening() -> None:
    study, checked = oc.load("data/synthetic"), set()
    for episode in study.episodes["episode_id"][:60]:
        for change in course_changes(study, episode):
            if "expected after so bad a first score" in change.verdict:
                checked.add(change.better > 0)
        answer = undisclosed(study, "patient", instrument="hit-6", episode=episode)
        if "worse than at baseline" in answer.sentence:
            checked.add("so bad a first score" not in answer.sentence)
    assert checked == {True}


def test_reasons_that_are_listed_with_blanks_are_said_without() -> None:
    blocks = compose_letter(made([7, 6], adaptations="cancer; neuropathy"), "a").blocks
    facts = dict(pair for b in blocks if isinstance(b, Facts) for pair in b.items)
    assert facts["Touch adapted for"] == "cancer, neuropathy"
