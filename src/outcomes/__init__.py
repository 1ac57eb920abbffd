"""Honest evaluation of outcome-based medical massage: from session records to a defensible answer.

The names below are the whole public interface. Each is imported when it is first used, so that
importing the package does nothing and takes no time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from outcomes.causal.constrained import clda
    from outcomes.dictionary.instruments import instrument
    from outcomes.dictionary.instruments.scoring import score
    from outcomes.errors import (
        ConvergenceWarning,
        DataError,
        DesignError,
        ExposureWarning,
        FitError,
        FormulaError,
        OutcomesError,
        OutcomesWarning,
        PrivacyError,
        RecordsWarning,
        SingularFitWarning,
        UnavailableError,
        UsageError,
    )
    from outcomes.intake.import_export import import_export
    from outcomes.intake.load import load
    from outcomes.intake.preview import preview
    from outcomes.mixed.fit import lmm
    from outcomes.questions.ask import answer, answers
    from outcomes.render.report import report
    from outcomes.rules.check import check
    from outcomes.study import Study
    from outcomes.synthetic.design import Design
    from outcomes.synthetic.simulate import simulate

__version__ = "0.1.0"

_HOME = {
    "answer": "render.notebook",
    "answers": "render.notebook",
    "check": "render.notebook",
    "clda": "render.notebook",
    "Design": "synthetic.design",
    "import_export": "render.notebook",
    "instrument": "dictionary.instruments",
    "lmm": "render.notebook",
    "load": "render.notebook",
    "power": "planning.power",
    "power_curve": "render.notebook",
    "preview": "intake.preview",
    "rehearse": "planning.rehearse",
    "report": "render.report",
    "score": "dictionary.instruments.scoring",
    "simulate": "render.notebook",
    "smallest_design": "render.notebook",
    "Study": "render.notebook",
}

__all__ = [
    "ConvergenceWarning",
    "DataError",
    "Design",
    "DesignError",
    "ExposureWarning",
    "FitError",
    "FormulaError",
    "OutcomesError",
    "OutcomesWarning",
    "PrivacyError",
    "RecordsWarning",
    "SingularFitWarning",
    "Study",
    "UnavailableError",
    "UsageError",
    "__version__",
    "answer",
    "answers",
    "check",
    "clda",
    "import_export",
    "instrument",
    "lmm",
    "load",
    "power",
    "power_curve",
    "preview",
    "rehearse",
    "report",
    "score",
    "simulate",
    "smallest_design",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for."""
    if name not in __all__:
        message = f"module 'outcomes' has no attribute {name!r}"
        raise AttributeError(message)
    from importlib import import_module

    return getattr(import_module(f"outcomes.{_HOME.get(name, 'errors')}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
