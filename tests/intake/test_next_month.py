"""What a later export brings: a corrected person, a word that the map has not seen, other signs."""

from __future__ import annotations

import json

import pytest

import outcomes as oc
from outcomes.errors import PrivacyError, UsageError
from outcomes.intake.column_map import read_column_map, refuse_open_questions
from outcomes.intake.guess import draft_map
from outcomes.intake.import_export import import_export

pytestmark = pytest.mark.quick(3)

MAP = {
    "identifiers": {"name": "Client", "birth_date": "Born"},
    "columns": {"date": "Day"},
    "study": {"no_status": "attended"},
    "scores": {"nprs": {"pre_session": "Pain"}},
}


@pytest.fixture
def months(tmp_path):
    """Return a function that imports two months, one after the other, into one study."""

    def take(first, later, columns=None, header="Client,Born,Day,Pain\n"):
        for i, rows in enumerate((first, later)):
            export = tmp_path / f"{i}.csv"
            export.write_text(header + rows, encoding="utf-8")
            study, manifest = import_export(
                export, columns or MAP, tmp_path / "key.json", tmp_path / "study"
            )
        return study, oc.check(study).table.set_index("rule"), manifest

    return take


JANUARY = "Mary Quackenbush,1950-01-02,2026-01-05,7\nBob Ray,1961-03-04,2026-01-05,6\n"


@pytest.mark.parametrize(
    ("name", "born"),
    [("Marie Quackenbush", "1950-01-02"), ("Mary Quackenbusch", "1950-01-02"),
     ("Quackenbush, Mary Ellen", "1950-01-02"), ("Mary Ray-Throckmorton", "1950-01-02"),
     ("Mary Quackenbush", "1950-02-01"), ("Mary Quackenbush", "1951-01-02")],
)  # fmt: skip
def test_a_corrected_person_is_found_or_in_doubt(months, name, born):
    name = f'"{name}"'
    study, found, _ = months(
        JANUARY, f"Bob Ray,1961-03-04,2026-02-02,5\n{name},{born},2026-02-02,5"
    )
    assert study.episodes["patient_id"].nunique() == 3
    assert (found.loc["R24", "count"], found.loc["R24", "first_row"]) == (1, 3)


@pytest.mark.parametrize("gap", [0, 90])
def test_who_comes_again_after_months_into_a_course_that_the_study_holds_is_told(months, gap):
    """Where nobody said what a return is, or said it after the course was stored as one."""
    again = "Bob Ray,1961-03-04,2026-08-03,6\nBob Ray,1961-03-04,2026-08-10,5\n"
    study, found, _ = months(JANUARY, again)
    assert (found.loc["R72", "count"], found.loc["R72", "first_row"]) == (1, 2)
    columns = {**MAP, "study": {**MAP["study"], "new_course_after_days": gap}}
    study, found, _ = months(again, again, columns)
    assert study.episodes["episode_id"].nunique() == 2
    assert found.loc["R72", "count"] == 1


def test_a_return_is_a_new_course_where_the_map_of_each_export_says_so(months):
    columns = {**MAP, "study": {**MAP["study"], "new_course_after_days": 90}}
    study, found, _ = months(JANUARY, "Bob Ray,1961-03-04,2026-08-03,6\n", columns)
    assert study.episodes["episode_id"].nunique() == 3
    assert "R72" not in found.index


@pytest.mark.parametrize(
    ("later", "gone"),
    [(f"{JANUARY}Bob Ray,1961-03-04,2026-02-02,5\n", 1),
     ("Mary Quackenbush,1950-01-02,2026-01-19,4\nBob Ray,1961-03-04,2026-01-19,5\n", 0),
     ("Bob Ray,1961-03-04,2026-01-05,6\nBob Ray,1961-03-04,2026-02-02,5\n", 0)],
    ids=["a patient's last visit", "days after it", "a patient who is not in it"],
)  # fmt: skip
def test_a_visit_that_a_later_export_of_these_days_lacks_is_told(months, later, gone):
    _, found, _ = months(f"{JANUARY}Mary Quackenbush,1950-01-02,2026-01-12,6\n", later)
    assert found["count"].get("R57", 0) == gone


