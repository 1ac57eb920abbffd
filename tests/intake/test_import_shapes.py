"""Exports of other shapes: one row a score, weeks for dates, numbered visits, records for names."""

from __future__ import annotations

import pandas as pd
import pytest

import outcomes as oc
from outcomes.errors import UsageError
from outcomes.intake.append import dated_tables, finished, merged
from outcomes.intake.import_export import import_export
from outcomes.study import study_from_tables

PAIN = {"constants": {"instrument": "nprs", "condition": "headache", "timing": "pre_session"}}


@pytest.fixture
def take(tmp_path):
    def run(text, **columns):
        place = tmp_path / "x.csv"
        place.write_text(text, encoding="utf-8")
        return import_export(place, columns, tmp_path / "key.json")

    return run


def scores(study):
    rows = study.assessments[["session", "day", "timing", "score"]]
    return [tuple(None if pd.isna(c) else c for c in row) for row in rows.to_numpy().tolist()]


def test_one_row_a_score_with_what_was_done(take):
    study, _ = take(
        "who,when,what,pain,min\nA Lee,2026-05-04,nprs,7,60\nA Lee,2026-05-04,ndi,20,60\n"
        "A Lee,2026-05-11,nprs,5,45\n",
        identifiers={"name": "who"}, constants={"timing": "pre_session"},
        columns={"date": "when", "instrument": "what", "score": "pain", "sessions.minutes": "min"},
    )  # fmt: skip
    assert study.sessions["minutes"].tolist() == [60, 45]
    assert scores(study) == [(1, 0, "pre_session", 7), (1, 0, "pre_session", 20),
                             (2, 7, "pre_session", 5)]  # fmt: skip


def test_weeks_and_a_baseline_column(take):
    study, _ = take(
        "id,wk,pain,first,age\n1,4,5,7,93\n1,8,4,7,93\n2,4,6,,41\n",
        identifiers={"record": "id"}, constants={"instrument": "nprs", "timing": "follow_up"},
        columns={"week": "wk", "score": "pain", "baseline": "first", "age": "age"},
    )  # fmt: skip
    assert len(study.episodes) == 2
    assert sorted(study.episodes["age_band"]) == ["40-49", "90+"]
    assert len(study.sessions) == 0
    assert {(d, t, s) for _, d, t, s in scores(study)} == {
        (0, "baseline", 7), (28, "follow_up", 5), (56, "follow_up", 4), (28, "follow_up", 6),
    }  # fmt: skip


def test_a_baseline_column_beside_a_constant_instrument_of_scores(take):
    study, _ = take(
        "id,mth,first,later\n1,3,7,5\n",
        identifiers={"record": "id"}, constants={"instrument": "nprs"},
        columns={"month": "mth", "baseline": "first"}, scores={"nprs": {"follow_up": "later"}},
    )  # fmt: skip
    assert {(d, t, s) for _, d, t, s in scores(study)} == {(0, "baseline", 7), (91, "follow_up", 5)}


def test_visits_beside_each_other_with_rules_for_their_columns(take):
    study, manifest = take(
        "id,pain1,pain2,pain3,note\n1,7/10,5,,x\n2,6,lots,3/10,call 602-555-0100\n",
        identifiers={"record": "id", "free_text": "note"}, constants={"instrument": "nprs"},
        wide=[{"over": "session", "columns": {"1": "pain1", "2": "pain2", "3": "pain3"}}],
        rules=[{"name": "of ten", "columns": ["pain1", "pain2", "pain3"], "pattern": "(.+)/10",
                "becomes": r"\1"}],
    )  # fmt: skip
    assert sorted((s, p) for s, _, _, p in scores(study)) == [(1, 6), (1, 7), (2, 5), (3, 3)]
    assert [s.rows for s in manifest.sightings if s.kind == "phone"] == [(3,)]
    found = oc.check(study).table.set_index("rule")
    assert (found.loc["R02", "count"], found.loc["R02", "first_row"]) == (1, 3)


