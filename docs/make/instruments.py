"""The instruments as a page: `python run.py pages` writes docs/instruments.md."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from outcomes.dictionary.instruments.catalogue import registry
from outcomes.dictionary.instruments.record import TIERS, Instrument
from outcomes.dictionary.instruments.threshold import KINDS, TAGS, Threshold

_INTRODUCTION = """# Instruments

This page is written from the registry by `python run.py pages`.

`oc.instrument("nprs")` returns one entry; `oc.score("rmdq", items)` scores items by the rule given
here. Higher or lower is better as said; **improvement is positive when the patient is better**,
whatever the instrument. No item wording is shipped.

A threshold holds on its own scale and in its own population, and is refused elsewhere. One person's
change is judged against a minimal detectable change, never against an important one; a group's mean
is judged, with its interval, against a threshold stated beforehand. Several thresholds of one kind
stand side by side because publications differ: there is no single constant. Where a source gives
only a range, the larger end is used.
"""


def markdown() -> str:
    """Return the page of all instruments, as kept in ``docs/instruments.md``.

    Examples
    --------
    >>> markdown().splitlines()[0]
    '# Instruments'
    """
    entries = registry().values()
    parts = [
        _INTRODUCTION,
        _words("Licence tiers", TIERS.items()),
        _words("How certain a number is", TAGS.items()),
        _words("Kinds of threshold", KINDS.items()),
        "## All instruments\n\n" + _overview(entries),
        *(_section(entry) for entry in entries),
    ]
    return "\n".join(parts)


def _words(title: str, pairs: Iterable[tuple[str, str]]) -> str:
    return f"## {title}\n\n" + "".join(f"- **{word}**: {meaning}\n" for word, meaning in pairs)


def _table(header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [header, tuple("---" for _ in header), *rows]
    cells = (" | ".join(cell.replace("|", "\\|") for cell in line) for line in lines)
    return "".join(f"| {line} |\n" for line in cells)


def _overview(entries: Iterable[Instrument]) -> str:
    header = ("Name", "Title", "Range", "Unit", "Better", "Items", "Tier")
    return _table(
        header,
        (
            (
                f"`{entry.name}`", entry.title, _range(entry.minimum, entry.maximum),
                entry.unit, entry.better, _items(entry), entry.licence_tier,
            )
            for entry in entries
        ),
    )  # fmt: skip


def _section(entry: Instrument) -> str:
    facts = {
        "Version": entry.version,
        "Scale": f"{entry.scale}, {_range(entry.minimum, entry.maximum)} {entry.unit}, "
        f"{entry.better} is better",
        "Step": f"{entry.step:g}" if entry.step else "",
        "Recall": ", ".join(entry.recall),
        "Items": _item_facts(entry),
        "Missing items": f"{entry.missing_rule} ({entry.missing_tag})",
        "Scored here": "no: " + entry.totals_only if entry.totals_only else "yes",
        "Licence": f"tier {entry.licence_tier}. {entry.notice}",
        "LOINC": ", ".join(entry.loinc),
        "Source": f"{entry.source} ({entry.tag})",
        "Note": entry.note,
        "Normal values": "; ".join(
            f"{n.value:g} ({n.population}; {n.source}, {n.tag})" for n in entry.normals
        ),
    }
    listed = "".join(f"- {name}: {fact}\n" for name, fact in facts.items() if fact)
    return f"## {entry.title} (`{entry.name}`)\n\n{listed}{_thresholds(entry.thresholds)}"


def _item_facts(entry: Instrument) -> str:
    if entry.item_minimum is None or entry.item_maximum is None:
        return _items(entry)
    turned = ", ".join(str(item) for item in entry.reverse_items)
    reverse = f"; reversed: {turned}" if turned else ""
    return f"{_items(entry)}, each {_range(entry.item_minimum, entry.item_maximum)}{reverse}"


def _thresholds(thresholds: tuple[Threshold, ...]) -> str:
    if not thresholds:
        return ""
    header = ("Kind", "Value", "Population", "Conditions", "Method", "Source", "Certainty")
    return "\n" + _table(
        header,
        (
            (
                t.kind, _value(t), t.population, ", ".join(t.conditions),
                ", ".join(filter(None, (t.method, t.treatment, t.follow_up))), t.source, t.tag,
            )
            for t in thresholds
        ),
    )  # fmt: skip


def _value(threshold: Threshold) -> str:
    unit = " % of baseline" if threshold.relative else ""
    spread = "" if threshold.low is None else f" ({threshold.low:g} to {threshold.high:g})"
    return f"{threshold.value:g}{unit}{spread}"


def _items(entry: Instrument) -> str:
    if entry.n_items is None:
        return "any number" if entry.n_items_minimum else ""
    least = f"{entry.n_items_minimum} to " if entry.n_items_minimum else ""
    return f"{least}{entry.n_items}"


def _range(low: float, high: float) -> str:
    return f"{low:g} to {high:g}"


def main() -> None:
    """Write the page."""
    page = Path(__file__).resolve().parents[1] / "instruments.md"
    page.write_text(markdown(), encoding="utf-8", newline="")
