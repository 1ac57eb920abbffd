"""Honest evaluation of outcome-based medical massage."""

__version__ = "0.1.0"
