"""Are outlooks calibrated? Patients held out whole, simulated or of a trial, and what they did.

`python -m studies.outlook_calibration OUT.md [--trial SCORES.csv MAP.toml]` writes the
page `docs/calibration-of-outlook.md`.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from outcomes.care.proportion import exact_interval
from outcomes.intake.load import load
from outcomes.questions.course_frame import SMALL_GROUPS, CourseFrame, course_frame
from outcomes.questions.outlook import Basis, foresee, learn
from outcomes.synthetic.scenarios import scenario_design
from outcomes.synthetic.simulate import simulate
from outcomes.words import percent

AHEAD = 4
"""Scores to come that are looked at."""
BINS = 5


@dataclass(frozen=True)
class Case:
    """Studies of one scenario, and patients of the same scenario who all stay.

    Parameters
    ----------
    scenario : str
    n_seen : int
        Scores after baseline that are given.
    episodes : int
        Courses of the study learnt from.
    """

    scenario: str
    n_seen: int = 2
    episodes: int = 200

    @property
    def name(self) -> str:
        """Words that tell it from the others."""
        return f"{self.scenario}, {self.episodes} courses, {self.n_seen} later scores seen"


CASES = (
    Case("default"), Case("default", n_seen=1), Case("default", n_seen=4),
    Case("default", episodes=80), Case("null"), Case("session-count-trap"),
    Case("floor-and-ceiling"), Case("regression-to-the-mean"),
)  # fmt: skip


def run(case: Case, n_studies: int, *, first_seed: int = 20_000) -> pd.DataFrame:
    """Predict simulated patients who were not in the study learnt from.

    The study has its leavers; the patients predicted are new, and none of them leaves before the
    script ends, so that what they would have scored is known.

    Parameters
    ----------
    case : Case
    n_studies : int
        Studies, each with 200 new patients.
    first_seed : int
        Seed of the first.

    Returns
    -------
    DataFrame
        As `predictions`, with ``study``.
    """
    parts = []
    for seed in range(first_seed, first_seed + n_studies):
        study = simulate(scenario=case.scenario, episodes=case.episodes, seed=seed)
        stay = scenario_design(case.scenario, episodes=200, seed=seed + 50_000)
        new = simulate(replace(stay, stop_hazard=0.0))
        basis = learn(course_frame(study, "nprs"), study.instrument("nprs"), case.n_seen, seed)
        goals = new.goals[new.goals["instrument"] == "nprs"].drop_duplicates("episode_id")
        rows = _as_known(course_frame(new, "nprs").rows, basis.course)
        targets = goals.set_index("episode_id")["target"]
        parts.append(predictions(basis, rows, case.n_seen, targets).assign(study=seed))
    return pd.concat(parts, ignore_index=True)


def _as_known(rows: pd.DataFrame, course: CourseFrame) -> pd.DataFrame:
    """Name groups as the study learnt from does, and keep to the times it knows."""
    rows = rows[rows[course.axis] <= max(course.times)]
    if not course.group:
        return rows
    known = set(course.rows[course.group])
    named = rows[course.group].where(rows[course.group].isin(known), SMALL_GROUPS)
    return rows.assign(**{course.group: named})[named.isin(known)]


def run_trial(scores: Path, columns: Path, n_parts: int = 10) -> Iterator[tuple[str, pd.DataFrame]]:
    """Predict the patients of a trial, a part at a time, from the others; the goal is half.

    Parameters
    ----------
    scores, columns : Path
        One row a score, and its column map.
    n_parts : int

    Yields
    ------
    name, DataFrame
        As `predictions`: first from the baseline alone, then with the first later score.
    """
    study = load(scores, columns)
    instrument = study.scored_instruments()[0]
    course = course_frame(study, instrument)
    dealt = np.random.default_rng(1).permutation(course.n_courses) % n_parts
    part = dealt[pd.factorize(course.rows["episode_id"])[0]]
    half = course.rows.groupby("episode_id")["baseline"].first() / 2
    for n_seen in (0, 1):
        found = []
        for held_out in range(n_parts):
            others = replace(course, rows=course.rows[part != held_out].reset_index(drop=True))
            basis = learn(others, study.instrument(instrument), n_seen)
            found.append(predictions(basis, course.rows[part == held_out], n_seen, half))
        words = "baseline only (never offered)" if n_seen == 0 else "one later score seen"
        yield f"{study.provenance.title}, {words}", pd.concat(found, ignore_index=True)


def predictions(
    basis: Basis, rows: pd.DataFrame, n_seen: int, targets: pd.Series[float]
) -> pd.DataFrame:
    """Predict the scores of patients that the basis has not seen, beside what they were.

    Parameters
    ----------
    basis : Basis
    rows : DataFrame
        Trajectory rows.
    n_seen : int
        Scores after baseline that are given.
    targets : Series
        Target by course.

    Returns
    -------
    DataFrame
        One row a score to come: ``episode_id, ahead`` (1 = the next), ``held`` (inside its
        interval), ``expected`` (score), and where the course has a target ``met`` (probability),
        ``was_met, sustained`` (probability), ``was_sustained``.
    """
    sign, parts = basis.measure.sign, []
    for episode, own in rows.groupby("episode_id", sort=False):
        own = own.head(n_seen + AHEAD).reset_index(drop=True)
        if len(own) <= n_seen:
            continue
        target = targets.get(episode, np.nan)
        asked = float(target) if np.isfinite(target) else None
        table = foresee(basis, own, (own.index < n_seen), target=asked)
        came = own.iloc[n_seen:].reset_index(drop=True)
        inside = came["improvement"].between(table["pred_low"] - 1e-9, table["pred_high"] + 1e-9)
        table = table.assign(
            episode_id=episode, ahead=came.index + 1, held=inside,
            expected=came["baseline"] + sign * table["estimate"],
        )  # fmt: skip
        if asked is not None:
            last = own["score"].iloc[n_seen - 1] if n_seen else own["baseline"].iloc[0]
            hit = sign * (came["score"] - asked) >= 0
            before = hit.shift(fill_value=bool(sign * (last - asked) >= 0))
            table = table.assign(was_met=hit, was_sustained=(hit & before).cummax())
        parts.append(table)
    return pd.concat(parts, ignore_index=True)


def coverage(found: pd.DataFrame, by: str = "ahead") -> pd.DataFrame:
    """Return the share of intervals that held the score, with its exact 95 % interval.

    Parameters
    ----------
    found : DataFrame
        From `predictions`.
    by : {"ahead", "expected"}
        By scores ahead, or by fifths of the score expected.

    Returns
    -------
    DataFrame
        ``n, coverage, low, high``, one row a group.
    """
    groups = found["ahead"] if by == "ahead" else pd.qcut(found["expected"], BINS)
    counted = found.groupby(groups, observed=True)["held"].agg(["size", "sum"])
    low, high = exact_interval(counted["sum"], counted["size"])
    share = counted["sum"] / counted["size"]
    return pd.DataFrame({"n": counted["size"], "coverage": share, "low": low, "high": high})


def reliability(found: pd.DataFrame, predicted: str, ahead: int) -> pd.DataFrame:
    """Return predicted probabilities beside observed frequencies, by fifths of the prediction.

    Parameters
    ----------
    found : DataFrame
        From `predictions`.
    predicted : {"met", "sustained"}
    ahead : int
        Scores ahead, so that each patient counts once.

    Returns
    -------
    DataFrame
        ``n, predicted, observed, low, high``, the last two an exact 95 % interval.
    """
    own = found[found["ahead"] == ahead].dropna(subset=[predicted])
    fifth = pd.qcut(own[predicted].rank(method="first"), BINS, labels=False)
    table = own.groupby(fifth).agg(
        n=(predicted, "size"), predicted=(predicted, "mean"), observed=(f"was_{predicted}", "mean")
    )
    table["low"], table["high"] = exact_interval(table["observed"] * table["n"], table["n"])
    return table.reset_index(drop=True).astype(float)


def page(found: Iterable[tuple[str, pd.DataFrame]]) -> str:
    """Return the page of documentation."""
    parts = [INTRO]
    for name, records in found:
        parts.append(
            f"\n## {name}\n\n| scores ahead | patients | 80 % intervals held |\n|---|---|---|"
        )
        parts += [
            f"| {ahead} | {row['n']:.0f} | {_share(row, 'coverage')} |"
            for ahead, row in coverage(records).iterrows()
        ]
        fifths = coverage(records, "expected")
        parts.append(
            "\nBy fifths of the score expected, lowest first: "
            + ", ".join(percent(value) for value in fifths["coverage"]) + ".\n"
        )  # fmt: skip
        ahead = int(records["ahead"].max())
        parts += _reliability_lines(records, ahead)
    return "\n".join(parts) + "\n"


def _reliability_lines(records: pd.DataFrame, ahead: int) -> list[str]:
    kinds = ["met"] if ahead == 1 else ["met", "sustained"]
    words = {"met": f"goal met at score {ahead}", "sustained": f"goal kept by score {ahead}"}
    heads = " | ".join(f"{words[kind]}: predicted | observed" for kind in kinds)
    tables = [reliability(records, kind, ahead).to_dict("records") for kind in kinds]
    lines = [f"| fifth | {heads} |", "|---" * (1 + 2 * len(kinds)) + "|"]
    for fifth in range(BINS):
        cells = [
            f"{percent(table[fifth]['predicted'])} | {_share(table[fifth], 'observed')}"
            for table in tables
        ]
        lines.append(f"| {fifth + 1} | " + " | ".join(cells) + " |")
    return lines


def _share(row: Any, name: str) -> str:
    return f"{percent(row[name])} ({percent(row['low'])} to {percent(row['high'])})"


INTRO = (
    "# Calibration of one patient's outlook\n\nWhole patients are held out: the model is fitted to "
    "others, is given the first scores of a patient, and predicts those to come. In brackets exact "
    "(Clopper-Pearson) 95 % intervals; each patient counts once a line. Simulated patients are "
    "new, from the same scenario, and stay to the end of their script; the study learnt from has "
    "its leavers. A goal is *kept* when two scores in a row meet it; in the trial it is half the "
    "baseline. Written by `python -m studies.outlook_calibration`; simulated cases are "
    "checked by `tests/recovery/test_outlook_calibrates.py`."
)


def main() -> None:
    """Write the page."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--trial", nargs=2, type=Path, metavar=("SCORES", "MAP"))
    parser.add_argument("--studies", type=int, default=8)
    options = parser.parse_args()
    found = [(f"Simulated: {case.name}", run(case, options.studies)) for case in CASES]
    found += run_trial(*options.trial) if options.trial else ()
    options.out.write_text(page(found), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