def test_a_therapist_is_one_however_the_name_is_written(months):
    columns = {**MAP, "columns": {"date": "Day", "sessions.therapist_id": "By"}}
    names = ("Mary Smith", '"Smith, Mary"', "Dr. MARY SMITH LMT", "Mary Smyth")
    january, later = ("".join(f"Bob Ray,1961-03-04,2026-0{month}-0{day},5,{name}\n"
                              for day, name in enumerate(own, start=1))
                      for month, own in ((1, names[:1]), (2, names[1:])))  # fmt: skip
    study, _, _ = months(january, later, columns, "Client,Born,Day,Pain,By\n")
    first, *same, other = study.sessions["therapist_id"]
    assert {*same} == {first} != {other}


def test_another_person_is_in_no_doubt(months):
    study, found, _ = months(JANUARY, "Mary Throckmorton,1972-01-02,2026-02-02,5\n")
    assert study.episodes["patient_id"].nunique() == 3
    assert found.empty


def test_a_corrected_person_with_the_same_telephone_is_joined(months):
    columns = {**MAP, "identifiers": {**MAP["identifiers"], "phone": "Phone"}}
    first, later = (f"{name},1950-01-02,2026-0{month}-05,7,602 555 0100\n"
                    for name, month in (("Margaret Zwicky", 1), ("Peggy Zwicky", 2)))  # fmt: skip
    study, _, manifest = months(first, later, columns, "Client,Born,Day,Pain,Phone\n")
    assert study.episodes["patient_id"].nunique() == 1
    assert study.sessions["day"].tolist() == [0, 31]
    assert any(step.rule.startswith("joined as one client") for step in manifest.cleaned)


SALES = "Name,Date,Service\nAnn Lee,2026-05-04,Deep tissue\nBob Ray,2026-05-04,Gift card\n"


def drafted(text, tmp_path):
    place = tmp_path / "draft.csv"
    place.write_text(text, encoding="utf-8")
    return draft_map(place).answered("study.no_status", "attended")


@pytest.mark.quick(2)
@pytest.mark.parametrize("word", ["Bono regalo", "Aromatherapy kit", "Tip jar", "Gift certificate"])
def test_a_word_that_the_map_has_not_seen_is_no_visit_until_said(months, tmp_path, word):
    columns = drafted(SALES, tmp_path).content
    header, rows = SALES.split("\n", 1)
    later = f"Ann Lee,2026-06-04,Deep tissue\nBob Ray,2026-06-04,{word}\n"
    study, found, _ = months(rows, later, columns, header + "\n")
    assert study.sessions["session"].notna().sum() == 2
    assert (found.loc["R58", "severity"], found.loc["R58", "first_row"]) == ("error", 3)
    said = {**columns, "values": {"service": {**columns["values"]["service"], word: "visit"}}}
    study, found, _ = months(rows, later, said, header + "\n")
    assert study.sessions["session"].notna().sum() == 3
    assert "R58" not in found.index


def test_what_may_be_a_sale_is_asked_about(tmp_path):
    draft = drafted(SALES + "Cy Poe,2026-05-04,Arnica cream\n", tmp_path)
    assert [q["key"] for q in draft.questions] == ["values.service.Arnica cream"]
    with pytest.raises(UsageError, match="Arnica"):
        refuse_open_questions(read_column_map(draft.content))


SIGNS = ("Client,DOB,Visit date,Status,Cancelled at,Pain\n"
         "Ann Lee,1960-05-14,2026-05-04,Completed,,7\n"
         "Ann Lee,1960-05-14,2026-05-11,Completed,2026-05-10,6\n"
         "Ann Lee,1960-05-14,2026-05-18,Cancelled,2026-05-10,\n")  # fmt: skip


