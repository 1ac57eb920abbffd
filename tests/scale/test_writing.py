"""A large simulation is the same study as in memory, whole or not at all."""

import errno

import pandas as pd
import pytest

import outcomes as oc
from outcomes.errors import UnavailableError
from outcomes.scale import writing
from outcomes.scale.writing import simulate_in_parts
from outcomes.synthetic import block
from tests.scale.parted import TABLES, small_registry


@pytest.fixture
def _small_blocks(monkeypatch):
    monkeypatch.setattr(block, "BLOCK", 40)


@pytest.mark.usefixtures("_small_blocks")
@pytest.mark.parametrize("blocks", [1, 3, 100])
def test_rows_in_parts_are_those_in_memory_whatever_the_size_of_a_part(tmp_path, blocks):
    design = small_registry(150)
    told = []
    simulate_in_parts(design, tmp_path / "p", blocks=blocks, progress=lambda *n: told.append(n))
    study, whole = oc.load(tmp_path / "p"), oc.simulate(design)
    for name in TABLES:
        parts = pd.concat([one.table(name) for one in study.studies()], ignore_index=True)
        for column, values in whole.table(name).items():
            pd.testing.assert_series_equal(
                parts[column].dropna(), values.dropna(), check_dtype=False
            )
    assert study.provenance.synthetic
    assert study.provenance.seed == design.seed
    assert study.truth.parameters == whole.truth.parameters
    assert told[-1] == (150, 150)


@pytest.mark.usefixtures("_small_blocks")
def test_parts_that_were_edited_count_as_real(tmp_path):
    simulate_in_parts(small_registry(90), tmp_path / "p", blocks=1)
    (tmp_path / "p" / "goals-0002.parquet").write_bytes(
        (tmp_path / "p" / "goals-0001.parquet").read_bytes()
    )
    study = oc.load(tmp_path / "p")
    assert not study.provenance.synthetic
    assert study.truth is None
    assert study.provenance.reading[0].rule == "R42"


def test_a_full_disk_leaves_nothing_behind(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device", str(tmp_path / "x"))

    parquet = writing.arrow_parquet()
    monkeypatch.setattr(parquet, "write_table", lambda *_, **__: full())
    with pytest.raises(UnavailableError, match="No space left"):
        simulate_in_parts(small_registry(60), tmp_path / "p")
    assert not [path for path in tmp_path.iterdir() if "lock" not in path.name]
