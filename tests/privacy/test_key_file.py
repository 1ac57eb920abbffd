"""The key file: ids for those who have an export, no date and no cheap guess for anybody else."""

from __future__ import annotations

import json
import os
import re
import stat
import struct

import pytest

from outcomes.errors import UsageError
from outcomes.privacy import key_file
from outcomes.privacy.key_file import (
    COLUMNS,
    NAME,
    new_key,
    read_key,
    read_who,
    write_key,
    write_who,
)

DAY = 20107.0  # 2025-01-19


@pytest.fixture
def place(tmp_path):
    return tmp_path / "safe" / "key.json"


def test_ids_stay_with_a_person_under_every_spelling(place):
    key = new_key()
    one = key.id_of("patient", "lee|1950")
    assert key.id_of("patient", "leigh|1950", "lee|1950") == one
    write_key(key, place)
    again = read_key(place)
    assert again.id_of("patient", "leigh|1950") == one
    assert again.id_of("therapist", "lee|1950") != one
    assert again.study == key.study
    assert "lee" not in place.read_text(encoding="utf-8")
    assert repr(key) == "KeyFile(2 entries)"
    if os.name == "posix":
        assert stat.S_IMODE(place.stat().st_mode) == 0o600


def test_a_date_is_opened_by_the_words_of_its_patient_alone(place):
    key = new_key()
    ada, bob = key.id_of("patient", "ada|1950"), key.id_of("patient", "bob|1960")
    sealed = key.sealed({"e1": DAY, "e2": DAY - 1.5, "e3": DAY}, {"e1": ada, "e2": ada, "e3": bob})
    write_key(key, place)
    again = read_key(place)
    assert again.opened(sealed) == {}
    again.id_of("patient", "ada|1950", "ada m|1950")
    assert again.opened(sealed) == {"e1": DAY, "e2": DAY - 1.5}
    write_key(again, place)
    later = read_key(place)
    later.id_of("patient", "ada m|1950")
    assert later.opened(sealed) == {"e1": DAY, "e2": DAY - 1.5}


def test_key_and_sealed_dates_hold_no_date(place):
    key = new_key()
    course = {"e": key.id_of("patient", "ada|1950")}
    one, other = key.sealed({"e": DAY}, course), key.sealed({"e": DAY}, course)
    assert one != other  # the same date never looks the same
    write_key(key, place)
    text = place.read_text(encoding="utf-8") + json.dumps(one)
    plainly = struct.pack(">d", DAY).hex()
    assert not re.search(r"20107\.0|2025-01|1950-|" + plainly, text)
    first, second = (bytes.fromhex(sealed[course["e"]]["e"])[8:] for sealed in (one, other))
    assert first != second  # so that a later sealing says nothing about the days between


def test_one_guess_of_a_name_costs_a_slow_digest(monkeypatch):
    key, asked = new_key(), []
    real = key_file.hashlib.scrypt
    monkeypatch.setattr(
        key_file.hashlib, "scrypt", lambda *a, **o: asked.append(o["n"]) or real(*a, **o)
    )
    for kind in ("patient", "therapist", "clinic"):
        key.id_of(kind, "ada")
    assert asked == [1024] * 3


@pytest.mark.parametrize(
    "change",
    [{"locks": {}}, {"locks": {"a": "00"}}, {"secret": "zz"}, {"ids": []}, {"ids": {"patient": 3}}],
)
def test_a_key_that_was_meddled_with_is_refused(place, change):
    key = new_key()
    key.id_of("patient", "ada")
    write_key(key, place)
    content = json.loads(place.read_text(encoding="utf-8")) | change
    place.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(UsageError) as refused:
        read_key(place)
    assert str(refused.value) == (
        "the key file is one that an import wrote, in this version; got something else (key.json). "
        "Name the right file; or name a new one and a new folder, and import all exports."
    )


def test_who_is_listed_once_in_order_and_no_cell_is_a_formula(place):
    place.parent.mkdir()
    first = ("Lee, Ann", "7", "1950", "neck", "e-1", "p-1", "s-1")
    formula = ("=1+1", "", "", "neck", "e-2", "p-2", "s-1")
    assert read_who(place) == []
    write_who([formula, first], place)
    write_who([first, ("Ann\nRay", "", "", "", "e-0", "p-0", "s-1")], place)
    ray = ("Ann Ray", "", "", "", "e-0", "p-0", "s-1")
    assert read_who(place) == sorted([first, formula, ray])
    text = place.with_name(NAME).read_text(encoding="utf-8-sig")
    assert text.splitlines()[0] == ",".join(COLUMNS)
    assert "\n=1" not in text
    if os.name == "posix":
        assert stat.S_IMODE(place.with_name(NAME).stat().st_mode) == 0o600


@pytest.mark.parametrize("text", ["", "name\n", ",".join(COLUMNS) + "\none,two\n", '"'])
def test_a_list_that_no_import_wrote_is_refused(place, text):
    place.parent.mkdir()
    place.with_name(NAME).write_text(text, encoding="utf-8")
    with pytest.raises(UsageError) as refused:
        read_who(place)
    assert str(refused.value) == (
        "who.csv beside the key file is the list that an import wrote; got another file. Move it, "
        "or keep the key file in a folder of its own. Nothing was changed."
    )


def test_what_the_key_knows_and_what_it_only_marks():
    key = new_key()
    one = key.id_of("patient", "ada")
    assert (key.known("patient", "ada"), key.known("patient", "bob")) == (one, None)
    assert key.known("visit", "ada") is None
    assert key.mark("ada") == key.mark("ada") != key.mark("bob")
    key.bind("patient", "", "two of them")
    assert key.known("patient", "two of them") == ""
    assert key.patients == {one}
    key.bind("patient", one, "ada m")
    assert key.id_of("patient", "ada m") == one
    shares = []
    key.prepare((f"n{i}\0{j}" for i in range(3) for j in range(2)), shares.append)
    assert shares == []  # told every five hundred
    assert re.fullmatch(r"p-[bcdfghjkmnpqrstvwxyz]{8}", one)
    assert re.fullmatch(r"s-[bcdfghjkmnpqrstvwxyz]{12}", key.study)
