"""The key file: which random id belongs to whom. It is kept outside the study, for its owner only.

Ids are random, never made from a name (45 CFR 164.514(c)). The file holds no name and no date: a
person is found in it by a slow digest (scrypt, RFC 7914) of what the export says, and each
person's own secret, which seals the dates of that person's visits, is locked with the same words.

What that is worth: who has the key file and the study has neither names nor dates, and who has the
key file can try a name that is known already, one in some milliseconds, not a million in a second.
Nobody without the key file can open a sealed date or try a name.
"""

from __future__ import annotations

import csv
import hashlib
import hmac
import io
import json
import os
import secrets
import struct
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from outcomes.errors import UsageError
from outcomes.folders import locked, write_file
from outcomes.plain_text import cleaned, neutralised, restored

Sealed = Mapping[str, Mapping[str, str]]
"""Patient to {course: date of its day 0 that only this patient's secret opens}."""
_TOLD = 500
"""Digests after which it is told how many are done."""
COST = 2**10
"""Work of one digest of a person's words (n of scrypt)."""
_LETTERS = "bcdfghjkmnpqrstvwxyz"
_ABOUT = (
    "Key to the random ids of one study. Keep it apart from the study, and safe: with it and an "
    "export people can be found again. Without it a later export cannot be added."
)


@dataclass
class KeyFile:
    """Random ids by kind and digest, and the locked secrets of patients.

    Parameters
    ----------
    study : str
        Random id of the studies that the key belongs to.
    secret : str
        Salt of the digests, hexadecimal.
    ids : dict
        Kind (``patient``, ``episode``, ``therapist``, ``clinic``) to {digest: id}.
    locks : dict of str to str
        Digest of a patient's words to that patient's secret, locked with the same words.

    Examples
    --------
    >>> key = new_key()
    >>> ada = key.id_of("patient", "ada|1950-01-01")
    >>> key.opened(key.sealed({"e": 7.0}, {"e": ada}))
    {'e': 7.0}
    """

    study: str
    secret: str
    ids: dict[str, dict[str, str]] = field(default_factory=dict)
    locks: dict[str, str] = field(default_factory=dict)
    _secrets: dict[str, bytes] = field(default_factory=dict, repr=False, compare=False)

    def __repr__(self) -> str:
        return f"KeyFile({sum(len(entries) for entries in self.ids.values())} entries)"

    def id_of(self, kind: str, *spellings: str) -> str:
        """Return the id of what any of the spellings stands for; a new random one where none is.

        Parameters
        ----------
        kind : str
            For example ``patient``; also gives the first letter of the id.
        *spellings : str
            Ways in which the export writes it; all lead to the id from now on.
        """
        known = self.ids.setdefault(kind, {})
        digests = dict(self._digest(kind, spelling) for spelling in spellings)
        first = next((digest for digest in digests if digest in known), None)
        one = known[first] if first else f"{kind[0]}-{_random_letters(8)}"
        known.update(dict.fromkeys(digests, one))
        if kind == "patient":
            lock = bytes.fromhex(self.locks[first]) if first else b""
            own = _crossed(lock, digests[first]) if first else secrets.token_bytes(32)
            self._secrets[one] = own
            self.locks.update({digest: _crossed(own, at).hex() for digest, at in digests.items()})
        return one

    def prepare(self, spellings: Iterable[str], told: Callable[[float], object]) -> None:
        """Digest what patients are spelled by on all processors; `told` which share is done.

        A slow digest takes some milliseconds: a hundred thousand people many minutes.
        """
        salt = bytes.fromhex(self.secret)
        slow = dict.fromkeys(spelling.partition("\0")[0] for spelling in spellings)
        words = [f"patient\0{own}".encode() for own in slow]
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for n, _ in enumerate(pool.map(lambda own: _slow_digest(own, salt), words), start=1):
                if not n % _TOLD:
                    told(n / len(words))

    def mark(self, words: str) -> str:
        """Return a digest of words that nobody makes or tries without the key; nothing is kept."""
        return self._digest("mark", words)[0]

    @property
    def patients(self) -> set[str]:
        """Ids of all patients that the key knows."""
        return set(self.ids.get("patient", {}).values()) - {""}

    def bind(self, kind: str, one: str, *spellings: str) -> None:
        """Let spellings lead to an id; to the empty one where they are of several people.

        A patient's id is one that `id_of` gave since the file was read.
        """
        own = self._secrets[one] if kind == "patient" and one else secrets.token_bytes(32)
        for digest, at in (self._digest(kind, spelling) for spelling in spellings):
            self.ids.setdefault(kind, {})[digest] = one
            if kind == "patient":
                self.locks[digest] = _crossed(own, at).hex()

    def known(self, kind: str, spelling: str) -> str | None:
        """Return the id that the key has given already; None where it gave none."""
        return self.ids.get(kind, {}).get(self._digest(kind, spelling)[0])

    def sealed(self, days: Mapping[str, float], patients: Mapping[str, str]) -> Sealed:
        """Return dates so that only the secrets of their patients open them.

        Parameters
        ----------
        days : mapping of str to float
            Course to the date of its day 0, in days since 1970-01-01.
        patients : mapping of str to str
            Course to its patient, one whose words `id_of` was given since the file was read.
        """
        whole: dict[str, dict[str, str]] = {}
        for course, day in days.items():
            nonce, patient = secrets.token_bytes(8), patients[course]
            pad = self._pad(patient, course, nonce)
            text = nonce.hex() + _crossed(struct.pack(">d", day), pad).hex()
            whole.setdefault(patient, {})[course] = text
        return whole

    def opened(self, sealed: Sealed) -> dict[str, float]:
        """Return the dates of those patients whose words `id_of` was given; see `sealed`."""
        days = {}
        for patient in sealed.keys() & self._secrets.keys():
            for course, text in sealed[patient].items():
                nonce, crossed = bytes.fromhex(text[:16]), bytes.fromhex(text[16:])
                pad = self._pad(patient, course, nonce)
                days[course] = float(struct.unpack(">d", _crossed(crossed, pad))[0])
        return days

    def _pad(self, patient: str, course: str, nonce: bytes) -> bytes:
        return hmac.digest(self._secrets[patient], course.encode() + nonce, "sha256")[:8]

    def _digest(self, kind: str, spelling: str) -> tuple[str, bytes]:
        """Return where words stand in the file, and what locks and unlocks there.

        The words before a zero byte are digested slowly, once for all that stands after one.
        """
        slow, _, quick = spelling.partition("\0")
        words, salt = f"{kind}\0{slow}".encode(), bytes.fromhex(self.secret)
        if kind in ("episode", "mark"):  # made of a random id
            return hmac.digest(salt, words, "sha256")[:16].hex(), b""
        whole = _slow_digest(words, salt)
        whole = hmac.digest(whole, quick.encode(), "sha512")[:48] if quick else whole
        return whole[:16].hex(), whole[16:]


