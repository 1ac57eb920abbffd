"""The key file: which random id belongs to whom. It is kept outside the study, for its owner only.

Ids are random, never made from a name (45 CFR 164.514(c)). The file itself holds no name: a person
is found in it by a keyed digest of what the export says, so it opens only together with an export.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from outcomes.errors import UsageError
from outcomes.folders import write_file

_LETTERS = "bcdfghjkmnpqrstvwxyz"
_ABOUT = (
    "Key to the random ids of one study. Keep it apart from the study, and safe: with it and an "
    "export people can be found again. Without it a later export cannot be added."
)


@dataclass
class KeyFile:
    """Random ids by kind and keyed digest, and the calendar date of each course's day 0.

    Parameters
    ----------
    study : str
        Random id of the study that the key belongs to.
    secret : str
        Secret of the digests, hexadecimal.
    ids : dict
        Kind (``patient``, ``episode``, ``therapist``, ``clinic``) to {digest: id}.
    anchors : dict
        Revision of the study to {episode_id: date of day 0, in days since 1970-01-01}; the last
        two are kept.

    Examples
    --------
    >>> key = new_key()
    >>> key.id_of("patient", "ada|1950-01-01") == key.id_of("patient", "ada|1950-01-01")
    True
    """

    study: str
    secret: str
    ids: dict[str, dict[str, str]] = field(default_factory=dict)
    anchors: dict[str, dict[str, float]] = field(default_factory=dict)

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
        digests = [self._digest(kind, spelling) for spelling in spellings]
        found = next((known[digest] for digest in digests if digest in known), None)
        one = found or f"{kind[0]}-{_random_letters(8)}"
        known.update(dict.fromkeys(digests, one))
        return one

    def known(self, kind: str, spelling: str) -> str | None:
        """Return the id that the key has given already; None where it gave none."""
        return self.ids.get(kind, {}).get(self._digest(kind, spelling))

    def _digest(self, kind: str, spelling: str) -> str:
        message = f"{kind}\0{spelling}".encode()
        return hmac.new(bytes.fromhex(self.secret), message, hashlib.sha256).hexdigest()[:32]

    def with_revision(self, revision: str, anchors: dict[str, float], before: str) -> KeyFile:
        """Return the key with the anchors of a new revision, beside those of the one before."""
        kept = {before: self.anchors[before]} if before in self.anchors else {}
        return KeyFile(self.study, self.secret, self.ids, {**kept, revision: anchors})


def new_key() -> KeyFile:
    """Return the key of a new study."""
    return KeyFile(study=f"s-{_random_letters(12)}", secret=secrets.token_hex(32))


def new_revision() -> str:
    """Return a random name for one state of a study."""
    return f"r-{_random_letters(12)}"


def read_key(path: str | Path) -> KeyFile:
    """Return the key of a file; a new one where there is no file.

    Raises
    ------
    UsageError
        When the file is not a key.
    """
    place = Path(path)
    if not place.exists():
        return new_key()
    try:
        content = json.loads(place.read_text(encoding="utf-8"))
        bytes.fromhex(content["secret"])
        ids = {str(kind): dict(entries) for kind, entries in content["ids"].items()}
        anchors = {
            str(name): {str(course): float(day) for course, day in days.items()}
            for name, days in content["anchors"].items()
        }
        return KeyFile(str(content["study"]), str(content["secret"]), ids, anchors)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        must = "the key file is one that an import wrote"
        remedy = "Name the right file, or a new one for a new study."
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
                               "ids": key.ids, "anchors": key.anchors}  # fmt: skip
    write_file(path, json.dumps(content, indent=1).encode("utf-8"), private=True, replaces=True)


def _random_letters(n: int) -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(n))
