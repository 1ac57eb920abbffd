"""Flow of courses, from all that were recorded to those analysed, as reporting guidelines ask."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import pandas as pd

from outcomes.privacy.disclosure import Disclosure
from outcomes.questions.course_frame import course_frame
from outcomes.questions.picture import Picture
from outcomes.study import Study


@dataclass(frozen=True, slots=True)
class Step:
    """One box of the flow.

    Parameters
    ----------
    name : str
        What the courses in it have.
    n : int
        How many.
    lost : str
        Why others of the box above are not in it.
    """

    name: str
    n: int
    lost: str


def flow_steps(study: Study, instrument: str) -> tuple[Step, ...]:
    """Count courses from all recorded to those analysed.

    Parameters
    ----------
    study : Study
        The study.
    instrument : str
        Instrument of the outcome.
    """
    scores = study.assessments[study.assessments["instrument"] == instrument]
    started = study.sessions["episode_id"].nunique()
    steps = [Step("Courses recorded", len(study.episodes), "")]
    if started:
        steps.append(Step("with a visit", started, "no visit"))
    with_score = scores.loc[scores["score"].notna(), "episode_id"].nunique()
    steps.append(Step(f"with a score ({instrument.upper()})", with_score, "no score"))
    later = study.trajectory(instrument)["episode_id"].nunique()
    steps.append(Step("with a baseline and a later score", later, "no baseline or none after"))
    analysed = course_frame(study, instrument).n_courses
    steps.append(Step("analysed", analysed, "no later score at a visit"))
    return tuple(steps)


def shown_counts(steps: tuple[Step, ...], disclosure: Disclosure) -> list[tuple[str, str]]:
    """Return each step's count and its loss as texts that give no small count away.

    Parameters
    ----------
    steps : tuple of Step
        From all to analysed.
    disclosure : Disclosure
        What may be shown, and what is told elsewhere.

    Returns
    -------
    list of (str, str)
        A count that would betray a small loss is not shown, and no loss beside it.

    Examples
    --------
    >>> from outcomes.privacy.disclosure import Told
    >>> steps = (Step("all", 401, ""), Step("scored", 396, "no score"), Step("used", 301, "left"))
    >>> shown_counts(steps, Disclosure(told=Told()))
    [('401', ''), ('nearly all of 401', '<11'), ('301', 'not shown')]
    >>> shown_counts(steps, Disclosure(exempt=True))
    [('401', ''), ('396', '5'), ('301', '95')]
    """
    texts: list[tuple[str, str]] = []
    for above, step in pairwise((Step("", steps[0].n, ""), *steps)):
        near = disclosure.near(step.n, "course")
        told = disclosure.tells(step.n, "course")
        text = disclosure.shown(step.n) if near is None else f"nearly all of {near:,.0f}"
        both = told and (not texts or texts[-1][0] == f"{above.n:,}")
        lost = disclosure.shown(
            above.n - step.n if both or disclosure.hides(above.n - step.n) else math.nan
        )
        texts.append((text, lost if texts else ""))
    return texts


def flow_picture(study: Study, instrument: str, disclosure: Disclosure) -> Picture:
    """Return the flow as a picture.

    Parameters
    ----------
    study : Study
        The study.
    instrument : str
        Instrument of the outcome.
    disclosure : Disclosure
        What may be shown.
    """
    steps = flow_steps(study, instrument)
    counts = shown_counts(steps, disclosure)
    data = pd.DataFrame(
        [
            (step.name, n, f"{step.lost}: {lost}" if step.lost and lost != "0" else "")
            for step, (n, lost) in zip(steps, counts, strict=True)
        ],
        columns=["label", "n", "left_out"],
    )
    spoken = "; ".join(f"{row.label}: {row.n}" for row in data.itertuples())
    return Picture("flow", data, "Flow of courses", "", "", f"Flow diagram. {spoken}.")
