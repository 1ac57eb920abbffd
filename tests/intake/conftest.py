"""A small clinic, invented: two courses of two visits, a pain score at the start of each."""

from __future__ import annotations

import csv
import datetime
import io
import random
import shutil
from pathlib import Path

import pytest

from outcomes.intake.import_export import import_export

TABLES = {
    "episodes": "episode_id,condition,minutes\na,headache,60\nb,low_back,45\n",
    "sessions": "episode_id,session,day,minutes,pressure,status\n"
    "a,1,0,60,3,attended\na,2,7,60,2,attended\nb,1,0,45,4,attended\nb,2,7,45,3,attended\n",
    "assessments": "episode_id,session,timing,instrument,score\n"
    "a,1,pre_session,nprs,7\na,2,pre_session,nprs,5\nb,1,pre_session,nprs,6\n"
    "b,2,pre_session,nprs,6\n",
    "goals": "episode_id,instrument,target\na,nprs,3\n",
}


@pytest.fixture
def folder(tmp_path):
    """Return a function that writes the clinic's tables, with some replaced or left out (None)."""

    def write(**replaced):
        place = tmp_path / "clinic"
        place.mkdir(exist_ok=True)
        for name, text in {**TABLES, **replaced}.items():
            if text is not None:
                (place / f"{name}.csv").write_text(text, encoding="utf-8")
        return place

    return write


@pytest.fixture
def file(tmp_path):
    """Return a function that writes one file."""

    def write(content, name="scores.csv"):
        place = tmp_path / name
        place.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
        return place

    return write


HEADER = (
    "Appt #", "Client", "DOB", "Phone", "E-mail", "Street", "ZIP", "Appt date", "Start", "Service",
    "Length", "Therapist", "Status", "Pressure", "Reason for visit", "Pain before", "Pain after",
    "NDI %", "Referring MD", "Rx", "Goal", "Claim #", "Notes",
)  # fmt: skip
GIVEN = ("Aurelia", "Basil", "Cosima", "Darius", "Emeric", "Fiona", "Gideon", "Hester")
FAMILY = ("Zwicky", "Trelawney", "Østergård", "Quartermain", "Ravenscroft", "Silberstein")
WORDS = {
    "status": {"attended": ["Arrived"], "cancelled": ["Cancelled"], "no_show": ["No Show"]},
    "pressure": {1: ["Lt", "1", "1 - light"], 2: ["light-med", "2/5", "2"],
                 3: ["Medium", "med", "3 (medium)"], 4: ["Firm", "firm", "4/5"],
                 5: ["deep", "5 - deep", "5"]},
    "minutes": {60: ["60 min", "1 hr", "60"], 45: ["45 min"]},
    "condition": {"headache": ["Headaches", "tension headache"], "sciatica": ["Sciatica"],
                  "neck_mvc": ["whiplash (car wreck)", "Neck pain - MVA"]},
}  # fmt: skip


