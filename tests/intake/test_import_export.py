"""An invented clinic's export becomes exactly the study that it states, and names nobody."""

from __future__ import annotations

import csv
import json
import logging
import os
import re
import stat
import subprocess
import sys

import openpyxl
import pytest

import outcomes as oc
from outcomes.errors import DataError, UnavailableError, UsageError
from outcomes.intake import import_export as module
from outcomes.intake.import_export import import_export

pytestmark = pytest.mark.quick(4)

OWN = ("export.csv", "who.csv")
"""The files that hold names: the export, and the list beside the key."""
ALL_WAYS = ("%m/%d/%Y", "%Y-%m-%d", "%d %B %Y")


def rules(study):
    table = oc.check(study).table
    return {
        (row.rule, row.column): (row.count, row.first_row and row.first_row - 1)
        for row in table.itertuples()
    }


def leaked(planted, text):
    """Return planted identifiers that stand in a text as whole tokens, and their long digits."""
    folded = text.casefold()
    whole = [p for p in planted if re.search(rf"(?<!\w){re.escape(p.casefold())}(?!\w)", folded)]
    digits = {re.sub(r"\D", "", p) for p in planted}
    runs = set(re.findall(r"\d+", text))
    return whole, {d for d in digits if len(d) >= 7} & runs


@pytest.fixture
def take(tmp_path, clinic_map):
    """Return a function that imports text, with one key and one output folder."""

    def run(text, name="export.csv", columns=clinic_map):
        place = tmp_path / name
        if isinstance(text, str):
            place.write_text(text, encoding="utf-8", newline="")
        return import_export(place, columns, tmp_path / "safe" / "key.json", tmp_path / "out")

    return run


@pytest.mark.quick(2)
@pytest.mark.parametrize("dates", [("%m/%d/%Y",), ("%Y-%m-%d",), ("%d %B %Y",), ALL_WAYS],
                         ids=["us", "iso", "words", "mixed"])  # fmt: skip
def test_one_map_reads_every_export_of_a_system_exactly(take, invented, stated, dates):
    export = invented(1, dates=dates)
    study, manifest = take(export.text())
    assert stated(study) == export.truth()
    assert oc.check(study).ok
    assert manifest.counts["clients"] == len(export.courses)
    assert manifest.n_rows == len(export.rows)


def test_nobody_is_named_anywhere(take, invented, tmp_path, capsys, caplog):
    caplog.set_level(logging.DEBUG)
    export = invented(3, n_clients=12)
    study, manifest = take(export.text())
    files = [p for p in tmp_path.rglob("*") if p.is_file() and p.name not in OWN]
    written = {p.name: p.read_text(encoding="utf-8") for p in files}
    assert set(written) >= {"key.json", "episodes.csv", "manifest.json", "manifest.html",
                            "findings.json", "findings.html"}  # fmt: skip
    printed = capsys.readouterr()
    shown = [repr(study), repr(manifest), str(manifest), oc.check(study).table.to_string(),
             printed.out, printed.err, caplog.text, *written.values()]  # fmt: skip
    assert leaked(export.planted, "\n".join(shown)) == ([], set())
    assert leaked(export.planted, export.text())[0]  # the search finds what is there


def test_the_study_written_is_the_study_returned(take, invented, tmp_path, stated):
    export = invented(4)
    study, _ = take(export.text())
    again = oc.load(tmp_path / "out")
    assert stated(again) == stated(study)
    record = json.loads((tmp_path / "out" / "findings.json").read_text(encoding="utf-8"))
    assert record["ok"] is True
    for name in ("manifest.json", "manifest.html", "findings.json", "findings.html"):
        assert "stays with the data" in (tmp_path / "out" / name).read_text(encoding="utf-8")
    rules = {f["rule"] for f in record["findings"]}
    assert rules - {"R31"} == {"R25", "R41"}  # some invented clients start at their goal


def test_ages_are_bands_at_the_first_visit_and_ninety_and_over_are_one(take, invented):
    export = invented(5, n_clients=8)
    study, _ = take(export.text())
    expected = {f"{a}-{a + 9}" for a in (20, 30, 40, 50, 60, 70, 80)} | {"90+"}
    assert set(study.episodes["age_band"]) <= expected
    assert (study.episodes["age_band"] == "90+").sum() == 1  # born in 1930


@pytest.mark.skipif(sys.platform == "win32", reason="file modes are of Unix")
def test_the_key_is_its_owners_only(take, invented, tmp_path):
    take(invented(6).text())
    mode = stat.S_IMODE((tmp_path / "safe" / "key.json").stat().st_mode)
    assert mode == 0o600


