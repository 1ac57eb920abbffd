from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # noqa: PYI002 - type checkers look into the package itself first
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

__version__: str
power: Any
power_curve: Any
rehearse: Any
smallest_design: Any

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