class InventedExport:
    """An export of an invented clinic with what is true of it, made from a seed.

    `rows` as dicts by header; `courses`: patient number to its visits (day, minutes, pressure,
    before, after) that were received and the number of all visits; `planted`: identifiers in it.
    """

    def __init__(self, seed, n_clients=8, dates=("%m/%d/%Y",)):
        self.random = random.Random(seed)
        self.dates, self.rows, self.courses, self.planted = dates, [], {}, set()
        for number in range(n_clients):
            self._client(number)

    def _client(self, number):
        pick = self.random
        given, family = pick.choice(GIVEN), pick.choice(FAMILY)
        born = datetime.date(1930 + 9 * (number % 8), 1 + number % 12, 1 + number)
        phone = f"({200 + number}) 555-{1000 + 37 * number}"
        who = {
            "Client": f"{given} {family}", "DOB": born.strftime(self.dates[0]), "Phone": phone,
            "E-mail": f"{given}.{number}@example.net".lower(), "ZIP": f"8514{number % 3}",
            "Street": f"{1200 + 7 * number} Palo Verde Ave", "Service": "Medical Massage",
            "Therapist": pick.choice(["Zelda Ambrose", "Ivo Petrossian"]),
            "Referring MD": "Dr. Orla Winterbottom",
        }  # fmt: skip
        self.planted |= {who["Client"], family, who["DOB"], phone, who["E-mail"], who["Street"],
                         born.isoformat(), who["Therapist"], "Winterbottom"}  # fmt: skip
        condition = pick.choice(sorted(WORDS["condition"]))
        script = (pick.choice([1, 2]), pick.randint(2, 6))
        first = datetime.date(2026, 1, 5) + datetime.timedelta(pick.randint(0, 90))
        received, n_visits, day, anchor = [], 0, 0, None
        for visit in range(pick.randint(3, 7)):
            status = "attended" if visit == 1 or pick.random() < 0.8 else "cancelled"
            date = first + datetime.timedelta(day)
            row = {**dict.fromkeys(HEADER, ""), **who, "Appt #": f"Z{number:03}{visit:02}",
                   "Appt date": date.strftime(pick.choice(self.dates)), "Start": "9:30",
                   "Status": pick.choice(WORDS["status"][status]),
                   "Rx": f"{script[0]}x/wk x {script[1]} wks, 60 min",
                   "Goal": f"pain 2 in {script[1]} weeks",
                   "Reason for visit": pick.choice(WORDS["condition"][condition])}  # fmt: skip
            minutes, pressure = pick.choice([45, 60]), pick.randint(1, 5)
            before, after = pick.randint(1, 9), pick.choice([None, 1, 2])
            row["Length"] = pick.choice(WORDS["minutes"][minutes])
            if status == "attended":
                anchor = anchor or date
                row["Pressure"] = pick.choice(WORDS["pressure"][pressure])
                row["Pain before"] = pick.choice([f"{before}", f"{before}/10"])
                row["Pain after"] = "" if after is None else str(after)
                row["Notes"] = self._note(who, number)
                received.append(((date - anchor).days, minutes, pressure, before, after))
            n_visits += 1
            day += pick.randint(2, 9)
            self.rows.append(row)
        self.courses[number] = (condition, script, tuple(received), n_visits)

    def _note(self, who, number):
        social = f"{300 + number}-{20 + number}-{4000 + number}"
        self.planted.add(social)
        return self.random.choice(
            ["tolerated well", f"SSN on file {social}", f"wife called from {who['Phone']}",
             f"moved to {who['Street']}", f"DOB confirmed {who['DOB']}", f"told {who['Client']}"]
        )  # fmt: skip

    def text(self, rows=None):
        """Return the export as CSV text."""
        out = io.StringIO(newline="")
        writer = csv.DictWriter(out, HEADER)
        writer.writeheader()
        writer.writerows(self.rows if rows is None else rows)
        return "\ufeff" + out.getvalue()

    def truth(self):
        """Return what a study of it must hold, one entry a course, in a fixed order."""
        return sorted(map(repr, self.courses.values()))


@pytest.fixture(scope="session")
def taken(tmp_path_factory):
    """Return a function that imports a text under a map into ``study`` and ``key.json``.

    What stands in several tests is imported once and copied.
    """
    known = {}

    def take(text, columns, place):
        key = text, str(columns)
        if key not in known:
            known[key] = folder = tmp_path_factory.mktemp("taken")
            (folder / "visits.csv").write_text(text, encoding="utf-8", newline="")
            import_export(folder / "visits.csv", columns, folder / "key.json", folder / "study")
        shutil.copytree(known[key], place, dirs_exist_ok=True)

    return take


@pytest.fixture
def invented():
    """Return the maker of invented exports."""
    return InventedExport


@pytest.fixture
def clinic_map():
    """Return the path of the committed map of such exports."""
    return Path(__file__).resolve().parents[2] / "docs" / "maps" / "clinic-export.toml"


@pytest.fixture
def stated():
    """Return a function that tells of a study what `InventedExport.truth` tells of its export."""

    def tell(study):
        courses = []
        scores = study.assessments[study.assessments["instrument"] == "nprs"]
        by = {(s.episode_id, s.session, s.timing): int(s.score) for s in scores.itertuples()}
        for course in study.episodes.itertuples():
            visits = study.sessions[study.sessions["episode_id"] == course.episode_id]
            received = tuple(
                (int(v.day), int(v.minutes), int(v.pressure),
                 by.get((v.episode_id, v.session, "pre_session")),
                 by.get((v.episode_id, v.session, "post_session")))
                for v in visits[visits["session"].notna()].itertuples()
            )  # fmt: skip
            script = (int(course.sessions_per_week), int(course.weeks))
            courses.append((course.condition, script, received, len(visits)))
        return sorted(map(repr, courses))

    return tell
