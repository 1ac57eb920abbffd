"""The calibration page: published target, what the generator yields, and which of the two won."""

from __future__ import annotations

from dataclasses import dataclass

from studies.calibration import N_BATCHES, N_PEOPLE, PARTS, measure


@dataclass(frozen=True)
class Target:
    """One line of the page.

    Parameters
    ----------
    name : str
        Name of the value as measured.
    target : str
        The published number, in words where it is not one number.
    source : str
        Where it comes from.
    verdict : str
        Whether it holds, or which of default and source won and why.
    per_cent : bool
        Whether values are shown in per cent.
    """

    name: str
    target: str
    source: str
    verdict: str
    per_cent: bool = False


_SPREAD = "patient_sd and residual_sd won: one spread for all conditions"
_HOLDS = "holds"
_COHORT = "Paanalahti 2014, 5.4 (1.7) [F]; by condition [A]"
_BASELINES = (
    ("neck_mvc", 5.8, 1.8), ("neck_other", 5.2, 1.8), ("headache", 5.5, 2.0),
    ("carpal_tunnel", 5.0, 2.2), ("sciatica", 6.0, 2.0), ("knee_pain", 5.5, 2.0),
    ("low_back", 5.4, 1.7), ("arthritis", 5.2, 2.1), ("post_op", 5.0, 2.2), ("hospice", 4.3, 2.3),
)  # fmt: skip


def _baselines() -> tuple[Target, ...]:
    lines = []
    for name, mean, sd in _BASELINES:
        lines.append(Target(f"baseline mean {name}", f"{mean}", _COHORT, _HOLDS))
        won = _HOLDS if name in ("neck_mvc", "low_back", "hospice") else _SPREAD
        lines.append(Target(f"baseline SD {name}", f"{sd}", _COHORT, won))
    return tuple(lines)


_CHOW = "Chow 2006, sham arm [D]"
_LEWIS = "Lewis 2010 [F]"
_SHERMAN = "Sherman 2014 [F]"
_PERLMAN = "Perlman 2012, WOMAC of 100 [F]; here pain x 10"
_NS = "not significant with 38 an arm"