@lru_cache(maxsize=1_000_000)
def _slow_digest(words: bytes, salt: bytes) -> bytes:
    return hashlib.scrypt(words, salt=salt, n=COST, r=8, p=1, dklen=48)


def new_key() -> KeyFile:
    """Return the key of a new study."""
    return KeyFile(study=f"s-{_random_letters(12)}", secret=secrets.token_hex(32))


def read_key(path: str | Path) -> KeyFile:
    """Return the key of a file; a new one where there is no file.

    Raises
    ------
    UsageError
        When the file is not a key, or one of an earlier version.
    """
    place = Path(path)
    if not place.exists():
        return new_key()
    try:
        content = json.loads(place.read_text(encoding="utf-8"))
        bytes.fromhex(content["secret"])
        ids = {str(kind): _texts(entries) for kind, entries in content["ids"].items()}
        locks = _texts(content["locks"])
        whole = {digest for digest, lock in locks.items() if len(bytes.fromhex(lock)) == 32}
        if whole != set(ids.get("patient", {})):
            raise ValueError
        return KeyFile(str(content["study"]), str(content["secret"]), ids, locks)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        must = "the key file is one that an import wrote, in this version"
        remedy = "Name the right file; or name a new one and a new folder, and import all exports."
        raise UsageError(must, got="something else", where=place.name, remedy=remedy) from None


def write_key(key: KeyFile, path: str | Path) -> None:
    """Write the key whole or not at all, readable and writable by its owner only.

    Parameters
    ----------
    key : KeyFile
        The key.
    path : str or Path
        Its file.
    """
    content: dict[str, Any] = {"about": _ABOUT, "study": key.study, "secret": key.secret,
                               "ids": key.ids, "locks": key.locks}  # fmt: skip
    write_file(path, json.dumps(content, indent=1).encode("utf-8"), private=True, replaces=True)


def _texts(entries: Mapping[Any, Any]) -> dict[str, str]:
    return {str(name): str(entry) for name, entry in entries.items()}


def _crossed(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))


def _random_letters(n: int) -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(n))


NAME = "who.csv"
COLUMNS = ("name", "record", "born", "condition", "course", "patient", "study")
"""Words of the export, the year of birth, and the ids that a letter or a finding names."""
Entry = tuple[str, ...]


def read_who(key_file: Path) -> list[Entry]:
    """Return the entries of the file beside a key file; none where there is no such file.

    Parameters
    ----------
    key_file : Path
        The key file.

    Returns
    -------
    list of tuple of str
        In the order of `COLUMNS`.

    Raises
    ------
    UsageError
        When a file of this name is no such list.
    """
    place = key_file.with_name(NAME)
    try:
        with place.open(encoding="utf-8-sig", newline="") as lines:
            header, *rows = csv.reader(lines, strict=True)
    except FileNotFoundError:
        return []
    except (OSError, ValueError, csv.Error):
        header, rows = [], []
    if tuple(header) != COLUMNS or any(len(row) != len(COLUMNS) for row in rows):
        must = f"{NAME} beside the key file is the list that an import wrote"
        remedy = "Move it, or keep the key file in a folder of its own. Nothing was changed."
        raise UsageError(must, got="another file", remedy=remedy)
    return [tuple(restored(cell) for cell in row) for row in rows]


def write_who(entries: Iterable[Entry], key_file: Path) -> None:
    """Add entries to the file beside a key file, for its owner only.

    Parameters
    ----------
    entries : iterable of tuple of str
        In the order of `COLUMNS`; one that is there already is not written twice.
    key_file : Path
        The key file, locked.
    """
    place = key_file.with_name(NAME)
    with locked(place), io.StringIO(newline="") as lines:
        writer = csv.writer(lines)
        writer.writerow(COLUMNS)
        fresh = (tuple(map(cleaned, entry)) for entry in entries)
        for entry in sorted({*read_who(key_file), *fresh}):
            writer.writerow([neutralised(cell) for cell in entry])
        content = lines.getvalue().encode("utf-8-sig")
        write_file(place, content, private=True, replaces=True)
