"""Analysis plan: what was declared before looking, and what that makes of each answer."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from statsmodels.stats.multitest import multipletests

from outcomes.errors import UsageError
from outcomes.privacy.text import Text
from outcomes.questions.answer import Answer
from outcomes.questions.question import Check

Role = Literal["primary", "secondary", "exploratory"]

_KEYS = ("question", "instrument", "threshold", "family")


@dataclass(frozen=True)
class Declared:
    """One question declared beforehand.

    Parameters
    ----------
    question : str
        Short name of the question.
    instrument : str
        Instrument of the outcome; empty for any.
    role : {"primary", "secondary", "exploratory"}
        Its place in the plan.
    threshold : float or None
        Improvement that will count as enough, in the instrument's units.
    family : str
        Secondary questions of one family share the adjustment for their number.
    """

    question: str
    instrument: str
    role: Role
    threshold: float | None = None
    family: str = ""

    def covers(self, question: str, instrument: str) -> bool:
        """Whether it declares a question about an instrument."""
        return self.question == question and self.instrument in ("", instrument)


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

    def find(self, question: str, instrument: str) -> Declared | None:
        """Return what was declared about a question, or None."""
        found = [item for item in self.declared if item.covers(question, instrument)]
        return found[0] if found else None


def read_plan(source: Plan | str | Path | Mapping[str, Any]) -> Plan:
    """Read an analysis plan from TOML.

    Parameters
    ----------
    source : Plan, str, Path or mapping
        A plan, the path of a TOML file, or what such a file holds: ``title``, ``[primary]`` and any
        number of ``[[secondary]]``, each with ``question`` and, if wished, ``instrument``,
        ``threshold`` and ``family``.

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
    content = dict(source) if isinstance(source, Mapping) else _toml(Path(source))
    unknown = set(content) - {"title", "primary", "secondary"}
    if unknown or not isinstance(content.get("primary"), Mapping):
        must = "a plan holds title, [primary] and [[secondary]], and nothing else"
        raise UsageError(must, got=", ".join(sorted(unknown)) or "no [primary]")
    entries = [("primary", content["primary"])]
    entries += [("secondary", entry) for entry in content.get("secondary", [])]
    declared = tuple(_declared(entry, role) for role, entry in entries)
    text = json.dumps(content, sort_keys=True, ensure_ascii=False)
    return Plan(str(content.get("title", "")), declared, text)


def _toml(path: Path) -> dict[str, Any]:
    if not path.is_file():
        must = "the analysis plan exists"
        raise UsageError(must, got="no such file", where=path.name)
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        must = "a plan is a TOML file"
        raise UsageError(must, got="something else", where=path.name) from None


def _declared(entry: Mapping[str, Any], role: Any) -> Declared:
    unknown = set(entry) - set(_KEYS)
    if unknown or "question" not in entry:
        must = f"a declared question has {', '.join(_KEYS)}"
        raise UsageError(must, got=", ".join(sorted(unknown)) or "no question")
    threshold = entry.get("threshold")
    value = None if threshold is None else float(threshold)
    names = (str(entry["question"]), str(entry.get("instrument", "")))
    return Declared(*names, role, value, str(entry.get("family", "")))


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
    mark = Check("declared beforehand", declared is not None, f"{role}; plan {plan.sha256[:12]}")
    checks = (*answer.checks, mark)
    if declared and declared.threshold is not None and not answer.refused:
        checks = (*checks, _reached(answer, declared.threshold))
    known = declared or answer.refused
    sentence = answer.sentence if known else Text("Exploratory: ", answer.sentence)
    source = replace(answer.source, plan_sha256=plan.sha256)
    return replace(answer, checks=checks, sentence=sentence, source=source)


def _reached(answer: Answer, threshold: float) -> Check:
    """Whether the whole interval of the answer's main estimate lies at or above the threshold."""
    row = answer.table.dropna(subset=["conf_low"]).iloc[0]
    low, high = float(row["conf_low"]), float(row["conf_high"])
    said = "reached" if low >= threshold else ("missed" if high < threshold else "not settled")
    return Check("the declared threshold is reached", low >= threshold, f"{threshold:g}: {said}")


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
        ones; ``role`` says which.
    """
    families: dict[tuple[Role, str], list[tuple[int, int]]] = {}
    for i, answer in enumerate(answers):
        row = _main_row(answer)
        if row is not None:
            families.setdefault(_family(answer, plan, instrument), []).append((i, row))
    result = list(answers)
    for (role, _), members in families.items():
        raw = [float(answers[i].table["p_value"].iloc[row]) for i, row in members]
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
    method = "holm" if role == "secondary" else "fdr_bh"
    return [float(value) for value in multipletests(raw, method=method)[1]]


def _family(answer: Answer, plan: Plan | None, instrument: str) -> tuple[Role, str]:
    declared = plan.find(answer.name, instrument) if plan else None
    return (declared.role, declared.family) if declared else ("exploratory", "")


def _main_row(answer: Answer) -> int | None:
    """Position of the row with the answer's one test, or None."""
    if answer.refused or answer.record is None or not answer.record.test:
        return None
    rows = np.flatnonzero(answer.record.test_row(answer.table))
    return int(rows[0]) if len(rows) else None
