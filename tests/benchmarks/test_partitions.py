"""Partitioned files: the same rows for any number of workers and partitions."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pyarrow import parquet

import outcomes as oc
from benchmarks import partitions
from benchmarks.partitions import write_partitions
from outcomes.dictionary.tables import TABLES
from outcomes.errors import DesignError, UnavailableError, UsageError
from outcomes.storage import digest
from outcomes.study import study_from_tables
from outcomes.synthetic.block import BLOCK, block_generator, block_sizes, cluster_generator

DESIGN = oc.Design(episodes=2 * BLOCK + 300, seed=8, repeat_share=0.3)


@pytest.fixture(scope="module")
def study():
    return oc.simulate(DESIGN)


def bytes_of(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in Path(folder).rglob("*.*")}


def tables_of(folder):
    return {
        name: pd.concat(
            [parquet.read_table(p).to_pandas() for p in sorted((folder / name).iterdir())],
            ignore_index=True,
        )
        for name in TABLES
    }


def as_study(tables):
    words = {
        name: frame.astype({c: object for c in frame if frame[c].dtype == "category"})
        for name, frame in tables.items()
    }
    return study_from_tables(words)


def test_any_number_of_workers_writes_the_same_bytes(tmp_path):
    one = write_partitions(DESIGN, tmp_path / "one", episodes_per_part=BLOCK)
    two = write_partitions(DESIGN, tmp_path / "two", episodes_per_part=BLOCK, workers=2)
    assert bytes_of(one) == bytes_of(two)
    assert len(list((one / "sessions").iterdir())) == 3


def test_any_number_of_partitions_holds_the_rows_of_the_study(tmp_path, study):
    for size in (BLOCK, 2 * BLOCK, 32 * BLOCK):
        folder = write_partitions(DESIGN, tmp_path / str(size), episodes_per_part=size)
        assert digest(as_study(tables_of(folder))) == digest(study)


def test_csv_holds_the_same_values(tmp_path, study):
    small = replace(DESIGN, episodes=200)
    folder = write_partitions(small, tmp_path / "csv", file_format="csv")
    frames = {n: pd.read_csv(folder / n / "part-00000.csv", keep_default_na=False,
                             na_values=[""]) for n in TABLES}  # fmt: skip
    assert digest(study_from_tables(frames)) == digest(oc.simulate(small))
    assert len(study.episodes) == DESIGN.episodes


def test_types_are_those_of_the_dictionary(tmp_path):
    folder = write_partitions(replace(DESIGN, episodes=50), tmp_path / "types")
    for name, spec in TABLES.items():
        schema = parquet.read_schema(folder / name / "part-00000.parquet")
        for column in spec.columns:
            if column.name in schema.names and column.kind == "integer":
                assert str(schema.field(column.name).type) == "int32"


def test_truth_and_progress(tmp_path):
    seen = []
    folder = write_partitions(
        DESIGN, tmp_path / "x", episodes_per_part=BLOCK, file_format="csv",
        progress=lambda done, parts: seen.append((done, parts)),
    )  # fmt: skip
    assert seen == [(1, 3), (2, 3), (3, 3)]
    truth = json.loads((folder / "truth.json").read_text(encoding="utf-8"))
    assert truth["label"] == "SYNTHETIC"
    assert oc.Design.from_dict(truth["parameters"]) == DESIGN
    assert truth["estimands"]


def test_without_pyarrow_parquet_is_refused_by_name(tmp_path, monkeypatch):
    monkeypatch.setattr(partitions, "find_spec", lambda _: None)
    with pytest.raises(UnavailableError, match=r"outcomes\[big\].*csv"):
        write_partitions(DESIGN, tmp_path / "x")
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    "options", [{"workers": 0}, {"episodes_per_part": 100}, {"file_format": "xlsx"}]
)
def test_impossible_options_are_refused(tmp_path, options):
    with pytest.raises(DesignError):
        write_partitions(DESIGN, tmp_path / "x", **options)


def test_a_folder_with_other_things_is_left_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(UsageError):
        write_partitions(DESIGN, tmp_path, file_format="csv")
    assert [p.name for p in tmp_path.iterdir()] == ["mine.txt"]


def test_streams_of_blocks_are_spawned_and_distinct():
    _, blocks = np.random.SeedSequence(7).spawn(2)
    third = np.random.Generator(np.random.PCG64(blocks.spawn(3)[2]))
    assert block_generator(7, 2).random() == third.random()
    firsts = {block_generator(7, b).random() for b in range(50)} | {cluster_generator(7).random()}
    assert len(firsts) == 51


def test_blocks_add_up():
    for n in (1, BLOCK, BLOCK + 1, 5 * BLOCK - 1):
        assert sum(block_sizes(n)) == n
        assert all(size == BLOCK for size in block_sizes(n)[:-1])
