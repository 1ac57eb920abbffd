"""Does each answer recover the truth that made a study? Scenario x answer x estimand, with errors.

Every study is simulated, so what an answer should say is known. A case passes when the share of
intervals that hold the truth is compatible with 93 to 97 % (recover), is not below 93 % (widen), or
when the answer refuses (refuse). Beside it stands the naive analysis that the scenario breaks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
import pandas as pd
from statsmodels.regression.linear_model import OLS

from outcomes.answers.ask import answer
from outcomes.care.proportion import exact_interval
from outcomes.study import Study
from outcomes.synthetic.simulate import simulate

Expectation = Literal["recover", "widen", "refuse"]
Interval = tuple[float, float, float]

NOMINAL = (0.93, 0.97)
CHANGE = "mean improvement after session_count sessions, nobody leaving"
LAST = "effect of pressure 4 against 2 in the last session only"
EVERY = "effect of pressure 4 against 2 in every session"
ARM = "effect of the arm against the control, as randomised, by week"


@dataclass(frozen=True)
class Case:
    """One row of the table.

    Parameters
    ----------
    scenario, question : str
        Of the generator and of the answers.
    kind : str
        Kind of the row of the answer's table that is judged.
    estimand : str
        Name of the true value; empty where the answer must refuse.
    time : tuple of (str, float)
        Time column and time at which both are read.
    expectation : {"recover", "widen", "refuse"}
        What must happen.
    naive : str
        Name of the naive analysis beside it, one of `NAIVE`; empty for none.
    divisor : float
        True value in units of the answer's row: 2 for pressure 4 against 2, per level.
    episodes : int
        Courses of each study.
    """

    scenario: str
    question: str
    kind: str
    estimand: str
    time: tuple[str, float]
    expectation: Expectation
    naive: str = ""
    divisor: float = 1.0
    episodes: int = 200

    @property
    def name(self) -> str:
        """Words that tell it from the others."""
        return f"{self.scenario} | {self.question} | {self.kind} | {self.time[0]} {self.time[1]:g}"


CASES: tuple[Case, ...] = (
    Case("default", "how-much", "curve", CHANGE, ("session_count", 4), "recover", "mean seen"),
    Case("null", "how-much", "curve", CHANGE, ("session_count", 4), "recover", "mean seen"),
    Case("null", "pressure", "last visit", LAST, ("session_count", 4), "recover", "same visit", 2),
    Case("null", "pressure", "g-formula", EVERY, ("session_count", 8), "recover", "mean before", 2),
    Case("pressure-helps", "pressure", "last visit", LAST, ("session_count", 4), "recover",
         "same visit", 2),
    Case("feedback", "pressure", "g-formula", EVERY, ("session_count", 8), "recover",
         "mean before", 2),
    Case("confounded-pressure", "pressure", "last visit", LAST, ("session_count", 4), "recover",
         "mean before", 2),
    Case("session-count-trap", "sessions", "curve", CHANGE, ("session_count", 6), "recover",
         "mean seen"),
    Case("informative-dropout", "leavers", "delta", CHANGE, ("session_count", 6), "widen",
         "mean seen"),
    Case("two-arm-trial", "trial", "ancova", ARM, ("week", 8), "recover", "treated alone", 1, 220),
    Case("two-arm-trial", "trial", "constrained", ARM, ("week", 8), "recover", "treated alone", 1,
         220),
    Case("default", "trial", "ancova", "", ("week", 8), "refuse", "", 1, 60),
    Case("two-arm-trial", "pressure", "last visit", "", ("week", 8), "refuse", "", 1, 20),
)  # fmt: skip
"""What is promised, written before it was run."""


def run_case(case: Case, seed: int) -> dict[str, Any]:
    """Simulate one study, answer, and compare with the truth.

    Parameters
    ----------
    case : Case
        What to run.
    seed : int
        Of the study.

    Returns
    -------
    dict
        ``case, seed, refused, truth, estimate, conf_low, conf_high`` and the naive analysis's
        ``naive, naive_low, naive_high``.
    """
    study = simulate(episodes=case.episodes, scenario=case.scenario, seed=seed)
    given = answer(study, case.question, instrument="nprs")
    record = {"case": case.name, "seed": seed, "refused": given.refused}
    row = None if given.refused else _row(given.table, case)
    if row is None or not case.estimand:
        return record
    found = {name: row[name] for name in ("estimate", "conf_low", "conf_high")}
    record |= {"truth": truth_of(study, case), **found}
    if case.naive:
        names = ("naive", "naive_low", "naive_high")
        record |= dict(zip(names, NAIVE[case.naive](study, case), strict=True))
    return record


def _row(table: pd.DataFrame, case: Case) -> pd.Series[Any] | None:
    """Row of the answer that is judged: of its kind, all courses, at the time where it has one."""
    rows = table[table["kind"] == case.kind]
    if "group" in rows and (rows["group"] == "all").any():
        rows = rows[rows["group"] == "all"]
    axis, moment = case.time
    if axis in rows and rows[axis].notna().any():
        rows = rows[rows[axis] == moment]
    return rows.iloc[0] if len(rows) else None


def truth_of(study: Study, case: Case) -> float:
    """Return the true value of a case, in units of the answer's row."""
    if study.truth is None:
        return float("nan")
    table = study.truth.estimands
    axis, moment = case.time
    here = (table["estimand"] == case.estimand) & (table["condition"] == "all")
    found = table[here & (table["instrument"] == "nprs") & (table[axis] == moment)]
    return float(np.asarray(found["value"], dtype=float)[0]) / case.divisor


