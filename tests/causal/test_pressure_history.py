"""What the therapist could see, by hand; and which levels count as supported."""

from __future__ import annotations

import numpy as np
import pandas as pd

from outcomes.causal.visit_history import pressure_history
from outcomes.study import study_from_tables


def test_each_visit_stands_beside_the_pressure_before_and_the_score_of_its_start():
    visits = pd.DataFrame({"episode_id": "a", "session": [1, 2, 3], "pressure": [3, 2, 4]})
    scores = pd.DataFrame(
        {"episode_id": "a", "session": [1, 3], "instrument": "nprs", "score": [7, 4]}
    )
    study = study_from_tables({"sessions": visits, "assessments": scores})
    table = pressure_history(study, study.trajectory("nprs")).overlap
    assert table["n_visits"].tolist() == [1, 1, 1]
    many = [visits.assign(episode_id=f"e{i}") for i in range(11)]
    marks = [scores.assign(episode_id=f"e{i}") for i in range(11)]
    study = study_from_tables({"sessions": pd.concat(many), "assessments": pd.concat(marks)})
    first = pressure_history(study, study.trajectory("nprs")).visits.head(3)
    assert first["score_now"].tolist() == [7, 7, 4]
    assert first["baseline"].tolist() == [7, 7, 7]
    assert np.isnan(first["pressure_before"].iloc[0])
    assert first["pressure_before"].tolist()[1:] == [3, 2]


def test_a_level_of_nine_courses_is_left_out_with_its_courses(clinic):
    study = clinic(n=60)
    sessions = study.sessions.copy()
    sessions["pressure"] = sessions["pressure"].clip(2, 4)
    rare = sessions["episode_id"].isin(sorted(set(sessions["episode_id"]))[:9])
    sessions.loc[rare & (sessions["session"] == 2), "pressure"] = 5
    study = study_from_tables(
        {"episodes": study.episodes, "sessions": sessions, "assessments": study.assessments}
    )
    history = pressure_history(study, study.trajectory("nprs"))
    assert not history.overlap.set_index("pressure").loc[5.0, "supported"]
    assert history.left_out["a pressure level given in fewer than 11 courses"] == 9
    assert len(history.episodes) == 51


def test_a_group_with_one_level_is_left_out(clinic):
    study = clinic(n=80, adapted=0.4)
    frail = set(study.episodes.loc[study.episodes["adaptations"] == "frail", "episode_id"])
    sessions = study.sessions.copy()
    sessions["pressure"] = sessions["pressure"].clip(2, 4)
    sessions.loc[sessions["episode_id"].isin(frail), "pressure"] = 1
    study = study_from_tables(
        {"episodes": study.episodes, "sessions": sessions, "assessments": study.assessments}
    )
    history = pressure_history(study, study.trajectory("nprs"))
    assert not history.episodes & frail
    assert set(history.visits["adapted"]) == {0.0}
