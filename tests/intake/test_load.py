"""Each kind of bad input gets an error or a finding; no cell is shown and nothing is lost."""

from __future__ import annotations

import json

import openpyxl
import pandas as pd
import pytest

import outcomes as oc
from outcomes.errors import DataError, PrivacyError, UnavailableError, UsageError
from outcomes.intake.template import write_template

pytestmark = pytest.mark.quick(10)

SECRET = "xq7-zebra"


def rules(study):
    table = oc.check(study).table
    return {
        (row.rule, row.table, row.column): (row.count, row.first_row and row.first_row - 1)
        for row in table.itertuples()
    }


def test_a_good_folder_has_no_finding(folder):
    study = oc.load(folder())
    assert repr(study) == "Study(2 episodes, 4 sessions, 4 scores, 1 goals)"
    assert oc.check(study).ok
    assert not oc.check(study).items


def test_only_assessments_are_needed(folder):
    study = oc.load(folder(episodes=None, sessions=None, goals=None))
    assert study.episodes["episode_id"].tolist() == ["a", "b"]


@pytest.mark.parametrize("empty", ["episodes", "sessions", "goals"])
def test_a_table_with_a_header_alone_is_an_empty_table(folder, empty):
    study = oc.load(folder(**{empty: "episode_id,instrument,target\n"}))
    assert len(study.table(empty)) == (2 if empty == "episodes" else 0)


HEAD = "episode_id,session,timing,instrument,score\n"


@pytest.mark.parametrize(
    ("table", "text", "expected"),
    [
        ("assessments", HEAD + "a,1,,nprs,7\na,2,,nprs,11\nb,1,,nprs,-1\n",
         {("R12", "assessments", "score"): (1, 2)}),
        ("assessments", HEAD + f"a,1,,nprs,7\na,2,,nprs,{SECRET}\n",
         {("R02", "assessments", "score"): (1, 2)}),
        ("assessments", HEAD + "a,1,,nprs,inf\n", {("R02", "assessments", "score"): (1, 1)}),
        ("assessments", HEAD + "a,1,,nprs,\n", {("R01", "assessments", "score"): (1, 1)}),
        ("assessments", HEAD + "a,,baseline,nprs,7\na,,baseline,nprs,6\n",
         {("R11", "assessments", "timing"): (1, 2)}),
        ("assessments", HEAD + "a,1,,nprs,7\na,1,,nprs,7\n",
         {("R10", "assessments", "score"): (1, 2)}),
        ("assessments", HEAD + f"a,1,,{SECRET},7\n",
         {("R13", "assessments", "instrument"): (1, 1)}),
        ("assessments", HEAD + f"a,1,{SECRET},nprs,7\n",
         {("R04", "assessments", "timing"): (1, 1)}),
        ("assessments", HEAD + "a,,,nprs,7\n", {("R15", "assessments", "session"): (1, 1)}),
        ("assessments", HEAD + "a,1,,nprs,7\nc,1,,nprs,7\n",
         {("R14", "assessments", "episode_id"): (1, 2)}),
        ("assessments", HEAD + "a,2,,nprs,7\n", {("R19", "assessments", "timing"): (1, 1)}),
        ("sessions", "episode_id,session,day\na,1,7\na,2,0\n",
         {("R16", "sessions", "session"): (1, 2)}),
        ("sessions", "episode_id,session,day\na,1,0\na,3,7\n",
         {("R17", "sessions", "session"): (1, 2)}),
        ("sessions", "episode_id,session,day\na,1,0\na,1,0\n",
         {("R09", "sessions", "session"): (1, 2)}),
        ("sessions", "episode_id,session,minutes\na,1,50\n",
         {("R08", "sessions", "minutes"): (1, 1)}),
        ("sessions", "episode_id,session,pressure\na,1,6\na,2,2.5\n",
         {("R03", "sessions", "pressure"): (1, 1), ("R06", "sessions", "pressure"): (1, 2)}),
        ("episodes", "episode_id,minutes,condition\na,50,headache\nb,60,dizzy\n",
         {("R07", "episodes", "minutes"): (1, 1), ("R05", "episodes", "condition"): (1, 2)}),
        ("episodes", "episode_id,recurrent\na,maybe\nb,yes\n",
         {("R02", "episodes", "recurrent"): (1, 1)}),
        ("episodes", "episode_id\na\nb\na\n", {("R09", "episodes", "episode_id"): (1, 3)}),
        ("goals", "episode_id,instrument,target\na,nprs,12\n",
         {("R12", "goals", "target"): (1, 1)}),
    ],
)  # fmt: skip
def test_each_broken_rule_is_found_where_it_is_broken(folder, table, text, expected):
    study = oc.load(folder(**{table: text}))
    found = rules(study)
    assert expected.items() <= found.items()
    shown = oc.check(study).table.to_string() + repr(study) + repr(oc.check(study))
    assert SECRET not in shown
    assert len(study.table(table)) == len(text.splitlines()) - 1  # nothing is dropped


