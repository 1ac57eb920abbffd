"""Do therapists differ? Shrunken differences with case mix, in no order of merit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import chdtrc, ndtri

from outcomes.dictionary.instruments import Instrument
from outcomes.mixed.after.profile import profile_intervals
from outcomes.mixed.fit import MixedFit
from outcomes.questions.course_frame import LEAST_COURSES, CourseFrame, within_groups
from outcomes.questions.course_model import LEAST_CLUSTERS, fitted
from outcomes.questions.picture import Picture
from outcomes.questions.question import Asked, Found, Missing, question
from outcomes.records import number_of_therapists
from outcomes.words import (
    UNCLEAR,
    decimals,
    in_order,
    limits,
    listed,
    percent_with_interval,
    plain,
    probability,
    scale,
    there_are,
)

TINY = 1e-6
CHANCE = 0.05
"""A p-value from which a spread is no more than chance."""


def therapists(asked: Asked) -> Found | Missing:
    """Estimate how much therapists differ, allowing for case mix.

    Parameters
    ----------
    asked : Asked
        The question.

    Returns
    -------
    Found or Missing
        ``.table``: ``kind`` is ``spread`` (standard deviation between therapists, with the p-value
        of its being zero), ``share`` (of the variance) or ``therapist`` (in order of their id).
        Missing with fewer than five therapists of 11 courses, or where so few share a group
        (condition or arm) that groups determine them.
    """
    course = asked.course.of_courses()
    rows = course.rows.dropna(subset=["therapist_id", "baseline"]).reset_index(drop=True)
    counts = rows.groupby("therapist_id")["episode_id"].nunique()
    shown = counts[counts >= LEAST_COURSES]
    if len(shown) < LEAST_CLUSTERS:
        least = {"least": str(LEAST_CLUSTERS), "each": str(LEAST_COURSES)}
        there = f"{there_are(len(shown), 'therapist')} of that kind"
        there = there if number_of_therapists(asked.study) else "no therapist is recorded"
        return Missing(asked.question.say("few", there=there, **least), course=course)
    if course.group and within_groups(rows, "therapist_id", course.group) < LEAST_CLUSTERS - 1:
        least = {"group": course.group, "least": str(LEAST_CLUSTERS)}
        return Missing(asked.question.say("nested", **least), course=course)
    course = replace(course, rows=rows)
    with_them, without = _fits(course)
    table = _table(with_them, without, shown)
    seen = bool(table["estimate"].iloc[0] > TINY)
    return Found(
        table,
        _sentence(table, asked.measure, len(counts), course),
        asked.question.say("method", formula=with_them.request.formula),
        _picture(table, asked.measure) if seen else None,
        checks=(
            THERAPISTS.check("seen", seen, "zero is the boundary"),
            THERAPISTS.check("number", len(counts) >= 10, f"{len(counts)} therapists"),
        ),
        glance=f"{_share(table)} of the variation",
        verdict=UNCLEAR if table["p_value"].iloc[0] >= CHANCE else "they differ",
        n_clusters=len(counts),
        course=course,
    )


def _fits(course: CourseFrame) -> tuple[MixedFit, MixedFit]:
    """Fit the case-mix model with and without therapists, by REML."""
    group = f"{course.group} + " if course.group else ""
    formula = f"improvement ~ {group}baseline + {course.time_term}"
    random = "" if course.one_score_each else " + (1 | episode_id)"
    random += " + (1 | patient_id)" * course.patients_return
    without = f"{formula}{random or f' + id({course.axis} | episode_id)'}"
    with_them = f"{formula}{random} + (1 | therapist_id)"
    return fitted(with_them, course.rows), fitted(without, course.rows)


def _table(fit: MixedFit, without: MixedFit, shown: pd.Series[int]) -> pd.DataFrame:
    parts = fit.variance_components()
    variances = parts[parts["term_2"] == ""].groupby("group")["variance"].sum()
    own = float(variances["therapist_id"])
    ratio = max(0.0, 2 * (fit.loglik - without.loglik))
    chance = 0.5 * float(chdtrc(1, ratio)) if ratio > 1e-6 else 1.0
    spread = {
        "term": "standard deviation between therapists", "kind": "spread",
        "estimate": np.sqrt(own), "statistic": ratio, "p_value": chance,
    }  # fmt: skip
    shares = fit.icc()
    own_share = shares[(shares["group"] == "therapist_id") & (shares["kind"] == "adjusted")]
    columns = ["estimate", "std_error", "conf_low", "conf_high"]
    share = {
        **own_share[columns].to_dict("records")[0],
        "term": "share of the variance", "kind": "share",
    }  # fmt: skip
    if chance >= CHANCE:  # on the logit scale no interval of a share reaches zero
        share["conf_low"] = 0.0
    if own <= TINY**2:
        share["conf_high"] = _most(fit, float(variances.drop("therapist_id").sum()))
    effects = fit.random_effects("therapist_id")
    effects = effects[effects["level"].isin(shown.index)]
    effects = effects.sort_values("level", key=lambda names: names.map(in_order))
    half = ndtri(0.975) * effects["std_error"]
    rows = pd.DataFrame(
        {
            "term": effects["level"], "kind": "therapist", "estimate": effects["estimate"],
            "std_error": effects["std_error"], "conf_low": effects["estimate"] - half,
            "conf_high": effects["estimate"] + half,
            "n_episodes": shown.reindex(effects["level"]).to_numpy(),
        }
    )  # fmt: skip
    return pd.concat([pd.DataFrame([spread, share]), rows], ignore_index=True)


def _most(fit: MixedFit, rest: float) -> float:
    """Return the share that the likelihood does not rule out where it is highest without any."""
    spread = float(profile_intervals(fit, "therapist_id")["conf_high"].iloc[0])
    return spread**2 / (spread**2 + rest)


def _sentence(
    table: pd.DataFrame, measure: Instrument, n_therapists: int, course: CourseFrame
) -> str:
    alike = [course.group, "baseline", "time" * (course.n_times > 1)]
    spread = table.to_dict("records")[0]
    found = f"{plain(spread['estimate'], decimals(measure) + 1)} {measure.unit}"
    chance = f"{'no ' * (spread['p_value'] >= CHANCE)}more than chance would"
    return THERAPISTS.say(
        "found", verdict=_verdict(spread), n=str(n_therapists), share=_share(table), chance=chance,
        p=probability(spread["p_value"]), sd=found, measure=f"{measure.title} ({scale(measure)})",
        alike=listed([name for name in alike if name]),
    )  # fmt: skip


def _share(table: pd.DataFrame) -> str:
    estimate, low, high = table[["estimate", "conf_low", "conf_high"]].to_numpy(float)[1]
    digits = next((n for n in (1, 2, 3) if low <= 0 or round(100 * low, n)), 4)  # more than none
    return percent_with_interval(estimate, low, high, digits)


def _verdict(spread: Mapping[Any, Any]) -> str:
    return "No clear difference" if spread["p_value"] >= CHANCE else "There is a difference"


def _picture(table: pd.DataFrame, measure: Instrument) -> Picture:
    rows = table[table["kind"] == "therapist"]
    ends = limits(rows["estimate"].min(), rows["estimate"].max(), 2)
    names = rows["term"].map(lambda name: f"therapist {name}" if str(name).isdigit() else name)
    title = f"{_verdict(table.iloc[0].to_dict())} between therapists"
    n = str(len(rows))
    return THERAPISTS.forest(rows, names, title, unit=measure.unit, n=n, ends=ends)


THERAPISTS = question("therapists", therapists)