def test_numbered_visits_without_days(take):
    study, _ = take("id,visit,pain\n1,2,5\n1,1,7\n2,,3\n", identifiers={"record": "id"},
                    columns={"session": "visit", "score": "pain"}, **PAIN)  # fmt: skip
    assert [(s, p) for s, _, _, p in scores(study)] == [(1, 7), (2, 5)]
    assert study.provenance.left_out[0].count == 1


def test_numbered_visits_with_care(take):
    study, _ = take("id,visit,pain,touch\n1,1,7,3\n1,3,5,2\n",
                    columns={"patient_id": "id", "sessions.session": "visit", "pressure": "touch"},
                    scores={"nprs": {"pre_session": "pain"}})  # fmt: skip
    assert study.sessions["session"].tolist() == [1, 3]
    assert [(s, p) for s, _, _, p in scores(study)] == [(1, 7), (3, 5)]
    assert study.episodes["patient_id"].str.startswith("p-").all()


def test_courses_numbered_by_the_export(take):
    study, _ = take("id,course,day,pain\n1,a,0,7\n1,b,0,5\n", identifiers={"record": "id"},
                    columns={"episode_id": "course", "day": "day", "score": "pain"},
                    **PAIN)  # fmt: skip
    assert len(study.episodes) == 2
    assert study.episodes["patient_id"].nunique() == 1


def test_without_a_condition_a_client_has_one_course(take):
    study, _ = take("id,when,touch\n1,2026-05-04,3\n1,2026-05-11,2\n",
                    identifiers={"record": "id", "time": "when"},
                    columns={"date": "when", "pressure": "touch"})  # fmt: skip
    assert len(study.episodes) == 1
    assert len(study.assessments) == 0
    assert study.sessions["session"].tolist() == [1, 2]


def test_a_condition_stated_once_is_that_of_the_course(take):
    study, _ = take(
        "id,when,why,pain\n1,2026-05-04,Headache,7\n1,2026-05-11,?,5\n2,2026-05-04,,3\n",
        file={"empty": "?"}, identifiers={"record": "id"},
        columns={"date": "when", "condition": "why"}, scores={"nprs": {"pre_session": "pain"}},
    )  # fmt: skip
    assert sorted(study.episodes["condition"].fillna("")) == ["", "headache"]


def test_two_visits_on_one_day_in_the_order_of_their_times(take):
    study, _ = take(
        "id,when,at,touch\n1,2026-05-04,2:30 pm,3\n1,2026-05-04,9:15 AM,2\n"
        "1,2026-05-04,12:05 pm,4\n",
        identifiers={"record": "id", "time": "at"}, columns={"date": "when", "pressure": "touch"},
    )  # fmt: skip
    assert study.sessions["pressure"].tolist() == [2, 4, 3]


def test_a_course_of_cancelled_visits_counts_from_the_first_of_them(take):
    study, _ = take("id,when,st\n1,2026-05-04,cancelled\n1,2026-05-11,no_show\n",
                    identifiers={"record": "id"},
                    columns={"date": "when", "status": "st"})  # fmt: skip
    assert study.sessions["day"].tolist() == [0, 7]
    assert study.sessions["session"].isna().all()


def test_days_before_the_first_visit_received_are_negative(take):
    study, _ = take("id,when,st\n1,2026-05-04,cancelled\n1,2026-05-11,attended\n",
                    identifiers={"record": "id"},
                    columns={"date": "when", "status": "st"})  # fmt: skip
    assert study.sessions["day"].tolist() == [-7, 0]


def test_lists_clinics_decimals_and_words_that_no_rule_covers(take):
    study, _ = take(
        "id;when;kind;place;pain;target\n1;04.05.2026;Scar; Frail;North;5,5;3\n".replace(
            "Scar; Frail", '"Scar; Frail"')
        + '1;11.05.2026;"scar; odd";North;x;3\n',
        file={"dates": ["%d.%m.%Y"], "decimal": ","}, identifiers={"record": "id"},
        columns={"date": "when", "adaptations": "kind", "clinic_id": "place",
                 "target": "target"},
        scores={"nprs": {"pre_session": "pain"}},
    )  # fmt: skip
    assert study.episodes["adaptations"].tolist() == ["scar; frail"]
    assert study.episodes["clinic_id"].str.fullmatch("c-[b-z]{8}").all()
    assert [s for *_, s in scores(study)] == [5.5]
    found = oc.check(study).table.set_index("column")
    assert found.loc["kind", "first_row"] == found.loc["pain", "first_row"] == 3
    assert study.goals["target"].tolist() == [3]


