"""Do therapists differ? Shrunken differences with case mix, in no order of merit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
from scipy import stats

from outcomes.dictionary.instruments import Instrument
from outcomes.mixed.results import MixedFit
from outcomes.questions.answer import Answer, Check, Picture, refusal
from outcomes.questions.claim import basis_of, words
from outcomes.questions.contrasts import fitted
from outcomes.questions.course_frame import CourseFrame, course_frame
from outcomes.questions.course_model import LEAST_CLUSTERS
from outcomes.questions.source import source_of
from outcomes.questions.wording import decimals, probability, scale, there_are
from outcomes.study import Study

NAME = "therapists"
QUESTION = "Do therapists differ?"
TINY = 1e-6
LEAST_EACH = 11
"""Therapists with fewer courses are in the model and not shown."""

ESTIMAND = (
    "Spread between therapists of the mean improvement of patients alike in condition, baseline "
    "and time (positive = better), and each therapist's part of it, pulled towards the mean."
)
ASSUMPTIONS = (
    "Patients came to therapists by chance, given condition and baseline.",
    "Therapists' parts are normally distributed.",
)
LIMITS = (
    "No order of merit: intervals of most therapists overlap, and patients were not allotted by "
    "chance.",
    "A therapist with few courses is pulled towards the mean, and one with fewer than "
    f"{LEAST_EACH} is not shown.",
)
REFERENCES = (
    "Goldstein & Spiegelhalter (1996), J R Stat Soc A 159:385: comparing institutions.",
    "Self & Liang (1987), J Am Stat Assoc 82:605: testing a variance of zero.",
)


def therapists(study: Study, *, instrument: str, planned: bool = False) -> Answer:
    """Estimate how much therapists differ, allowing for case mix.

    Parameters
    ----------
    study : Study
        A study without errors.
    instrument : str
        Instrument of the outcome.
    planned : bool
        Whether an analysis plan declared the question.

    Returns
    -------
    Answer
        ``.table``: ``kind`` is ``spread`` (standard deviation between therapists, with the p-value
        of its being zero), ``share`` (of the variance) or ``therapist`` (in order of their id).
        Refused with fewer than five therapists of eleven courses.
    """
    course = course_frame(study, instrument)
    rows = course.rows.dropna(subset=["therapist_id", "baseline"]).reset_index(drop=True)
    source = source_of(study, n_used=len(rows), left_out=course.left_out)
    counts = rows.groupby("therapist_id")["episode_id"].nunique()
    shown = counts[counts >= LEAST_EACH]
    if len(shown) < LEAST_CLUSTERS:
        reason = (
            f"at least {LEAST_CLUSTERS} therapists are needed to tell therapists from chance, each "
            f"with {LEAST_EACH} courses or more that have a later score; "
            f"{there_are(len(shown), 'therapist')} of that kind."
        )
        return refusal(NAME, QUESTION, reason, source, estimand=ESTIMAND)
    measure = study.instrument(instrument)
    with_them, without = _fits(replace(course, rows=rows))
    table = _table(with_them, without, shown)
    allowed = words(basis_of(study, contrast=True, arms=0, planned=planned, n_clusters=len(counts)))
    return Answer(
        name=NAME,
        question=QUESTION,
        sentence=_sentence(table, measure, len(counts)),
        table=table,
        picture=_picture(table, measure) if _spread(table) > TINY else None,
        method=f"Linear mixed model by REML: `{with_them.request.formula}`; the spread is "
        "tested by the likelihood ratio against the model without therapists, p from half a "
        "chi-squared.",
        estimand=ESTIMAND,
        assumptions=ASSUMPTIONS,
        checks=(
            Check(
                "the spread is estimated above zero",
                _spread(table) > TINY,
                "zero is the boundary",
            ),
            Check("at least 10 therapists", len(counts) >= 10, f"{len(counts)} therapists"),
        ),
        limits=(*allowed.cautions, *LIMITS),
        references=REFERENCES,
        source=source,
    )


def _fits(course: CourseFrame) -> tuple[MixedFit, MixedFit]:
    """Fit the case-mix model with and without therapists, by REML."""
    time = (
        f"C({course.axis})"
        if course.few_times
        else f"cr({course.axis}, df=3, constraints='center')"
    )
    group = f"{course.group} + " if course.group else ""
    formula = f"improvement ~ {group}baseline + {time} + (1 | episode_id)"
    return fitted(f"{formula} + (1 | therapist_id)", course.rows), fitted(formula, course.rows)


def _table(fit: MixedFit, without: MixedFit, shown: pd.Series[int]) -> pd.DataFrame:
    parts = fit.variance_components()
    variances = parts[parts["term_2"] == ""].groupby("group")["variance"].sum()
    own = float(variances["therapist_id"])
    ratio = max(0.0, 2 * (fit.loglik - without.loglik))
    chance = 0.5 * float(stats.chi2.sf(ratio, 1)) if ratio > 1e-6 else 1.0
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
    effects = fit.random_effects("therapist_id")
    effects = effects[effects["level"].isin(shown.index)].sort_values("level")
    half = stats.norm.ppf(0.975) * effects["std_error"]
    rows = pd.DataFrame(
        {
            "term": effects["level"], "kind": "therapist", "estimate": effects["estimate"],
            "std_error": effects["std_error"], "conf_low": effects["estimate"] - half,
            "conf_high": effects["estimate"] + half,
            "n_episodes": shown.reindex(effects["level"]).to_numpy(),
        }
    )  # fmt: skip
    return pd.concat([pd.DataFrame([spread, share]), rows], ignore_index=True)


def _spread(table: pd.DataFrame) -> float:
    return float(table["estimate"].iloc[0])


def _sentence(table: pd.DataFrame, measure: Instrument, n_therapists: int) -> str:
    spread, share = table.to_dict("records")[:2]
    found = f"{spread['estimate']:.{decimals(measure) + 1}f} {measure.unit}"
    part = f"{100 * share['estimate']:.1f} %"
    if np.isfinite(share["conf_low"]):
        part += f" (95 % CI {100 * share['conf_low']:.1f} % to {100 * share['conf_high']:.1f} %)"
    verdict = "is compatible with chance" if spread["p_value"] >= 0.05 else "is more than chance"
    return (
        f"Between {n_therapists} therapists, mean improvement of like patients varies with a "
        f"standard deviation of {found}, {part} of the variance: this spread "
        f"{verdict} ({probability(spread['p_value'])}; {scale(measure)})."
    )


def _picture(table: pd.DataFrame, measure: Instrument) -> Picture:
    data = table[table["kind"] == "therapist"].rename(columns={"term": "label"})
    columns = ["label", "estimate", "conf_low", "conf_high", "n_episodes"]
    ends = f"{data['estimate'].min():.2f} to {data['estimate'].max():.2f}"
    return Picture(
        kind="forest",
        data=data[columns].reset_index(drop=True),
        title="Therapists around their mean, in no order of merit",
        x_label=f"Difference from the mean, shrunken ({measure.unit}; right = better)",
        y_label="",
        alt=f"Differences of {len(data)} therapists from their mean with 95 % intervals, from "
        f"{ends}.",
    )
