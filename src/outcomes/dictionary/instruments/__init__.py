"""Instruments as data: range, direction, scoring, licence and thresholds of each."""

from outcomes.dictionary.instruments.catalogue import instrument, registry
from outcomes.dictionary.instruments.judgement import (
    judge_individual_change,
    measurement_error,
    standard_error_of_measurement,
)
from outcomes.dictionary.instruments.record import Instrument, Normal, Scoring
from outcomes.dictionary.instruments.scoring import score
from outcomes.dictionary.instruments.threshold import Threshold

__all__ = [
    "Instrument", "Normal", "Scoring", "Threshold", "instrument", "judge_individual_change",
    "measurement_error", "registry", "score", "standard_error_of_measurement",
]  # fmt: skip
