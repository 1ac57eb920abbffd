from __future__ import annotations

import pickle

import pytest

from outcomes import errors


def test_a_message_has_all_four_parts():
    error = errors.DataError(
        "score is a number", got="text", where="assessments, row 3", remedy="Correct it."
    )
    assert str(error) == "score is a number; got text (assessments, row 3). Correct it."


def test_parts_that_are_not_known_leave_no_trace():
    assert str(errors.OutcomesError("this holds")) == "this holds."


@pytest.mark.parametrize(
    ("kind", "code"),
    [(errors.DataError, 1), (errors.PrivacyError, 1), (errors.UsageError, 2),
     (errors.FormulaError, 2), (errors.DesignError, 2), (errors.FitError, 3),
     (errors.UnavailableError, 3), (errors.OutcomesError, 3)],
)  # fmt: skip
def test_exit_codes(kind, code):
    assert kind("x").exit_code == code


def test_an_error_survives_the_way_back_from_a_worker():
    error = errors.FitError("a", got="b", where="c", remedy="d")
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again)) == (errors.FitError, str(error))
