"""Estimators for exposures that are chosen because of the outcome so far, and for missing ones."""
