"""Verify a report: make it again from the same data and say what is equal."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import msgspec
import numpy as np
import pandas as pd

from outcomes.errors import DataError
from outcomes.folders import contents
from outcomes.questions.plan import read_plan
from outcomes.render.provenance_files import RUN
from outcomes.render.report import ESTIMATES, report
from outcomes.storage import digest
from outcomes.study import Study

TOLERANCE = 1e-6
State = Literal["equal", "equal within tolerance", "different"]


@dataclass(frozen=True)
class Verification:
    """What a verification found.

    Parameters
    ----------
    state : {"equal", "equal within tolerance", "different"}
        Over all files.
    differences : tuple of str
        What differs, one sentence each; empty when equal.
    """

    state: State
    differences: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether the estimates agree, to the byte or within tolerance."""
        return self.state != "different"


def verify(folder: str | Path, study: Study, plan: Any = None) -> Verification:
    """Make a report again and compare it with the one in `folder`.

    Parameters
    ----------
    folder : str or Path
        A folder that `report` wrote.
    study : Study
        The study it was made from.
    plan : Plan, path or mapping, optional
        Analysis plan that the report must have been made under.

    Returns
    -------
    Verification
        Estimates are compared to 1e-6 of their size where their bytes differ.

    Raises
    ------
    DataError
        When the folder holds no report.
    """
    old = Path(folder)
    record = _record(old)
    if record.data.sha256 != digest(study):
        words = "the data are not those of the report: their SHA-256 differs."
        return Verification("different", (words,))
    if plan is not None and json.loads(read_plan(plan).text) != record.options.plan:
        made = "another plan" if record.options.plan else "no plan"
        return Verification("different", (f"the report was made under {made}.",))
    with tempfile.TemporaryDirectory() as place:
        new = report(study, Path(place) / "again", **msgspec.structs.asdict(record.options))
        names = {path.name for folder in (old, new) for path in contents(folder)}
        changed = [name for name in sorted(names) if _bytes(old, name) != _bytes(new, name)]
        if not changed:
            return Verification("equal", ())
        found = _estimate_differences(old / ESTIMATES, new / ESTIMATES)
    if found:
        return Verification("different", found)
    made = record.versions.get("outcomes", "of an unknown version")
    told = (f"{name} has other bytes; it was made with outcomes {made}." for name in changed)
    return Verification("equal within tolerance", tuple(told))


class _Data(msgspec.Struct, frozen=True):
    sha256: str


class _Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a report can be made again with: nothing else is passed on."""

    formats: tuple[str, ...]
    audience: str
    instrument: str | None
    plan: dict[str, Any] | None
    as_if_real: bool
    date: str
    anyway: bool = False


class _Run(msgspec.Struct, frozen=True):
    data: _Data
    options: _Options
    versions: dict[str, str]


def _record(folder: Path) -> _Run:
    if not (folder / RUN).is_file() or not (folder / ESTIMATES).is_file():
        must = f"the folder holds a report ({RUN} and {ESTIMATES})"
        raise DataError(must, got="a folder without one", where=folder.name)
    try:
        return msgspec.json.decode((folder / RUN).read_bytes(), type=_Run)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        must = f"{RUN} holds what `report` wrote there: data, options, versions"
        remedy = "Make the report again; one whose record was changed cannot be verified."
        raise DataError(must, got="something else", where=RUN, remedy=remedy) from None


def _bytes(folder: Path, name: str) -> bytes:
    path = folder / name
    return path.read_bytes() if path.is_file() else b""


def _estimate_differences(old: Path, new: Path) -> tuple[str, ...]:
    try:
        first, second = pd.read_csv(old), pd.read_csv(new)
    except (ValueError, OSError):
        return (f"{old.name} is no table.",)
    if list(first.columns) != list(second.columns) or len(first) != len(second):
        return (f"{old.name} has other rows or columns.",)
    return tuple(
        f"{old.name}: column {name} differs in {n} of {len(first)} rows."
        for name in first.columns
        if (n := _n_different(first[name], second[name]))
    )


def _n_different(one: pd.Series[Any], other: pd.Series[Any]) -> int:
    if pd.api.types.is_numeric_dtype(one) and pd.api.types.is_numeric_dtype(other):
        close = np.isclose(one.astype(float), other.astype(float), rtol=TOLERANCE, atol=1e-9,
                           equal_nan=True)  # fmt: skip
        return int((~close).sum())
    return int((one.fillna("").astype(str) != other.fillna("").astype(str)).sum())
