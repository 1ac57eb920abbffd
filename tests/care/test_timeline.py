"""A course as events."""

import pandas as pd
import pytest

from outcomes.errors import UsageError
from outcomes.questions.course_picture import course_timeline
from outcomes.study import study_from_tables

TABLES = {
    "episodes": pd.DataFrame(
        {
            "episode_id": ["a", "b"], "clearance": ["cleared", None], "clearance_day": [-2, None],
            "sessions_per_week": [1, None], "weeks": [3, None], "end_day": [28, None],
            "end_reason": ["plateau", None],
        }
    ),
    "sessions": pd.DataFrame(
        {
            "episode_id": "a", "session": [1, None, 2], "day": [0, 7, 14],
            "status": ["attended", "no_show", "attended"], "pressure": [3, None, 2],
        }
    ),
    "assessments": pd.DataFrame(
        {"episode_id": ["a", "a", "a", "b"], "day": [0, 14, 14, 0], "instrument": "nprs",
         "timing": ["pre_session", "pre_session", "post_session", None], "score": [7, 4, 1, 5]}
    ),
    "goals": pd.DataFrame({"episode_id": ["a"], "instrument": "nprs", "target": 2, "by_day": [20]}),
}  # fmt: skip


def test_events_of_one_course_in_order_of_days():
    table = course_timeline(study_from_tables(TABLES), "a")
    assert list(table[["day", "kind"]].itertuples(index=False, name=None)) == [
        (-2, "clearance"), (0, "visit"), (0, "score"), (7, "missed visit"), (14, "visit"),
        (14, "score"), (14, "score after visit"), (20, "goal due"), (21, "script ends"),
        (28, "course ends"),
    ]  # fmt: skip
    assert table["value"].dropna().tolist() == [3, 7, 2, 4, 1, 2, 1]


def test_a_course_without_events_is_empty():
    study = study_from_tables({"episodes": pd.DataFrame({"episode_id": ["a"]})})
    assert course_timeline(study, "a").empty


def test_an_unknown_course_is_refused_and_not_repeated():
    with pytest.raises(UsageError, match="one of the study's episodes") as caught:
        course_timeline(study_from_tables(TABLES), "Ms Example")
    assert "Example" not in str(caught.value)
