"""Flow of courses, from all that were recorded to those analysed, as reporting guidelines ask."""

from __future__ import annotations

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
        What may be shown.

    Returns
    -------
    list of (str, str)
        A loss that must not be shown reads "<11", and the counts above it become ranges, so
        that no difference betrays it.

    Examples
    --------
    >>> steps = (Step("all", 401, ""), Step("scored", 396, "no score"), Step("used", 301, "left"))
    >>> shown_counts(steps, Disclosure())
    [('397 to 406', ''), ('396', '<11'), ('301', '95')]
    >>> shown_counts(steps, Disclosure(exempt=True))[0]
    ('401', '')
    """
    lost = [above.n - below.n for above, below in pairwise(steps)]
    low = high = steps[-1].n
    texts = [_range(low, high, disclosure)]
    for loss in reversed(lost):
        small = disclosure.hides(loss)
        low, high = (
            low + (1 if small else loss),
            high + (disclosure.threshold - 1 if small else loss),
        )
        texts.append(_range(low, high, disclosure))
    losses = ["", *(disclosure.shown(loss) for loss in lost)]
    return list(zip(reversed(texts), losses, strict=True))


def _range(low: int, high: int, disclosure: Disclosure) -> str:
    return disclosure.shown(low) if low == high else f"{low:,} to {high:,}"


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
