"""Analysis plan: what was declared before looking, and what that makes of each answer."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import scipy

from outcomes.errors import UsageError
from outcomes.intake.toml_records import Section, converted
from outcomes.mixed.inference.testing import holm
from outcomes.plain_text import cleaned, read_toml, shortened
from outcomes.privacy.text import Text
from outcomes.questions.answer import Answer
from outcomes.questions.claim import SAID
from outcomes.questions.declared import Declared, Role
from outcomes.questions.question import Check, p_of_test
from outcomes.words import limits

_OTHERS = "One question is primary; others are [[secondary]]."


class _File(Section, frozen=True, kw_only=True):
    """What a plan's file holds."""

    primary: Declared
    title: str = ""
    secondary: tuple[Declared, ...] = ()


@dataclass(frozen=True)
class Plan:
    """An analysis plan.

    Parameters
    ----------
    title : str
        What it is called.
    declared : tuple of Declared
        Its questions; exactly one is primary.
    text : str
        What it says, as JSON.
    """

    title: str
    declared: tuple[Declared, ...]
    text: str

    @property
    def sha256(self) -> str:
        """Digest of what it says: any change of it changes every answer's record."""
        return hashlib.sha256(self.text.encode("utf-8")).hexdigest()

    @property
    def named(self) -> str:
        """How a page names it: by title and digest."""
        title = f" “{shortened(cleaned(self.title), 80)}”" if self.title else ""
        return f"analysis plan{title} ({self.sha256[:12]})"

    def find(self, question: str, instrument: str) -> Declared | None:
        """Return what was declared about a question, or None."""
        found = [item for item in self.declared if item.covers(question, instrument)]
        return found[0] if found else None

    def instrument(self, question: str = "") -> str | None:
        """Return the instrument that it names for a question, by default the primary one."""
        found = [item for item in self.declared if question in ("", item.question)]
        return (found[0].instrument or None) if found else None


def read_plan(source: Plan | str | Path | Mapping[str, Any]) -> Plan:
    """Read an analysis plan from TOML.

    Parameters
    ----------
    source : Plan, str, Path or mapping
        A plan, the path of a TOML file, or what such a file holds: ``title``, ``[primary]`` and any
        number of ``[[secondary]]``, each with ``question`` and, if wished, the other fields of
        `outcomes.questions.declared.Declared` but ``role``.

    Returns
    -------
    Plan

    Raises
    ------
    UsageError
        When the file is missing or no TOML, or does not declare exactly one primary question.

    Examples
    --------
    >>> plan = read_plan({"primary": {"question": "how-much", "instrument": "nprs"}})
    >>> plan.find("how-much", "nprs").role
    'primary'
    """
    if isinstance(source, Plan):
        return source
    if not isinstance(source, Mapping):
        source = read_toml(Path(source), "an analysis plan", _OTHERS)
    content = dict(source)
    held = converted(content, _File, "analysis plan")
    asked = [(one.question, one.instrument) for one in (held.primary, *held.secondary)]
    if len(set(asked)) < len(asked):
        must = "a plan declares each question once for an instrument"
        raise UsageError(must, got="one again", where="analysis plan")
    if any("role" in said for said in (content["primary"], *content.get("secondary", ()))):
        must = "the section of a question says its role"
        raise UsageError(
            must, got="role as an entry", where="analysis plan", remedy="Leave it out."
        )
    secondary = (msgspec.structs.replace(entry, role="secondary") for entry in held.secondary)
    declared = (msgspec.structs.replace(held.primary, role="primary"), *secondary)
    text = json.dumps(content, sort_keys=True, ensure_ascii=False)
    return Plan(held.title, declared, text)


