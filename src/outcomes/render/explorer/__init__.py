"""The explorer: one page where a presenter picks condition, pressure, session count, instrument.

An extra: nothing outside this folder needs it but its line in `outcomes.render.formats`.
"""