@pytest.mark.parametrize(("counts", "n"), [("status", 2), ("rules", 1)])
def test_signs_that_differ_are_asked_about_and_reported(tmp_path, counts, n):
    draft = drafted(SIGNS, tmp_path)
    assert [q["key"] for q in draft.questions] == ["study.sign_that_counts"]
    place, key = tmp_path / "draft.csv", tmp_path / "key.json"
    unsaid = {name: part for name, part in draft.content.items() if name != "questions"}
    study, _ = import_export(place, unsaid, key)
    found = oc.check(study).table.set_index("rule")
    assert (found.loc["R59", "severity"], found.loc["R59", "first_row"]) == ("error", 3)
    said = draft.answered("study.sign_that_counts", counts).content
    study, _ = import_export(place, said, key)
    assert "R59" not in oc.check(study).table["rule"].tolist()
    assert study.sessions["session"].notna().sum() == n


@pytest.mark.parametrize("way", ["", "first"])
def test_a_day_that_two_ways_read_counts_only_where_the_map_says_so(months, way):
    file = {"dates": ["%m/%d/%Y", "%d/%m/%Y"], "two_ways": way,
            "dates_of": {"Born": ["%Y-%m-%d"]}}  # fmt: skip
    rows = "Ann Lee,1950-01-02,05/25/2026,7\nAnn Lee,1950-01-02,06/04/2026,6\n"
    study, found, _ = months(rows, rows, {**MAP, "file": file})
    assert study.sessions["day"].tolist() == ([0, 10] if way else [0])
    assert ("R22" in found.index) == (not way)


@pytest.mark.parametrize(
    "title", ["Patient Mary Throckmorton", "Outcomes of Dr. Throckmorton",
              "Massage, client: Åsa Östlund", "The Quackenbush case"],
)  # fmt: skip
def test_a_title_names_nobody_of_this_export_or_an_earlier_one(months, title):
    with pytest.raises(PrivacyError, match="title"):
        months(JANUARY, "Bob Ray,1961-03-04,2026-02-02,5\n", {**MAP, "title": title})


@pytest.mark.quick(2)
@pytest.mark.parametrize("title", ["Patient Outcomes Study", "Client Satisfaction 2026",
                                   "Blue Heron Massage", "Case Series Low Back Pain"])  # fmt: skip
def test_a_title_of_a_study_is_kept(months, title):
    study, _, _ = months(JANUARY, JANUARY, {**MAP, "title": title})
    assert study.provenance.title == title


def test_a_name_of_an_earlier_export_is_in_no_title(months, tmp_path):
    months(JANUARY, JANUARY)
    place = tmp_path / "later.csv"
    place.write_text("Client,Born,Day,Pain\nBob Ray,1961-03-04,2026-02-02,5\n", encoding="utf-8")
    with pytest.raises(PrivacyError, match="title"):
        import_export(place, {**MAP, "title": "Quackenbush"}, tmp_path / "key.json")


@pytest.mark.parametrize("word", ["Lumbalgia", "Kreuzschmerzen", "Lombalgie", "Lumbago"])
def test_conditions_in_other_languages_are_known(tmp_path, word):
    draft = drafted(f"Name,Date,Reason,Pain\nAnn,2026-05-14,{word},7\n", tmp_path)
    assert not draft.questions
    study, _ = import_export(tmp_path / "draft.csv", draft.content, tmp_path / "key.json")
    assert study.episodes["condition"].tolist() == ["low_back"]


def test_an_unknown_condition_is_asked_about_and_other_only_where_the_map_says_so(tmp_path):
    text = "Name,Date,Reason,Pain\nAnn,2026-05-14,Neck pain,7\nBob,2026-05-14,Verklemmung,6\n"
    draft = drafted(text, tmp_path)
    (question,) = draft.questions
    assert question["key"] == "values.condition.Verklemmung"
    assert {"other", "low_back"} <= {*question["candidates"]}
    unsaid = {name: part for name, part in draft.content.items() if name != "questions"}
    study, _ = import_export(tmp_path / "draft.csv", unsaid, tmp_path / "key.json")
    assert "R02" in oc.check(study).table["rule"].tolist()
    assert study.episodes["condition"].dropna().tolist() == ["neck_other"]
    said = draft.answered("values.condition.Verklemmung", "other").content
    study, _ = import_export(tmp_path / "draft.csv", said, tmp_path / "key.json")
    assert sorted(study.episodes["condition"]) == ["neck_other", "other"]


