"""Frames as people have them give the study of the same data as plain columns, or are refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest

import outcomes as oc
from outcomes.study import study_from_tables

TABLES = {
    "episodes": pd.DataFrame({"episode_id": ["a", "b"], "condition": ["low_back", None],
                              "recurrent": pd.array([True, None], dtype="boolean"),
                              "onset_weeks": [4.0, np.nan]}),
    "sessions": pd.DataFrame({"episode_id": list("aab"), "session": [1.0, 2.0, 1.0],
                              "day": [0.0, 7.0, 0.0], "pressure": [3.0, np.nan, 2.0]}),
    "assessments": pd.DataFrame({"episode_id": list("aabb"), "session": [1.0, 2.0, 1.0, np.nan],
                                 "day": [0.0, 7.0, 0.0, 28.5], "instrument": "nprs",
                                 "score": [7.0, 5.5, 6.0, 4.0]}),
}  # fmt: skip


def by_kind(kinds, change):
    """Return a change of the columns of some kinds alone."""

    def changed(frame):
        own = [name for name in frame if frame[name].dtype.kind in kinds]
        return frame.assign(**{name: change(frame[name]) for name in own})

    return changed


def categorical(values):
    return pd.Categorical(values, categories=[*values.dropna().unique(), "nobody"])


def whole(values):
    return values.astype("int8") if values.notna().all() and (values % 1 == 0).all() else values


FLAVOURS = {
    "nullable": lambda frame: frame.convert_dtypes(),
    "pyarrow": lambda frame: frame.convert_dtypes(dtype_backend="pyarrow"),
    "categories with one unused": by_kind("OU", categorical),
    "categories of numbers": by_kind("f", lambda values: values.astype("category")),
    "objects": lambda frame: frame.astype(object),
    "numbers as text": by_kind("f", lambda v: v.map("{:g}".format, na_action="ignore")),
    "small integers": by_kind("f", whole),
    "yes and no as numbers": by_kind("b", lambda values: values.astype("Float64")),
    "an index that repeats": lambda frame: frame.set_axis([0] * len(frame)),
    "an index by course": lambda frame: frame.set_index("episode_id", drop=False),
    "another order of columns": lambda frame: frame[frame.columns[::-1]],
    "polars": lambda frame: pl.DataFrame({
        name: [None if pd.isna(cell) else cell for cell in frame[name]] for name in frame}),
}  # fmt: skip


@pytest.mark.quick(7)
@pytest.mark.parametrize("flavour", FLAVOURS)
def test_every_kind_of_frame_gives_the_numbers_of_plain_columns(flavour):
    given = {name: FLAVOURS[flavour](frame.copy()) for name, frame in TABLES.items()}
    plain, study = study_from_tables(TABLES), study_from_tables(given)
    assert study.digest == plain.digest
    frames = (study.trajectory("nprs"), plain.trajectory("nprs"))
    pd.testing.assert_frame_equal(*frames, check_dtype=False)
    assert not any(isinstance(kind, pd.CategoricalDtype) for kind in frames[0].dtypes)


@pytest.mark.parametrize(
    "ids", [[12345678, 12345679], [12345678.0, 12345679.0], [2**53 + 1, 2**53 + 2]]
)
def test_long_numbers_as_ids_keep_every_digit(ids):
    scores = pd.DataFrame({"episode_id": ids, "session": 1, "instrument": "nprs", "score": 5})
    study = study_from_tables({"assessments": scores})
    assert study.episodes["episode_id"].tolist() == [str(int(one)) for one in ids]


@pytest.mark.parametrize(
    ("table", "column", "cells"),
    [
        ("sessions", "day", pd.to_datetime(["2026-05-04", "2026-05-11", "2026-05-18"])),
        ("sessions", "day", pd.to_timedelta([0, 7, 0], unit="D")),
        ("sessions", "day", pd.PeriodIndex(["2026-05", "2026-06", "2026-07"], freq="M")),
        ("sessions", "episode_id", pd.to_datetime(["2026-05-04", "2026-05-11", "2026-05-18"])),
        ("sessions", "pressure", [3, "firmish", 2]),
        ("episodes", "recurrent", ["yes", None]),
        ("episodes", "recurrent", [2, 0]),
    ],
)
def test_cells_of_another_kind_are_refused_by_name_and_not_shown(table, column, cells):
    changed = TABLES[table].assign(**{column: cells})
    with pytest.raises(oc.UsageError, match=f"{table}.{column}") as raised:
        study_from_tables({**TABLES, table: changed})
    assert not any(str(cell) in str(raised.value) for cell in cells if len(str(cell)) > 4)


def test_a_column_that_stands_twice_and_what_is_no_frame_are_refused():
    twice = pd.concat([TABLES["assessments"], TABLES["assessments"][["score"]]], axis=1)
    with pytest.raises(oc.UsageError, match="stands twice"):
        study_from_tables({"assessments": twice})
    with pytest.raises(oc.UsageError, match="got list"):
        study_from_tables({"assessments": [1, 2]})
