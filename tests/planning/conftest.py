"""What is true of a design is worked out of fewer people than the package takes: ten times faster.

Tests that hold a truth against a number allow for it; both roads of a test have the same.
"""

import pytest

from outcomes.synthetic import truth

ALL = truth.N_PEOPLE


@pytest.fixture(scope="module", autouse=True)
def _fewer_people():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(truth, "N_PEOPLE", 4000)
        yield


@pytest.fixture
def _all_people(monkeypatch):
    """For tests in which no effect is to be told from a small one."""
    monkeypatch.setattr(truth, "N_PEOPLE", ALL)
