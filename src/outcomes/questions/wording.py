"""Words and numbers in sentences; see `outcomes.words`."""

from outcomes.words import (
    counted,
    decimals,
    interval,
    ordinal,
    percent,
    probability,
    scale,
    there_are,
    turned,
    when,
)
from outcomes.words import named as in_words

__all__ = [
    "counted",
    "decimals",
    "in_words",
    "interval",
    "ordinal",
    "percent",
    "probability",
    "scale",
    "there_are",
    "turned",
    "when",
]
