"""The same data as a workbook, a REDCap project, a FHIR bundle and a database give one study."""

from __future__ import annotations

import csv
import datetime
import json
import os
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

import openpyxl
import pandas as pd
import pytest

import outcomes as oc
from outcomes.errors import UnavailableError, UsageError
from outcomes.intake.import_export import import_export

FHIR_MAP = Path(__file__).resolve().parents[2] / "docs" / "maps" / "fhir-r4.toml"
FIRST = datetime.date(2026, 1, 5)
ICD = {"neck_mvc": "S13.4XXA", "neck_other": "M54.2", "headache": "R51.9", "sciatica": "M54.31",
       "carpal_tunnel": "G56.01", "knee_pain": "M25.561", "arthritis": "M19.90",
       "post_op": "Z48.89", "low_back": "M54.50"}  # fmt: skip
STATUS = {"attended": "completed", "stopped_early": "stopped", "cancelled": "not-done",
          "no_show": "not-done"}  # fmt: skip
ONCE = ("who", "born", "sex", "reason", "per_week", "weeks", "script", "goal", "goal_set",
        "goal_due")  # fmt: skip
VISIT = ("number", "seen", "start", "status", "minutes", "therapist", "touch", "before", "after",
         "later", "ndi", "ndi_later")  # fmt: skip
MAP = {
    "identifiers": {"record": "record", "name": "who", "birth_date": "born", "time": "start",
                    "appointment": "number"},
    "columns": {"date": "seen", "status": "status", "sessions.minutes": "minutes", "sex": "sex",
                "sessions.therapist_id": "therapist", "pressure": "touch", "condition": "reason",
                "sessions_per_week": "per_week", "weeks": "weeks", "episodes.minutes": "script",
                "target": "goal", "set_day": "goal_set", "by_day": "goal_due"},
    "constants": {"goals.instrument": "nprs"},
    "scores": {"nprs": {"pre_session": "before", "post_session": "after", "follow_up": "later"},
               "ndi": {"pre_session": "ndi", "follow_up": "ndi_later"}},
}  # fmt: skip
TABLES = {
    "episodes": ["patient_id", "condition", "sex", "age_band", "sessions_per_week", "weeks",
                 "minutes"],
    "sessions": ["session", "day", "therapist_id", "status", "minutes", "pressure"],
    "assessments": ["session", "day", "timing", "instrument", "score"],
    "goals": ["instrument", "target", "by_day", "set_day"],
}  # fmt: skip


@pytest.fixture(scope="module")
def simulated():
    """Return the part of a small simulated study that all four forms can state."""
    study = oc.simulate(episodes=10, seed=4)
    scores = study.assessments[study.assessments["instrument"].isin(["nprs", "ndi"])]
    scores = scores[scores["timing"] != "discharge"]
    first = scores["timing"] == "baseline"
    scores = scores.assign(timing=scores["timing"].mask(first, "pre_session"))
    goals = study.goals[study.goals["instrument"] == "nprs"]
    return {"episodes": study.episodes, "sessions": study.sessions, "assessments": scores,
            "goals": goals}  # fmt: skip


def date(day):
    return None if day is None else (FIRST + datetime.timedelta(day)).isoformat()


def whole(cell):
    return None if pd.isna(cell) else int(cell) if float(cell).is_integer() else float(cell)


