"""What users hold, as a notebook shows it: studies, findings, fits and answers, each with pictures.

The records below know nothing of pages and figures; what shows them is bound to them here, and the
package's public names come from here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from inspect import signature
from typing import Any, ClassVar

import pandas as pd

from outcomes.causal.constrained import clda
from outcomes.errors import UsageError
from outcomes.findings import Findings
from outcomes.intake.import_export import import_export
from outcomes.intake.load import load
from outcomes.mixed.fit import MixedFit, lmm
from outcomes.mixed.margins.contrasts import contrasts
from outcomes.mixed.margins.margins import emmeans, emtrends
from outcomes.mixed.record import Fit
from outcomes.mixed.types import checked
from outcomes.planning.curve import PowerCurve, power_curve, smallest_design  # noqa: F401  # shown
from outcomes.questions.answer import Answer
from outcomes.questions.ask import answer
from outcomes.questions.ask import answers as ask_all
from outcomes.render.figures import draw, of_fit, of_study
from outcomes.render.figures.shown import ShownFigure
from outcomes.render.fit_table import estimates_html, fit_html, fit_text, html_table
from outcomes.render.html import answer_html
from outcomes.rules.check import check, errors_of_rows
from outcomes.study import Study
from outcomes.synthetic.simulate import simulate
from outcomes.words import count, sentence_case

__all__ = [
    "Study", "answer", "answers", "check", "clda", "import_export", "lmm", "load", "simulate",
]  # fmt: skip


class Estimates(pd.DataFrame):
    """Numbers of a fit for the machine, which a notebook shows as its table shows coefficients."""

    _metadata: ClassVar[list[str]] = ["fit", "level", "adjust"]
    fit: Any = None
    level: Any = 0.95
    adjust: Any = "none"

    @property
    def _constructor(self) -> type[pd.DataFrame]:
        return pd.DataFrame

    def __repr__(self) -> str:
        return str(self.to_string())  # a terminal left out the interval and the p-value

    def _repr_html_(self) -> str:
        return estimates_html(self, self.fit, self.level, self.adjust)


def _shown(method: Callable[..., pd.DataFrame]) -> Callable[..., Estimates]:
    """Let the table that a method of a fit returns show itself."""

    @wraps(method)
    def call(fit: Fit, *args: Any, **options: Any) -> Estimates:
        table = Estimates(method(fit, *args, **options))
        given = signature(method).bind(fit, *args, **options)
        given.apply_defaults()
        table.fit, table.level = fit, given.arguments["conf_level"]
        table.adjust = given.arguments.get("adjust", "none")
        return table

    return call


class Answers(tuple[Answer, ...]):
    """Answers in order; a notebook shows each question with its sentence."""

    def _repr_html_(self) -> str:
        rows = [(given.question, given.sentence) for given in self]
        return html_table(("question", "answer"), rows, stamp=self[0].source.label if self else "")


@wraps(ask_all)
def answers(*args: Any, **options: Any) -> Answers:  # noqa: D103
    return Answers(ask_all(*args, **options))


def figure(given: Answer) -> ShownFigure | None:
    """Return the answer's figure, or None when it has no picture."""
    return None if given.picture is None else draw(given.picture, label=given.source.label)


def incidence(study: Study, instrument: str = "") -> ShownFigure:
    """Return which share of goals was kept, and which care ended first: the answer's own figure.

    Raises
    ------
    UsageError
        When these data do not answer the question on goals.
    """
    given = answer(study, "goals", instrument=instrument or None)
    if given.picture is None:
        must, why = "a picture of goals needs enough goals to draw", given.reason or given.sentence
        raise UsageError(must, got="too few or none", remedy=sentence_case(why))
    return draw(given.picture, label=given.source.label)


def curve_figure(given: PowerCurve) -> ShownFigure:
    """Return power over the designs; what it is made of is simulated."""
    return draw(given.picture, label="SYNTHETIC")


def study_html(study: Study) -> str:
    """Return what a study holds as a small table."""
    scored = [study.instrument(name).title for name in study.scored_instruments()[:4]]
    facts = {
        "Title": study.provenance.title or study.provenance.source,
        "Courses": count(len(study.episodes)),
        "Visits": count(len(study.sessions)),
        "Scores": f"{count(len(study.assessments))}: {', '.join(scored)}",
        "Goals": count(len(study.goals)),
    }
    return html_table((), facts.items(), stamp="SYNTHETIC" * study.provenance.synthetic)


_unchecked = Study.trajectory


@wraps(_unchecked)
def checked_trajectory(study: Study, *args: Any, **options: Any) -> pd.DataFrame:
    """Let rows know of the errors of their study, so that a fit to them can warn."""
    rows = _unchecked(study, *args, **options)
    object.__setattr__(rows, "record_errors", errors_of_rows(study))
    return rows


def findings_html(findings: Findings) -> str:
    """Return each finding with the place to look at and what to do."""
    table = findings.table
    columns = ["rule", "severity", "table", "column", "count", "first_row", "message", "remedy"]
    shown = table[[name for name in columns if name in table]].fillna("").astype(str)
    names = [name.replace("_", " ") for name in shown.columns]
    return f"<p>{findings.counted.capitalize()}.</p>" + (
        html_table(names, map(tuple, shown.to_numpy())) if len(shown) else ""
    )


BOUND: Mapping[type, Mapping[str, Callable[..., Any] | property]] = {
    Answer: {"figure": property(figure), "_repr_html_": answer_html},
    Findings: {"_repr_html_": findings_html},
    PowerCurve: {"figure": property(curve_figure)},
    MixedFit: {
        "_repr_html_": fit_html, "__str__": fit_text,
        "plot": checked(of_fit.plot), "check": checked(of_fit.check),
        "forest": checked(of_fit.forest),
        **{method.__name__: _shown(checked(method)) for method in (emmeans, emtrends, contrasts)},
    },
    Study: {
        "_repr_html_": study_html, "trajectory": checked_trajectory,
        "plot": of_study.trajectories, "waterfall": of_study.waterfall,
        "pressure_map": of_study.pressure_map, "incidence": incidence,
    },
}  # fmt: skip
"""What is bound to each record."""

for _owner, _methods in BOUND.items():
    for _name, _method in _methods.items():
        setattr(_owner, _name, _method)
