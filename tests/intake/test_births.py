"""Who is whom by birth date, and how old: dates that no format reads, years of two digits."""

from __future__ import annotations

import datetime

import pytest

import outcomes as oc
from outcomes.errors import DataError

VISITS = ("2026-05-04", "2026-05-11")
TODAY = datetime.date(2026, 6, 1)


@pytest.fixture
def take(tmp_path):
    def taken(births, dates, visits=VISITS, ways=("%Y-%m-%d",)):
        lines = ["Client,DOB,Day,Pain"]
        lines += [f"Ann Lee,{born},{day},{pain}" for day in visits
                  for pain, born in enumerate(births)]  # fmt: skip
        export = tmp_path / "export.csv"
        export.write_text("\n".join(lines) + "\n", encoding="utf-8")
        mapped = {
            "file": {"dates": list(ways), "dates_of": {"DOB": dates}},
            "identifiers": {"name": "Client", "birth_date": "DOB"},
            "columns": {"date": "Day"}, "study": {"no_status": "attended"},
            "scores": {"nprs": {"pre_session": "Pain"}},
        }  # fmt: skip
        return oc.import_export(export, mapped, tmp_path / "key.json", today=TODAY)[0]

    return taken


def found(study):
    return [(entry.rule, entry.column, entry.count) for entry in oc.check(study).items]


def scores(study):
    own = study.assessments.groupby("episode_id")["score"]
    return sorted(tuple(values) for _, values in own)


@pytest.mark.parametrize("dates", [[], ["%d.%m.%Y"]])
def test_births_that_no_format_reads_keep_two_of_one_name_apart_and_are_an_error(take, dates):
    study = take(["03/14/1952", "07/29/1971"], dates)
    assert scores(study) == [(0.0, 0.0), (1.0, 1.0)]
    assert found(study) == [("R50", "DOB", 4)]
    assert study.episodes["age_band"].isna().all()


def test_one_of_two_births_that_is_read_is_no_reason_to_join(take):
    study = take(["03/14/1952", "1971-07-29"], [])
    assert scores(study) == [(0.0, 0.0), (1.0, 1.0)]
    assert found(study) == [("R50", "DOB", 2)]


@pytest.mark.parametrize(
    ("births", "dates"),
    [
        (["03/04/52", "11/30/68", "06/15/01"], ["%m/%d/%y"]),
        (["4.3.52", "30.11.68", "15.6.01"], ["%d.%m.%y"]),
        (["04-Mar-52", "30-Nov-68", "15-Jun-01"], ["%d-%b-%y"]),
    ],
)
def test_a_birth_year_of_two_digits_is_never_after_the_visit(take, births, dates):
    study = take(births, dates)
    assert sorted(study.episodes["age_band"]) == ["20-29", "50-59", "70-79"]
    assert found(study) == []


def test_the_twenty_ninth_of_february_is_no_twenty_eighth_a_century_earlier(take):
    study = take(
        ["02/29/28", "02/28/28"], ["%m/%d/%y"]
    )  # 2028 is to come, and 1928 was a leap year
    assert study.episodes["age_band"].tolist() == ["90+", "90+"]


def test_a_birth_of_four_digits_after_the_visit_gives_no_age_and_is_an_error(take):
    study = take(["2029-03-04", "1880-01-01", "2024-05-04"], [])
    assert sorted(study.episodes["age_band"].fillna("")) == ["", "", "0-9"]
    assert found(study) == [("R51", "DOB", 4)]


def test_a_year_of_age_is_full_on_the_birthday(take):
    study = take(["1976-05-04", "1986-12-31", "1956-05-05", "2006-05-04"], [])
    assert sorted(study.episodes["age_band"]) == ["20-29", "30-39", "50-59", "60-69"]
    assert found(study) == []


@pytest.mark.parametrize(
    ("births", "dates"),
    [(["2026-05-04", "2025-11-23", "2024-05-19", "1914-12-01"], []),  # 0, 0, 1, 111 years
     (["3/14/26", "5/4/26", "6/1/24"], ["%m/%d/%y"])],
)  # fmt: skip
def test_a_birth_that_makes_an_infant_or_the_oldest_of_all_is_told_and_gives_no_age(
    take, births, dates
):
    study = take(births, dates)
    assert study.episodes["age_band"].isna().all()
    assert found(study) == [("R75", "DOB", 2 * len(births))]


