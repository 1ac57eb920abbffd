"""Names in words and in ids: found whatever the script, and care is no name."""

from __future__ import annotations

import random
import string
import uuid

import pandas as pd
import pytest

import outcomes as oc
from outcomes.dictionary.instruments import registry
from outcomes.dictionary.tables import TABLES
from outcomes.errors import PrivacyError
from outcomes.privacy.guard import (
    identified_columns,
    refuse_identified,
    refuse_named_words,
    shown_headers,
)
from outcomes.privacy.names import identifying_ids, names_somebody

NAMED = [
    "knee, call Mary O’Neill", "knee Mrs O'Brien", "knee Mrs. Ó Dálaigh", "knee (J. O'Neill)",
    "knee, Anne-Marie d'Arc",
    "O’Brien, Patrick", "Marie-Claire Dubois", "Ludwig van Beethoven", "van der Berg, J.",
    "MARY ONEILL", "Dr. Nils", "dr Lee", "Herr Schmidt", "Mme Dupont", "Nguyễn Văn An",
    "José García", "Мария Иванова", "колено, Мария Иванова", "Νίκος Παπαδόπουλος", "محمد علي",
    "knee محمد علي", "राम शर्मा", "李小龍", "knee 山田太郎", "김철수", "שרה כהן", "สมชาย ใจดี",
    "Ann's knee", "Mary’s left shoulder", "his wife Joan's migraine", "PAUL'S KNEE",
    "O'Neill's neck", "Lee's back pain", "genou d'Ann", "Knie von Anna",
    "გიორგი", "Ma\u00adry Qua\u200bckenbush",
]  # fmt: skip
OF_CARE = [
    "Maladie d'Osgood", "Baker's cyst", "De Quervain's", "Crohn's disease", "Morton's neuroma",
    "Morbus Crohn", "M. Sudeck", "Long COVID", "Golfer's elbow", "Nurse's back", "Runner's knee",
    "Housemaid's knee", "Client's knee", "tendon d'Achille", "Women's Health", "Jumper's knee",
    "sciatica", "De Quervain", "Frozen Shoulder", "Tennis Elbow", "Carpal Tunnel Syndrome",
    "L4-L5 disc", "C5/6 radiculopathy", "post-op ACL 2 wk", "Low Back Pain", "LBP", "WAD II",
    "TMJ Dysfunction", "Plantar Fasciitis", "Bell's Palsy", "Baker Cyst", "Osgood Schlatter",
    "Usual Care", "Waiting List", "knee, post TKA", "left R. Knee", "Rotator Cuff Tear",
    "MS fatigue", "2x/wk x 6 wks, 60 min", "ROM better, no c/o", "Swedish; Deep Tissue",
    "Whiplash Injury (MVC)", "Arthrose Hüfte", "Ehlers-Danlos", "Migraine with Aura",
    "Knieschmerzen", "mal d'épaule", "боль в спине", "膝痛", "腰痛と肩こり", "통증",
    "ألم الركبة", "כאב ברך", "घुटने का दर्द", "ปวดหลัง",
]  # fmt: skip
CODES = [f"p{i:04d}" for i in range(150)]


@pytest.mark.parametrize("text", NAMED)
def test_a_name_is_known_by_its_shape(text):
    assert names_somebody(text)


@pytest.mark.parametrize("text", OF_CARE)
def test_words_of_care_name_nobody(text):
    frame = pd.DataFrame({"condition": [text]})
    assert identified_columns(frame) == {}


def test_nothing_that_the_dictionary_says_names_anybody():
    words = [
        word for spec in TABLES.values() for column in spec.columns for word in column.categories
    ]
    words += [text for name in registry() for text in (name, oc.instrument(name).title)]
    assert identified_columns(pd.DataFrame({"condition": words})) == {}


@pytest.mark.parametrize(
    "one",
    ["Mary O’Neill", "J. O'Neill", "Séamus Ó Dálaigh", "Quackenbush", "marguerite", "DASHIELL",
     "jsmith", "smith01", "ann2", "quackenbush_m", "Bo", "Ann", "Мария", "王芳", "1952-03-04",
     "19520304", "040352MO", "040352", "602-555-0100", "+44 7700 900123", "mary.q@example.org"],
)  # fmt: skip
def test_an_id_that_is_a_person_is_found_among_codes(one):
    assert list(identifying_ids([*CODES, one])) == [one]
    assert identifying_ids([one, "p1"])


def test_a_word_before_numbers_is_a_code_where_most_of_several_ids_have_it():
    assert [*identifying_ids(["046454286"]), *identifying_ids(["00000001"])] == ["046454286"]
    assert list(identifying_ids(["smith1234", "smith5678"])) == ["smith1234", "smith5678"]
    assert identifying_ids(["smith1234", "smith5678", "smith9012"]) == {}


def test_a_name_that_a_word_of_another_script_ends_with_is_found():
    assert names_somebody("the pain田中")
    assert not names_somebody("the pain")