def test_all_findings_come_at_once(folder):
    study = oc.load(folder(
        sessions="episode_id,session,day,minutes\na,1,7,50\na,2,0,60\n",
        assessments=HEAD + "a,1,,nprs,x\na,2,,nprs,99\n",
    ))  # fmt: skip
    assert {rule for rule, _, _ in rules(study)} >= {"R02", "R08", "R12", "R16"}


def test_pressure_in_the_words_of_the_scale(folder):
    sessions = "episode_id,session,pressure\na,1,3 - medium\na,2,Strong\nb,1,2\nb,2,firm\n"
    study = oc.load(folder(sessions=sessions))
    assert study.sessions["pressure"].tolist()[:3] == [3, 4, 2]
    assert rules(study)[("R02", "sessions", "pressure")] == (1, 4)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"assessments": None, "sessions": None}, "a table of assessments or of sessions"),
        ({"assessments": HEAD, "sessions": None}, "a header alone"),
        ({"assessments": "episode_id;session;instrument\na;1;nprs\n"}, "no score"),
        ({"assessments": "episode_id,instrument,score\na,nprs,1\n"}, "no session or day"),
        ({"sessions": ""}, "an empty file or first line"),
    ],
)
def test_a_folder_that_is_no_study(folder, change, says):
    with pytest.raises(DataError, match=says):
        oc.load(folder(**change))


def test_visits_alone_are_a_study_that_answers_what_it_can(folder):
    study = oc.load(folder(assessments=None))
    assert len(study.sessions)
    assert study.scored_instruments() == []
    told = {answer.name: answer for answer in oc.answers(study)}
    assert "there are no scores" in told["how-much"].reason
    assert "no visit has an entry for adverse events" in told["safety"].reason


def test_a_folder_takes_no_map(folder):
    with pytest.raises(UsageError, match="a column map goes with one flat file"):
        oc.load(folder(), {"columns": {}})


def test_a_missing_place(tmp_path):
    with pytest.raises(
        UnavailableError, match="the path of the file leads to a file; got nothing there"
    ):
        oc.load(tmp_path / "none")


def test_columns_that_nothing_is_read_from_are_named(folder):
    study = oc.load(folder(goals="episode_id,instrument,target,colour\na,nprs,3,red\n"))
    assert study.provenance.unused_columns == ("goals.colour",)


def test_a_saved_study_loads_as_it_was(folder, tmp_path):
    study = oc.load(folder())
    again = oc.load(study.save(tmp_path / "saved"))
    for name in ("episodes", "sessions", "assessments", "goals"):
        pd.testing.assert_frame_equal(study.table(name), again.table(name))


@pytest.mark.parametrize("content", ["{", "[]", json.dumps({"outcomes": 3})])
def test_a_description_that_is_none(folder, content):
    place = folder()
    (place / "datapackage.json").write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match="the description that a study was saved with"):
        oc.load(place)


@pytest.mark.parametrize("about", [{"left_out": 1}, {"instruments": 1}, {"left_out": [{"x": 1}]}])
def test_a_description_with_other_things_in_it(folder, about):
    place = folder()
    (place / "datapackage.json").write_text(json.dumps({"outcomes": about}), encoding="utf-8")
    with pytest.raises(DataError, match="the description that a study was saved with"):
        oc.load(place)


@pytest.mark.parametrize("content", ["{", "[]", '{"parameters": 1, "estimands": []}', "{}"])
def test_a_truth_that_is_none(folder, content):
    place = folder()
    (place / "truth.json").write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match="the truth that a simulated study was saved with"):
        oc.load(place)


