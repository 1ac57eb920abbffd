"""Flow of courses, from all that were recorded to those analysed, as reporting guidelines ask."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import pandas as pd

from outcomes.privacy.disclosure import Disclosure, arms_apart
from outcomes.questions.course_frame import course_frame
from outcomes.questions.picture import Picture
from outcomes.records import visits_received
from outcomes.study import Study
from outcomes.words import SPACE, in_order, named, sentence_case


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


def flow_steps(study: Study, instrument: str, arm: str = "") -> tuple[Step, ...]:
    """Count courses from all recorded to those analysed.

    Parameters
    ----------
    study : Study
        The study.
    instrument : str
        Instrument of the outcome.
    arm : str
        The arm whose courses are counted; empty for all.
    """
    scores = study.assessments[study.assessments["instrument"] == instrument]
    own = study.episodes if not arm else study.episodes[study.episodes["arm"] == arm]
    everyone = set(own["episode_id"])
    scored = scores.loc[scores["score"].notna(), "episode_id"]
    started = visits_received(study)["episode_id"]
    all_came = len(started) and not (set(scored) - set(started))  # a control may have no visits
    whole = f"Courses in the {named(arm)} arm" if arm else "Courses recorded"
    boxes = [
        (whole, own["episode_id"], ""),
        *([("with a visit", started, "no visit")] if all_came else []),
        (f"with a score ({study.instrument(instrument).title})", scored, "no score"),
        ("with a baseline and a later score", study.trajectory(instrument)["episode_id"],
         "no baseline or none after"),
        ("analyzed", course_frame(study, instrument).rows["episode_id"],
         "no later score at a visit"),
    ]  # fmt: skip
    return tuple(Step(name, len(everyone & set(ids)), lost) for name, ids, lost in boxes)


def shown_counts(
    steps: tuple[Step, ...], disclosure: Disclosure, arm: str = ""
) -> list[tuple[str, str]]:
    """Return each step's count and its loss as texts that give no small count away.

    Parameters
    ----------
    steps : tuple of Step
        From all to analysed.
    disclosure : Disclosure
        What may be shown, and what is told elsewhere.
    arm : str
        Whose courses these are; empty for all.

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
    >>> shown_counts((Step("all", 12, ""), Step("scored", 11, "")), Disclosure(told=Told()))
    [('12', ''), ('some of 12', 'not shown')]
    >>> shown_counts(steps, Disclosure(exempt=True))
    [('401', ''), ('396', '5'), ('301', '95')]
    """
    texts: list[tuple[str, str]] = []
    for above, step in pairwise((Step("", steps[0].n, ""), *steps)):
        text = disclosure.instead(step.n, "course", arm).replace("fewer than ", "<")
        told, text = disclosure.tells(step.n, "course", arm), text or f"{step.n:,}"
        both = told and (not texts or texts[-1][0] == f"{above.n:,}")
        gone = above.n - step.n
        few = not text.startswith("some") and disclosure.hides(gone)
        lost = disclosure.shown(gone if both or few else math.nan)
        texts.append((text, lost if texts else ""))
    return texts


def flow_picture(
    study: Study, instrument: str, disclosure: Disclosure, *, analyzed: bool = True
) -> Picture:
    """Return the flow as a picture.

    Parameters
    ----------
    study : Study
        The study.
    instrument : str
        Instrument of the outcome.
    disclosure : Disclosure
        What may be shown.
    analyzed : bool
        Whether an answer rests on the courses of the last step.
    """
    arms = sorted(arms_apart(study, disclosure), key=in_order)  # as in Table 1
    rows = []
    for arm in arms if len(arms) > 1 else [""]:
        steps = flow_steps(study, instrument, arm)
        for step, (n, lost) in zip(steps, shown_counts(steps, disclosure, arm), strict=True):
            left_out = f"{step.lost}:{SPACE}{lost}" if step.lost and lost != "0" else ""
            unused = step.name == "analyzed" and not analyzed
            name = "with scores to analyze" if unused else step.name
            rows.append((arm, name, n, left_out))
    data = pd.DataFrame(rows, columns=["group", "label", "n", "left_out"])
    first, last = data["n"].iloc[0], data["n"].iloc[-1]
    part = f"all {first}" if last == first else last if " of " in last else f"{last} of {first}"
    whose = sentence_case(f"{part.replace('<', 'fewer than ')} courses")
    done = "are analyzed" if analyzed else "have scores to analyze"
    title = f"{whose} {done}" if len(arms) < 2 else "Courses by arm"
    spoken = "; ".join(f"{row.label}: {row.n}" for row in data.itertuples())
    return Picture("flow", data, title, "", "", f"Flow diagram. {spoken}.")
