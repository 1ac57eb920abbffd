"""Thresholds: refused off their scale or population; people against MDC."""

import math

import pytest

from outcomes.dictionary.instruments import (
    Threshold,
    instrument,
    judge_individual_change,
    measurement_error,
    standard_error_of_measurement,
)
from outcomes.errors import UsageError

NDI = instrument("ndi")
NPRS = instrument("nprs")


class TestChoosing:
    def test_by_condition_or_by_the_threshold_s_own_words(self):
        for population in ("neck_mvc", "neck pain"):
            found = NDI.threshold(kind="MDC", population=population, source="Young")
            assert (found.value, found.scale) == (10.2, "0-50")

    def test_ndi_of_50_is_not_ndi_of_100(self):
        with pytest.raises(UsageError, match=r"no MDC .* There are: MDC 10.2 on 0-50"):
            NDI.threshold(kind="MDC", population="neck_mvc", scale="0-100")

    def test_another_population_is_refused(self):
        with pytest.raises(UsageError, match=r"There are: .*neck pain"):
            NDI.threshold(kind="MDC", population="knee_pain")

    def test_a_kind_nobody_published_is_said_to_be_absent(self):
        with pytest.raises(UsageError, match="registry has no MDC for it"):
            instrument("rmdq").threshold(kind="MDC", population="low_back")

    def test_an_unknown_kind_is_refused(self):
        with pytest.raises(UsageError, match="kind is one of MIC, MDC"):
            NDI.threshold(kind="MCID", population="neck_mvc")

    def test_several_are_not_chosen_among_silently(self):
        with pytest.raises(UsageError, match=r"3 that match.*Kovacs"):
            NPRS.threshold(kind="MIC", population="neck_other")
        roc = NPRS.threshold(kind="MIC", population="neck_other", method="roc", source="kovacs")
        assert roc.value == 1.5

    def test_per_cent_of_baseline_is_asked_for_by_name(self):
        points = NPRS.threshold(kind="MIC", population="low_back")
        per_cent = NPRS.threshold(kind="MIC", population="low_back", relative=True)
        assert (points.value, per_cent.value) == (2, 30)

    def test_a_threshold_for_any_population_covers_all(self):
        found = instrument("promis-pi-4a").threshold(kind="MDC", population="sciatica")
        assert found.value == 10


class TestOnePerson:
    @pytest.mark.parametrize(
        ("improvement", "verdict"),
        [
            (10.21, "better"), (10.2, "within measurement error"), (0, "within measurement error"),
            (10.2 + 4e-15, "within measurement error"), (-10.2, "within measurement error"),
            (-10.21, "worse"),
        ],
    )  # fmt: skip
    def test_against_the_largest_published_detectable_change(self, improvement, verdict):
        error = measurement_error(NDI, population="neck_mvc")
        assert (judge_individual_change(improvement, error), error.value) == (verdict, 10.2)

    def test_errors_of_measurement_come_from_what_is_published(self):
        """SEM 5.7 goes before MDC 10.2 / (1.96 sqrt 2) = 3.68; an MDC90 is divided by 1.645."""
        value, source = standard_error_of_measurement(NDI)
        assert (value, source.kind) == (5.7, "SEM")
        value, source = standard_error_of_measurement(instrument("psfs"), ["low_back"])
        assert value == pytest.approx(2 / (1.645 * math.sqrt(2)))
        assert source.method == "MDC90 of the mean"
        assert standard_error_of_measurement(instrument("rmdq")) is None

    def test_a_source_may_be_chosen(self):
        error = measurement_error(NDI, population="neck_mvc", source="MacDermid")
        assert judge_individual_change(6, error) == "better"

    @pytest.mark.parametrize("kind", ["MIC", "group MID", "SEM", "responder"])
    def test_never_against_another_kind(self, kind):
        other = Threshold(kind, 2.0, "0-50", "neck pain", "A 2001", "read")
        with pytest.raises(UsageError, match="against a minimal detectable change"):
            judge_individual_change(8, other)

    def test_without_a_detectable_change_there_is_no_judgement(self):
        with pytest.raises(UsageError, match="no MDC"):
            measurement_error(instrument("rmdq"), population="low_back")

    def test_on_another_scale_there_is_no_judgement(self):
        with pytest.raises(UsageError, match="own scale"):
            measurement_error(NDI, population="neck_mvc", scale="0-100")

    def test_a_missing_change_is_refused(self):
        with pytest.raises(UsageError, match="is a number"):
            judge_individual_change(math.nan, measurement_error(NDI, population="neck_mvc"))