def _mean(values: pd.Series[float]) -> Interval:
    array = values.to_numpy(float)
    mean, half = float(array.mean()), 1.96 * float(array.std(ddof=1) / np.sqrt(len(array)))
    return mean, mean - half, mean + half


def _mean_seen(study: Study, case: Case) -> Interval:
    """Mean improvement of those who have a score at that time."""
    rows = study.trajectory("nprs")
    return _mean(rows.loc[rows[case.time[0]] == case.time[1], "improvement"])


def _slope(study: Study, exposure: str) -> Interval:
    rows = study.trajectory("nprs", same_visit=True).dropna(subset=[exposure, "improvement"])
    columns = np.column_stack([np.ones(len(rows)), rows[exposure]])
    fit = OLS(rows["improvement"].to_numpy(), columns).fit()
    low, high = fit.conf_int()[1]
    return float(fit.params[1]), float(low), float(high)


def _same_visit(study: Study, case: Case) -> Interval:  # noqa: ARG001
    """Improvement against the pressure of the same visit, rows as if independent."""
    return _slope(study, "pressure_same_visit")


def _mean_before(study: Study, case: Case) -> Interval:  # noqa: ARG001
    """Improvement against the mean pressure so far, rows as if independent."""
    return _slope(study, "pressure_mean")


def _treated_alone(study: Study, case: Case) -> Interval:
    """Mean improvement of the treated arm, read as an effect."""
    rows = study.trajectory("nprs")
    treated = rows["arm"] != study.provenance.control
    return _mean(rows.loc[treated & (rows["week"].round() == case.time[1]), "improvement"])


NAIVE: Mapping[str, Callable[[Study, Case], Interval]] = MappingProxyType(
    {
        "mean seen": _mean_seen,
        "same visit": _same_visit,
        "mean before": _mean_before,
        "treated alone": _treated_alone,
    }
)
"""Naive analyses by name."""


