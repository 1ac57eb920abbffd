"""The traps that have a teaching deck: question, naive analysis, why it misleads, known truth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from outcomes.planning.truths import ARM, CHANGE, EVERY, LAST

NO_CARE = "mean improvement without any care, by week"
SAME_VISIT = "pressure_same_visit"


@dataclass(frozen=True, slots=True)
class Trap:
    """One trap; ``{naive}``, ``{honest}`` and ``{truth}`` in titles become numbers.

    Parameters
    ----------
    scenario, question : str
        Of the generator and of the answers.
    naive : str
        The naive analysis, one of `outcomes.planning.naive.NAIVE`; empty where the
        largest gap in the picture is the naive finding.
    column, column_label : str
        What the naive picture shows mean improvement against.
    asks, naive_says, because, honest_says : str
        Titles: the question, the naive claim, why it misleads, the honest answer.
    why : tuple of str
        Points below the third title.
    kind : str
        Kind of the rows of the answer's table that are shown; empty where the answer refuses.
    time : tuple of (str, float)
        Time column and time of these rows.
    estimand : str
        Name of the true value; empty where the answer refuses.
    truth_time : tuple of (str, float)
        Where it is read.
    truth_is : str
        Name of its row, or what is known where the answer refuses.
    divisor : float
        True value in units of the answer's row: 2 for pressure 4 against 2, per level.
    """

    scenario: str
    question: str
    naive: str
    column: str
    column_label: str
    asks: str
    naive_says: str
    because: str
    why: tuple[str, ...]
    honest_says: str
    kind: str = ""
    time: tuple[str, float] = ("session_count", 4)
    estimand: str = ""
    truth_time: tuple[str, float] = ("session_count", 4)
    truth_is: str = "the truth"
    divisor: float = 1.0


_PRESSURE = "Does deeper pressure bring more improvement?"
_SAME = "Pressure of the same visit as the score (Walton)"
_MEAN = "Mean pressure so far (Walton)"
_FIRMER = "One level firmer went with {naive} more improvement: go deeper, it seems"
_HONEST = "Honest answer: {honest} for one level firmer; the truth is {truth}"

_ALL = (
    Trap(
        "null", "pressure", "same visit", SAME_VISIT, _SAME, _PRESSURE, _FIRMER,
        "The pressure followed the pain of that day, not the pain the pressure",
        ("Therapists lighten their touch when today's pain is high.",
         "The score was taken before the pressure: it cannot come from it.",
         "So light pressure stands beside bad scores although it did nothing."),
        _HONEST, "last visit", estimand=LAST, divisor=2,
    ),
    Trap(
        "pressure-helps", "pressure", "same visit", SAME_VISIT, _SAME, _PRESSURE, _FIRMER,
        "Some of it is true, and most of it is the choice of pressure",
        ("Therapists lighten their touch when today's pain is high.",
         "The score was taken before the pressure: it cannot come from it.",
         "A real but small gain is drowned in that choice."),
        _HONEST, "last visit", estimand=LAST, divisor=2,
    ),
    Trap(
        "confounded-pressure", "pressure", "mean before", "pressure_mean", _MEAN, _PRESSURE,
        _FIRMER,
        "Frail patients get lighter touch, and heal less whatever the touch",
        ("Who gets firm pressure differs from who gets light pressure.",
         "The naive slope compares people, not pressures.",
         "Compare like with like: same baseline, same last score, same adaptation."),
        _HONEST, "last visit", estimand=LAST, divisor=2,
    ),
    Trap(
        "feedback", "pressure", "mean before", "pressure_mean", _MEAN,
        "Would firmer pressure at every visit bring more improvement?",
        "One level firmer so far went with {naive} more: hardly worth it, it seems",
        "Pressure changes pain, and pain changes the next pressure",
        ("After a bad score the touch is lightened, after a good one it is firmer.",
         "To hold the last score fixed hides what earlier pressure did.",
         "What pressure was beyond the answer to pain tells; its interval is wide, and says so."),
        _HONEST, "sustained", estimand=EVERY, truth_time=("session_count", 8), divisor=2,
    ),
    Trap(
        "regression-to-the-mean", "how-much", "mean seen", "session_count",
        "Sessions received before the score", "Does care bring pain down?",
        "After 5 sessions pain is down by {naive}: care did it, it seems",
        "People come when they are at their worst, and scores fall by themselves",
        ("Only pain of 6 or more was let in: many had a bad day.",
         "The next score is nearer to their usual one, with or without care.",
         "Nothing in the records of one group can take this apart."),
        "Honest answer: change during care, {honest}; without any care it is {truth}",
        "curve", ("session_count", 5), NO_CARE, ("week", 4), "the same people without any care",
    ),
    Trap(
        "session-count-trap", "sessions", "mean seen", "session_count",
        "Sessions received before the score", "How much do people gain by 6 sessions?",
        "Those who still came after 6 sessions had gained {naive}: more visits help no more",
        "Who feels well stops coming, so the late means are of those who do not",
        ("People stop as soon as they feel good enough.",
         "Each point of the curve is of fewer and other people.",
         "The number of sessions is a result of the course, and no dose."),
        "Honest answer: {honest} by 6 sessions had all gone on; the truth is {truth}",
        "curve", ("session_count", 6), CHANGE, ("session_count", 6),
    ),
    Trap(
        "informative-dropout", "leavers", "mean seen", "session_count",
        "Sessions received before the score", "Did those who quit skew the result?",
        "Those with a score after 6 sessions had gained {naive}: all well, it seems",
        "Nobody recorded how those did who stayed away",
        ("Some leave because they are well, some because they are worse.",
         "Whether the mean of those seen is near the truth is luck, not method.",
         "No model can see a score that nobody took."),
        "Honest answer: {honest}, by how the leavers fared; the truth is {truth}",
        "delta", ("session_count", 6), CHANGE, ("session_count", 6),
    ),
    Trap(
        "few-clusters", "therapists", "", "therapist_id", "Mean improvement (points)",
        "Do these three therapists differ?",
        "The best therapist is {naive} ahead of the last: promote one, it seems",
        "Hundreds of scores, but only three therapists",
        ("Patients of one therapist are alike: they are no independent witnesses.",
         "Who comes to whom is not drawn by lot.",
         "Three people cannot show how much therapists vary."),
        "Honest answer: these data cannot tell therapists from chance",
        truth_is="Known here: therapists make up {truth} of the variance in what patients gain.",
    ),
    Trap(
        "two-arm-trial", "trial", "treated alone", "week", "Weeks since the first visit",
        "How much does massage add at week 8?",
        "The massage arm improved by {naive}: all of it the massage, it seems",
        "The control arm improved as well",
        ("Knees get better and worse by themselves, and attention helps.",
         "Change in one arm holds all of that.",
         "Chance made the arms alike: their difference is what was added."),
        "Honest answer: {honest} more than the control; the truth is {truth}",
        "ancova", ("week", 8), ARM, ("week", 8),
    ),
)  # fmt: skip

TRAPS: Mapping[str, Trap] = MappingProxyType({trap.scenario: trap for trap in _ALL})
"""Traps by scenario."""