GROUPED = ("Visit date,Service,Pain before\nAnn Lee,,\n2026-05-04,Deep tissue,7\n"
           "2026-05-11,Deep tissue,6\nBob Ray\n2026-05-05,Deep tissue,5\n")  # fmt: skip
IN_COLUMN = ("Client,Visit date,Pain before\nAnn Lee,,\n,2026-05-04,7\n,2026-05-11,6\n"
             "Bob Ray,,\n,2026-05-05,5\n")  # fmt: skip


@pytest.mark.parametrize("text", [GROUPED, IN_COLUMN])
def test_names_above_the_visits_of_each_person(tmp_path, text):
    draft = drafted(text, tmp_path)
    assert not draft.questions
    study, manifest = import_export(tmp_path / "draft.csv", draft.content, tmp_path / "key.json")
    assert sorted(study.sessions.groupby("episode_id")["day"].apply(list)) == [[0], [0, 7]]
    assert oc.check(study).table.empty
    assert any(step.count == 2 for step in manifest.cleaned if "names above" in step.rule)


@pytest.mark.parametrize(("column", "yes", "no"), [("Cancelled", "Y", "N"), ("No show", "x", "")])
def test_a_mark_that_the_map_has_not_seen_is_an_error(tmp_path, column, yes, no):
    header = f"Client,DOB,Visit date,{column},Pain before\n"
    ann = "Ann Lee,1960-05-14,2026-0"
    rows = [f"{ann}{month}-04,{no},7\n{ann}{month}-11,{mark},\n"
            for month, mark in ((5, yes), (6, "late"))]  # fmt: skip
    draft, key = drafted(header + rows[0], tmp_path), tmp_path / "key.json"
    later = tmp_path / "later.csv"
    later.write_text(header + rows[1], encoding="utf-8")
    study, _ = import_export(tmp_path / "draft.csv", draft.content, key)
    assert study.sessions["session"].notna().sum() == 1
    study, _ = import_export(later, draft.content, key)
    found = oc.check(study).table.set_index("rule")
    assert (found.loc["R46", "count"], found.loc["R46", "first_row"]) == (1, 3)
    assert study.sessions["session"].notna().sum() == 1


def test_a_score_of_a_visit_that_did_not_take_place_is_reported(tmp_path):
    text = ("Client,DOB,Visit date,Status,Pain\nAnn Lee,1960-05-14,2026-05-04,Completed,7\n"
            "Ann Lee,1960-05-14,2026-05-11,Cancelled,5\n")  # fmt: skip
    draft = drafted(text, tmp_path)
    assert not draft.questions
    study, _ = import_export(tmp_path / "draft.csv", draft.content, tmp_path / "key.json")
    found = oc.check(study).table.set_index("rule")
    assert (found.loc["R61", "severity"], found.loc["R61", "first_row"]) == ("warning", 3)


def test_a_zero_that_a_form_wrote_for_who_did_not_come_is_no_score(tmp_path):
    text = ("Client,DOB,Visit date,Status,Pain before,Pain after\n"
            "Ann Lee,1960-05-14,2026-05-04,Completed,7,0\n"
            "Ann Lee,1960-05-14,2026-05-11,No-show,0,0\n"
            "Ann Lee,1960-05-14,2026-05-18,Cancelled,0,\n"
            "Ann Lee,1960-05-14,2026-05-25,Completed,0,0\n")  # fmt: skip
    draft = drafted(text, tmp_path)
    study, _ = import_export(tmp_path / "draft.csv", draft.content, tmp_path / "key.json")
    assert sorted(study.assessments["score"]) == [0, 0, 0, 7]
    assert study.trajectory("nprs")["day"].tolist() == [21]
    found = oc.check(study).table.set_index("rule")
    assert (found.loc["R61", "count"], found.loc["R61", "first_row"]) == (2, 3)