@pytest.fixture(scope="module")
def rows(simulated):
    """Return the study as a clinic would list it: one row a visit, with dates and people."""
    listed = []
    for course in simulated["episodes"].itertuples():
        age = int(course.age_band[:2]) + 4
        goals = simulated["goals"].query("episode_id == @course.episode_id")
        goal = {} if goals.empty else goals.iloc[0]
        person = {
            "record": course.patient_id, "who": f"Zelda Trelawney-{course.Index}",
            "born": f"{FIRST.year - age}-01-02", "sex": course.sex, "reason": course.condition,
            "per_week": whole(course.sessions_per_week), "weeks": whole(course.weeks),
            "script": whole(course.minutes), "goal": whole(goal.get("target")),
            "goal_set": date(goal.get("set_day")), "goal_due": date(goal.get("by_day")),
        }  # fmt: skip
        own = simulated["assessments"].query("episode_id == @course.episode_id")
        score = {(s.instrument, s.timing, s.day): whole(s.score) for s in own.itertuples()}
        visits = simulated["sessions"].query("episode_id == @course.episode_id")
        listed += [
            {**person, "number": f"V{visit.Index}", "seen": date(visit.day), "start": "09:00",
             "status": visit.status, "minutes": whole(visit.minutes),
             "therapist": visit.therapist_id, "touch": whole(visit.pressure),
             "before": score.get(("nprs", "pre_session", visit.day)),
             "after": score.get(("nprs", "post_session", visit.day)),
             "ndi": score.get(("ndi", "pre_session", visit.day))} for visit in visits.itertuples()
        ]  # fmt: skip
        days = sorted({day for _, timing, day in score if timing == "follow_up"})
        listed += [
            {**person, "number": f"F{course.Index}-{day:g}", "seen": date(day),
             "later": score.get(("nprs", "follow_up", day)),
             "ndi_later": score.get(("ndi", "follow_up", day))} for day in days
        ]  # fmt: skip
    return [{name: row.get(name) for name in ("record", *ONCE, *VISIT)} for row in listed]


def as_excel(rows, folder):
    book = openpyxl.Workbook()
    book.active.append(list(rows[0]))
    for row in rows:
        book.active.append(list(row.values()))
    book.save(folder / "export.xlsx")
    return folder / "export.xlsx", MAP


def as_redcap(rows, folder):
    reasons = {reason: str(i) for i, reason in enumerate(ICD, start=1)}
    choices = " | ".join(f"{code}, {label}" for label, code in reasons.items())
    fields = [("record", "base", "text", ""), *(
        (name, "base" if name in ONCE else "visit", "dropdown" if name == "reason" else "text",
         choices if name == "reason" else "") for name in (*ONCE, *VISIT))]  # fmt: skip
    with (folder / "dictionary.csv").open("w", newline="", encoding="utf-8") as lines:
        writer = csv.writer(lines)
        writer.writerow(["Variable / Field Name", "Form Name", "Field Type", "Field Label",
                         "Choices, Calculations, OR Slider Labels", "Identifier?"])  # fmt: skip
        writer.writerows([v, f, t, f"Label of {v}", c, "y" if v == "who" else ""]
                         for v, f, t, c in fields)  # fmt: skip
    repeat = "redcap_repeat_instance"
    with (folder / "redcap.csv").open("w", newline="", encoding="utf-8") as lines:
        writer = csv.DictWriter(lines, ["record", repeat, *ONCE, *VISIT], restval="")
        writer.writeheader()
        for record, own in pd.DataFrame(rows, dtype=object).groupby("record", sort=False):
            once = own.iloc[0][list(ONCE)].to_dict()
            writer.writerow({**once, "reason": reasons[once["reason"]], "record": record})
            for i, visit in enumerate(own[list(VISIT)].to_dict("records"), start=1):
                writer.writerow({**visit, "record": record, repeat: i})
    return folder / "redcap.csv", {**MAP, "file": {"redcap_dictionary": "dictionary.csv"}}


def as_sqlite(rows, folder):
    return in_database(rows, f"sqlite:///{folder / 'clinic.db'}")


def as_duckdb(rows, folder):
    return in_database(rows, f"duckdb:///{folder / 'clinic.duckdb'}")


def in_database(rows, url):
    sqlalchemy = pytest.importorskip("sqlalchemy")
    pytest.importorskip("duckdb_engine")
    frame = pd.DataFrame(rows)
    for name in ("seen", "born", "goal_set", "goal_due"):
        days = pd.to_datetime(frame[name])
        frame[name] = days.dt.date.where(days.notna(), None)
    kinds = {name: sqlalchemy.Date() for name in ("seen", "born", "goal_set", "goal_due")}
    engine = sqlalchemy.create_engine(url, poolclass=sqlalchemy.NullPool)
    with engine.begin() as connection:
        frame.to_sql("visits", connection, index=False, dtype=kinds)
    return url, {**MAP, "source": {"query": 'SELECT * FROM visits ORDER BY "number"'}}