def run(
    cases: Iterable[Case], n_studies: int, folder: Path, *, first_seed: int = 10_000
) -> pd.DataFrame:
    """Run cases, one study at a time; what a folder holds already is not run again.

    Parameters
    ----------
    cases : iterable of Case
        What to run.
    n_studies : int
        Studies of each case.
    folder : Path
        Where records are kept, one CSV a case; a run that was stopped goes on from there.
    first_seed : int
        Seed of the first study; the others follow.

    Returns
    -------
    DataFrame
        One row a study, as `run_case`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    parts = []
    for number, case in enumerate(cases):
        path = folder / f"{number:02d}-{case.scenario}-{case.question}-{case.kind}.csv"
        done: list[Any] = pd.read_csv(path).to_dict("records") if path.is_file() else []
        for seed in range(first_seed + len(done), first_seed + n_studies):
            done.append(run_case(case, seed))
            pd.DataFrame(done).to_csv(path, index=False)
        parts.append(pd.DataFrame(done[:n_studies]))
    return pd.concat(parts, ignore_index=True)


def judge(records: pd.DataFrame, cases: Iterable[Case]) -> pd.DataFrame:
    """Return bias, coverage and verdict of each case.

    Parameters
    ----------
    records : DataFrame
        From `run`.
    cases : iterable of Case
        The same cases.

    Returns
    -------
    DataFrame
        One row a case: ``case, expectation, n, refused`` (share), ``bias, coverage, low, high``
        (exact 99 % Monte-Carlo interval of coverage, Bonferroni over cases), ``naive_bias,
        naive_coverage, passed``.
    """
    cases = tuple(cases)
    level = 1 - 0.01 / len(cases)
    rows = [_judged(records[records["case"] == case.name], case, level) for case in cases]
    return pd.DataFrame(rows)


def _judged(records: pd.DataFrame, case: Case, level: float) -> dict[str, Any]:
    n, refused = len(records), float(records["refused"].mean())
    row: dict[str, Any] = {
        "case": case.name, "expectation": case.expectation, "n": n, "refused": refused,
    }  # fmt: skip
    if case.expectation == "refuse":
        return row | {"passed": refused >= NOMINAL[0]}
    told = records.dropna(subset=["estimate"])
    held = int(((told["conf_low"] <= told["truth"]) & (told["truth"] <= told["conf_high"])).sum())
    low, high = (float(x[0]) for x in exact_interval([held], [len(told)], level))
    row |= {
        "bias": float((told["estimate"] - told["truth"]).mean()),
        "coverage": held / max(len(told), 1), "low": low, "high": high,
    }  # fmt: skip
    if case.naive:
        inside = (told["naive_low"] <= told["truth"]) & (told["truth"] <= told["naive_high"])
        row |= {
            "naive_bias": float((told["naive"] - told["truth"]).mean()),
            "naive_coverage": float(inside.mean()),
        }
    overlaps = high >= NOMINAL[0] and (case.expectation == "widen" or low <= NOMINAL[1])
    return row | {"passed": bool(overlaps)}


def as_markdown(table: pd.DataFrame) -> str:
    """Return the verdicts as a page of documentation."""
    heads = ("case", "expected", "studies", "bias", "coverage (99 % MC interval)", "naive bias",
             "naive coverage", "passed")  # fmt: skip
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    lines += [_line(row) for row in table.to_dict("records")]
    intro = (
        "# What the answers recover\n\nStudies simulated with known truth; NPRS points, positive = "
        "better. `recover`: the interval of coverage overlaps 93 to 97 %; `widen`: it is not below "
        "93 %; `refuse`: the answer refuses. Written by `outcomes.answers.validation`.\n"
    )
    missed = [str(row["case"]).replace(" | ", ", ") for row in table.to_dict("records")
              if not row["passed"]]  # fmt: skip
    outro = f"Missed: {'; '.join(missed)}." if missed else "Every case passed."
    return "\n".join([intro, *lines, "", outro, ""])


def _line(row: Mapping[Any, Any]) -> str:
    def number(name: str, form: str) -> str:
        value = row.get(name, np.nan)
        return "" if pd.isna(value) else format(value, form)

    covered = number("coverage", ".0%")
    if covered:
        covered += f" ({number('low', '.0%')} to {number('high', '.0%')})"
    cells = [
        str(row["case"]).replace(" | ", ", "), row["expectation"], str(row["n"]),
        number("bias", "+.2f"), covered or f"refused in {row['refused']:.0%}",
        number("naive_bias", "+.2f"), number("naive_coverage", ".0%"),
        "yes" if row["passed"] else "**no**",
    ]  # fmt: skip
    return "| " + " | ".join(cells) + " |"