DRAW = random.Random(1)
ALNUM = string.ascii_letters + string.digits
COLUMNS = {
    "counted": CODES,
    "own": [f"e-{''.join(DRAW.choices('bcdfghjkmnpqrstvwxyz', k=8))}" for _ in range(200)],
    "uuid": [str(uuid.UUID(int=DRAW.getrandbits(128))) for _ in range(200)],
    "hex": [f"{DRAW.getrandbits(48):012x}" for _ in range(200)],
    "letters and digits": ["".join(DRAW.choices(ALNUM, k=10)) for _ in range(200)],
    "letters": ["".join(DRAW.choices(string.ascii_lowercase, k=6)) for _ in range(200)],
    "trial": [f"US{100100 + i}" for i in range(60)],
    "site and patient": [f"01-{i:04d}-001" for i in range(60)],
    "prefix": [f"MSK{i:03d}" for i in range(60)],
    "six digits": [f"{DRAW.randrange(100_000, 999_999)}" for _ in range(200)],
    "in a row": [f"{100_101 + i}" for i in range(60)],
    "of ten digits, counted": [f"{2025000101 + i}" for i in range(12)],
    "clinic and patient": [f"{201 + i % 3}-{i // 3:04d}" for i in range(12)],
    "words of codes": ["a", "b", "site_a", "north", "clinic-2", "therapist_1", "t3", "patient 4"],
}


@pytest.mark.parametrize("ids", COLUMNS.values(), ids=COLUMNS)
def test_codes_are_no_names(ids):
    assert identifying_ids(ids) == {}


def test_birth_dates_as_ids_are_found_where_all_are_such():
    born = [f"{DRAW.randrange(1, 29):02d}{DRAW.randrange(1, 13):02d}{DRAW.randrange(30, 99)}"
            for _ in range(40)]  # fmt: skip
    assert set(identifying_ids(born)) == set(born)


@pytest.mark.parametrize(
    "shape",
    ["602{:03d}{:04d}", "+1602{:03d}{:04d}", "555-{1:04d}", "07700 {:03d} {:04d}",
     "0170/{:03d}{:04d}", "06 12 3{0:03d} {1:04d}", "T602{:03d}{:04d}", "AL1950{2:02d}{3:02d}"],
)  # fmt: skip
def test_telephones_and_birth_dates_of_all_people_are_no_codes(shape):
    draws = [
        (DRAW.randrange(200, 999), DRAW.randrange(10_000), i + 1, 2 * i + 1) for i in range(12)
    ]
    ids = [shape.format(*one) for one in draws]
    assert list(identifying_ids(ids)) == ids
    assert list(identifying_ids(ids[:2])) == (ids[:2] if "L" not in shape else [])  # a date of two


def test_one_long_number_among_codes_and_names_of_one_length_are_found():
    assert list(identifying_ids([*CODES, "6025550100"])) == ["6025550100"]
    names = ["Mary", "Anna", "John", "Emma", "Lucy", "Jane", "Mark", "Paul", "Rita", "Olga", "Nora"]
    assert [*identifying_ids(names)] == names


def test_a_refusal_names_column_kind_and_row_and_shows_no_cell():
    tables = {"episodes": pd.DataFrame({"patient_id": ["p1", "p2", "Quackenbush"],
                                        "condition": ["knee", "knee Mrs Lee", None]})}  # fmt: skip
    with pytest.raises(PrivacyError) as caught:
        refuse_identified(tables, "clinic.xlsx")
    told = str(caught.value)
    assert "episodes.patient_id: names, row 3; episodes.condition: a name, row 2" in told
    assert "Quackenbush" not in told
    assert "Lee" not in told
    with pytest.raises(PrivacyError, match="Give people codes, such as P001"):
        refuse_identified({"": tables["episodes"][["patient_id"]]}, "x")


def test_columns_of_numbers_are_left_to_the_rules():
    assert identified_columns(pd.DataFrame({"day": ["2025-01-07"], "score": ["7/10"]})) == {}


@pytest.mark.parametrize(
    ("header", "is_named", "shown"),
    [
        ("Appt date", False, True),
        ("PainBefore_2", False, True),
        ("Mary Quackenbush", False, False),
        ("quackenbush", False, False),
        ("zz_rsn_v2", True, True),  # the map's author has read it
        ("Mary Quackenbush", True, False),
        ("Mrs Featherstonehaugh", True, False),
        ("pain of torvald", True, False),  # a name of the export
        ("call 602-555-0100", True, False),
    ],
)
def test_a_header_is_shown_where_it_is_nobody(header, is_named, shown):
    named = [header] if is_named else []
    told = shown_headers(["x", header], named, {"torvald", "lee"})[header]
    assert told == (header if shown else "column 2")


@pytest.mark.parametrize(
    ("part", "text", "refused"),
    [
        ("[values] condition", "Quackenbush knee", True),
        ("[values] condition", "knee of lee", True),
        ("[values] condition", "low_back", False),
        ("[values] condition", "TMJ", False),
        ("[constants]", "07700 900123", True),
        ("title", "Lee study", True),
        ("title", "Scottsdale Massage Clinic, 2025", False),
        ("title", "Patients of Dr. Nils", True),
        ("[instruments]", "Bournemouth Questionnaire", False),
        ("[instruments]", "patient Mary Quackenbush", True),
        ("[instruments]", "Client Specific Scale", False),  # words of care
        ("[instruments]", "patient mary Quackenbush", False),
        ("title", "cas Marie Delacourt-Roux", True),
    ],
)
def test_a_map_keeps_no_word_that_may_be_a_name(part, text, refused):
    if refused:
        with pytest.raises(PrivacyError, match="name nobody") as caught:
            refuse_named_words({part: ["neck", text]}, {"lee"})
        assert f"({part}, word 2)" in str(caught.value)
        assert "uackenbush" not in str(caught.value)
    else:
        refuse_named_words({part: ["neck", text]}, {"lee"})