def as_fhir(rows, folder):
    entries = []

    def add(kind, ident, /, **content):
        resource = {"resourceType": kind, "id": ident, **content}
        entries.append({"resource": {k: v for k, v in resource.items() if v is not None}})
        return {"reference": f"{kind}/{ident}"}

    def code(text):
        return {"coding": [{"code": text}]}

    def scores(i, row, subject, pairs, part=None):
        for n, (key, at) in enumerate(pairs):
            if row[key] is not None:
                when = f"{row['seen']}T{at}:00-07:00" if at else row["seen"]
                about = {"subject": subject, "partOf": [part] if part else None}
                if key.startswith("ndi"):
                    add(
                        "QuestionnaireResponse",
                        f"q{i}-{n}",
                        authored=when,
                        **about,
                        questionnaire="https://clinic.example/Questionnaire/ndi|1.0",
                        item=[{"linkId": "total", "answer": [{"valueInteger": row[key]}]}],
                    )
                else:
                    value = {"valueInteger": row[key]}
                    name = "walton-pressure" if key == "touch" else "72514-3"
                    add(
                        "Observation",
                        f"o{i}-{n}",
                        code=code(name),
                        effectiveDateTime=when,
                        **about,
                        **value,
                    )

    for record, own in pd.DataFrame(rows, dtype=object).groupby("record", sort=False):
        first = own.iloc[0]
        given, family = first["who"].split()
        subject = add("Patient", record, gender=first["sex"], birthDate=first["born"],
                      name=[{"given": [given], "family": family}])  # fmt: skip
        reason = add("Condition", f"c-{record}", subject=subject, code=code(ICD[first["reason"]]))
        repeat = {"frequency": first["per_week"], "period": 1, "periodUnit": "wk",
                  "duration": first["script"], "durationUnit": "min",
                  "boundsDuration": {"value": first["weeks"], "code": "wk"}}  # fmt: skip
        request = add("ServiceRequest", f"r-{record}", subject=subject, reasonReference=[reason],
                      occurrenceTiming={"repeat": repeat})  # fmt: skip
        if first["goal"] is not None:
            target = {"measure": code("72514-3"), "detailQuantity": {"value": first["goal"]},
                  "dueDate": first["goal_due"]}  # fmt: skip
            add(
                "Goal",
                f"g-{record}",
                subject=subject,
                addresses=[reason],
                target=[target],
                startDate=first["goal_set"],
            )
        for i, row in own.iterrows():
            if row["status"] is None:
                scores(i, row, subject, [("later", ""), ("ndi_later", "")])
                continue
            begin = datetime.datetime.fromisoformat(f"{row['seen']}T09:00:00-07:00")
            end = begin + datetime.timedelta(minutes=row["minutes"] or 0)
            period = {"performedPeriod": {"start": begin.isoformat(), "end": end.isoformat()}}
            at = period if row["minutes"] else {"performedDateTime": row["seen"]}
            why = {"no_show": code("no-show"), "cancelled": code("cancelled")}.get(row["status"])
            part = add("Procedure", row["number"], subject=subject, status=STATUS[row["status"]],
                       statusReason=why, basedOn=[request],
                       performer=[{"actor": {"display": row["therapist"]}}], **at)  # fmt: skip
            late = end.strftime("%H:%M")
            scores(i, row, subject, [("touch", "09:05"), ("before", "08:59"), ("after", late),
                                     ("ndi", "08:58")], part)  # fmt: skip
    (folder / "bundle.json").write_text(
        json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries}), "utf-8"
    )
    return folder / "bundle.json", FHIR_MAP


def plain_tables(tables, ids):
    """Return the columns that all forms state, the courses named by their patients."""
    of = ids.set_index("episode_id")["patient_id"]
    plain = {}
    for name, columns in TABLES.items():
        frame = tables[name][list(dict.fromkeys(["episode_id", *columns]))]
        frame = frame.assign(episode_id=frame["episode_id"].map(of))
        keys = [c for c in ("episode_id", "day", "instrument", "timing") if c in frame]
        plain[name] = frame.sort_values(keys, kind="stable").reset_index(drop=True)
    return plain


