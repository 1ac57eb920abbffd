"""A REDCap project gives the same study raw and with labels, as its truth states it."""

from __future__ import annotations

import csv
import io
import re

import pandas as pd
import pytest

import outcomes as oc
from outcomes.errors import DataError
from outcomes.intake.import_export import import_export
from outcomes.intake.readers.redcap import from_redcap

FIELDS = [
    # variable, form, type, label, choices, identifier
    ("record_id", "basics", "text", "Record ID", "", ""),
    ("client_name", "basics", "text", "Name of the client", "", "y"),
    ("dob", "basics", "text", "Date of birth", "", "y"),
    ("reason", "basics", "dropdown", "Reason", "1, headache | 2, sciatica | 3, neck_mvc", ""),
    ("per_week", "basics", "text", "Visits a week", "", ""),
    ("weeks", "basics", "text", "Weeks", "", ""),
    ("claim", "basics", "yesno", "Claim open", "", ""),
    ("kept", "basics", "checkbox", "Adaptations", "1, scar | 2, frail", ""),
    ("visit_date", "visit", "text", "Date of the visit", "", ""),
    ("status", "visit", "radio", "Status", "1, attended | 2, cancelled", ""),
    ("minutes", "visit", "text", "Minutes", "", ""),
    ("touch", "visit", "radio", "Touch", "1, one | 2, two | 3, three | 4, four | 5, five", ""),
    ("pain_before", "visit", "text", "Pain before", "", ""),
    ("pain_after", "visit", "text", "Pain after", "", ""),
    ("remark", "visit", "notes", "Remark", "", "y"),
]
DICTIONARY = (
    "Variable / Field Name,Form Name,Section Header,Field Type,Field Label,"
    '"Choices, Calculations, OR Slider Labels",Field Note,Identifier?\n'
    + "".join(f'{v},{f},,{t},{x},"{c}",,{i}\n' for v, f, t, x, c, i in FIELDS)
)
MAP = {
    "file": {"redcap_dictionary": "dictionary.csv"},
    "identifiers": {"record": "record_id", "name": "client_name", "birth_date": "dob"},
    "columns": {"date": "visit_date", "status": "status", "sessions.minutes": "minutes",
                "pressure": "touch", "condition": "reason", "sessions_per_week": "per_week",
                "weeks": "weeks", "claim_open": "claim", "adaptations": "kept"},
    "values": {"pressure": {"one": "1", "two": "2", "three": "3", "four": "4", "five": "5"}},
    "scores": {"nprs": {"pre_session": "pain_before", "post_session": "pain_after"}},
}  # fmt: skip
REASONS = {"headache": "1", "sciatica": "2", "neck_mvc": "3"}
TOUCH = {"1": "one", "2": "two", "3": "three", "4": "four", "5": "five"}


def project(export, *, labels):
    """Write the invented export as REDCap would, raw or with labels."""
    variables = [f[0] for f in FIELDS]
    at = variables.index("kept")
    header = [*variables[:at], "kept___1", "kept___2", *variables[at + 1 :]]
    own = ["redcap_event_name", "redcap_repeat_instrument", "redcap_repeat_instance"]
    shown = {v: label for v, _, _, label, _, _ in FIELDS} if labels else {}
    shown |= {"kept___1": "Adaptations (choice=scar)", "kept___2": "Adaptations (choice=frail)",
              own[0]: "Event Name", own[1]: "Repeat Instrument",
              own[2]: "Repeat Instance"} if labels else {}  # fmt: skip
    names = [header[0], *own, *header[1:]]
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, names, restval="")
    out.write(",".join(shown.get(name, name) for name in names) + "\r\n")
    for number, (condition, script, _, _) in export.courses.items():
        rows = [row for row in export.rows if row["Appt #"].startswith(f"Z{number:03}")]
        first = {"record_id": number + 1, "client_name": rows[0]["Client"], "dob": rows[0]["DOB"],
                 "reason": condition if labels else REASONS[condition], "per_week": script[0],
                 "weeks": script[1], "claim": "Yes" if labels else "1",
                 "kept___1": "Checked" if labels else "1",
                 "kept___2": "Unchecked" if labels else "0"}  # fmt: skip
        writer.writerow({**first, own[0]: "base_arm_1"})
        for instance, row in enumerate(rows, start=1):
            writer.writerow({**visit(row, labels=labels), "record_id": number + 1,
                             own[0]: "care_arm_1", own[1]: "visit", own[2]: instance})  # fmt: skip
    return out.getvalue()


LEVELS = {"Lt": "1", "light-med": "2", "Medium": "3", "med": "3", "Firm": "4", "firm": "4",
          "deep": "5"}  # fmt: skip