def test_dates_that_can_be_read_in_two_ways_are_reported(take):
    study, _ = take("id,when,touch\n1,04/05/2026,3\n1,25/05/2026,2\n",
                    file={"dates": ["%m/%d/%Y", "%d/%m/%Y"]}, identifiers={"record": "id"},
                    columns={"date": "when", "pressure": "touch"})  # fmt: skip
    found = oc.check(study).table.set_index("rule")
    assert (found.loc["R22", "count"], found.loc["R22", "first_row"]) == (1, 2)


def test_facts_of_a_course_that_differ_are_reported(take):
    study, _ = take("id,when,sex\n1,2026-05-04,female\n1,2026-05-11,male\n",
                    identifiers={"record": "id"},
                    columns={"date": "when", "sex": "sex"})  # fmt: skip
    found = oc.check(study).table.set_index("rule")
    assert (found.loc["R18", "column"], found.loc["R18", "first_row"]) == ("sex", 3)
    assert study.episodes["sex"].tolist() == ["female"]


def test_ten_thousand_columns(take):
    extra = ",".join(f"c{i}" for i in range(10_000))
    text = f"id,when,touch,{extra}\n1,2026-05-04,3{',x' * 10_000}\n"
    study, manifest = take(text, identifiers={"record": "id"},
                           columns={"date": "when", "pressure": "touch"})  # fmt: skip
    assert len(study.sessions) == 1
    assert len(manifest.de_identified) > 10_000


def test_adding_nothing_of_a_kind_keeps_what_was_there():
    old = study_from_tables({
        "sessions": pd.DataFrame({"episode_id": ["a"], "session": [1.0], "day": [0.0]}),
        "goals": pd.DataFrame({"episode_id": ["a"], "instrument": ["nprs"], "target": [3.0]}),
    })  # fmt: skip
    visits = {"episode_id": ["b"], "date": [9.0], "day": [None], "session": [None], "visit": [0.0],
              "order": [0.0]}  # fmt: skip
    none = pd.DataFrame({name: [] for name in (*visits, "timing", "instrument")})
    new = {"episodes": pd.DataFrame({"episode_id": ["b"]}), "sessions": pd.DataFrame(visits),
           "assessments": none, "goals": pd.DataFrame({"episode_id": []})}  # fmt: skip
    tables, findings = merged(dated_tables(old, {"a": 2.0}), new)
    tables, anchors = finished(tables)
    assert repr(study_from_tables(tables)) == "Study(2 episodes, 2 sessions, 0 scores, 1 goals)"
    assert anchors == {"a": 2.0, "b": 9.0}
    assert findings == []


GAPS = {"identifiers": {"record": "id"}, "columns": {"date": "when", "condition": "why"},
        "scores": {"nprs": {"pre_session": "pain"}},
        "study": {"new_course_after_days": 60}}  # fmt: skip


def rows_of(*visits):
    return "id,when,why,pain\n" + "".join(f"{','.join(map(str, visit))}\n" for visit in visits)


def test_a_long_gap_and_another_condition_begin_a_course(take):
    study, manifest = take(rows_of(
        (1, "2026-01-05", "headache", 7), (1, "2026-03-06", "headache", 5),
        (1, "2026-05-06", "headache", 6), (1, "2026-01-12", "sciatica", 4),
        (2, "2026-09-01", "headache", 3),
    ), **GAPS)  # fmt: skip
    by_course = study.assessments.groupby("episode_id")["day"].agg(list).tolist()
    assert sorted(by_course) == [[0], [0], [0], [0, 60]]
    assert study.episodes["patient_id"].nunique() == 2
    assert {s.rule: s.count for s in manifest.cleaned}["new course after more than 60 days"] == 1