def test_two_parts_of_the_body_in_one_cell_are_asked_about(tmp_path):
    draft = drafted("Name,Date,Reason,Pain\nAnn,2026-05-14,Neck and low back pain,7\n"
                    "Bob,2026-05-14,Low back pain and sciatica,7\n", tmp_path)  # fmt: skip
    assert [q["key"] for q in draft.questions] == ["values.condition.Neck and low back pain"]


@pytest.mark.parametrize(("values", "asks"), [((44, 36), True), ((21, 36), True),
                                              ((62, 44), False)])  # fmt: skip
def test_an_index_that_may_be_in_points_is_asked_about(tmp_path, values, asks):
    rows = "".join(f"Ann,2026-05-{i},{value}\n" for i, value in enumerate(values, start=14))
    draft = drafted(f"Name,Date,ODI score\n{rows}", tmp_path)
    assert [q["key"] for q in draft.questions] == (["scales.odi"] if asks else [])


@pytest.mark.parametrize("name", ["Anne Lee", "Ann Lee", "Bob Ray"])
def test_without_the_list_of_who_is_who_new_clients_are_reported_row_by_row(tmp_path, name):
    text = "Client,Visit date,Pain before\n{},2026-05-04,7\n{},2026-05-11,6\n"
    draft, key, out = drafted(text.format("Ann Lee", "Ann Lee"), tmp_path), *(
        tmp_path / "safe" / "key.json", tmp_path / "study")  # fmt: skip
    (tmp_path / "safe").mkdir()
    import_export(tmp_path / "draft.csv", draft.content, key, out)
    (tmp_path / "safe" / "who.csv").unlink()
    later = tmp_path / "later.csv"
    later.write_text(text.replace("-05-", "-06-").format("Ann Lee", name), encoding="utf-8")
    study, _ = import_export(later, draft.content, key, out)
    told = [f for f in oc.check(study).items if f.rule == "R67"]
    assert [f.rows for f in told] == ([] if name == "Ann Lee" else [(3,)])
    found = json.loads((out / "findings.json").read_text(encoding="utf-8"))["findings"]
    assert [f["rows"] for f in found if f["rule"] == "R67"] == [list(f.rows) for f in told]


def test_all_rows_in_doubt_are_listed_beside_the_study(tmp_path):
    text = ("Client,DOB,Phone,Visit date,Pain before\nAnn Lee,,602-555-0101,2026-05-04,7\n"
            "Bob Ray,,602-555-0102,2026-05-04,7\nAnne Lee,,602-555-0101,2026-05-11,6\n"
            "Ann Lee,,602-555-0101,2026-05-18,6\n")  # fmt: skip
    draft, out = drafted(text, tmp_path), tmp_path / "study"
    study, _ = import_export(tmp_path / "draft.csv", draft.content, tmp_path / "key.json", out)
    (found,) = (f for f in oc.check(study).items if f.rule == "R24")
    assert (found.count, found.first_row, found.rows) == (3, 2, (2, 4, 5))
    assert "2, 4, 5" in (out / "findings.html").read_text(encoding="utf-8")
    assert oc.load(out).provenance.import_findings == study.provenance.import_findings


def test_a_year_that_was_mistyped_is_one_rule_in_an_export_and_in_a_study(tmp_path):
    text = ("Client,DOB,Visit date,Status,Pressure,Pain before\n"
            "Ann Lee,1960-05-14,2026-05-04,Completed,3,7\n"
            "Ann Lee,1960-05-14,2026-05-11,Cancelled,2,\n"
            "Ann Lee,1960-05-14,2023-05-11,Completed,2,5\n")  # fmt: skip
    draft = drafted(text, tmp_path)
    study, _ = import_export(tmp_path / "draft.csv", draft.content, tmp_path / "key.json")
    found = oc.check(study).table[["rule", "count", "first_row"]]
    told = {tuple(row) for row in found.itertuples(index=False)}
    assert told == {("R61", 1, 3), ("R54", 1, 4)}


