"""A small registry as an ordinary study, and the same rows in parts."""

import pytest

import outcomes as oc
from outcomes.study import study_from_tables
from tests.scale.parted import TABLES, small_registry, write_parts


@pytest.fixture(scope="session")
def registry():
    """Return the study in memory."""
    made = oc.simulate(small_registry())
    return study_from_tables({name: made.table(name) for name in TABLES})


@pytest.fixture
def parts(registry, tmp_path):
    """Return a folder of three parts."""
    return write_parts(registry, tmp_path / "parts", [80, 170])
