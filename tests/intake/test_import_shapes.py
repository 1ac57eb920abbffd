"""Exports of other shapes: one row a score, weeks for dates, numbered visits, records for names."""

from __future__ import annotations

import pandas as pd
import pytest

import outcomes as oc
from outcomes.intake.append import appended
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
    assert [s.rows for s in manifest.sightings if s.kind == "phone"] == [(2,)]
    found = oc.check(study).table.set_index("rule")
    assert (found.loc["R02", "count"], found.loc["R02", "first_row"]) == (1, 2)


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
    assert found.loc["kind", "first_row"] == found.loc["pain", "first_row"] == 2
    assert study.goals["target"].tolist() == [3]


def test_dates_that_can_be_read_in_two_ways_are_reported(take):
    study, _ = take("id,when,touch\n1,04/05/2026,3\n1,25/05/2026,2\n",
                    file={"dates": ["%m/%d/%Y", "%d/%m/%Y"]}, identifiers={"record": "id"},
                    columns={"date": "when", "pressure": "touch"})  # fmt: skip
    found = oc.check(study).table.set_index("rule")
    assert (found.loc["R22", "count"], found.loc["R22", "first_row"]) == (1, 1)


def test_facts_of_a_course_that_differ_are_reported(take):
    study, _ = take("id,when,sex\n1,2026-05-04,female\n1,2026-05-11,male\n",
                    identifiers={"record": "id"},
                    columns={"date": "when", "sex": "sex"})  # fmt: skip
    found = oc.check(study).table.set_index("rule")
    assert (found.loc["R18", "column"], found.loc["R18", "first_row"]) == ("sex", 2)
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
    new = {"episodes": pd.DataFrame({"episode_id": ["b"]}),
           "sessions": pd.DataFrame({"episode_id": ["b"], "session": [1.0], "day": [0.0]}),
           "assessments": pd.DataFrame(columns=["episode_id"]),
           "goals": pd.DataFrame(columns=["episode_id"])}  # fmt: skip
    both = study_from_tables(appended(old, new, {}))
    assert repr(both) == "Study(2 episodes, 2 sessions, 0 scores, 1 goals)"