def test_a_workbook_of_one_flat_sheet(tmp_path):
    frame = pd.DataFrame({"id": ["a", "a"], "visit": [1, 2], "pain": [7, 5]})
    frame.to_excel(tmp_path / "x.xlsx", index=False, engine="openpyxl")
    assert oc.load(tmp_path / "x.xlsx", FLAT).trajectory("nprs")["improvement"].tolist() == [2]
    own = frame.rename(columns={"id": "episode_id", "visit": "session", "pain": "score"})
    own.assign(instrument="nprs").to_excel(tmp_path / "y.xlsx", index=False, engine="openpyxl")
    assert len(oc.load(tmp_path / "y.xlsx").assessments) == 2


def test_a_description_may_say_nothing_of_the_study(folder):
    place = folder()
    (place / "datapackage.json").write_text("{}", encoding="utf-8")
    assert not oc.load(place).provenance.synthetic


FLAT = {"columns": {"episode_id": "id", "score": "pain", "session": "visit"},
        "constants": {"instrument": "nprs", "condition": "headache"}}  # fmt: skip


def test_a_flat_file_through_a_map(file):
    study = oc.load(file("id,visit,pain,colour\na,1,7,red\na,2,5,\na,3,,\n"), FLAT)
    assert study.episodes["condition"].tolist() == ["headache"]
    assert study.provenance.unused_columns == ("colour",)
    assert study.provenance.left_out[0].count == 1
    assert study.trajectory("nprs")["improvement"].tolist() == [2]


def test_a_flat_file_with_the_contracts_own_headers(file):
    study = oc.load(file("episode_id,day,instrument,score,other\na,0,nprs,7\na,9,nprs,5,\n"
                         .replace(",7\n", ",7,\n")))  # fmt: skip
    assert study.provenance.unused_columns == ("other",)
    assert study.assessments["timing"].tolist() == ["baseline", "follow_up"]


def test_text_in_a_column_that_becomes_another_is_found(file):
    flat = {"columns": {"episode_id": "id", "score": "pain", "week": "wk", "age": "years"},
            "constants": {"instrument": "nprs"}}  # fmt: skip
    study = oc.load(file(f"id,wk,pain,years\na,0,7,47\na,{SECRET},5,47\nb,0,5,93\nb,2,4,x\n"), flat)
    assert rules(study)[("R02", "file", "week")] == (1, 2)
    assert rules(study)[("R02", "file", "age")] == (1, 4)
    assert study.episodes["age_band"].tolist() == ["40-49", "90+"]


def test_facts_that_differ_within_a_course_are_found(file):
    flat = {"columns": {**FLAT["columns"], "condition": "why", "baseline": "first"},
            "constants": {"instrument": "nprs"}}  # fmt: skip
    study = oc.load(file("id,visit,pain,why,first\na,1,7,headache,8\na,2,5,low_back,7\n"), flat)
    assert rules(study)[("R18", "episodes", "condition")] == (1, 2)
    assert rules(study)[("R18", "episodes", "baseline")] == (1, 2)
    assert study.episodes["condition"].tolist() == ["headache"]


def test_visits_in_a_flat_file_with_their_own_days(file):
    flat = {"columns": {**FLAT["columns"], "sessions.session": "visit", "pressure": "touch",
                        "timing": "when", "goals.instrument": "aim", "target": "goal"},
            "constants": {"instrument": "nprs"}}  # fmt: skip
    text = "id,visit,pain,touch,when,aim,goal\na,1,7,3,pre_session,ndi,9\na,2,5,,pre_session,,\n"
    study = oc.load(file(text), flat)
    assert study.sessions["session"].tolist() == [1]
    assert study.goals["instrument"].tolist() == ["ndi"]


def test_visits_and_goals_in_a_flat_file(file):
    flat = {"columns": {**FLAT["columns"], "pressure": "touch", "day": "day", "target": "goal",
                        "sessions.minutes": "min"},
            "constants": {"instrument": "nprs"}}  # fmt: skip
    study = oc.load(file("id,visit,day,pain,touch,min,goal\na,1,0,7,3,60,2\na,2,7,5,2,60,\n"), flat)
    assert study.sessions["pressure"].tolist() == [3, 2]
    assert study.goals["target"].tolist() == [2]
    assert study.goals["instrument"].tolist() == ["nprs"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"columns": {"episode_id": "id", "score": "pian"}}, r"no column pian \(near: pain\)"),
        ({"columns": {"episode_id": "id", "score": "zzz"}}, "no column zzz"),
        ({"columns": {"episode_id": "id", "score": "pain"}}, "no session, day, week or month"),
        ({"constants": {}}, "no instrument"),
    ],
)
def test_a_map_that_does_not_fit_the_file(file, change, says):
    with pytest.raises(DataError, match=says):
        oc.load(file("id,visit,pain\na,1,7\n"), {**FLAT, **change})