def test_the_manifest_counts_what_was_done(take, invented):
    export = invented(7)
    _, manifest = take(export.text())
    steps = {(s.rule, s.column): s.count for s in (*manifest.cleaned, *manifest.de_identified)}
    tenths = sum("/10" in row["Pain before"] for row in export.rows)
    hours = sum(row["Length"] == "1 hr" for row in export.rows)
    assert steps[("7/10: of ten", "Pain before")] == tenths
    assert steps[("1 hr", "Length")] == hours
    assert steps[("name not kept", "Client")] == len(export.rows)
    assert [at for rule, at in steps if rule == "date made a day of its course"] == [
        "Appt date",
        "Goal",
    ]
    assert [entry["letter"] for entry in manifest.checklist] == list("ABCDEFGHIJKLMNOPQR")
    assert "ZIP: not kept; ZIP codes are dropped" in manifest.checklist[1]["done"]
    assert manifest.k_before == 1
    assert manifest.not_checked
    assert "complian" not in json.dumps(manifest.record()).casefold()


def test_identifiers_in_wrong_columns_are_found_by_position(take, invented):
    export = invented(8)
    export.rows[1]["Goal"] = "call (602) 555-0100"
    export.rows[2]["Reason for visit"] = f"ask {export.rows[0]['Client']}"
    export.rows[3]["Therapist"] = "ivo@example.org"
    study, manifest = take(export.text())
    seen = {(s.column, s.kind): s.rows for s in manifest.sightings}
    assert seen[("Goal", "phone")] == (3,)
    assert seen[("Reason for visit", "name")] == (4,)
    assert seen[("Therapist", "email")] == (5,)
    found = rules(study)
    assert found[("R25", "Goal")] == (1, 2)
    assert found[("R02", "Goal")] == (1, 2)
    assert found[("R02", "Reason for visit")] == (1, 3)
    assert not oc.check(study).ok


def test_an_identifier_in_any_column_gets_nowhere(take, invented, tmp_path, capsys):
    export = invented(17, n_clients=12)
    hidden = ("Zenobia Quillfeather", "4805550142", "z.q@example.org", "(602) 555-0100", "85142")
    for i, column in enumerate(export.rows[0]):
        for shift in (0, 3):
            row = export.rows[(2 * i + shift) % len(export.rows)]
            row[column] = hidden[(i + shift) % len(hidden)]
    study, _ = take(export.text())
    assert not oc.check(study).ok
    files = [p for p in tmp_path.rglob("*") if p.is_file() and p.name not in OWN]
    shown = [oc.check(study).table.to_string(), *capsys.readouterr(),
             *(p.read_text(encoding="utf-8") for p in files)]  # fmt: skip
    assert leaked({*export.planted, *hidden}, "\n".join(shown)) == ([], set())


@pytest.mark.quick(4)
@pytest.mark.parametrize(
    ("rule", "column", "cell"),
    [
        ("R12", "Pain before", "4805550142"),
        ("R12", "Pain before", "7741"),
        ("R12", "Pain after", "11"),
        ("R12", "NDI %", "4805550142"),
        ("R03", "Length", "85142"),
        ("R03", "Length", "1961"),
        ("R12", "Goal", "pain 85142 in 3 weeks"),
        ("R12", "Goal", "pain 42 in 3 weeks"),
    ],
)
def test_a_number_that_identifies_is_no_measure(take, invented, rule, column, cell):
    export = invented(9)
    export.rows[0][column] = cell
    study, _ = take(export.text())
    assert rules(study)[(rule, column)] == (1, 1)
    values = study.assessments["score"].max(), study.sessions["minutes"].max()
    assert max(values) <= 60
    assert study.goals["target"].max() <= 10


def test_what_no_rule_covers_is_a_finding_and_never_a_guess(take, invented):
    export = invented(9)
    row = next(i for i, r in enumerate(export.rows) if r["Status"] == "Arrived")
    export.rows[row] |= {"Pressure": "rather firm", "Pain before": "lots", "Length": "a while"}
    study, _ = take(export.text())
    for column in ("Pressure", "Pain before", "Length"):
        assert rules(study)[("R02", column)] == (1, row + 1)
    assert study.sessions["pressure"].isna().sum() == 1 + sum(
        r["Status"] != "Arrived" for r in export.rows
    )


