"""Fits that show themselves: `lmm` and `clda` as users have them, with table and pictures bound."""

from __future__ import annotations

from outcomes.causal.constrained import clda
from outcomes.mixed.fit import lmm
from outcomes.mixed.results import MixedFit
from outcomes.render.figures.of_fit import check, forest, plot
from outcomes.render.fit_table import fit_html, fit_text

__all__ = ["clda", "lmm"]

for _name, _function in {
    "_repr_html_": fit_html, "__str__": fit_text, "plot": plot, "check": check, "forest": forest,
}.items():  # fmt: skip
    setattr(MixedFit, _name, _function)
