"""What a simulated condition and an arm of a trial are, and the conditions used by default."""

from __future__ import annotations

from dataclasses import dataclass

from outcomes.errors import DesignError
from outcomes.synthetic.parameter import check_ranges, parameter

_COHORT = "5.4 (1.7) Paanalahti 2014 [F]; by condition [A]"


@dataclass(frozen=True)
class SimulatedCondition:
    """One condition of a simulated study.

    Parameters
    ----------
    name : str
        A condition of the data contract.
    function_instrument : str
        The second instrument, which moves together with pain; a name of the registry.
    share, baseline_mean, natural_improvement, response, claim_share, onset_weeks, function_mean,
    function_sd, function_step : float
        `records(SimulatedCondition)` lists unit, range and source of each.
    """

    name: str
    function_instrument: str
    share: float = parameter(1.0, "share of courses", source="[A]", between=(0.0001, 1))
    baseline_mean: float = parameter(
        5.4,
        "mean pain at the first visit, among those who enter",
        unit="NPRS points",
        source=_COHORT,
        between=(0, 10),
    )
    natural_improvement: float = parameter(
        0.4,
        "improvement by week 10 without any care",
        unit="NPRS points",
        source="Vernon 2006 .18 SD, Hu 2022 .58 [F]; rest [A]",
        between=(-5, 8),
    )
    response: float = parameter(
        1.0,
        "specific effect as a multiple of the design's",
        source="[A]; knee Perlman 2019 [F]",
        between=(0, 3),
    )
    claim_share: float = parameter(0.05, "share with an open claim", between=(0, 1))
    onset_weeks: float = parameter(
        60.0, "median weeks since onset", unit="weeks", between=(0.5, 1000)
    )
    function_mean: float = parameter(
        16.0,
        "mean of the second instrument at the first visit",
        unit="its points",
        source="HIT-6 [F]; rest [M?]",
        between=(0, 110),
    )
    function_sd: float = parameter(
        7.0,
        "SD of the second instrument",
        unit="its points",
        source="HIT-6 [F]; rest [M?]",
        between=(0.01, 40),
    )
    function_step: float = parameter(
        1.0,
        "step of the second instrument's total",
        unit="its points",
        source="its scoring rule",
        between=(0.001, 5),
    )

    def __post_init__(self) -> None:
        """Refuse values outside their range."""
        check_ranges(self, where=f"condition {self.name}")


@dataclass(frozen=True)
class Arm:
    """One arm of a simulated trial.

    Parameters
    ----------
    name : str
        Name of the arm.
    control : bool
        Whether the other arms are compared with this one.
    care : bool
        Whether the arm gets care at all.
    pressure : int or None
        Pressure fixed by protocol (Walton 0-5); None lets therapists choose.
    minutes, sessions_per_week, weeks
        Script fixed by protocol; None keeps the patients' own.
    share, specific, contextual, wait_weeks : float
        `records(Arm)` lists unit, range and source of each.
    """

    name: str
    control: bool = False
    care: bool = True
    share: float = parameter(1.0, "allocation, relative to the other arms", between=(0.001, 1000))
    specific: float = parameter(1.0, "multiple of the design's specific effect", between=(0, 3))
    contextual: float = parameter(1.0, "multiple of the design's contextual effect", between=(0, 3))
    pressure: int | None = parameter(None, "pressure by protocol", unit="Walton", between=(0, 5))
    minutes: int | None = parameter(None, "minutes by protocol", unit="min", between=(15, 120))
    sessions_per_week: float | None = parameter(
        None, "visits a week by protocol", unit="per week", between=(0.25, 7)
    )
    weeks: float | None = parameter(None, "weeks of care", unit="weeks", between=(1, 52))
    wait_weeks: float = parameter(0.0, "weeks until care begins", unit="weeks", between=(0, 52))

    def __post_init__(self) -> None:
        """Refuse values outside their range."""
        check_ranges(self, where=f"arm {self.name}")
        if self.minutes is not None and self.minutes % 15:
            must = "minutes of an arm are a multiple of 15"
            raise DesignError(must, got=f"{self.minutes}", where=f"arm {self.name}")


def _condition(name: str, function: str, **values: float) -> SimulatedCondition:
    return SimulatedCondition(name, function, **values)


KNOWN: dict[str, SimulatedCondition] = {
    item.name: item
    for item in (
        _condition(
            "neck_mvc",
            "ndi",
            share=0.18,
            baseline_mean=5.8,
            natural_improvement=1.5,
            claim_share=0.5,
            onset_weeks=5.0,
            function_mean=16,
            function_sd=7,
        ),
        _condition(
            "neck_other",
            "ndi",
            share=0.17,
            baseline_mean=5.2,
            natural_improvement=0.4,
            function_mean=16,
            function_sd=7,
        ),
        _condition(
            "headache",
            "hit-6",
            share=0.15,
            baseline_mean=5.5,
            natural_improvement=0.4,
            function_mean=62,
            function_sd=7,
        ),
        _condition(
            "carpal_tunnel",
            "bctq-sss",
            share=0.10,
            baseline_mean=5.0,
            natural_improvement=0.4,
            function_mean=2.8,
            function_sd=0.7,
            function_step=1 / 11,
        ),
        _condition(
            "sciatica",
            "rmdq",
            share=0.12,
            baseline_mean=6.0,
            natural_improvement=0.4,
            function_mean=11,
            function_sd=5,
        ),
        _condition(
            "knee_pain",
            "koos-pain",
            share=0.13,
            baseline_mean=5.5,
            natural_improvement=0.3,
            response=0.8,
            function_mean=55,
            function_sd=16,
            function_step=100 / 36,
        ),
        _condition(
            "low_back",
            "rmdq",
            share=0.15,
            baseline_mean=5.4,
            natural_improvement=0.4,
            function_mean=11,
            function_sd=5,
        ),
        _condition(
            "arthritis",
            "psfs",
            share=0.1,
            baseline_mean=5.2,
            natural_improvement=0.3,
            response=0.8,
            function_mean=4,
            function_sd=1.8,
            function_step=1 / 3,
        ),
        _condition(
            "post_op",
            "psfs",
            share=0.1,
            baseline_mean=5.0,
            natural_improvement=2.5,
            onset_weeks=3.0,
            function_mean=3.5,
            function_sd=1.8,
            function_step=1 / 3,
        ),
        _condition(
            "other",
            "fact-g",
            share=0.1,
            baseline_mean=4.3,
            natural_improvement=-0.25,
            function_mean=75,
            function_sd=15,
        ),
    )
}
"""Every condition of the data contract with its defaults; `other` stands for care in cancer."""

DEFAULT: tuple[SimulatedCondition, ...] = tuple(
    KNOWN[name]
    for name in (
        "neck_mvc",
        "neck_other",
        "headache",
        "carpal_tunnel",
        "sciatica",
        "knee_pain",
        "low_back",
    )
)
"""The conditions of the default study; their shares add up to 1."""
