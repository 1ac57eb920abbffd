"""A folder of parts that is not what it must be stops with the part named, or gives the whole."""

import shutil

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

import outcomes as oc
import outcomes.scale.overview as overview
from outcomes.errors import DataError, PrivacyError
from outcomes.mixed.products.pieces import Pieces
from outcomes.rules.check import check
from outcomes.trajectory import trajectory
from tests.scale.parted import write_parts

pytestmark = pytest.mark.quick(8)


@pytest.fixture(autouse=True)
def _here(monkeypatch):
    """Read parts in this process: others are tried with Dask."""
    monkeypatch.setattr(overview, "FEW_PARTS", 10**6)


def changed(path, change):
    table = parquet.read_table(path).to_pandas()
    parquet.write_table(pa.Table.from_pandas(change(table), preserve_index=False), path)


def cut_off(folder):
    path = folder / "sessions-1.parquet"
    path.write_bytes(path.read_bytes()[:-200])


def emptied(folder):
    (folder / "sessions-1.parquet").write_bytes(b"")


def no_parquet(folder):
    (folder / "sessions-1.parquet").write_text("episode_id,session\na,1\n", encoding="utf-8")


def damaged_inside(folder):
    path = folder / "assessments-1.parquet"
    content = bytearray(path.read_bytes())
    content[200:4000] = bytes(3800)
    path.write_bytes(content)


def more_columns(folder):
    changed(folder / "sessions-1.parquet", lambda t: t.assign(room="a"))


def fewer_columns(folder):
    changed(folder / "sessions-1.parquet", lambda t: t.drop(columns="pressure"))


def words_for_numbers(folder):
    changed(folder / "sessions-1.parquet", lambda t: t.assign(day=t["day"].astype(str)))


def dates_for_days(folder):
    changed(folder / "sessions-1.parquet", lambda t: t.assign(day=pd.Timestamp("2026-01-01")))


def there_twice(folder):
    for name in ("episodes", "sessions", "assessments", "goals"):
        shutil.copy(folder / f"{name}-1.parquet", folder / f"{name}-7.parquet")


def split_course(folder):
    """Move the last scores of part 1 into part 2."""
    moved = parquet.read_table(folder / "assessments-1.parquet").to_pandas()
    changed(folder / "assessments-1.parquet", lambda t: t.iloc[:-3])
    changed(folder / "assessments-2.parquet", lambda t: pd.concat([t, moved.iloc[-3:]]))


def split_with_its_row(folder):
    """Let a course stand in both parts, half of its scores in each."""
    split_course(folder)
    moved = parquet.read_table(folder / "episodes-1.parquet").to_pandas()
    changed(folder / "episodes-2.parquet", lambda t: pd.concat([t, moved.iloc[-1:]]))


def missing_table(folder):
    (folder / "assessments-1.parquet").unlink()


def foreign_file(folder):
    (folder / "notes.txt").write_text("mine", encoding="utf-8")


def foreign_parquet(folder):
    shutil.copy(folder / "sessions-1.parquet", folder / "billing-1.parquet")


FAULTS = {
    cut_off: "sessions-1.parquet",
    emptied: "sessions-1.parquet",
    no_parquet: "sessions-1.parquet",
    damaged_inside: "assessments-1.parquet",
    more_columns: "room (sessions-1.parquet)",
    fewer_columns: "pressure (sessions-1.parquet)",
    words_for_numbers: "day (sessions-1.parquet)",
    dates_for_days: "day (sessions-1.parquet)",
    there_twice: "parts '1', '7'",
    split_course: "assessments, part '2'",
    split_with_its_row: "parts '1', '2'",
    missing_table: "part '1'",
    foreign_file: "notes.txt",
    foreign_parquet: "billing-1.parquet",
}


@pytest.mark.parametrize("spoil", FAULTS, ids=lambda spoil: spoil.__name__)
def test_what_is_wrong_with_a_part_is_said_by_name(parts, spoil):
    spoil(parts)
    with pytest.raises(DataError) as caught:
        check(oc.load(parts))
    assert FAULTS[spoil] in str(caught.value)
    assert caught.value.remedy


