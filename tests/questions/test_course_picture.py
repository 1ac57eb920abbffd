"""The picture of one course: every mark from the records, and the same numbers in its words."""

from __future__ import annotations

import pandas as pd

from outcomes.questions.course_picture import course_picture
from outcomes.render.figures.draw import draw
from outcomes.study import study_from_tables

TABLES = {
    "episodes": pd.DataFrame({"episode_id": ["a"], "sessions_per_week": [1], "weeks": [4]}),
    "sessions": pd.DataFrame(
        {"episode_id": "a", "session": [1, None, 2], "day": [0, 7, 14], "pressure": [3, None, None],
         "status": ["attended", "no_show", "attended"]}
    ),
    "assessments": pd.DataFrame(
        {"episode_id": "a", "session": [1, 2], "instrument": "nprs", "score": [8, 5]}
    ),
    "goals": pd.DataFrame({"episode_id": ["a"], "instrument": "nprs", "target": 2, "by_day": [28]}),
}  # fmt: skip


def test_marks_and_words_are_those_of_the_records():
    study = study_from_tables(TABLES)
    coming = pd.DataFrame({"day": [21.0], "estimate": [4.0], "pred_low": [2.5], "pred_high": [6.0]})
    picture = course_picture(study, study.instrument("nprs"), "a", mdc=4.0, coming=coming)
    marks = [tuple(row) for row in picture.data.fillna(-1).itertuples(index=False)]
    assert marks == [
        ("baseline", 0, 8, 4, 10), ("scale", 0, -1, 0, 10), ("score", 14, 5, -1, -1),
        ("goal", 28, 2, -1, -1),
        ("visit", 0, 3, -1, -1), ("missed visit", 7, -1, -1, -1), ("visit", 14, -1, -1, -1),
        ("script", 28, 4, -1, -1), ("expected", 21, 4, 2, 5.5),
    ]  # fmt: skip
    assert picture.alt == (
        "Numeric pain rating scale 8 at the start and 5 at the only later score; scores from "
        "4 to 10 are within measurement error of the start; goal 2; prescribed: 4 visits to day "
        "28; given: 2 visits, 1 missed; pressure 3 (Walton), not recorded (open) at 1; on day 21 "
        "4.0 is expected, 80 % of scores between 2.0 and 5.5."
    )


def test_scores_without_days_stand_at_their_visits():
    study = study_from_tables({name: TABLES[name] for name in ("assessments", "goals")})
    picture = course_picture(study, study.instrument("nprs"), "a")
    assert picture.x_label == "Visit"
    told = picture.data[~picture.data["kind"].isin(["scale", "goal"])]
    assert picture.data["x"].max() == 2  # the day of a goal is no visit
    assert told[["kind", "x", "estimate"]].to_numpy().tolist() == [
        ["baseline", 1, 8], ["score", 2, 5],
    ]  # fmt: skip


def test_care_without_recorded_pressure_has_no_scale_of_pressure():
    blank = TABLES["sessions"].assign(pressure=float("nan"), status="attended")
    study = study_from_tables({**TABLES, "sessions": blank})
    picture = course_picture(study, study.instrument("nprs"), "a")
    assert "; given: 3 visits, none missed; pressure not recorded." in picture.alt
    scores, care = draw(picture).axes
    assert list(care.get_yticks()) == []
    assert len(draw(course_picture(study_from_tables(TABLES), study.instrument("nprs"), "a"))
               .axes[1].get_yticks()) == 2  # fmt: skip
    drawn = picture.data[picture.data["kind"].isin(["score", "baseline", "visit"])]
    for axes in (scores, care):
        dots = [x for line in axes.lines if line.get_marker() == "o" for x in line.get_xdata()]
        assert set(dots) <= set(drawn["x"])
