"""Errors of an import stay with the study until a corrected export takes the place of the wrong."""

import pytest

import outcomes as oc
from outcomes.questions.ask import errors_said
from outcomes.render.letter import letter

MAP = {
    "identifiers": {"name": "Client"},
    "columns": {"date": "Day", "sessions.status": "State"},
    "scores": {"nprs": {"pre_session": "Pain"}},
}
DAYS = ("2026-05-04", "2026-05-11", "2026-05-18", "2026-05-25")
PEOPLE = [
    f"{first} {last}" for last in ("Lee", "Ray", "Fox") for first in ("Ann", "Bo", "Cy", "Di")
]


def lines(changes=(), people=PEOPLE):
    """One line a visit, scores 8 6 5 4; `changes` are (line, column, cell)."""
    whole = [[who, day, "attended", str(pain)] for who in people
             for day, pain in zip(DAYS, (8, 6, 5, 4), strict=True)]  # fmt: skip
    for line, column, cell in changes:
        whole[line][column] = cell
    return [",".join(line) for line in whole]


WRONG = ((1, 2, "perhaps"), (6, 1, "soon"))
"""A status that no rule reads, and a date that no format reads."""
STANDING = [("R21", 1), ("R46", 1)]


@pytest.fixture
def take(tmp_path):
    """Add an export to the one study of the test."""

    def added(own, mapped=MAP, header="Client,Day,State,Pain"):
        export = tmp_path / "export.csv"
        export.write_text("\n".join((header, *own)) + "\n", encoding="utf-8")
        oc.import_export(export, mapped, tmp_path / "key.json", tmp_path / "study")
        return oc.load(tmp_path / "study")

    return added


def errors(study):
    return [(e.rule, e.count) for e in oc.check(study).errors]


def test_an_answer_waits_while_an_error_stands_and_names_it(take):
    study = take(lines(WRONG))
    assert errors(study) == STANDING
    given = oc.answer(study, "how-much")
    assert given.refused
    assert "R46 (a status is one that the column map reads)" in given.reason
    assert "--anyway" in given.reason


def test_an_answer_anyway_says_how_many_rows_of_how_many_are_left_out(take):
    study = take(lines(WRONG))
    assert errors_said(study)[0] == (
        "The import left out 2 of 48 exported rows for errors that nobody has corrected."
    )
    given = oc.answer(study, "how-much", anyway=True)
    assert not given.refused
    assert given.sentence.endswith(  # two rows of real data are few
        "The import left out fewer than 11 of 48 exported rows for errors that nobody has "
        "corrected."
    )
    assert [text[:3] for text in given.limits[-2:]] == ["R21", "R46"]


def test_rows_that_count_in_spite_of_an_error_are_said(take):
    study = take(
        [*lines(), "Ann Lee,2026-05-04,attended,7"]
    )  # a second line of one day: which is it?
    assert errors(study) == [("R56", 1)]
    assert errors_said(study)[0] == (
        "The import used 1 of 49 exported rows in spite of errors that nobody has corrected."
    )


def test_a_letter_waits_too_and_says_it_when_written_anyway(take, tmp_path):
    study = take(lines(WRONG))
    course = study.episodes["episode_id"].iloc[0]
    with pytest.raises(oc.DataError, match="R46"):
        letter(study, course, tmp_path / "letters")
    assert not (tmp_path / "letters").exists()
    letter(study, course, tmp_path / "letters", anyway=True)
    page = next((tmp_path / "letters").glob("*.html")).read_text(encoding="utf-8")
    assert "left out 2 of 48 exported rows" in page


def test_a_broken_rule_of_the_tables_themselves_is_never_passed_over(take, tmp_path):
    take(lines())
    file = tmp_path / "study" / "assessments.csv"
    file.write_text(file.read_text(encoding="utf-8").replace(",8\n", ",11\n", 1), encoding="utf-8")
    given = oc.answer(oc.load(tmp_path / "study"), "how-much", anyway=True)
    assert given.refused
    assert given.reason.endswith("--anyway passes over errors of an import alone.")


@pytest.mark.quick(3)
@pytest.mark.parametrize(
    ("second", "stand"),
    [
        (lines(), []),
        (lines(WRONG[:1]), [("R46", 1)]),
        ([line for line in lines(WRONG) if "perhaps" not in line and "soon" not in line], []),
        ([*lines(), "Ed Roe,2026-06-01,attended,7"], []),
        (["Ed Roe,2026-06-01,attended,7", "Ed Roe,2026-06-08,attended,5"], STANDING),
        (lines(people=PEOPLE[:4]), STANDING),
    ],
    ids=["corrected", "half corrected", "rows removed", "corrected, and later rows",
         "later rows alone", "a part of it"],
)  # fmt: skip
def test_a_corrected_export_clears_what_was_corrected(take, second, stand):
    take(lines(WRONG))
    study = take(second)
    assert errors(study) == stand
    assert bool(study.provenance.left_out) == bool(stand)


def test_a_survey_of_the_same_days_corrects_no_appointments(take):
    take(lines(WRONG))
    surveys = [f"{who},{day},20" for who in PEOPLE for day in DAYS]
    mapped = {
        "identifiers": {"name": "Who"}, "columns": {"date": "When"}, "study": {"rows": "scores"},
        "scores": {"ndi": {"pre_session": "Neck"}},
    }  # fmt: skip
    study = take(surveys, mapped, "Who,When,Neck")
    assert [rule for rule, _ in errors(study)] == ["R21", "R46"]


def test_a_map_that_now_reads_the_words_corrects_the_same_file(take):
    take(lines(WRONG[:1]))
    reads = {**MAP, "values": {"sessions.status": {"perhaps": "no_show"}}}
    study = take(lines(WRONG[:1]), reads)
    assert errors(study) == []
    assert study.sessions["status"].value_counts().to_dict() == {"attended": 47, "no_show": 1}


@pytest.mark.parametrize("cell", ['"6,5"', "65%", "70", "7/10"])
def test_a_visit_whose_score_nobody_can_read_stays_a_visit(take, cell):
    mapped = {**MAP, "columns": {"date": "Day"}, "study": {"no_status": "attended"}}
    own = ["Ann Lee,2026-05-04,x," + cell, "Ann Lee,2026-05-11,x,5", "Ann Lee,2026-05-18,x,4"]
    study = take(own, mapped)
    assert study.sessions["day"].tolist() == [0.0, 7.0, 14.0]
    assert study.assessments[["session", "score"]].to_numpy().tolist() == [[2, 5], [3, 4]]
    assert [rule for rule, _ in errors(study)] in (["R02"], ["R12"])
    assert study.trajectory("nprs").empty  # the visit's score is lost: nothing later is a baseline


def test_a_visit_whose_minutes_nobody_can_read_stays_a_visit(take):
    mapped = {**MAP, "columns": {"date": "Day", "sessions.minutes": "State"},
              "study": {"no_status": "attended"}}  # fmt: skip
    study = take(["Ann Lee,2026-05-04,1h,", "Ann Lee,2026-05-11,60,5"], mapped)
    assert study.sessions[["session", "day"]].to_numpy().tolist() == [[1, 0], [2, 7]]