TARGETS: dict[str, tuple[Target, ...]] = {
    "Pain at the first visit (mean and SD of ratings, among those who enter)": _baselines(),
    "Noise": (
        Target("within-course SD of pain", "1.3", _CHOW,
               "holds; 12 weekly visits share part of the serial noise, so the SD around their "
               "mean is a little lower"),
        Target("within-course SD of ratings", "1.35", _CHOW, _HOLDS),
        Target("r one week apart", "about .7", "[D]", _HOLDS),
        Target("r twelve weeks apart", "about .5; mean of 20 trials .50",
               "[D]; Walters 2019 [M]", _HOLDS),
        Target("r one week apart, entrants", "none", "",
               "entry selection won: it narrows the baseline and lowers r"),
        Target("r twelve weeks apart, entrants", "none", "", "the same"),
    ),
    "Clusters": (
        Target("ICC of therapists in pain at visit 13", ".04 (.026 to .071)", _LEWIS,
               "holds inside the range; own slopes add variance that the default does not count"),
        Target("ICC of clinics in pain at visit 1", ".015", "BMC Med Res Methodol 2020;20:83 [F]",
               "entry selection won: it narrows differences between clinics"),
    ),
    "Stopping and loss": (
        Target("stopped before visit 9, base hazard", "39 %", "1 - .94^8 [D]", _HOLDS, True),
        Target("stopped before visit 11, base hazard", "46 %", "1 - .94^10 [D]", _HOLDS, True),
        Target("still in care at week 2", "none", "", "for information", True),
        Target("still in care at week 4", "none", "", "for information", True),
        Target("still in care at week 6", "none", "", "for information; 6-week scripts end", True),
        Target("lost at week 12", "18 %", "Elder 2017 [F]",
               "holds; loss grows with recorded pain (MAR), which is low by then", True),
        Target("lost at week 24", "27 %", "Elder 2017 [F]", "the same", True),
    ),
    "No effect at all: mean 4, SD 2.2, correlation .5, entry at 4": (
        Target("responders, all, unrounded", "18.2 %", "normal distribution [D]", _HOLDS, True),
        Target("responders, all, rounded", "24.3 %", "[D]", _HOLDS, True),
        Target("responders, entrants, unrounded", "28.7 %", "[D]", _HOLDS, True),
        Target("responders, entrants, rounded", "37.4 %", "[D]", _HOLDS, True),
        Target("responders, entry by rating", "none", "",
               "who enters by a rating of 4 has pain from 3.5: a little less regression", True),
        Target("regression to the mean", "0.878", "truncated normal [D]", _HOLDS),
    ),
    "Knee, 8 weeks (points of 100, improvement positive)": (
        Target("knee, usual care", "6.3 (0.1 to 12.8)", _PERLMAN, "holds inside the interval"),
        Target("knee, 30 min weekly", "less than 60 min", _PERLMAN, _HOLDS),
        Target("knee, 30 min twice", "less than 60 min", _PERLMAN, _HOLDS),
        Target("knee, 60 min weekly", "24.0 (15.3 to 32.7)", _PERLMAN, "holds inside the interval"),
        Target("knee, 60 min twice", "24.0, no more than weekly", _PERLMAN,
               "the dose curve won: twice a week comes a little nearer to the plateau"),
        Target("knee, 60 min weekly against usual care", "9.6 (4.5 to 14.7); 17.7",
               "Perlman 2019; 2012 [F]", "between the two trials"),
        Target("knee, 60 min weekly against light touch", "8.2 (2.8 to 13.5)",
               "Perlman 2019 [F]", "holds inside the interval"),
    ),
    "Neck, 4 weeks against waiting (risk ratios at week 5)": (
        Target("neck, NDI, 30 x 2", "not significant", _SHERMAN, _NS),
        Target("neck, NDI, 30 x 3", "not significant", _SHERMAN, _NS),
        Target("neck, NDI, 60 x 1", "none", "", "for information"),
        Target("neck, NDI, 60 x 2", "3.41", _SHERMAN,
               "the default won: waiting patients of the generator improve more often"),
        Target("neck, NDI, 60 x 3", "4.98", _SHERMAN, "the same"),
        Target("neck, pain, 30 x 2", "not significant", _SHERMAN, _NS),
        Target("neck, pain, 30 x 3", "not significant", _SHERMAN, _NS),
        Target("neck, pain, 60 x 1", "none", "", "for information"),
        Target("neck, pain, 60 x 2", "2.30", _SHERMAN, _HOLDS),
        Target("neck, pain, 60 x 3", "2.73", _SHERMAN, _HOLDS),
    ),
    "Neck trials, 10 weeks (points of 100, improvement positive)": (
        Target("neck trials, none", "5.8", "Hu 2022 [F]", "holds in an interval that crosses 0"),
        Target("neck trials, placebo", "15.7", "Hu 2022 [F]", _HOLDS),
        Target("neck trials, massage", "25.9", "Hu 2022 [F]", _HOLDS),
    ),
    "Headache (improvement as part of baseline, at the end of 12 weeks of care)": (
        Target("headache, usual care", "16 %", "Vickers 2004, 12 months [D]",
               "the default won: 13 weeks here, 12 months there", True),
        Target("headache, treated", "34 %", "Vickers 2004, 12 months [D]",
               "the defaults won: the trial's treatment was acupuncture and its score another; "
               "the benefit here fades after care (Cook 2015), that trial's did not", True),
    ),
    "Visits": (
        Target("adverse events a visit", "10 to 16 %", "Cambron 2007 [F]; Paanalahti 2014 [D]",
               _HOLDS, True),
        Target("patients with an event, 3 visits or more", "51 %", "Paanalahti 2014 [F]",
               "the chance a visit won: these courses have more visits", True),
        Target("drop within a visit, massage", "1.87", "Kutner 2008 [F]",
               "holds; ratings cannot fall below 0"),
        Target("drop within a visit, touch", "0.97", "Kutner 2008 [F]",
               "the SD won: a drop is never negative, which lifts small means"),
        Target("effect after 8 sessions, part of the plateau", "86 %", "1 - exp(-8 / 4) [D]",
               _HOLDS, True),
    ),
}  # fmt: skip
"""Every line of the page, by section."""

_HEAD = """# Calibration

What the generator yields against the published numbers that its defaults were set by. Written by
`python run.py pages`; every number comes from {batches} independent batches of
up to {people:,} simulated courses, and ± is its Monte-Carlo standard error. Sources: [F] read,
[M] from memory, [M?] from memory and unsure, [D] worked out from published numbers, [A] an
assumption that nobody published. Where a default and its source cannot both hold, the last column
says which won.
"""


def calibration_page() -> str:
    """Measure everything and return the page as Markdown."""
    found = measure(PARTS)
    lines = [_HEAD.format(batches=N_BATCHES, people=N_PEOPLE)]
    for section, targets in TARGETS.items():
        lines += [f"## {section}", "", "| | target | source | yields | |", "|---|---|---|---|---|"]
        lines += [_line(target, *found[target.name]) for target in targets]
        lines.append("")
    return "\n".join(lines)


def _line(target: Target, value: float, error: float) -> str:
    shown = f"{value:.3f} ± {error:.3f}"
    if target.per_cent:
        shown = f"{100 * value:.1f} ± {100 * error:.1f} %"
    elif abs(value) >= 3:
        shown = f"{value:.2f} ± {error:.2f}"
    cells = (target.name, target.target, target.source, shown, target.verdict)
    return "| " + " | ".join(cells) + " |"
