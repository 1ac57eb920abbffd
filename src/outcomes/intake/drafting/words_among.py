"""Questions about words that stand where numbers are due: what each of them means."""

from __future__ import annotations

import re
from collections.abc import Iterator

from outcomes.dictionary.instruments import registry
from outcomes.dictionary.tables import TIMINGS
from outcomes.intake.column_map import read_column_map
from outcomes.intake.drafting.draft import FEW, Content, ask
from outcomes.intake.drafting.seen import Seen
from outcomes.intake.map_sections import NOTHING
from outcomes.intake.typed_cells import clean, read_numbers, targets_of


def words_among(seen: Seen, content: Content) -> Iterator[Content]:
    """Ask what words among scores and minutes mean, where the map so far does not read them."""
    mapped = read_column_map({name: own for name, own in content.items() if name != "questions"})
    tops = {"assessments.score": 1000.0, "sessions.minutes": 600.0}
    tops |= {f"{name}.{when}": one.maximum for name, one in registry().items() for when in TIMINGS}
    targets = {**targets_of(mapped), **{part.score: own for part in mapped.wide
                                        for own in part.columns.values()}}  # fmt: skip
    for target, header in targets.items():
        top, column = tops.get(target), seen.columns[header]
        role = seen.roles.get(header)  # none of a column of nothing but words
        if top is None:
            continue
        cells = column.cells
        for entry in (own for own in content.get("leave_out", ()) if "not" in own):
            cells = cells[seen.columns[entry["column"]].cells.isin(entry["not"])]
        read, _ = clean(cells, header, target, mapped)
        odd = cells[read.notna() & read_numbers(read).isna()].unique()
        rules = [own for own in content.get("status", ()) if own.get("column") == header]
        missed = [cell for cell in odd if any(cell in own.get("is", ()) for own in rules)]
        yield {"values": {target: dict.fromkeys(missed, NOTHING)}} if missed else {}
        told = [cell for cell in odd if cell not in missed and not seen.is_private(cell)
                and not (role and role.place == "service")]  # fmt: skip
        for cell in told[:FEW]:
            stated = [f"{int(n)}" for n in re.findall(r"\d+", cell) if int(n) <= top]
            listed = map(str, range(int(top) + 1 if top <= 10 else 0))
            likely = dict.fromkeys([*(stated if len(stated) == 1 else []), NOTHING, *listed])
            yield ask("number_of_word", likely, f'values."{target}".{cell}',
                      cell=cell, column=header, nothing=NOTHING)  # fmt: skip