def under_plan(answer: Answer, plan: Plan | None, instrument: str) -> Answer:
    """Return an answer marked by what the plan says of it.

    Parameters
    ----------
    answer : Answer
        The answer.
    plan : Plan or None
        The plan; without one every answer is exploratory.
    instrument : str
        Instrument of the answer.

    Returns
    -------
    Answer
        With the plan's digest in its source, a check of whether it was declared and one of the
        declared threshold; under a plan that does not hold it, the sentence begins with
        ``Exploratory:``.
    """
    if plan is None:
        return answer
    declared = plan.find(answer.name, instrument)
    role = declared.role if declared else "exploratory"
    mark = Check("declared beforehand", declared is not None, f"{role}; plan {plan.sha256[:12]}",
                 "The plan does not declare this question ({detail}).")  # fmt: skip
    checks = (*answer.checks, mark)
    if declared and declared.threshold is not None and not answer.refused:
        checks = (*checks, _reached(answer, declared.threshold))
    known = declared or answer.refused
    sentence = answer.sentence if known else Text("Exploratory: ", answer.sentence)
    source = replace(answer.source, plan_sha256=plan.sha256)
    others = tuple(text for text in answer.limits if text != SAID["exploratory"])  # it is marked
    return replace(answer, checks=checks, sentence=sentence, source=source, limits=others)


def _reached(answer: Answer, threshold: float) -> Check:
    """Whether the whole interval of the answer in points lies at or above the threshold."""
    name = "the declared threshold is reached"
    points = answer.record.points if answer.record else ()
    rows = answer.table[answer.table["kind"].isin(points)].dropna(subset=["conf_low"])
    if not points or rows.empty:
        detail = "this question has no answer in points"
        return Check(name, False, detail, "The declared threshold cannot be judged: {detail}.")
    low, high = float(rows["conf_low"].iloc[0]), float(rows["conf_high"].iloc[0])
    groups = [*rows["group"].unique()] if "group" in rows else []
    whose = f" of {groups[0]} courses" if groups[1:] else ""  # all of them, beside those of each
    said = "reached" if low >= threshold else ("missed" if high < threshold else "not settled")
    unmet = "The whole interval does not reach the declared threshold ({detail})."
    detail = (
        f"{threshold:g}: {said}, the interval{whose} being {limits(low, high, None, threshold)}"
    )
    return Check(name, low >= threshold, detail, unmet)


def adjusted(answers: tuple[Answer, ...], plan: Plan | None, instrument: str) -> tuple[Answer, ...]:
    """Return answers with p-values adjusted for their number.

    Parameters
    ----------
    answers : tuple of Answer
        Answers of one study.
    plan : Plan or None
        The plan; without one all are exploratory.
    instrument : str
        Their instrument.

    Returns
    -------
    tuple of Answer
        Where a question has one test, its row has ``p_adjusted``: the primary's own p-value,
        Holm's among the secondary ones of a family, Benjamini and Hochberg's among exploratory
        ones; ``role`` says which. Beside a primary one, a test of no change from baseline is in no
        family: hardly ever true, it would relax the adjustment of the rest.
    """
    families: dict[tuple[Role, str], list[tuple[int, int]]] = {}
    for i, answer in enumerate(answers):
        row, family = _main_row(answer), _family(answer, plan, instrument)
        compares = answer.record is not None and answer.record.compares != "change"
        if row is not None and (compares or family[0] == "primary"):
            families.setdefault(family, []).append((i, row))
    result = list(answers)
    for (role, _), members in families.items():
        raw = [p_of_test(answers[i].table.iloc[row].to_dict()) for i, row in members]
        for (i, row), value in zip(members, _adjust(raw, role), strict=True):
            here = np.arange(len(answers[i].table)) == row
            table = answers[i].table.assign(
                p_adjusted=np.where(here, value, np.nan), role=np.where(here, role, "")
            )
            result[i] = replace(answers[i], table=table)
    return tuple(result)


def _adjust(raw: list[float], role: Role) -> list[float]:
    if role == "primary":
        return raw
    adjust = holm if role == "secondary" else scipy.stats.false_discovery_control
    return [float(value) for value in adjust(np.array(raw))]


def _family(answer: Answer, plan: Plan | None, instrument: str) -> tuple[Role, str]:
    declared = plan.find(answer.name, instrument) if plan else None
    return (declared.role, declared.family) if declared else ("exploratory", "")


def _main_row(answer: Answer) -> int | None:
    """Position of the row with the answer's one test, or None."""
    if answer.refused or answer.record is None or not answer.record.test:
        return None
    rows = np.flatnonzero(answer.record.test_row(answer.table))
    return int(rows[0]) if len(rows) else None