WEEKS = ("2026-02-25", "2026-03-04", "2026-03-18", "2026-03-25")


@pytest.mark.quick(6)
@pytest.mark.parametrize(
    ("day", "doubtful"),
    [
        ("2026-11-03", True),  # for 11 March
        ("2026-03-11", False),
        ("2026-10-02", False),  # 10 February: more than two weeks before the others
        ("2026-11-02", True),  # 11 February: two weeks before them
        ("2026-11-13", False),  # no month has that number
        ("2026-05-03", False),  # six weeks later: people do come back
    ],
)
@pytest.mark.parametrize("lines", [1, 2])
def test_a_day_that_may_be_a_month_is_asked_to_be_looked_at(tmp_path, day, doubtful, lines):
    rows = "".join(f"Ann Lee,1950-01-02,{one},5\n" for one in (*WEEKS, *[day] * lines))
    export = tmp_path / "export.csv"
    export.write_text(f"Client,Born,Day,Pain\n{rows}", encoding="utf-8")
    mapped = {"identifiers": {"name": "Client", "birth_date": "Born"}, "columns": {"date": "Day"},
              "study": {"no_status": "attended"}, "constants": {"condition": "low_back"},
              "scores": {"nprs": {"pre_session": "Pain"}}}  # fmt: skip
    study, _ = import_export(export, mapped, tmp_path / "key.json", tmp_path / "study")
    told = [(f.count, f.first_row) for f in oc.check(study).items if f.rule == "R68"]
    assert told == ([(1, 6)] if doubtful else [])


def test_a_day_that_may_be_a_month_is_held_against_earlier_exports(tmp_path):
    mapped = {"identifiers": {"name": "Client", "birth_date": "Born"}, "columns": {"date": "Day"},
              "study": {"no_status": "attended"}, "constants": {"condition": "low_back"},
              "scores": {"nprs": {"pre_session": "Pain"}}}  # fmt: skip
    export = tmp_path / "export.csv"
    for days in (WEEKS, ("2026-11-03",)):
        rows = "".join(f"Ann Lee,1950-01-02,{day},5\n" for day in days)
        export.write_text(f"Client,Born,Day,Pain\n{rows}", encoding="utf-8")
        study, _ = import_export(export, mapped, tmp_path / "key.json", tmp_path / "study")
    assert [f.first_row for f in oc.check(study).items if f.rule == "R68"] == [2]


@pytest.mark.quick(7)
@pytest.mark.parametrize("became", ["attended", "stopped_early", "cancelled", "no_show"])
@pytest.mark.parametrize("also", ["", "attended", "cancelled"])
@pytest.mark.parametrize("scores", ["7,5,", ",5,30"])
def test_the_same_export_again_gives_the_same_study(tmp_path, became, also, scores):
    lines = ["2026-01-05,attended,6,4,", f"2026-01-12,{became},{scores}", "2026-01-13,attended,,,"]
    lines += [f"2026-01-12,{also},,,"] if also else []
    export = tmp_path / "export.csv"
    rows = "\n".join(f"Ann Lee,1950-01-02,{line}" for line in lines)
    export.write_text(f"Client,Born,Day,Status,Pain,After,Neck\n{rows}\n", encoding="utf-8")
    mapped = {
        "identifiers": {"name": "Client", "birth_date": "Born"},
        "columns": {"date": "Day", "status": "Status"},
        "scores": {"nprs": {"pre_session": "Pain", "post_session": "After"},
                   "ndi": {"baseline": "Neck"}},
    }  # fmt: skip
    held = _twice(export, mapped, tmp_path)
    assert held == 2 + sum(map(bool, scores.split(",")))


