"""How the cells of scores are read: as one number, as two of before and after, or as words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import partial

from outcomes.dictionary.instruments import registry
from outcomes.dictionary.tables import TIMINGS
from outcomes.intake.column_map import read_column_map
from outcomes.intake.drafting.draft import FEW, Content, ask, merged, rule
from outcomes.intake.drafting.evidence import PAIRS, Column, is_date, is_pair, number, tells
from outcomes.intake.drafting.headers import first_named, timing_of, vocabulary, words_of
from outcomes.intake.drafting.notes import PAIRED
from outcomes.intake.drafting.seen import Seen
from outcomes.intake.map_sections import NOTHING
from outcomes.intake.typed_cells import clean, read_numbers, targets_of

_OF, _WORDED, _NAMED, _ALONE, _UNITS = (vocabulary()["patterns"][name] for name in (
    "of", "worded", "named", "alone", "units"))  # fmt: skip
_MOST = 0.5
PLAIN = next(pattern for pattern, order in PAIRS.items() if order == "plain")
"""Two numbers in a cell, with nothing that says what either is."""
SIDES = {*vocabulary()["sides"]["words"]}
"""Words of a side of the body: two numbers are not of before and after where both are named."""


def as_numbers(column: Column, top: float) -> Content:
    """Return the rules that read ``7/10`` and ``3 (mild)``, where a column has such cells."""
    odd = [cell for cell in column.counts if number(cell) is None]
    ways = {
        f"7/{top:g}: of {top:g}": _OF.format(f"{top:g}"),
        "3 (mild): the number": _WORDED,
        "mild (3): the number": _NAMED,
        "80 mm: the number": _UNITS.format("mm" if top == 100 else "cm|°|deg(?:rees)?|grad"),
    }
    met = {way: pattern for way, pattern in ways.items()
           if any(re.fullmatch(pattern, cell, re.IGNORECASE) for cell in odd)}  # fmt: skip
    return merged(*(rule(way, [column.name], pattern=pattern, becomes=r"\1")
                    for way, pattern in met.items()))  # fmt: skip


def is_pair_of_ten(cell: str) -> bool:
    """Whether a cell holds two numbers of 0 to 10, and is no date."""
    numbers = re.findall(r"\d+(?:\.\d+)?", cell)
    return is_pair(cell) and not is_date(cell) and all(float(one) <= 10 for one in numbers)


def two_in_a_cell(name: str, columns: list[Column], what: str = "") -> Content:
    """Return the scores before and after that stand in each cell of one column, or ask of them.

    Parameters
    ----------
    name : str
        The instrument.
    columns : list of Column
        Those of its scores at one time; nothing where there are several.
    what : str
        What it is asked of them whether they are; empty where the column's name says it.

    Notes
    -----
    Their order is that of words in the cell (``before 7, after 4``), else of its header. One number
    alone is asked about.
    """
    column, *others = columns
    if name == "vas" and column.share(is_pair_of_ten) > _MOST:
        return two_in_a_cell("nprs", columns, "pain of 0 to 10")
    first = first_named(words_of(column.name))
    of_top = not first and column.share(
        partial(tells, _OF.format(f"{registry()[name].maximum:g}")))  # fmt: skip
    one_time = not first and timing_of(words_of(column.name)) in PAIRED  # 6-7 is a range there
    if others or of_top or one_time or (column.share(is_pair) < _MOST and not first):
        return {}
    ways = {pattern: first if order == "plain" else order for pattern, order in PAIRS.items()
            if column.share(partial(tells, pattern))}  # fmt: skip
    if len(SIDES & {*words_of(column.name)}) > 1:
        read = rule("100/110: the first", [column.name], pattern=PLAIN, becomes=r"\1")
        return merged(read, _asked(name, column, "pre_session", "first", what))
    return _one_or_two(name, column, ways, what)


def _one_or_two(name: str, column: Column, ways: Mapping[str, str], what: str) -> Content:
    """Return how two numbers in each cell are read; one alone is asked about."""
    place, alone = f"scores.{name}.pre_session", column.share(partial(tells, _ALONE))
    in_commas = column.share(lambda cell: "," in cell and tells(_ALONE, cell))
    commas = " (7,5 is 7.5; two scores are written 7/5)" if in_commas else ""
    if not ways:
        asked = ask("one_of_two", [column.name], place, column=column.name, commas=commas)
        return merged(as_numbers(column, registry()[name].maximum), asked)
    read = merged(*(
        rule(f"7/5: {timing}", [column.name], target=f"{name}.{timing}", pattern=pattern,
             becomes=rf"\{2 if (order == 'after') != (timing == PAIRED[1]) else 1}")
        for pattern, order in ways.items() for timing in PAIRED),
        rule("one number alone: no score after", [column.name], pattern=_ALONE,
             target=f"{name}.post_session") if alone else {})  # fmt: skip
    single = (f" {alone:.0%} of its cells hold one number alone{commas}: it is taken as before. "
              "(no: no score before is read)" if alone else "")  # fmt: skip
    if all(ways.values()) and not what:
        stated = [timing for timing in PAIRED if not alone or timing == "post_session"]
        asked = ask("two_scores", [column.name], place, column=column.name, alone=single)
        return merged({"scores": {name: dict.fromkeys(stated, column.name)}}, read,
                      asked if alone else {})  # fmt: skip
    order = ["first", "second"] if next(iter(ways.values())) != "after" else ["second", "first"]
    return merged(read, _asked(name, column, PAIRED[0], order[0], what, single),
                  _asked(name, column, PAIRED[1], order[1], what))  # fmt: skip


def _asked(
    name: str, column: Column, timing: str, nth: str, what: str, alone: str = ""
) -> Content:  # fmt: skip
    when = {"pre_session": "before", "post_session": "after"}[timing]
    return ask("two_numbers", [column.name], f"scores.{name}.{timing}", column=column.name,
               nth=nth, what=what or "score", when=when, alone=alone)  # fmt: skip


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
