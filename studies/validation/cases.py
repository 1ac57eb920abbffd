"""What is promised of each answer in each scenario, written before it was run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from outcomes.synthetic.conditions import KNOWN
from outcomes.synthetic.scenarios import NO_EFFECT

Expectation = Literal["recover", "widen", "null", "refuse"]


@dataclass(frozen=True)
class Row:
    """One promise about one number of an answer.

    Parameters
    ----------
    kind : str
        Kind of the row of the answer's table; ``claim of an effect`` is about the sentence, and
        refused when it makes none.
    expectation : {"recover", "widen", "null", "refuse"}
        ``recover``: 95 % intervals hold the truth as often as they say. ``widen``: at least so
        often. ``null``: nothing is there, and it is found in 5 %. ``refuse``: no number is given.
    truth : str
        One of `outcomes.planning.truths.TRUTHS`; empty where the answer must refuse.
    at : mapping of str to value
        Columns of the answer's table that pick the row; of several, each study judges the next.
    naive : str
        Analysis beside it, one of `outcomes.planning.truths.NAIVE`; empty for none.
    read : str
        How the row is read, one of `studies.validation.run.READ`.
    because : str
        Why it misses, where that is known.
    """

    kind: str
    expectation: Expectation
    truth: str = ""
    at: Mapping[str, Any] = field(default_factory=dict)
    naive: str = ""
    read: str = "interval"
    because: str = ""

    @property
    def name(self) -> str:
        """Words that tell it from other rows of its case."""
        where = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in self.at.items())
        return f"{self.kind}, {where}" if where else self.kind


@dataclass(frozen=True)
class Case:
    """One question asked of many studies of one design.

    Parameters
    ----------
    scenario, question : str
        Of the generator and of the answers.
    rows : tuple of Row
        What is promised.
    episodes : int
        Courses of each study.
    slow : bool
        Whether the answer takes more than a second: fewer studies then.
    changes : mapping
        Parameters of the design that differ from the scenario.
    spoilt : str
        What is taken from the records, one of `studies.validation.spoilt.SPOILT`.
    note : str
        What differs from the scenario, in words.
    """

    scenario: str
    question: str
    rows: tuple[Row, ...]
    episodes: int = 200
    slow: bool = False
    changes: Mapping[str, Any] = field(default_factory=dict)
    spoilt: str = ""
    note: str = ""

    @property
    def many(self) -> bool:
        """Whether it can and must have many studies: a quick answer whose rates are judged."""
        return not self.slow and any(row.expectation != "refuse" for row in self.rows)

    @property
    def setting(self) -> str:
        """The scenario, and what differs from it."""
        more = ", ".join(part for part in (self.note, self.spoilt) if part)
        return f"{self.scenario} ({more})" if more else self.scenario

    @property
    def name(self) -> str:
        """Words that tell it from other cases."""
        return f"{self.setting}, {self.question}"


_WAYS = ("constrained, therapists", "ancova", "constrained")
_INDEPENDENT = (
    "it takes patients of one therapist as independent, and therapists of the treated differ; the "
    "answer's own row, `constrained, therapists`, allows for them."
)
_UNSEEN = (
    "scores are missing because of what nobody recorded, and no model of what was recorded mends "
    "that; `leavers` shows how far the mean would move, and its row holds the truth."
)


def _curve(sessions: float, expectation: Expectation = "recover", because: str = "") -> Row:
    """Mean improvement after so many sessions, beside the mean of those who have a score then."""
    at = {"group": "all", "session_count": sessions}
    return Row("curve", expectation, "change", at, "mean seen", because=because)


def _arms(week: float, arm: str, kinds: tuple[str, ...], truth: str = "effect of the arm",
          expectation: Expectation = "recover") -> tuple[Row, ...]:  # fmt: skip
    at = {"week": week, "arm": arm}
    why = "" if expectation == "null" else _INDEPENDENT
    return tuple(
        Row(kind, expectation, truth, at, "treated alone", because=why * (kind != _WAYS[0]))
        for kind in kinds
    )


CLAIM = "claim of an effect"
_NO_CLAIM = Row(CLAIM, "refuse", "nothing", naive="before and after")
_REFUSED = (Row("any number", "refuse"),)
_STILL = {**NO_EFFECT, "claim_prognosis": 0.0, "cotreatment_benefit": 0.0, "slope_sd": 0.0}
_ALIKE = {
    **NO_EFFECT,
    "conditions": tuple(
        replace(KNOWN[name], share=0.25, baseline_mean=6.0, natural_improvement=1.5)
        for name in ("neck_mvc", "neck_other", "low_back", "knee_pain")
    ),
}
_SIX_WEEKS = {"script_weeks": ((6.0, 1.0),)}
_ALL_STAY = {"stop_hazard": 0.0, "missing_score": 0.0, "goal_late": 0.0}
_SAME_THERAPISTS = {"therapist_icc": 0.0, "clinic_icc": 0.0}

CASES: tuple[Case, ...] = (
    # how much
    Case("default", "how-much", (_curve(4),), 100, slow=True),
    Case("null", "how-much", (_curve(4), _NO_CLAIM), 100, slow=True),
    Case("regression-to-the-mean", "how-much", (_curve(4), _NO_CLAIM), 100, slow=True),
    Case("floor-and-ceiling", "how-much", (_curve(4),), 100, slow=True),
    Case("few-clusters", "how-much", (_curve(4, "widen"),), 100, slow=True),
    Case("switching-therapists", "how-much", (_curve(4),), 100, slow=True),
    Case("hospice", "how-much",
         (Row("curve", "recover", "change", {"group": "all", "session_count": 3},
              "before and after a visit"),), 100, slow=True),
    Case("informative-dropout", "how-much", (_curve(6, "widen", _UNSEEN),), 100, slow=True),
    Case("large-registry", "how-much", (_curve(4),), 400, slow=True),
    Case("default", "how-much", (_curve(4),), 100, slow=True,
         changes={"repeat_share": 0.4}, note="patients who return"),
    # pressure
    Case("null", "pressure",
         (Row("last visit", "null", "nothing", naive="same visit"),
          Row("curvature", "null", "nothing"),
          Row("error allowed for", "null", "nothing", naive="same visit"),
          Row("sustained", "null", "nothing", naive="mean before")), slow=True),
    Case("pressure-helps", "pressure",
         (Row("last visit", "recover", "last pressure", naive="same visit"),), slow=True),
    Case("pressure-inverted-u", "pressure",
         (Row("last visit", "widen", "last pressure", naive="same visit"),
          Row("curvature", "recover", "last curvature")),
         slow=True, changes={"adaptive_share": 0.0}, note="nobody adapted"),
    Case("confounded-pressure", "pressure",
         (Row("last visit", "null", "nothing", naive="mean before"),
          Row("sustained", "widen", "nothing", naive="mean before")), slow=True),
    Case("feedback", "pressure",
         (Row("last visit", "recover", "last pressure", naive="same visit"),
          Row("sustained", "recover", "every pressure", naive="mean before")),
         slow=True),
    # sessions, frequency, goals
    Case("default", "sessions", (_curve(6),), 100, slow=True),
    Case("session-count-trap", "sessions",
         (Row("curve", "recover", "change", {"session_count": 6}, "total of six to eight"),
          Row("clone-censor-weight", "widen", "change", {"term": "go on, nobody leaving"})),
         100, slow=True),
    Case("null", "frequency",
         (Row("equal weeks", "null", "nothing", naive="sessions so far"),
          Row("error allowed for", "null", "nothing")), changes={"clinic_icc": 0.0}),
    Case("default", "frequency",
         (Row("equal weeks", "recover", "more visits, equal weeks", naive="sessions so far"),
          Row("equal sessions", "recover", "more visits, equal sessions")), 300,
         changes=_SIX_WEEKS, note="scripts of six weeks"),
    Case("default", "goals",
         (Row("sustained", "recover", "goal twice in a row", {"time": 4}, "goal at any score"),),
         changes=_ALL_STAY, note="everybody stays"),
    # groups of patients and of therapists
    Case("large-registry", "conditions",
         (Row("own", "recover", "change of the condition"),
          Row("pooled", "widen", "change of the condition")), 250, slow=True,
         changes={"therapists": 20, "clinics": 4}, note="twenty therapists"),
    Case("null", "conditions",
         (Row("pooled", "widen", "nothing", naive="first against the rest", read="one is named"),),
         slow=True, changes=_ALIKE, note="conditions alike"),
    Case("null", "therapists",
         (Row("spread", "widen", "nothing", naive="analysis of variance", read="p value"),),
         changes=_SAME_THERAPISTS, note="therapists alike"),
    Case("switching-therapists", "therapists",
         (Row("spread", "widen", "nothing", naive="analysis of variance", read="p value"),),
         changes=_SAME_THERAPISTS, note="therapists alike"),
    # one patient, safety, those who leave
    Case("null", "patient",
         (Row("change", "widen", "nothing", naive="two points", read="measurement error"),), 10,
         changes={**_STILL, "entry_minimum": 0.0, "conditions": (
             replace(KNOWN["neck_other"], share=1.0, baseline_mean=5.0, natural_improvement=0.0),)},
         note="nothing changes, nobody selected"),
    Case("default", "safety",
         (Row("events", "widen", "events per 100 visits", {"term": "not adapted"}),
          Row("events", "widen", "events per 100 visits", {"term": "adapted"}, "Wald interval"))),
    Case("informative-dropout", "leavers",
         (Row("delta", "widen", "change at the horizon", naive="mean at the horizon",
              read="all deltas"),), 100, slow=True),
    Case("default", "over-time", (Row("trend", "null", "nothing"),), 150,
         spoilt="years by chance"),
    Case("default", "over-time", (Row("trend", "widen", "nothing", read="both"),), 150,
         spoilt="those who come later start worse"),
    Case("default", "over-time", (Row("trend", "null", "nothing"),), 150,
         changes={"repeat_share": 0.4}, spoilt="years by chance", note="patients who return"),
    # trials
    Case("two-arm-trial", "trial",
         (*_arms(8, "massage", _WAYS), *_arms(52, "massage", _WAYS[:1])), 220),
    Case("two-arm-trial", "trial", _arms(8, "massage", _WAYS, "nothing", "null"), 220,
         changes=NO_EFFECT, note="no effect, therapists alike"),
    Case("two-arm-trial", "trial", _arms(8, "massage", _WAYS[:1], "nothing", "null"), 220,
         changes={**NO_EFFECT, "therapist_icc": 0.04}, note="no effect, therapists differ"),
    Case("dose-finding-trial", "trial",
         _arms(8, "60 min weekly", _WAYS, expectation="widen"), 250, note="arms together"),
    # what must be refused
    Case("default", "trial", _REFUSED, 60, note="one arm"),
    Case("default", "how-much", _REFUSED, 6, note="six patients"),
    Case("default", "pressure", _REFUSED, 6, note="six patients"),
    Case("default", "pressure", _REFUSED, 60, spoilt="pressure never recorded"),
    Case("default", "pressure", _REFUSED, 60, spoilt="everyone at the same pressure"),
    Case("default", "pressure", _REFUSED, 60, spoilt="no overlap"),
    Case("default", "how-much", _REFUSED, 60, spoilt="everyone leaves after one visit"),
    Case("default", "leavers", _REFUSED, 60, spoilt="everyone leaves after one visit"),
    Case("two-arm-trial", "sessions", _REFUSED, 60, note="scores without visits"),
    Case("few-clusters", "therapists", _REFUSED, 200),
    Case("regression-to-the-mean", "conditions", _REFUSED, 60, note="one condition"),
)  # fmt: skip
"""All cases: every scenario and every question is among them."""