def test_an_age_that_is_stated_is_told_as_one_of_a_birth_date(tmp_path):
    export = tmp_path / "export.csv"
    ages = (0, 1, 2, 110, 111)
    lines = [f"{chr(65 + i)},{VISITS[0]},5,{age}" for i, age in enumerate(ages)]
    export.write_text("\n".join(["Client,Day,Pain,Age", *lines]) + "\n", encoding="utf-8")
    mapped = {
        "identifiers": {"name": "Client"}, "columns": {"date": "Day", "age": "Age"},
        "study": {"no_status": "attended"}, "scores": {"nprs": {"pre_session": "Pain"}},
    }  # fmt: skip
    study, _ = oc.import_export(export, mapped, tmp_path / "key.json", today=TODAY)
    assert sorted(study.episodes["age_band"].fillna("")) == ["", "", "", "0-9", "90+"]
    assert found(study) == [("R75", "Age", 3)]


def test_dates_that_a_spreadsheet_turned_are_left_out_and_an_error(take):
    turned = ("2026-04-05", "2026-11-05", "18/05/2026", "25/05/2026")
    study = take(["1952-03-14"], [], turned, ["%d/%m/%Y"])
    assert ("R43", "Day", 2) in found(study)
    assert oc.answer(study, "how-much").refused


def test_a_birth_date_that_is_corrected_finds_its_person_and_clears_its_error(tmp_path):
    mapped = {
        "identifiers": {"name": "Client", "birth_date": "DOB"}, "columns": {"date": "Day"},
        "study": {"no_status": "attended"}, "scores": {"nprs": {"pre_session": "Pain"}},
    }  # fmt: skip
    export = tmp_path / "export.csv"
    for born in ("1950/1/2", "1950-01-02"):
        lines = [f"Ann Lee,{born},{day},{pain}" for pain, day in enumerate(VISITS)]
        export.write_text("\n".join(["Client,DOB,Day,Pain", *lines]) + "\n", encoding="utf-8")
        study, _ = oc.import_export(export, mapped, tmp_path / "key.json", tmp_path / "study",
                                    today=TODAY)  # fmt: skip
    assert (len(study.episodes), len(study.sessions)) == (1, 2)
    assert study.episodes["age_band"].tolist() == ["70-79"]
    assert found(study) == []


def test_a_column_of_numbers_that_holds_none_leaves_names_to_tell(tmp_path):
    export = tmp_path / "export.csv"
    export.write_text(f"Client,No,Day,Pain\nAnn Lee,,{VISITS[0]},5\n", encoding="utf-8")
    mapped = {
        "identifiers": {"name": "Client", "record": "No"}, "columns": {"date": "Day"},
        "study": {"no_status": "attended"}, "scores": {"nprs": {"pre_session": "Pain"}},
    }  # fmt: skip
    study, _ = oc.import_export(export, mapped, tmp_path / "key.json", today=TODAY)
    assert (len(study.episodes), scores(study)) == (1, [(5.0,)])


def test_numbers_that_each_clinic_counts_anew_are_refused_and_read_with_the_clinic(tmp_path):
    export = tmp_path / "export.csv"
    rows = [f"C{i},{clinic},{day},{i + 4 * (clinic == 'South')}" for i in (1, 2, 3)
            for clinic in ("North", "South") for day in VISITS]  # fmt: skip
    export.write_text("\n".join(["No,Clinic,Day,Pain", *rows]) + "\n", encoding="utf-8")
    mapped = {
        "identifiers": {"record": "No"}, "columns": {"date": "Day", "clinic_id": "Clinic"},
        "study": {"no_status": "attended"}, "scores": {"nprs": {"pre_session": "Pain"}},
    }  # fmt: skip
    with pytest.raises(DataError, match="3 of 3 in several clinics") as refused:
        oc.import_export(export, mapped, tmp_path / "key.json", today=TODAY)
    assert 'name = ["No", "Clinic"]' in str(refused.value)
    mapped["identifiers"] = {"name": ["No", "Clinic"]}
    study, _ = oc.import_export(export, mapped, tmp_path / "key.json", today=TODAY)
    assert scores(study) == [(float(n), float(n)) for n in (1, 2, 3, 5, 6, 7)]
    assert found(study) == []