@pytest.mark.quick(3)
@pytest.mark.parametrize("day", ["04", "05", "12", "25"])
@pytest.mark.parametrize("course", ["", "low_back"])
def test_the_same_survey_again_gives_the_same_study(taken, tmp_path, day, course):
    rows = [f"2026-01-05,attended,{course and 'neck_other'}", f"2026-01-12,cancelled,{course}",
            f"2026-01-13,attended,{course}"]  # fmt: skip
    lines = "".join(f"Ann Lee,1950-01-02,{row}\n" for row in rows)
    who = {"name": "Client", "birth_date": "Born"}
    columns = {"date": "Day", "status": "Status", "condition": "Condition"}
    taken(f"Client,Born,Day,Status,Condition\n{lines}",
          {"identifiers": who, "columns": columns}, tmp_path)  # fmt: skip
    survey = tmp_path / "survey.csv"
    survey.write_text(f"Client,Born,Day,Pain,After\nAnn Lee,1950-01-02,2026-01-{day},7,5\n",
                      encoding="utf-8")  # fmt: skip
    mapped = {
        "identifiers": who, "columns": {"date": "Day"}, "study": {"rows": "scores"},
        "scores": {"nprs": {"pre_session": "Pain", "post_session": "After"}},
    }  # fmt: skip
    assert _twice(survey, mapped, tmp_path) == 2


@pytest.mark.quick(3)
@pytest.mark.parametrize("day", ["04", "05", "12", "25"])
@pytest.mark.parametrize("own", ["", "8"])
def test_a_corrected_survey_stands_in_the_place_of_the_earlier_one(taken, tmp_path, day, own):
    rows = [("05", "attended"), ("12", "cancelled"), ("13", "attended")]
    lines = "".join(
        f"Ann Lee,1950-01-02,2026-01-{of},{word},{own if word == 'attended' else ''}\n"
        for of, word in rows
    )
    who = {"name": "Client", "birth_date": "Born"}
    places = {"columns": {"date": "Day", "status": "Status"},
              "scores": {"nprs": {"pre_session": "Before"}}}  # fmt: skip
    taken(f"Client,Born,Day,Status,Before\n{lines}", {"identifiers": who, **places}, tmp_path)
    survey = tmp_path / "survey.csv"
    mapped = {"identifiers": who, "columns": {"date": "Day"}, "study": {"rows": "scores"},
              "scores": {"nprs": {"pre_session": "Pain"}}}  # fmt: skip
    for pain in ("7", "7", "3", "3"):
        survey.write_text(f"Client,Born,Day,Pain\nAnn Lee,1950-01-02,2026-01-{day},{pain}\n",
                          encoding="utf-8")  # fmt: skip
        study, _ = import_export(survey, mapped, tmp_path / "key.json", tmp_path / "study")
        told = [8.0, 8.0] * bool(own) + [float(pain)]
        assert sorted(study.assessments["score"]) == sorted(told)
    assert "R10" not in set(oc.check(study).table["rule"])


def test_a_score_keeps_no_number_of_a_visit_that_turned_out_missed(tmp_path):
    visits, survey = tmp_path / "visits.csv", tmp_path / "survey.csv"
    who = {"name": "Client", "birth_date": "Born"}
    booked = {"identifiers": who, "columns": {"date": "Day", "status": "Status"}}
    form = {"identifiers": who, "columns": {"date": "Day"}, "study": {"rows": "scores"},
            "scores": {"nprs": {"pre_session": "Pain"}}}  # fmt: skip
    survey.write_text(
        "Client,Born,Day,Pain\nAnn Lee,1950-01-02,2026-01-05,7\nAnn Lee,1950-01-02,2026-01-12,5\n"
    )
    for second, third in (
        ("attended", ""),
        ("no_show", "Ann Lee,1950-01-02,2026-01-19,attended\n"),
    ):
        visits.write_text(
            "Client,Born,Day,Status\nAnn Lee,1950-01-02,2026-01-05,attended\n"
            f"Ann Lee,1950-01-02,2026-01-12,{second}\n{third}"
        )
        import_export(visits, booked, tmp_path / "key.json", tmp_path / "study")
        if not third:
            import_export(survey, form, tmp_path / "key.json", tmp_path / "study")
    study = oc.load(tmp_path / "study")
    assert study.sessions[["session", "day"]].dropna().to_numpy().tolist() == [[1, 0], [2, 14]]
    rows = study.assessments.sort_values("day")[["session", "day", "score"]]
    assert rows.astype(float).fillna(-1).to_numpy().tolist() == [[1, 0, 7], [-1, 7, 5]]


