"""Cleaning as declared rules: each cell that a rule changes is counted under the rule's name."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import pandas as pd

from outcomes.intake.column_map import ColumnMap
from outcomes.intake.toml_records import folded
from outcomes.plain_text import cleaned
from outcomes.privacy.manifest import Step

_DECIMAL_COMMA = re.compile(r"-?\d+,\d+")


def clean(
    text: pd.Series[Any], column: str, target: str, mapped: ColumnMap
) -> tuple[pd.Series[Any], list[Step]]:
    """Return the cells of a column as the map's rules read them, with what each rule changed.

    Parameters
    ----------
    text : Series of str
        Cells, shape (rows,).
    column : str
        Name of the column in the file.
    target : str
        Contract column, or ``INSTRUMENT.TIMING`` of a score, that the cells are for.
    mapped : ColumnMap
        Its ``empty`` words come first, then its ``values`` for the target, then its ``rules`` in
        the order they stand. The first one that is for a cell reads it.

    Returns
    -------
    Series of str, list of Step
    """
    empty = {folded(word) for word in mapped.file.empty}
    words = {folded(k): v for k, v in mapped.words.get(target, {}).items()}
    rules = [r for r in mapped.rules if column in r.columns and r.target in ("", target)]
    counts: Counter[str] = Counter()
    read: dict[str, tuple[str, str | None]] = {}
    for cell, n in text.dropna().value_counts().items():
        plainly = cleaned(str(cell))
        word = folded(plainly)
        name, becomes = "", plainly
        if word in empty:
            name, becomes = "means empty", ""
        elif word in words:
            name, becomes = "words of the map", words[word]
        else:
            found = ((rule.name, rule.read(" ".join(plainly.split()))) for rule in rules)
            name, becomes = next(((n, b) for n, b in found if b is not None), ("", plainly))
        if not name and mapped.file.decimal == "," and _DECIMAL_COMMA.fullmatch(str(cell)):
            name, becomes = "decimal comma", str(cell).replace(",", ".")
        if not name and plainly != cell:
            name = "control characters taken out"
        read[str(cell)] = (name, becomes or None)
        if name and becomes != cell:
            counts[name] += int(n)
    done = text.map(lambda cell: read[cell][1], na_action="ignore").astype(object)
    return done.where(done.notna(), None), [Step(name, column, n) for name, n in counts.items()]