def visit(row, *, labels):
    level = re.sub(r"\D.*", "", row["Pressure"]) or LEVELS.get(row["Pressure"], "")
    attended = row["Status"] == "Arrived"
    status = ("attended" if attended else "cancelled") if labels else ("1" if attended else "2")
    minutes = "60" if "1 hr" in row["Length"] else row["Length"][:2]
    return {"visit_date": row["Appt date"], "status": status, "minutes": minutes,
            "touch": TOUCH.get(level, "") if labels else level,
            "pain_before": row["Pain before"].replace("/10", ""),
            "pain_after": row["Pain after"], "remark": row["Notes"]}  # fmt: skip


@pytest.mark.parametrize("labels", [False, True], ids=["raw", "labels"])
def test_raw_and_labels_give_the_study_that_the_project_states(tmp_path, invented, stated, labels):
    export = invented(41, dates=("%Y-%m-%d",))
    (tmp_path / "dictionary.csv").write_text(DICTIONARY, encoding="utf-8")
    place = tmp_path / "export.csv"
    place.write_text(project(export, labels=labels), encoding="utf-8", newline="")
    study, manifest = import_export(place, MAP, tmp_path / "key.json", tmp_path / "out")
    assert stated(study) == export.truth()
    assert oc.check(study).ok
    assert study.episodes["claim_open"].all()
    assert set(study.episodes["adaptations"]) == {"scar"}
    assert "remark" in {s.column for s in manifest.de_identified}
    text = "".join(p.read_text(encoding="utf-8") for p in (tmp_path / "out").iterdir())
    assert not [p for p in export.planted if p.casefold() in text.casefold()]


def test_another_table_is_no_dictionary():
    with pytest.raises(DataError, match="data dictionary"):
        from_redcap(pd.DataFrame({"a": ["1"]}), pd.DataFrame({"a": ["1"]}))


def test_a_project_without_repeats_stays_as_it_is():
    dictionary = pd.read_csv(io.StringIO(DICTIONARY), dtype=str)
    rows = pd.DataFrame({"record_id": ["1", "2"], "reason": ["1", "9"], "other": ["x", None]})
    made, identifying = from_redcap(rows, dictionary)
    assert made["reason"].tolist() == ["headache", "9"]
    assert identifying == []


@pytest.mark.parametrize(
    ("choices", "columns"),
    [
        ("1, none | 2, soreness | 3, bruise", ["event___1", "event___2", "event___3"]),
        ("1, none | 2, soreness | -99, bruise", ["event___1", "event___2", "event____99"]),
        ("1, none | 2, soreness | 3, bruise", ["EVENT___1", "event___2", "Event___3"]),
        ("N, none | S, soreness | B, bruise", ["event___n", "event___s", "event___b"]),
        ("0.5, none | a b, soreness | C+, bruise", ["event___0_5", "event___ab", "event___c"]),
        ("1, none | 2, sore'ness | 3, <b>bruise</b>",
         ["Any event (choice=none)", "Any event (choice=soreness)", "Any event (choice=bruise)"]),
    ],
)  # fmt: skip
def test_a_ticked_box_is_read_by_the_rule_of_redcap(choices, columns):
    dictionary = pd.DataFrame(
        {"Variable / Field Name": ["id", "event"], "Form Name": "base",
         "Field Type": ["text", "checkbox"], "Field Label": ["Id", "Any event"],
         "Choices, Calculations, OR Slider Labels": [None, choices], "Identifier?": None}
    )  # fmt: skip
    rows = pd.DataFrame({"id": ["1", "2", "3"]}).assign(
        **dict(
            zip(columns, (["1", "0", "0"], ["0", "Checked", "0"], [None, "0", "1"]), strict=True)
        )
    )
    made, _ = from_redcap(rows, dictionary)
    labels = [part.partition(",")[2].strip() for part in choices.split("|")]
    assert made["event"].tolist() == labels
    gone = dictionary.assign(**{"Choices, Calculations, OR Slider Labels": [None, "7, other"]})
    words = from_redcap(rows, gone)[0]["event"].tolist()
    assert all(words)  # a choice taken out of the dictionary does not take its ticks along


def test_labels_that_two_forms_have_are_told_apart_by_position():
    dictionary = pd.DataFrame(
        {"Variable / Field Name": ["id", "date_a", "date_b"], "Form Name": ["x", "x", "y"],
         "Field Type": "text", "Field Label": ["Id", "Date", "Date"],
         "Choices, Calculations, OR Slider Labels": None, "Identifier?": None}
    )  # fmt: skip
    rows = pd.DataFrame({"Id": ["1"], "Date": ["a"], "Date (2)": ["b"], "Complete? (2)": ["c"]})
    made, _ = from_redcap(rows, dictionary)
    assert made.to_dict("list") == {"id": ["1"], "date_a": ["a"], "date_b": ["b"],
                                    "Complete? (2)": ["c"]}  # fmt: skip