def test_scores_spread_over_columns(file):
    wide = {
        "columns": {"episode_id": "id", "arm": "group"},
        "constants": {"instrument": "nprs"},
        "wide": [{"over": "week", "columns": {"0": "pk1", "13": "pk2"}}],
    }
    study = oc.load(file("id,group,pk1,pk2,other\na,x,7,5,1\nb,y,6,,1\n"), wide)
    rows = study.assessments[["episode_id", "day", "score"]].to_numpy().tolist()
    assert rows == [["a", 0.0, 7.0], ["a", 91.0, 5.0], ["b", 0.0, 6.0]]
    assert study.provenance.left_out[0].count == 1
    assert study.provenance.unused_columns == ("other",)


def test_a_finding_in_a_spread_file_names_the_files_row(file):
    wide = {"columns": {"episode_id": "id"}, "constants": {"instrument": "nprs"},
            "wide": [{"over": "week", "columns": {"0": "pk1", "13": "pk2"}}]}  # fmt: skip
    study = oc.load(file("id,pk1,pk2\na,7,5\nb,6,x\n"), wide)
    assert rules(study)[("R02", "assessments", "score")] == (1, 2)


def test_a_spread_column_that_is_not_there(file):
    wide = {"columns": {"episode_id": "id"}, "constants": {"instrument": "nprs"},
            "wide": [{"over": "week", "columns": {"0": "pk9"}}]}  # fmt: skip
    with pytest.raises(DataError, match="no column pk9"):
        oc.load(file("id,pk1\na,7\n"), wide)


@pytest.mark.parametrize(
    ("header", "cell"),
    [
        ("Client", "x"), ("note", "ann.lee@example.org"), ("x", "(602) 555-0100"),
        ("x", "602-555-0100"), ("x", "123-45-6789"), ("x", "12 Elm Street"), ("x", "05/04/2026"),
        ("x", "4 May 2026"), ("x", "Dr. Lee"), ("x", "www.example.org"),
    ],
)  # fmt: skip
def test_a_file_that_looks_identified_is_refused(file, header, cell):
    place = file(f"id,visit,pain,{header}\na,1,7,{cell}\n")
    with pytest.raises(PrivacyError) as caught:
        oc.load(place, FLAT)
    message = str(caught.value)
    assert header in message
    assert "outcomes import" in message
    assert cell == "x" or cell not in message


def test_names_in_an_id_column_are_refused(file):
    flat = {**FLAT, "columns": {**FLAT["columns"], "therapist_id": "by"}}
    with pytest.raises(PrivacyError, match="by: names"):
        oc.load(file("id,visit,pain,by\na,1,7,Ann Lee\n"), flat)


def test_ids_of_sites_and_patients_are_no_telephone_numbers(file):
    assert len(oc.load(file("id,visit,pain\n001-0001,1,7\n"), FLAT).assessments) == 1


def test_a_folder_that_looks_identified_is_refused(folder):
    goals = "episode_id,instrument,target,set_by\na,nprs,3,Dr. Lee\n"
    with pytest.raises(PrivacyError, match=r"goals\.set_by: a name"):
        oc.load(folder(goals=goals))


@pytest.mark.parametrize("first", ["zq,1,7\n", "Ann Lee,2026-05-04,7\n", "Ann,602-555-0100,x\n"])
def test_a_file_without_a_header_is_refused_and_not_shown(file, first):
    with pytest.raises(DataError, match="what looks like data") as caught:
        oc.load(file(first + "b,2,5\n"), FLAT)
    assert first.partition(",")[0] not in str(caught.value).split()


def test_a_map_of_identifiers_is_for_import(file):
    with pytest.raises(UsageError, match="is imported first"):
        oc.load(file("id,visit,pain\na,1,7\n"), {**FLAT, "identifiers": {"name": "id"}})