def test_another_survey_of_the_same_day_takes_nobodys_place(tmp_path):
    export = tmp_path / "export.csv"
    export.write_text("Client,Born,Day,Pain\nAnn Lee,1950-01-02,2026-01-05,7\n", encoding="utf-8")
    who = {"name": "Client", "birth_date": "Born"}
    visits = {"identifiers": who, "columns": {"date": "Day"}, "study": {"no_status": "attended"},
              "scores": {"nprs": {"pre_session": "Pain"}}}  # fmt: skip
    import_export(export, visits, tmp_path / "key.json", tmp_path / "study")
    export.write_text("Who,When,Hurts\nAnn Lee,2026-01-05,3\n", encoding="utf-8")
    survey = {
        "identifiers": {"name": "Who"},
        "columns": {"date": "When"},
        "study": {"rows": "scores"},
        "scores": {"nprs": {"pre_session": "Hurts"}},
    }
    study, _ = import_export(export, survey, tmp_path / "key.json", tmp_path / "study")
    assert sorted(study.assessments["score"]) == [3.0, 7.0]


def _twice(export, mapped, tmp_path):
    """Import twice, hold the tables against each other, and return the number of scores."""
    first, again = (
        import_export(export, mapped, tmp_path / "key.json", tmp_path / "study")[0]
        for _ in range(2)
    )
    for name in ("sessions", "assessments", "episodes"):
        rows = [
            sorted(map(str, table.fillna("").to_dict("records")))
            for table in (first.table(name).astype(object), again.table(name).astype(object))
        ]
        assert rows[0] == rows[1]
    return len(again.assessments)


VISITS = ("Client,Email,Visit date,Status\nAnn Lee,ann@x.example,2026-01-05,Completed\n"
          "Bob Ray,bob@x.example,2026-01-06,Completed\n")  # fmt: skip
SURVEY = "Filled in on,Email,Pain before\n2026-01-05,ANN@x.example,7\n2026-01-06,bob@x.example,8\n"
SHARED = "Client,Email,Visit date,Status\nCy Lee,ann@x.example,2026-01-15,Completed\n"


@pytest.mark.parametrize(
    ("exports", "people", "scores", "nobody"),
    [((VISITS, SURVEY), 2, [7, 8], 0), ((SURVEY, VISITS), 2, [7, 8], 0),
     ((VISITS, SURVEY, SURVEY), 2, [7, 8], 0), ((VISITS, SHARED, SURVEY), 3, [8], 1),
     ((VISITS + SHARED.partition("\n")[2], SURVEY), 3, [8], 1), ((SURVEY, SHARED), 2, [7, 8], 0)],
)  # fmt: skip
def test_a_survey_with_an_address_alone_finds_the_one_person_whose_it_is(
    tmp_path, exports, people, scores, nobody
):
    for text in exports:
        (tmp_path / "x.csv").write_text(text, encoding="utf-8")
        draft = draft_map(tmp_path / "x.csv")
        draft = draft.likelier("study.rows", "scores")
        for question in draft.questions:
            draft = draft.answered(question["key"], question["candidates"][0])
        study, _ = import_export(tmp_path / "x.csv", draft.content, tmp_path / "key.json",
                                 tmp_path / "study")  # fmt: skip
    found = oc.check(study).table.set_index("rule")["count"]
    assert study.episodes["patient_id"].nunique() == people
    assert sorted(study.assessments["score"]) == scores
    assert found.get("R20", 0) == nobody
