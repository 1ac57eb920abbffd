"""Honest evaluation of outcome-based medical massage: from session records to a defensible answer.

The names below are the whole public interface. Each is imported when it is first used, so that
importing the package does nothing and takes no time; `__init__.pyi` tells type checkers of them.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_NAMES = {
    "dictionary.instruments": "instrument",
    "dictionary.instruments.scoring": "score",
    "errors": "ConvergenceWarning DataError DesignError ExposureWarning FitError FormulaError "
    "OutcomesError OutcomesWarning PrivacyError RecordsWarning SingularFitWarning UnavailableError "
    "UsageError",
    "intake.preview": "preview",
    "planning.power": "power",
    "planning.rehearse": "rehearse",
    "render.notebook": "Study answer answers check clda import_export lmm load power_curve "
    "simulate smallest_design",
    "render.report": "report",
    "synthetic.design": "Design",
}
_HOME = {name: module for module, names in _NAMES.items() for name in names.split()}
"""Public name to the module that it is imported from."""
__all__ = sorted(["__version__", *_HOME])


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for."""
    if name not in _HOME:
        message = f"module 'outcomes' has no attribute {name!r}"
        raise AttributeError(message)
    return getattr(import_module(f"outcomes.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return __all__