@pytest.fixture
def simulated(tmp_path):
    return oc.simulate(episodes=12, seed=3).save(tmp_path / "simulated")


def test_a_simulated_study_keeps_its_label_whatever_the_line_ends(simulated):
    goals = simulated / "goals.csv"
    goals.write_bytes(goals.read_bytes().replace(b"\n", b"\r\n"))
    study = oc.load(simulated)
    assert repr(study).startswith("SYNTHETIC")
    assert study.truth is not None
    assert not oc.check(study).items


@pytest.mark.parametrize("edit", ["changed", "removed", "added"])
def test_a_simulated_study_that_was_edited_counts_as_real(simulated, edit):
    goals, package = simulated / "goals.csv", simulated / "datapackage.json"
    if edit == "changed":
        text = goals.read_text(encoding="utf-8").replace("physician", "patient", 1)
        goals.write_text(text, encoding="utf-8")
    elif edit == "removed":
        goals.unlink()
    else:
        about = json.loads(package.read_text(encoding="utf-8"))
        about["resources"] = [r for r in about["resources"] if r["name"] != "goals"]
        package.write_text(json.dumps(about), encoding="utf-8")
    study = oc.load(simulated)
    assert not study.provenance.synthetic
    assert study.truth is study.provenance.seed is None
    assert rules(study)[("R42", "simulated", "")] == (1, 0)
    assert "Synthetic" not in study.provenance.title + study.provenance.source


ITSELF = ("episode_id", "session", "day", "timing", "instrument", "score")
SCORES = {"columns": dict(zip(ITSELF, ITSELF, strict=True)), "constants": {"condition": "other"}}


@pytest.mark.parametrize("edited", [False, True])
def test_a_table_of_a_simulated_study_is_synthetic_through_a_map_too(simulated, edited):
    scores = simulated / "assessments.csv"
    if edited:
        scores.write_text(scores.read_text(encoding="utf-8").replace("nprs", "psfs", 1))
    study = oc.load(scores, SCORES)
    assert study.provenance.synthetic is not edited
    assert ("SYNTHETIC" in oc.answer(study, "how-much")._repr_html_()) is not edited


@pytest.mark.parametrize("resources", [3, [3], [{}]])
def test_a_simulated_study_with_a_broken_description(simulated, resources):
    place = simulated / "datapackage.json"
    package = json.loads(place.read_text(encoding="utf-8"))
    place.write_text(json.dumps({**package, "resources": resources}), encoding="utf-8")
    with pytest.raises(DataError, match="the description that a study was saved with"):
        oc.load(simulated)


def test_findings_in_a_flat_file_name_its_rows(file):
    flat = {"columns": {**FLAT["columns"], "pressure": "touch", "baseline": "first",
                        "target": "aim", "sessions.minutes": "min"},
            "constants": {"instrument": "nprs"}}  # fmt: skip
    study = oc.load(file(
        "id,visit,pain,touch,first,aim,min\na,1,,,,,\na,2,,3,7,,60\na,3,11,,7,,\n"
        "b,1,4,9,6,12,60\nb,2,12,,6,,50\n"
    ), flat)  # fmt: skip
    found = rules(study)
    assert found[("R12", "assessments", "score")] == (2, 3)
    assert found[("R03", "sessions", "pressure")] == (1, 4)
    assert found[("R08", "sessions", "minutes")] == (1, 5)
    assert found[("R12", "goals", "target")] == (1, 4)
    assert study.provenance.left_out[0].count == 2


def test_columns_that_nothing_is_read_from_are_a_warning(file):
    study = oc.load(file("id,visit,pain,colour,size\na,1,7,red,3\n"), FLAT)
    assert rules(study)[("R41", "file", "colour, size")] == (2, 0)
    assert oc.check(study).ok
    wide = ",".join(f"c{i}" for i in range(30))
    study = oc.load(file(f"id,visit,pain,{wide}\na,1,7{',' * 30}\n"), FLAT)
    (found,) = [row for row in oc.check(study).table.itertuples() if row.rule == "R41"]
    assert found.count == 30
    assert found.column.endswith("c19 ...")


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("Mary Quackenbush", "Mary Quackenbush"),
        ("Mary Quackenbush", "Quackenbush family"),
        ("602-555-0100", "J. Quackenbush"),
        ("Lee 2026-05-04", "Dr. Lee"),
    ],
)
def test_a_person_in_the_name_of_a_file_or_a_column_gets_nowhere(file, tmp_path, name, header):
    text = f"episode_id,session,instrument,score,{header},remark\na,1,nprs,6,x,y\na,2,nprs,4,x,y\n"
    named = file(text).rename(tmp_path / f"{name}.csv")
    study = oc.load(named)
    folder = study.save(tmp_path / "study")
    told = [
        repr(study.provenance),
        oc.check(study).table.to_csv(),
        oc.answer(study, "goals").source.name,
    ]
    told += [path.read_text(encoding="utf-8") for path in folder.iterdir()]
    assert not any(name in text or header in text for text in told)
    assert study.provenance.unused_columns[0] == "column 5"


