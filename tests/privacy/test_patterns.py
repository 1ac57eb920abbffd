"""What looks like an identifier, and what must not: scores, scripts and ids of studies."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from outcomes.privacy.guard import identified_columns, scan
from outcomes.privacy.patterns import PATTERNS, found_in, name_words, plain, words_in
from outcomes.privacy.risk import age_band

LOOKS = {
    "email": ["mail a.b+c@example.co.uk now", "a.b (at) example.org", "a.b at example dot org"],
    "url": ["see www.example.org", "https://example.org/x"],
    "ip": ["from 192.0.2.17", "2001:db8:0:1:1:1:1:1", "2001:db8::1"],
    "ssn": ["SSN 123-45-6789", "AB 12 34 56 C", "756.1234.5678.97",
            "010190-1234", "131052-308T", "850709-9805", "850101/1234", "85.07.30-033.28",
            "1237 010180", "11010519491231002X", "12345678Z", "X1234567L", "1234567TW",
            "RSSMRA85T10A562S", "HEGG560427MVZRRL04", "ABCPE1234F", "12 190367 K 006",
            "QQ 12 34 56 A", "QQ123456C"],
    "initials": ["A.L. 1961", "neck (A. L., born 1961)", "J.D. 03/61", "MQ *1950", "M.Q. b. 50",
                 "AL 1961", "R.S., 62"],
    "handle": ["knee @annlee_77", "insta: annlee77", "see facebook annlee", "fb:annlee",
               "see FB annlee"],
    "phone": ["(602) 555-0100", "602-555-0100", "602.555.0100", "+1 602 555 0100",
              "+44 20 7946 0958", "07700 900123", "020 7946 0958", "0170-1234567", "0170/1234567",
              "06 12 34 56 78", "0412 345 678", "98765 43210", "138 1234 5678", "090-1234-5678",
              "12 34 56 78", "01.55.01.23.45", "612 345 678", "8 (912) 345-67-89", "070-123 45 67",
              "٠٧٧٠٠ ٩٠٠١٢٣", "０９０－１２３４－５６７８", "call 5550100"],
    "local phone": ["call 555-0100"],
    "date": ["05/04/2026", "5/4/26", "2026-05-04", "04.05.2026", "4 May 2026", "May 4, 2026",
             "20250107", "07012025", "7Jan2025", "07JAN25", "7. 1. 2025", "4. März 1952",
             "7 de enero de 2025", "7 janvier 2025", "7 января 2025", "2025年1月7日", "Mar 2025",
             "DOB 040352", "٠٧/٠١/٢٠٢٥", "2026‑05‑04"],
    "street": ["1552 Palo Verde Ave", "12 Elm St.", "9 Long Hill Road", "Hauptstraße 12",
               "Musterstr. 5", "12 rue de la Paix", "Calle Mayor 3", "PO Box 77"],
    "zip": ["85142-1234", "zip 85142", "SW1A 1AA", "K1A 0B1", "8001 Zürich", "PLZ 8001"],
    "record": ["MRN173248", "mrn: 173248", "chart 7741", "patient no. 4711-2", "Akte 4711-A"],
    "plan": ["policy no. 12345", "plan number ABC12345", "member id 99812A", "1EG4-TE5-MK73"],
    "account": ["acct 889912", "DE89 3704 0044 0532 0130 00"],
    "licence": ["licence 882731", "driver's license no. D1234567", "NPI 1234567893"],
    "vehicle": ["VIN 1HGCM82633A004352", "1HGCM82633A004352", "plate 7ABC123"],
    "plate": ["seen ABC-1234", "7ABC123", "AB12 CDE", "AB-123-CD", "M-AB 1234"],
    "device": ["serial SN-99812", "pump 88A1234", "(01) 00844588003288"],
    "claim": ["claim CLM-78106871", "appt #99213"],
    "long number": ["78106871"],
}  # fmt: skip
NOTHING = ["7/10", "3-4", "2x/wk x 6 wks, 60 min", "pain 2 in 3 weeks", "001-0001", "5 - deep",
           "3 (medium)", "60 min", "1 hr", "ROM better, no c/o", "1.5", "12", "a-b_c", "at 9::30",
           "scar at 12 dot", "R.A. 2015", "TKR 2019", "L.W.S.", "ORIF 2021", "MS 1998",
           "found us on facebook", "GH instability", "FB sensation", "Z.n. OP 2019"]  # fmt: skip


def test_every_kind_has_an_example():
    assert set(LOOKS) == set(PATTERNS)


@pytest.mark.parametrize(("kind", "cell"), [(k, c) for k, cells in LOOKS.items() for c in cells])
def test_shapes_are_known(kind, cell):
    assert found_in(pd.Series([cell, None, "better"]), kind).tolist() == [True, False, False]


@pytest.mark.parametrize("cell", NOTHING)
def test_what_clinics_write_is_no_identifier(cell):
    kinds = [k for k in PATTERNS if k != "local phone" and found_in(pd.Series([cell]), k).any()]
    assert kinds == []


def test_names_are_found_whatever_case_and_accents():
    words = name_words(["Hugo Grünwald", "Dr. Ada M. Øst-Lee", "Mrs. Bo"])
    assert words == {"hugo", "grunwald", "ada", "ost", "lee"}
    cells = pd.Series(["asked HUGO", "GRÜNWALD?", "grunwalder", None, "bo knows"])
    assert words_in(cells, words).tolist() == [True, True, False, False, False]


@given(st.text(max_size=30))
def test_plain_text_is_plain_already(text):
    assert plain(plain(text)) == plain(text)


def test_a_column_of_nothing_holds_nothing():
    empty = pd.Series([None, None], dtype=object)
    assert not found_in(empty, "email").any()
    assert identified_columns(pd.DataFrame({"Notes": empty})) == {}


def test_a_scan_tells_columns_kinds_and_rows():
    cells = pd.DataFrame({"goal": ["walk", "call 602-555-0100"], "by": ["Lee", "x"],
                          "when": ["2026-05-04", None]})  # fmt: skip
    found = scan(cells, ["goal", "by", "when"], {"lee"}, ["when"])
    assert [(s.column, s.kind, s.rows, s.count) for s in found] == [
        ("goal", "phone", (2,), 1), ("by", "name", (1,), 1),
    ]  # fmt: skip


def test_ages_in_bands():
    ages = pd.Series([0, 9, 9.9, 10, 89, 89.9, 90, 112, float("nan"), -1])
    assert age_band(ages).tolist() == [
        "0-9", "0-9", "0-9", "10-19", "80-89", "80-89", "90+", "90+", None, None,
    ]  # fmt: skip


def test_what_is_found_in_cells_stands_on_their_index():
    cells = pd.Series(["call 602-555-0100", None, "better"], index=[5, 9, 7])
    for found in (found_in(cells, "phone"), words_in(cells, ["call"])):
        assert found.to_dict() == {5: True, 9: False, 7: False}
        assert found.dtype == bool


def test_a_title_before_a_name_is_a_kind_of_its_own():
    cells = pd.DataFrame({"notes": ["better", None, "told Dr. Nils", "told nils"]})
    found = [(one.kind, one.rows) for one in scan(cells, ["notes"], ["nils"], [])]
    assert found == [("title", (3,)), ("name", (3, 4))]
    assert scan(cells, ["notes"], ["nils"], ["notes"]) == []