def expected(simulated, study):
    """Return the simulated tables under the random ids that the import gave, matched by facts."""
    keys = ["condition", "sex", "age_band", "sessions_per_week", "weeks", "minutes"]

    def told(tables, course):
        visits = tables["sessions"].query("episode_id == @course.episode_id")
        return (*(getattr(course, k) for k in keys),
                tuple(visits["day"]), tuple(visits["pressure"].fillna(-1)))  # fmt: skip

    found = {
        told({"sessions": study.sessions}, c): c.patient_id for c in study.episodes.itertuples()
    }
    episodes = simulated["episodes"]
    ids = [found[told(simulated, course)] for course in episodes.itertuples()]
    assert len(set(ids)) == len(episodes)
    return {**simulated, "episodes": episodes.assign(patient_id=ids)}


def check_same(take, simulated, rows, folder):
    place, columns = take(rows, folder)
    study, manifest = import_export(place, columns, folder / "key.json", folder / "out")
    truth = expected(simulated, study)
    read = plain_tables({n: study.table(n) for n in TABLES}, study.episodes)
    wanted = plain_tables(truth, truth["episodes"])
    pairs = {
        *zip(wanted["sessions"]["therapist_id"], read["sessions"]["therapist_id"], strict=True)
    }
    assert len(pairs) == wanted["sessions"]["therapist_id"].nunique()
    wanted["sessions"]["therapist_id"] = read["sessions"]["therapist_id"]
    for name in TABLES:
        pd.testing.assert_frame_equal(read[name], wanted[name], check_dtype=False)
    assert oc.check(study).ok
    assert manifest.counts["clients"] == len(simulated["episodes"])
    text = "".join(p.read_text(encoding="utf-8") for p in (folder / "out").iterdir())
    assert not [row["record"] for row in rows if row["record"] in text]
    assert "trelawney" not in text.casefold()


@pytest.mark.parametrize("take", [as_excel, as_redcap, as_fhir, as_sqlite, as_duckdb])
def test_every_form_gives_the_study_that_it_states(take, simulated, rows, tmp_path):
    check_same(take, simulated, rows, tmp_path)


@pytest.fixture(scope="module")
def postgresql():
    """Start a server of our own on loopback, in a temporary folder; give its address."""
    places = [*map(str, sorted(Path("/usr/lib/postgresql").glob("*/bin"))), os.environ["PATH"]]
    tools = {
        name: shutil.which(name, path=os.pathsep.join(places)) for name in ("initdb", "pg_ctl")
    }
    for name, found in tools.items():
        if found is None:
            pytest.skip(f"{name} (PostgreSQL) is not installed")
    home = Path(tempfile.mkdtemp(prefix="outcomes-postgresql-"))
    (home / "password").write_text("hush", encoding="utf-8")
    user = {}
    if os.name == "posix" and os.geteuid() == 0:  # the server refuses to run as root
        user = {"user": "postgres"}
        for place in (home, home / "password"):
            shutil.chown(place, "postgres")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    def run(tool, *arguments):
        command = [tools[tool], "-D", home / "data", *arguments]
        subprocess.run(command, check=True, cwd=home, stdout=subprocess.DEVNULL, **user)

    try:
        run("initdb", "-U", "clinic", "-A", "scram-sha-256", "--pwfile", home / "password")
        where = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories="
        run("pg_ctl", "-w", "-l", home / "log", "-o", where, "start")
        yield f"postgresql+pg8000://clinic:hush@127.0.0.1:{port}/postgres"
        run("pg_ctl", "-w", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(home, ignore_errors=True)


@pytest.mark.slow
def test_postgresql_gives_the_study_that_it_states(postgresql, simulated, rows, tmp_path):
    check_same(lambda *_: in_database(rows, postgresql), simulated, rows, tmp_path)
    plain = postgresql.replace("+pg8000", "")
    study, _ = import_export(plain, {**MAP, "source": {"table": "public.visits"}},
                             tmp_path / "key.json", tmp_path / "out")  # fmt: skip
    assert len(study.episodes) == len(simulated["episodes"])
    with pytest.raises(UnavailableError, match="can be opened") as caught:
        oc.load(plain.replace("hush", "wrong"))
    assert "wrong" not in str(caught.value)
    with pytest.raises(UsageError, match="takes the query"):
        import_export(plain, {**MAP, "source": {"table": "nothing"}}, tmp_path / "key.json")