def test_a_renamed_sheet_or_header_of_the_four_tables_is_told_or_found(tmp_path):
    book = openpyxl.load_workbook(write_template(tmp_path / "x.xlsx", tables=True))
    for name, cells in (("assessments", ("a", 1, 0, "nprs", 6)), ("sessions", ("a", 1, 0))):
        for cell, text in zip(("episode_id", "session", "day", "instrument", "score"), cells,
                              strict=False):  # fmt: skip
            place = next(c for c in book[name][1] if c.value == cell)
            book[name].cell(2, place.column, text)
            place.value = str(cell).upper()
    book.save(tmp_path / "x.xlsx")
    study = oc.load(tmp_path / "x.xlsx")
    assert (study.sessions["day"].tolist(), study.assessments["score"].tolist()) == ([0], [6])
    assert not oc.check(study).items
    book["sessions"].title = "Visits"
    book.save(tmp_path / "x.xlsx")
    (found,) = oc.check(oc.load(tmp_path / "x.xlsx")).items
    assert (found.rule, found.column, found.count) == ("R41", "sheets", 1)


def test_a_name_in_the_title_of_a_map_is_refused(file):
    with pytest.raises(oc.PrivacyError, match="title"):
        oc.load(file("episode_id,session,instrument,score\na,1,nprs,6\n"), {"title": "Dr. Jane Lee",
                "columns": {"episode_id": "episode_id", "session": "session",
                            "instrument": "instrument", "score": "score"}})  # fmt: skip


@pytest.mark.parametrize("sheet", ["assessments", "scores"])
def test_rows_of_a_workbook_are_counted_as_excel_shows_them(tmp_path, sheet):
    book = openpyxl.Workbook()
    book.active.title = sheet
    rows = [["episode_id", "session", "instrument", "score", "device"], ["a", 1, "nprs", 6, None],
            [], ["a", 2, "nprs", 44, None]]  # fmt: skip
    for row in rows:
        book.active.append(row)
    book.save(tmp_path / "x.xlsx")
    found = {f.rule: f.first_row for f in oc.check(oc.load(tmp_path / "x.xlsx")).items}
    assert found["R12"] == 4
    book.active.cell(4, 5, "call Dr. Quackenbush, 602-555-0100")
    book.save(tmp_path / "x.xlsx")
    with pytest.raises(PrivacyError, match="row 4"):
        oc.load(tmp_path / "x.xlsx")


@pytest.mark.parametrize("sheet", ["assessments", "scores"])
def test_a_score_merged_over_rows_counts_once(tmp_path, sheet):
    """Merged over rows 3 to 5, as who it is of: rows above and below hold a 7 of their own."""
    book = openpyxl.Workbook()
    book.active.title = sheet
    rows = [["episode_id", "session", "instrument", "score"], ["a", 1, "nprs", 7],
            ["b", 1, "nprs", 7], [None, 2, "nprs"], [None, 3, "nprs"], ["c", 1, "nprs", 7],
            ]  # fmt: skip
    for row in rows:
        book.active.append(row)
    for cells in ("D3:D5", "A3:A5"):
        book.active.merge_cells(cells)
    book.save(tmp_path / "x.xlsx")
    study = oc.load(tmp_path / "x.xlsx")
    scores = study.assessments.dropna(subset=["score"])
    assert scores[["episode_id", "session"]].to_numpy().tolist() == [["a", 1], ["b", 1], ["c", 1]]
    found = next(f for f in oc.check(study).items if f.rule == "R74")
    assert (found.count, found.first_row) == (2, 4)
