"""Exports in the shapes of many products, made of invented people with a seed; and their truth.

Headers follow what products, forms and clinics' own sheets call things; no export is of a person.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

FIRST = ["Aurelia", "Basil", "Cosima", "Darius", "Emeric", "Fiona", "Gideon", "Hester", "Isolde",
         "Jasper"]  # fmt: skip
LAST = ["Zwicky", "Trelawney", "Østergård", "Quartermain", "O'Neill", "Dupré", "Garcia-Lopez"]
THERAPISTS = ("Zelda Ambrose", "Ivo Petrossian, LMT", "Bo Lindqvist")
KINDS = ("low_back", "headache", "neck_other", "sciatica", "knee_pain")
REASONS = {
    "en": ("Low back pain", "Headache", "Neck pain", "Sciatica", "Knee pain"),
    "de": ("Rückenschmerzen", "Kopfschmerzen", "Nackenschmerzen", "Ischias", "Knieschmerzen"),
    "fr": ("Mal de dos", "Maux de tête", "Douleur à la nuque", "Sciatique", "Genou"),
    "es": ("Dolor de espalda", "Cefalea", "Dolor cervical", "Ciática", "Rodilla"),
    "icd": ("M54.50", "G43.909", "M54.2", "M54.31", "M25.561"),
}  # fmt: skip


@dataclass
class Visit:
    """One visit with its person."""

    id: int
    first: str
    last: str
    born: dt.date
    reason: int
    therapist: str
    contact: str
    day: dt.date
    start: dt.datetime
    end: dt.datetime
    minutes: int
    status: str
    before: int | None
    after: int | None
    pressure: int | None
    number: int = 0

    @property
    def name(self) -> str:
        return f"{self.first} {self.last}"

    @property
    def turned(self) -> str:
        return f"{self.last}, {self.first}"

    def became(self, attended: Any, cancelled: Any, no_show: Any) -> Any:
        return {"attended": attended, "cancelled": cancelled, "no_show": no_show}[self.status]

    def why(self, words: str) -> str:
        return REASONS[words][self.reason]


def visits_of(seed: int, n_people: int = 6) -> list[Visit]:
    """Return the visits of some people; the last one has the name of the first."""
    rng, made = random.Random(seed), []
    for i in range(n_people):
        whose = i % (n_people - 1)
        first, last = FIRST[(whose + seed) % 10], LAST[(3 * whose + seed) % 7]
        born = dt.date(1940 + rng.randint(0, 50), rng.randint(1, 12), rng.randint(13, 28))
        reason, therapist = rng.randint(0, 4), rng.choice(THERAPISTS)
        day, pain = dt.date(2026, 1, 3) + dt.timedelta(rng.randint(0, 60)), rng.randint(4, 9)
        for k in range(rng.randint(4, 6)):
            status = "attended" if k < 2 or rng.random() < 0.6 else rng.choice(
                ("cancelled", "no_show"))  # fmt: skip
            came, minutes = status == "attended", rng.choice((30, 45, 60, 90))
            start = dt.datetime.combine(day, dt.time(rng.randint(8, 17), rng.choice((0, 15, 30))))
            made.append(Visit(
                4000 + 7 * i, first, last, born, reason, therapist, f"({210 + i}) 555-{1000 + i}",
                day, start, start + dt.timedelta(minutes=minutes), minutes, status,
                pain if came else None, max(0, pain - rng.randint(0, 2)) if came else None,
                rng.randint(1, 5) if came else None,
            ))  # fmt: skip
            pain = max(0, min(10, pain + rng.choice((-1, -1, 0, 1)))) if came else pain
            day += dt.timedelta(rng.randint(2, 12))
    made.sort(key=lambda visit: (visit.start, visit.id))
    for number, visit in enumerate(made, start=1):
        visit.number = number
    return made


@dataclass
class Product:
    """What an export looks like, what it holds of a visit, and what a person answers about it."""

    row: Callable[[Visit], dict[str, Any]]
    facts: tuple[str, ...]
    answers: dict[str, Any] = field(default_factory=dict)
    encoding: str = "utf-8"
    delimiter: str = ","
    above: tuple[tuple[str, ...], ...] = ()

    @property
    def came_only(self) -> bool:
        return "status" not in self.facts


PRODUCTS: dict[str, Product] = {}


def product(facts: str, answers: dict[str, Any] | None = None, **said: Any) -> Any:
    """Name a function that makes the row of a visit."""

    def keep(row: Callable[[Visit], dict[str, Any]]) -> Callable[[Visit], dict[str, Any]]:
        PRODUCTS[row.__name__] = Product(row, tuple(facts.split()), answers or {}, **said)
        return row

    return keep


def export_of(name: str, seed: int) -> tuple[bytes, list[Visit]]:
    """Return an export of a product, its columns in another order, and the visits it is of."""
    made = PRODUCTS[name]
    visits = [v for v in visits_of(seed) if not (made.came_only and v.status != "attended")]
    rows = [made.row(visit) for visit in visits]
    header = list(rows[0])
    random.Random(seed).shuffle(header)
    lines = io.StringIO(newline="")
    writer = csv.writer(lines, delimiter=made.delimiter)
    writer.writerows([*made.above, header])
    writer.writerows(["" if row[h] is None else row[h] for h in header] for row in rows)
    return lines.getvalue().encode(made.encoding), visits


def us(day: dt.date) -> str:
    return f"{day:%m/%d/%Y}"


def european(day: dt.date) -> str:
    return f"{day:%d/%m/%Y}"


def german(day: dt.date) -> str:
    return f"{day:%d.%m.%Y}"


def clock(moment: dt.datetime) -> str:
    return f"{moment:%I:%M %p}".lstrip("0")


@product("status minutes")
def fresha(v):
    hours = f"{v.minutes // 60}h {v.minutes % 60}min" if v.minutes > 60 else f"{v.minutes}min"
    return {
        "Ref #": f"#{v.number:08X}",
        "Created date": f"{v.day - dt.timedelta(3):%d %b %Y}",
        "Created by": v.name,
        "Client": v.name,
        "Client phone": v.contact,
        "Service": "Deep",
        "Appointment date": f"{v.day:%d %b %Y}",
        "Time": f"{v.start:%H:%M}",
        "Duration": hours,
        "Team member": v.therapist,
        "Status": v.became("Completed", "Cancelled", "No-show"),
    }


@product("status minutes", delimiter=";")
def booksy(v):
    return {"Booking ID": v.number, "Customer": v.name, "Customer phone": v.contact,
            "Booked from": f"{v.start:%Y-%m-%d %H:%M}", "Booked till": f"{v.end:%Y-%m-%d %H:%M}",
            "Staffer": v.therapist,
            "Status": v.became("Finished", "Canceled by customer", "No-show")}  # fmt: skip


@product("status minutes", {"columns.date": "Booking date"})
def timely(v):
    return {"Customer name": v.name, "Customer mobile": v.contact, "Booking date": european(v.day),
            "Start time": clock(v.start), "End time": clock(v.end), "Staff": v.therapist,
            "Booking status": v.became("Completed", "Cancelled", "Did not show"),
            "Date created": european(v.day - dt.timedelta(20)),
            "Last reminder sent": european(v.day - dt.timedelta(1))}  # fmt: skip


@product("status minutes before after")
def clinicsense(v):
    return {"Appointment Date": f"{v.day.month}/{v.day.day}/{v.day.year}", "Client Name": v.name,
            "Appointment Time": clock(v.start), "Date of Birth": us(v.born), "Booked By": "Mary",
            "Therapist": v.therapist, "Duration (min)": v.minutes, "Reminder Sent": "Yes",
            "Appointment Status": v.became("Checked Out", "LATE CXL", "No Show - charged"),
            "Pain Before": v.before, "Pain After": v.after}  # fmt: skip


@product("status minutes")
def nookal(v):
    yes = {True: "Yes", False: "No"}
    return {"Date": european(v.day), "Start": f"{v.start:%H:%M}", "Finish": f"{v.end:%H:%M}",
            "Client ID": v.id, "First Name": v.first, "Last Name": v.last,
            "DOB": european(v.born), "Provider": v.therapist,
            "Arrived": yes[v.status == "attended"], "Cancelled": yes[v.status == "cancelled"],
            "DNA": yes[v.status == "no_show"]}  # fmt: skip


@product("status minutes")
def halaxy(v):
    return {
        "Date": f"{v.day:%a %d %b %Y}",
        "Time": clock(v.start).lower().replace(" ", ""),
        "Length": f"{v.minutes} mins",
        "Patient": v.name,
        "Date of birth": european(v.born),
        "Practitioner": v.therapist,
        "Status": v.became("Attended", "Cancelled (within 24 hours)", "Did not attend"),
    }


@product("status minutes")
def hospital(v):
    return {"MRN": f"E{v.id}", "PATIENT NAME": v.turned.upper(), "DOB": us(v.born),
            "APPT DATE": us(v.day), "APPT TIME": clock(v.start), "APPT LENGTH": v.minutes,
            "VISIT TYPE": "MASSAGE FOLLOW UP", "PROVIDER": v.therapist, "DEPARTMENT": "REHAB",
            "APPT STATUS": v.became("Comp", "Can", "No Show"),
            "APPT MADE DATE": us(v.day - dt.timedelta(14)),
            "REFERRING PROVIDER": "SMITH, JOHN MD"}  # fmt: skip


@product("status minutes", {"values.status.4-Charge Entered": "attended"})
def run_together(v):
    return {"apptid": v.number, "apptdate": us(v.day), "apptstarttime": clock(v.start),
            "apptduration": v.minutes, "patientid": v.id, "patient lastname": v.last,
            "patient firstname": v.first, "patientdob": us(v.born), "rndrng prvdr": v.therapist,
            "apptstatus": v.became("4-Charge Entered", "x-Cancelled", "x-No Show")}  # fmt: skip


@product("status minutes", {"values.status.Absent excusé": "cancelled"}, delimiter=";",
         encoding="utf-8-sig")  # fmt: skip
def doctolib(v):
    return {"Date de début": european(v.day), "Heure de début": f"{v.start:%H:%M}",
            "Heure de fin": f"{v.end:%H:%M}", "Créé le": european(v.day - dt.timedelta(9)),
            "Créé par": "Secrétariat", "Nom": v.last.upper(), "Prénom": v.first,
            "Nom de naissance": v.last, "Date de naissance": european(v.born),
            "Motif de consultation": "Massage thérapeutique", "Agenda": v.therapist,
            "Statut": v.became("Vu", "Absent excusé", "Absent non excusé")}  # fmt: skip


@product("status minutes before after pressure why", delimiter=";")
def french(v):
    months = ("janv.", "févr.", "mars", "avr.", "mai", "juin")
    return {"Date de la séance": f"{v.day.day} {months[v.day.month - 1]} {v.day.year}",
            "Patient(e)": v.name, "Né(e) le": european(v.born), "Durée (min)": v.minutes,
            "Masseur-kinésithérapeute": v.therapist, "Rappel envoyé": "Oui",
            "Présence": v.became("Présent", "Annulé", "Absent"), "Motif": v.why("fr"),
            "Pression": v.pressure, "EVA avant": v.before, "EVA après": v.after}  # fmt: skip


@product("status minutes before after why", delimiter=";")
def spanish(v):
    return {"Fecha": european(v.day), "Hora inicio": f"{v.start:%H:%M}", "Nombre": v.first,
            "Hora fin": f"{v.end:%H:%M}", "Apellidos": v.last, "F. nacimiento": european(v.born),
            "Fisioterapeuta": v.therapist, "Motivo de consulta": v.why("es"),
            "Estado de la cita": v.became("Asistió", "Cancelada por el paciente", "No asistió"),
            "EVA inicial (0-10)": v.before, "EVA final (0-10)": v.after,
            "Creada el": european(v.day - dt.timedelta(4))}  # fmt: skip


@product("status minutes before after why pressure", delimiter=";", encoding="cp1252")
def german_sheet(v):
    return {"Datum": german(v.day), "Von": f"{v.start:%H:%M}", "Bis": f"{v.end:%H:%M}",
            "Patient": v.turned, "geb.": german(v.born), "Therapeut": v.therapist,
            "Terminstatus": v.became("wahrgenommen", "kurzfristig abgesagt", "nicht erschienen"),
            "Diagnose": v.why("de"), "Druckstärke": v.pressure, "NRS vor Behandlung": v.before,
            "NRS nach Behandlung": v.after, "Rechnungsdatum": german(v.day + dt.timedelta(30)),
            "Erstellt am": german(v.day - dt.timedelta(30))}  # fmt: skip


@product("status minutes before after", delimiter=";")
def dutch(v):
    return {"Datum": f"{v.day:%d-%m-%Y}", "Tijd": f"{v.start:%H:%M}", "Patiënt": v.name,
            "Geboortedatum": f"{v.born:%d-%m-%Y}", "Behandelaar": v.therapist,
            "Duur (min)": v.minutes, "Pijn voor": v.before, "Pijn na": v.after,
            "Status": v.became("Verschenen", "Afgezegd", "Niet verschenen")}  # fmt: skip


@product("before why", {"study.rows": "visits"})
def google_form(v):
    return {"Timestamp": f"{v.start:%Y/%m/%d %I:%M:%S %p} GMT-5", "Full name": v.name,
            "Date of birth": f"{v.born}", "How would you rate your pain today? [0-10]": v.before,
            "What is the main reason for your visit?": v.why("en")}  # fmt: skip


@product("before", {"file.time_zone": "UTC", "study.rows": "visits"})
def typeform(v):
    return {"#": f"{v.number:x}abc", "*What's your name?*": v.name, "Network ID": f"{v.number:08x}",
            "When were you born?": f"{v.born}", "How much does it hurt right now?": v.before,
            "Start Date (UTC)": f"{v.start}", "Submit Date (UTC)": f"{v.start}"}  # fmt: skip


@product("status minutes before after pressure why", {"study.empty_status": "no_show"})
def ticked(v):
    return {"Visit": f"V-{v.number}", "Client": v.name, "DOB": f"{v.born}", "Mins": v.minutes,
            "Visit date": f"{v.day.month}/{v.day.day}/{v.day:%y}", "LMT": v.therapist,
            "Came?": v.became("✓", "", ""), "Canceled?": v.became("", "✓", ""),
            "Pressure (0-5)": v.pressure, "Pain in": v.before, "Pain out": v.after,
            "Complaint": v.why("en"), "Last modified": f"{v.day}"}  # fmt: skip


@product("status minutes before", {"values.status.C": "cancelled"})
def terse(v):
    return {"client name": v.turned, "born": f"{v.born:%m/%d/%y}", "appt": f"{v.day:%m/%d/%y}",
            "therapist": v.therapist, "attended": v.became("Y", "C", "N"), "pain": v.before,
            "length": v.minutes / 60}  # fmt: skip


@product("status minutes before why")
def physio(v):
    return {"Patient Ref": v.id, "Surname": v.last, "Forename": v.first, "GP": "Dr Patel",
            "D.O.B.": european(v.born), "Appt Date": european(v.day), "Therapist": v.therapist,
            "Appt Time": f"{v.start:%H:%M}", "Duration": v.minutes * 60, "ICD-10": v.why("icd"),
            "Arrived": v.became("Arrived", "Cancelled", "DNA"), "VAS /10": v.before}  # fmt: skip


@product("status minutes", above=(("Appointments",), ("Healing Hands",), ()))
def another_cliniko(v):
    moment = "%d %B %Y, %H:%M"
    return {"Appointment ID": v.number, "Appointment start": f"{v.start:{moment}}",
            "Appointment end": f"{v.end:{moment}}", "Patient ID": v.id, "Patient": v.name,
            "Practitioner": v.therapist, "Did not arrive": v.became("No", "No", "Yes"),
            "Cancellation time": f"{v.start:{moment}}" if v.status == "cancelled" else "",
            "Created at": f"{v.day - dt.timedelta(9)}", "Business": "Main"}  # fmt: skip