def test_courses_at_gaps_keep_their_ids_when_a_later_export_is_added(tmp_path):
    visits = [(1, f"2026-{month:02}-01", "headache", month % 9) for month in (1, 2, 6, 7, 11)]

    def run(*rows, name="x.csv"):
        (tmp_path / name).write_text(rows_of(*rows), encoding="utf-8")
        return import_export(tmp_path / name, GAPS, tmp_path / "key.json", tmp_path / "out")[0]

    first = run(*visits[2:3])  # the middle course alone
    assert len(first.episodes) == 1
    later = run(*visits[3:])
    assert first.episodes["episode_id"][0] in set(later.episodes["episode_id"])
    assert sorted(later.assessments.groupby("episode_id")["day"].agg(list)) == [[0], [0, 30]]
    whole = run(*visits)
    assert set(later.episodes["episode_id"]) < set(whole.episodes["episode_id"])
    assert sorted(whole.assessments.groupby("episode_id")["day"].agg(list)) == [
        [0], [0, 30], [0, 31],
    ]  # fmt: skip
    again = run(*visits)
    pd.testing.assert_frame_equal(again.assessments, whole.assessments)


def test_dates_of_a_course_become_its_days(take):
    study, manifest = take(
        "id,when,st,pain,cleared,left,due\n1,05/04/2026,attended,7,05/01/2026,06/30/2026,28\n"
        "1,05/11/2026,attended,5,,,soon\n",
        file={"dates": ["%m/%d/%Y"]}, identifiers={"record": "id"},
        columns={"date": "when", "status": "st", "clearance_day": "cleared", "end_day": "left",
                 "by_day": "due", "target": "pain"}, constants={"goals.instrument": "nprs"},
    )  # fmt: skip
    course = study.episodes.iloc[0]
    assert (course["clearance_day"], course["end_day"]) == (-3, 57)
    assert study.goals["by_day"].tolist() == [28]
    found = oc.check(study).table.set_index("column")
    assert (found.loc["due", "rule"], found.loc["due", "first_row"]) == ("R02", 3)
    assert "left" in {s.column for s in manifest.de_identified if "date made" in s.rule}


def test_a_row_that_states_nothing_of_a_visit_is_none(take):
    study, _ = take(
        "id,when,st,pain,later\n1,2026-05-01,,8,\n1,2026-05-04,attended,7,\n1,2026-08-04,,,3\n",
        identifiers={"record": "id"}, columns={"date": "when", "status": "st"},
        scores={"nprs": {"pre_session": "pain", "follow_up": "later"}},
    )  # fmt: skip
    assert study.sessions["day"].tolist() == [0]
    assert scores(study) == [(None, -3, "pre_session", 8), (1, 0, "pre_session", 7),
                             (None, 92, "follow_up", 3)]  # fmt: skip


def test_several_goals_of_a_course_are_no_contradiction(take):
    study, _ = take(
        "id,when,touch,aim,goal\n1,2026-05-01,3,nprs,2\n1,2026-05-08,3,ndi,9\n1,2026-05-09,3,ndi,8\n",
        identifiers={"record": "id"},
        columns={"date": "when", "pressure": "touch", "goals.instrument": "aim", "target": "goal"},
    )  # fmt: skip
    assert study.goals[["instrument", "target"]].to_numpy().tolist() == [["nprs", 2], ["ndi", 9]]
    found = oc.check(study).table.set_index("column")
    assert (found.loc["goal", "rule"], found.loc["goal", "first_row"]) == ("R18", 4)
    assert "aim" not in found.index


@pytest.mark.parametrize("days", [-1, "60", 1.5])
def test_a_gap_that_is_no_number_of_days(take, days):
    with pytest.raises(UsageError, match="new_course_after_days"):
        take(
            rows_of((1, "2026-01-05", "headache", 7)),
            **{**GAPS, "study": {"new_course_after_days": days}},
        )


def test_an_export_that_numbers_its_courses_has_no_gaps(take):
    columns = {**GAPS["columns"], "episode_id": "id"}
    with pytest.raises(UsageError, match="new_course_after_days"):
        take(rows_of((1, "2026-01-05", "headache", 7)), **{**GAPS, "columns": columns})