def test_other_categories_are_a_finding_as_in_any_study(parts):
    changed(parts / "sessions-1.parquet", lambda t: t.assign(status="dancing"))
    found = oc.check(oc.load(parts)).table
    row = found[(found["table"] == "sessions") & (found["column"] == "status")].iloc[0]
    assert row["count"] == parquet.read_metadata(parts / "sessions-1.parquet").num_rows
    assert row["first_row"] == parquet.read_metadata(parts / "sessions-0.parquet").num_rows + 1


def rows_of(study):
    rows = trajectory(study, "nprs").rows
    rows = rows.together() if isinstance(rows, Pieces) else rows
    columns = ["week", "session_count", "baseline", "score", "improvement"]
    return rows[columns].sort_values(columns, ignore_index=True)


def same_rows(folder, registry):
    found, whole = rows_of(oc.load(folder)), rows_of(registry)
    np.testing.assert_array_equal(found.to_numpy(), whole.to_numpy())


def test_an_empty_part_and_unsorted_visits_change_nothing(registry, parts):
    for name in ("episodes", "sessions", "assessments", "goals"):
        table = parquet.read_table(parts / f"{name}-0.parquet")
        parquet.write_table(table.slice(0, 0), parts / f"{name}-00.parquet")
        changed(parts / f"{name}-1.parquet", lambda t: t.sample(frac=1.0, random_state=2))
    same_rows(parts, registry)


def test_numbers_and_words_may_be_stored_in_any_way(registry, parts):
    def other(table):
        words = table.select_dtypes(["object", "str"]).astype("category")
        numbers = table.select_dtypes("number").astype("float32")
        return table.assign(**{c: words[c] for c in words}, **{c: numbers[c] for c in numbers})

    changed(parts / "assessments-1.parquet", other)
    same_rows(parts, registry)


def test_ids_may_be_numbers(registry, parts):
    for file in [*parts.glob("*.parquet")]:
        changed(file, lambda t: t.assign(episode_id=t["episode_id"].str[1:].astype(int)))
    same_rows(parts, registry)


@pytest.mark.parametrize("table", ["episodes", "sessions", "assessments"])
def test_a_row_without_an_id_is_a_finding_as_in_any_study(parts, table):
    path = parts / f"{table}-1.parquet"
    changed(path, lambda t: t.assign(episode_id=t["episode_id"].where(t.index < len(t) - 1)))
    if table == "episodes":  # whose scores would belong to no course of the part
        gone = set(parquet.read_table(parts / "sessions-1.parquet").to_pandas()["episode_id"])
        gone -= set(parquet.read_table(path).to_pandas()["episode_id"])
        for other in ("sessions", "assessments", "goals"):
            changed(parts / f"{other}-1.parquet", lambda t: t[~t["episode_id"].isin(gone)])
    found = oc.check(oc.load(parts)).table
    row = found[(found["rule"] == "R01") & (found["table"] == table)].iloc[0]
    assert (row["column"], row["count"]) == ("episode_id", 1)


@pytest.mark.parametrize("cuts", [[], [1], [130], list(range(20, 260, 20))])
def test_rows_do_not_depend_on_the_cut(registry, tmp_path, cuts):
    same_rows(write_parts(registry, tmp_path / "p", cuts), registry)


def test_a_file_that_changes_after_loading_is_noticed(parts):
    study = oc.load(parts)
    changed(parts / "sessions-1.parquet", lambda t: t.iloc[:-1])
    with pytest.raises(DataError, match="Load the study again"):
        check(study)


@pytest.mark.parametrize("stored", ["str", "category"])
def test_real_parts_that_name_people_are_refused(parts, stored):
    named = pd.Series(["Mrs Anna Huber, anna.huber@example.org"])
    changed(parts / "episodes-1.parquet",
            lambda t: t.assign(condition=named.repeat(len(t)).astype(stored).array))  # fmt: skip
    with pytest.raises(PrivacyError, match="part '1'"):
        check(oc.load(parts))
