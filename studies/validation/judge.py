"""Compare what was found with what was promised."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from outcomes.care.proportion import exact_interval
from studies.validation.cases import Case, Row

NOMINAL = (0.93, 0.97)
NULL = (0.94, 0.96)
"""Coverage of nothing where there is nothing: false positives in 4 to 6 %."""
REFUSED = 0.95


def judge(records: Mapping[str, pd.DataFrame], cases: Iterable[Case]) -> pd.DataFrame:
    """Return bias, coverage and verdict of each row of each case.

    Parameters
    ----------
    records : mapping of str to DataFrame
        From `studies.validation.run.run`.
    cases : iterable of Case
        The same cases.

    Returns
    -------
    DataFrame
        ``setting, question, row, expectation, n`` (studies), ``refused`` (share), ``told`` (studies
        with the number), ``bias, coverage, low, high`` (exact 99 % Monte-Carlo interval of
        coverage, Bonferroni over rows), ``naive, naive_bias, naive_coverage, passed, because``.
    """
    cases = tuple(cases)
    level = 1 - 0.01 / sum(len(case.rows) for case in cases)
    rows = []
    for case in cases:
        found = records[case.name]
        for row in case.rows:
            own = found[found["row"] == row.name].reindex(columns=COLUMNS)
            start = {"setting": case.setting, "question": case.question, "row": row.name}
            rows.append(start | _verdict(own, row, level))
    return pd.DataFrame(rows)


COLUMNS = ["refused", "truth", "estimate", "conf_low", "conf_high", "naive", "naive_low",
           "naive_high"]  # fmt: skip


def _verdict(records: pd.DataFrame, row: Row, level: float) -> dict[str, Any]:
    refused = float(records["refused"].astype(bool).mean())
    found: dict[str, Any] = {
        "expectation": row.expectation, "n": len(records), "refused": refused, "naive": row.naive,
        "because": row.because,
    }  # fmt: skip
    if row.naive:
        told = records.dropna(subset=["naive"])
        found |= {
            "naive_bias": float((told["naive"] - told["truth"]).mean()),
            "naive_coverage": _held(told, "naive_low", "naive_high") / max(len(told), 1),
        }
    if row.expectation == "refuse":
        return found | {"passed": refused >= REFUSED}
    told = records.dropna(subset=["estimate"])
    held = _held(told, "conf_low", "conf_high")
    low, high = (float(end[0]) for end in exact_interval([held], [len(told)], level))
    found |= {
        "told": len(told), "bias": float((told["estimate"] - told["truth"]).mean()),
        "coverage": held / max(len(told), 1), "low": low, "high": high,
    }  # fmt: skip
    least, most = NULL if row.expectation == "null" else NOMINAL
    fine = high >= least and (row.expectation == "widen" or low <= most)
    return found | {"passed": bool(fine)}


def _held(told: pd.DataFrame, low: str, high: str) -> int:
    return int(((told[low] <= told["truth"]) & (told["truth"] <= told[high])).sum())
