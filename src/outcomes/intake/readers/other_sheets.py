"""Sheets of a workbook that are not of the rows: facts of clients beside them, scores below."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from outcomes.intake.dates import AFTER_DATE
from outcomes.intake.readers.table import FileFormat, Rows, distinct
from outcomes.intake.refusals import refuse
from outcomes.privacy.clients import clients_of
from outcomes.privacy.patterns import plain

Kinds = Mapping[str, Sequence[str]]
"""Kind of identifier to the columns of a sheet that hold it."""
_TELLING = ("name", "birth_date", "record", "phone", "email")


def known_by(cells: pd.DataFrame, columns: Mapping[str, str]) -> pd.Series[str]:
    """Return what each row is known by: a record or day as written, a name in any order of words.

    Parameters
    ----------
    cells : DataFrame of str
        Rows of a sheet.
    columns : mapping of str to str
        Its columns to those of the rows that they are held against; parts of a name to one.

    Examples
    --------
    >>> cells = pd.DataFrame({"First": ["Ann"], "Last": ["Lee"]})
    >>> known_by(cells, {"First": "Client", "Last": "Client"}).tolist()
    ['ann lee']
    """
    whole = one_each(cells, columns).map(_same)
    return whole.agg("|".join, axis=1).where((whole != "").all(axis=1))


def one_each(cells: pd.DataFrame, columns: Mapping[str, str]) -> pd.DataFrame:
    """Return the columns of a sheet under the names of the rows' own; parts of one joined."""
    parts: dict[str, list[str]] = {}
    for theirs, ours in columns.items():
        parts.setdefault(ours, []).append(theirs)
    joined = {ours: cells[own].fillna("").agg(" ".join, axis=1).str.strip()
              for ours, own in parts.items()}  # fmt: skip
    return pd.DataFrame(joined, dtype=object)


def _same(cell: str) -> str:
    words = plain(AFTER_DATE.sub("", cell.strip())).split()
    return " ".join(words if any(map(str.isdigit, "".join(words))) else sorted(words))


def looked_up(rows: Rows, sheet: Rows, columns: Mapping[str, str], where: str) -> Rows:
    """Return the rows with what a sheet says of each client, or of each visit.

    Raises
    ------
    DataError
        When a client stands there twice, or a column is not there.
    """
    _refuse_absent(rows, sheet, columns, where)
    theirs = known_by(sheet.cells, columns)
    if theirs.dropna().duplicated().any():
        refuse("looked_up_twice", where)
    ours = known_by(rows.cells, {name: name for name in columns.values()})
    facts = sheet.cells.drop(columns=[*columns])[theirs.notna()].set_axis(theirs.dropna())
    names = distinct([*rows.cells, *facts])[rows.cells.shape[1] :]
    found = facts.set_axis(names, axis=1).reindex(ours).set_axis(rows.cells.index)
    cells = pd.concat([rows.cells, found.astype(object).where(found.notna(), None)], axis=1)
    n_alone = int((~theirs.isin(ours)).sum())
    told = {"rows of a further sheet without a visit": n_alone} if n_alone else {}
    told = {**rows.skipped, **told}
    return replace(rows, cells=cells, skipped=told, facts=(*rows.facts, tuple(names)))


def said_of(known: pd.Series[str], cells: pd.DataFrame, kinds: Kinds) -> pd.DataFrame:
    """Return what a sheet says of whose its rows are, each different thing once."""
    own = {f"{kind} {i}": cells[name] for kind in _TELLING
           for i, name in enumerate(kinds.get(kind, ())) if name in cells}  # fmt: skip
    said = pd.DataFrame({"known": known, **own}, dtype=object)
    return said.dropna(subset="known").drop_duplicates()


def n_of_several(ours: pd.DataFrame, theirs: pd.DataFrame, *, numbered: bool) -> int:
    """Return how many of those who stand in both sheets are several people.

    Parameters
    ----------
    ours, theirs : DataFrame
        Of the visits and of the other sheet, as `said_of` returns it.
    numbered : bool
        Whether a number tells whose rows are, so that both sheets may write names otherwise.

    Examples
    --------
    >>> known = pd.Series(["ann lee", "ann lee"])
    >>> ours = said_of(known, pd.DataFrame({"DOB": ["1950", "1990"]}), {"birth_date": ["DOB"]})
    >>> n_of_several(ours, pd.DataFrame({"known": known[:1]}), numbered=False)
    1
    """
    ours = ours[ours["known"].isin(theirs["known"])]
    parts = [ours]
    if not numbered:
        kinds = [{str(name).split()[0] for name in said} for said in (ours, theirs)]
        both = pd.concat([ours, theirs])
        parts += [both[[name for name in both if str(name).split()[0] in kinds[0] & kinds[1]]]]
    return len({known for part in parts for known in _of_several(part)})


def _of_several(said: pd.DataFrame) -> list[str]:
    texts = said.astype(object).where(said.notna(), None)
    held = {kind: [texts[name].tolist() for name in texts if str(name).startswith(kind)]
            for kind in _TELLING}  # fmt: skip
    names = [" ".join(filter(None, parts)) or None for parts in zip(*held["name"], strict=True)]
    births, records = ([*held[kind], [None] * len(said)][0] for kind in ("birth_date", "record"))
    people = clients_of(names or said["known"].tolist(), births, records,
                        held["phone"] + held["email"])  # fmt: skip
    n_people = pd.Series(people.of_row).groupby(said["known"].to_numpy()).nunique()
    return [str(known) for known in n_people.index[n_people > 1]]


def refuse_namesakes(rows: Rows, form: FileFormat, kinds: Kinds, where: str) -> None:
    """Raise `DataError` where several people of the visits would get what a sheet says of one."""
    for facts, columns in zip(rows.facts, form.looked_up.values(), strict=False):
        known = known_by(rows.cells, {name: name for name in columns.values()})
        found = rows.cells[[*facts]].notna().any(axis=1)
        own = {kind: [name for name in facts if name in held or name.removesuffix(" (2)") in held]
               for kind, held in kinds.items()}  # fmt: skip
        ours = {kind: [name for name in held if name not in facts] for kind, held in kinds.items()}
        telling = {name for kind in _TELLING if kind != "record" for name in kinds.get(kind, ())}
        n = n_of_several(said_of(known[found], rows.cells[found], ours),
                         said_of(known[found], rows.cells[found], own),
                         numbered=telling.isdisjoint(columns.values()))  # fmt: skip
        if n:
            refuse("looked_up_of_several", where, n=n, names=", ".join(columns.values()))


def below(rows: Rows, sheet: Rows, columns: Mapping[str, str], where: str) -> Rows:
    """Return the rows, and below them those of a sheet of scores, under the rows' headers."""
    _refuse_absent(rows, sheet, columns, where)
    own = one_each(sheet.cells, columns)
    own = pd.concat([own.where(own != "", None), sheet.cells.drop(columns=[*columns])], axis=1)
    cells = pd.concat([rows.cells, own], ignore_index=True).astype(object)
    return replace(
        rows, cells=cells.where(cells.notna(), None), sheets=(*rows.sheets, *sheet.sheets),
        numbers=np.concatenate([rows.numbers, sheet.numbers]),
        skipped={**rows.skipped, **sheet.skipped},
    )  # fmt: skip


def _refuse_absent(rows: Rows, sheet: Rows, columns: Mapping[str, str], where: str) -> None:
    absent = [*(name for name in columns if name not in sheet.cells),
              *(name for name in columns.values() if name not in rows.cells)]  # fmt: skip
    if absent:
        refuse("absent_from_sheet", where, names=", ".join(absent))