def test_rows_that_stand_twice_count_once_and_contradictions_are_found(take, invented, stated):
    export = invented(10)
    twice = [*export.rows, {**export.rows[0], "Appt date": export.rows[0]["Appt date"]}]
    study, manifest = take(export.text(twice))
    assert stated(study) == export.truth()
    assert [(s.rule, s.count) for s in manifest.left_out] == [("the same appointment again", 1)]
    other = {**export.rows[0], "Length": "45 min" if "6" in export.rows[0]["Length"] else "1 hr",
             "Status": "No Show"}  # fmt: skip
    study, manifest = take(export.text([*export.rows, other]), "other.csv")
    assert stated(study) == export.truth()
    assert rules(study)[("R23", "Appt #")] == (1, len(export.rows) + 1)
    assert study.provenance.left_out[0].count == 1


def test_without_appointment_numbers_equal_rows_are_one(tmp_path):
    columns = {
        "identifiers": {"name": "who"}, "constants": {"condition": "headache"},
        "columns": {"date": "when", "sessions.minutes": "min"},
        "scores": {"nprs": {"pre_session": "pain"}},
    }  # fmt: skip
    place = tmp_path / "x.csv"
    place.write_text(
        "who,when,min,pain\nAnn Lee,2026-05-04,60,5\nAnn Lee,2026-05-04,60,5\n"
        "Ann Lee,2026-05-04,45,4\n,2026-05-04,60,3\nBob Ray,soon,60,3\n", encoding="utf-8",
    )  # fmt: skip
    study, manifest = import_export(place, columns, tmp_path / "key.json")
    assert len(study.sessions) == 2
    assert {(s.rule, s.count) for s in manifest.left_out} == {
        ("the same row again", 1), ("no client", 1), ("no date that can be read", 1),
    }  # fmt: skip
    assert rules(study)[("R20", "who")] == (1, 4)
    assert rules(study)[("R21", "when")] == (1, 5)


def test_clients_who_share_a_name_are_told_apart_and_spellings_joined(take, invented):
    export = invented(11, n_clients=2)
    one, other = (next(r for r in export.rows if r["Appt #"].startswith(f"Z00{i}")) for i in (0, 1))
    for row in export.rows:
        if row["DOB"] == other["DOB"]:
            row["Client"] = one["Client"]
    first, last = one["Client"].split()
    spelled = [f"{last.upper()}, {first}", one["Client"].replace("Ø", "O"), f"{first}  {last[:-1]}"]
    own = [row for row in export.rows if row["DOB"] == one["DOB"]]
    for row, name in zip(own, spelled, strict=False):
        row["Client"] = name
    own[-1]["DOB"] = ""
    study, manifest = take(export.text())
    assert study.episodes["patient_id"].nunique() == 2
    steps = {s.rule: s.count for s in manifest.cleaned}
    assert steps["joined as one client: spelling, one birth date"] == 1


def test_names_that_are_alike_and_share_nothing_stay_apart_and_are_reported(take, invented):
    export = invented(12, n_clients=2)
    for row in export.rows:
        row["DOB"] = export.rows[0]["DOB"]
        row["Client"] = "Ann Leigh" if row["Phone"] == export.rows[0]["Phone"] else "Anne Leigh"
    study, _ = take(export.text())
    assert study.episodes["patient_id"].nunique() == 2
    assert ("R24", "Client") in rules(study)


def test_a_later_export_is_added_under_the_same_ids(take, invented, stated):
    export = invented(13)
    half = [row for row in export.rows if int(row["Appt #"][-2:]) < 3]
    first, _ = take(export.text(half))
    later = [row for row in export.rows if int(row["Appt #"][-2:]) >= 2]
    both, manifest = take(export.text(later), "later.csv")
    assert manifest.appended
    assert stated(both) == export.truth()
    assert set(first.episodes["episode_id"]) <= set(both.episodes["episode_id"])
    again, _ = take(export.text(later), "later.csv")
    assert stated(again) == export.truth()


def test_an_earlier_export_moves_day_0(take, invented, stated):
    export = invented(14)
    later = [row for row in export.rows if int(row["Appt #"][-2:]) >= 1]
    take(export.text(later))
    whole, _ = take(export.text(), "whole.csv")
    assert stated(whole) == export.truth()


