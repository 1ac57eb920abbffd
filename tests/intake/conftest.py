"""A small clinic, invented: two courses of two visits, a pain score at the start of each."""

from __future__ import annotations

import pytest

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