def test_ids_are_random_and_not_made_of_names(take, invented, tmp_path, clinic_map):
    export = invented(15)
    study, _ = take(export.text())
    other, _ = import_export(tmp_path / "export.csv", clinic_map, tmp_path / "other.json")
    for name in ("episode_id", "patient_id"):
        assert not set(study.episodes[name]) & set(other.episodes[name])
    assert study.sessions["therapist_id"].str.fullmatch(r"t-[b-z]{8}").all()


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        '{"secret": "zz"}',
        '{"secret": 1}',
        '{"secret": "00", "study": "s", "ids": [], "locks": {}}',
        '{"secret": "00", "study": "s", "ids": {}, "anchors": {"r": {"e": 20107.0}}}',
    ],
)
def test_a_key_file_that_is_none_changes_nothing(take, invented, tmp_path, content):  # fmt: skip
    (tmp_path / "safe").mkdir()
    (tmp_path / "safe" / "key.json").write_text(content, encoding="utf-8")
    with pytest.raises(UsageError, match="the key file is one that an import wrote"):
        take(invented(1).text())
    assert (tmp_path / "safe" / "key.json").read_text(encoding="utf-8") == content
    assert not (tmp_path / "out").exists()


def snapshot(folder):
    return {p.name: p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_a_key_of_another_study_changes_nothing(take, invented, tmp_path):
    export = invented(1)
    take(export.text())
    before = snapshot(tmp_path / "out")
    (tmp_path / "safe" / "key.json").unlink()
    with pytest.raises(UsageError, match="the key file belongs to the study"):
        take(export.text())
    assert snapshot(tmp_path / "out") == before


def test_a_study_that_no_import_wrote_is_not_touched(take, invented, folder, tmp_path):
    oc.load(folder()).save(tmp_path / "out")
    before = snapshot(tmp_path / "out")
    with pytest.raises(UsageError, match=r"a folder of another kind \(save\)"):
        take(invented(1).text())
    assert snapshot(tmp_path / "out") == before


def writer_of(name):
    """Return the module whose function of a name an import calls."""
    return next(part for part in (module, module.keys, module.manifests) if hasattr(part, name))


@pytest.mark.parametrize("target", ["write_manifest", "write_findings", "write_key"])
def test_a_full_disk_changes_nothing(take, invented, tmp_path, monkeypatch, target):
    export = invented(1)
    take(export.text(export.rows[:-1]))
    before = snapshot(tmp_path)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(writer_of(target), target, full)
    with pytest.raises(UnavailableError, match="No space left"):
        take(export.text(export.rows[:-1]))
    assert snapshot(tmp_path) == before


@pytest.mark.quick(3)
@pytest.mark.parametrize("moment", ["write_study", "write_manifest", "write_key", "write_who"])
@pytest.mark.parametrize("after", [False, True])
def test_killed_at_any_moment_the_next_import_is_right(
    taken, take, invented, stated, tmp_path, monkeypatch, clinic_map, moment, after
):
    export = invented(14)
    earlier = export.text([row for row in export.rows if int(row["Appt #"][-2:]) >= 1])
    taken(earlier, clinic_map, tmp_path / "safe")
    (tmp_path / "safe" / "study").rename(tmp_path / "out")
    real = getattr(writer_of(moment), moment)

    def killed(*given):
        if after:
            real(*given)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(writer_of(moment), moment, killed)
        for _ in range(2):
            with pytest.raises(KeyboardInterrupt):
                take(export.text(), "whole.csv")
    assert stated(oc.load(tmp_path / "out"))  # the earlier study stands
    whole, _ = take(export.text(), "whole.csv")
    assert stated(whole) == export.truth()


def test_a_mistyped_folder_locks_no_key(invented, stated, tmp_path, clinic_map):
    export = invented(14)
    first = [row for row in export.rows if int(row["Appt #"][-2:]) < 2]

    def into(folder, rows):
        place = tmp_path / "export.csv"
        place.write_text(export.text(rows), encoding="utf-8", newline="")
        return import_export(place, clinic_map, tmp_path / "key.json", tmp_path / folder)[0]

    into("s1", first)
    into("s2", export.rows)  # a slip: s2 for s1
    assert stated(into("s1", export.rows)) == export.truth()
    assert stated(into("s2", export.rows)) == export.truth()


def test_a_key_older_than_its_study_is_refused(invented, tmp_path, take):
    export = invented(14)
    clients = sorted({row["Client"] for row in export.rows})
    take(export.text([row for row in export.rows if row["Client"] == clients[0]]))
    old = (tmp_path / "safe" / "key.json").read_bytes()
    take(export.text())
    before = snapshot(tmp_path / "out")
    (tmp_path / "safe" / "key.json").write_bytes(old)
    with pytest.raises(UsageError, match=r"does not know \d+ of its patients"):
        take(export.text())
    assert snapshot(tmp_path / "out") == before


AT_ONCE = """
import sys
from outcomes.intake.import_export import import_export
export, columns, key, out = sys.argv[1:]
import_export(export, columns, key, out)
"""


def test_of_two_imports_at_once_none_is_lost(invented, stated, tmp_path, clinic_map):
    export = invented(14)
    halves = [[row for row in export.rows if int(row["Appt #"][-2:]) % 2 == i] for i in (0, 1)]
    running = []
    for i, rows in enumerate(halves):
        place = tmp_path / f"{i}.csv"
        place.write_text(export.text(rows), encoding="utf-8", newline="")
        words = [place, clinic_map, tmp_path / "key.json", tmp_path / "out"]
        running.append(subprocess.Popen([sys.executable, "-c", AT_ONCE, *map(str, words)]))
    assert [process.wait() for process in running] == [0, 0]
    assert stated(oc.load(tmp_path / "out")) == export.truth()
    assert sorted(p.name for p in tmp_path.iterdir() if p.name.startswith(".")) == []


def test_a_list_beside_the_key_leads_from_a_name_to_a_course(take, invented, tmp_path):
    export = invented(14)
    study, _ = take(export.text())
    place = tmp_path / "safe" / "who.csv"
    if os.name != "nt":
        assert stat.S_IMODE(place.stat().st_mode) == 0o600
    with place.open(encoding="utf-8-sig", newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert {row["course"] for row in rows} == set(study.episodes["episode_id"])
    named = {row["Client"] for row in export.rows if row["Client"]}
    assert {row["name"] for row in rows} <= named
    patients = dict(zip(study.episodes["episode_id"], study.episodes["patient_id"], strict=True))
    assert all(row["patient"] == patients[row["course"]] for row in rows)
    assert not re.search(r"\d{1,2}/\d{1,2}/|\d{4}-\d{2}-", place.read_text(encoding="utf-8"))
    before = place.read_bytes()
    take(export.text())
    assert place.read_bytes() == before


def test_a_list_that_is_somebodys_own_is_not_touched(take, invented, tmp_path):
    (tmp_path / "safe").mkdir()
    (tmp_path / "safe" / "who.csv").write_text("who,what\nme,mine\n", encoding="utf-8")
    with pytest.raises(UsageError, match=r"who\.csv beside the key file"):
        take(invented(1).text())
    assert sorted(p.name for p in tmp_path.rglob("*") if p.is_file()) == ["export.csv", "who.csv"]


def test_the_key_is_kept_outside_the_study(invented, tmp_path, clinic_map):
    place = tmp_path / "x.csv"
    place.write_text(invented(1).text(), encoding="utf-8")
    for key in (tmp_path / "out" / "key.json", place, tmp_path):
        with pytest.raises(UsageError, match="outside the study"):
            import_export(place, clinic_map, key, tmp_path / "out")
    assert [p.name for p in tmp_path.iterdir()] == ["x.csv"]


def test_without_an_output_folder_only_the_key_is_written(invented, tmp_path, clinic_map):
    place = tmp_path / "x.csv"
    place.write_text(invented(1).text(), encoding="utf-8")
    import_export(place, clinic_map, tmp_path / "key.json")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["key.json", "x.csv"]


def test_the_same_export_as_a_workbook_gives_the_same_study(take, invented, stated, tmp_path):
    export = invented(16, dates=("%Y-%m-%d",))
    book = openpyxl.Workbook()
    book.active.append(list(export.rows[0]))
    for row in export.rows:
        book.active.append([int(c) if c.isdigit() else c or None for c in row.values()])
    book.save(tmp_path / "export.xlsx")
    study, _ = take(None, "export.xlsx")
    assert stated(study) == export.truth()


def test_a_file_cut_off_in_the_middle_is_an_error(take, invented, tmp_path):
    text = invented(1).text()
    with pytest.raises(DataError, match="cell"):
        take(text[: len(text) - 60])
    assert not (tmp_path / "out").exists()


def test_a_map_that_does_not_fit(take):
    with pytest.raises(DataError, match=r"no column .*Client"):
        take("Patient,When\nAnn Lee,2026-05-04\n")
    nobody = {"columns": {"date": "when"}, "scores": {"nprs": {"pre_session": "pain"}}}
    with pytest.raises(UsageError, match="tells clients apart"):
        take("when,pain\n2026-05-04,5\n", columns=nobody)
    empty = {**nobody, "identifiers": {"name": "who"}}
    with pytest.raises(DataError, match="is of a client and has a date"):
        take("who,when,pain\nAnn Lee,soon,5\n", columns=empty)
