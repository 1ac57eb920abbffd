"""Counts of rows add up over pieces, however they are cut."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from outcomes.mixed.products.pieces import Pieces
from outcomes.questions.tallies import median_of, tallied


def courses(seed, n=60):
    """Rows of courses some of which lack a therapist, a condition, a day or a patient's name."""
    rng = np.random.default_rng(seed)
    size = rng.integers(1, 6, n)
    course = np.repeat(np.arange(n), size)
    many = len(course)

    def some(values, lost=0.1):
        values = np.asarray(values, dtype=object)
        return pd.Series(np.where(rng.random(len(values)) < lost, None, values))

    words = {
        "therapist_id": some(rng.choice(["t1", "t2", "t3"], many)),
        "clinic_id": some(rng.choice(["c1", "c2"], n))[course].array,
        "condition": some(rng.choice(["neck", "low_back"], n))[course].array,
        "arm": None,
        "patient_id": some(rng.integers(0, n // 2, n))[course].array,
    }
    count = np.concatenate([np.arange(1.0, k + 1) for k in size])
    day = np.where(rng.random(many) < 0.1, np.nan, count * 7)
    numbers = {
        "session": some(count).astype(float), "session_count": count, "day": day,
        "score": rng.integers(0, 11, many) / 1, "baseline": rng.integers(0, 11, n)[course] / 1,
    }  # fmt: skip
    return pd.DataFrame({"episode_id": course, **words, **numbers})


def cut(rows, at, *, coded):
    """Cut rows between courses, words as categories that stand in no piece, too."""
    if coded:
        levels = {"therapist_id": ["t0", "t1", "t2", "t3"], "clinic_id": ["c1", "c2", "c9"],
                  "condition": ["low_back", "neck", "unseen"], "arm": ["none"]}  # fmt: skip
        rows = rows.astype({name: pd.CategoricalDtype(own) for name, own in levels.items()})
    ends = [0, *at, int(rows["episode_id"].max()) + 1]
    parts = [rows[rows["episode_id"].between(a, b - 1)] for a, b in pairwise(ends)]
    return Pieces(tuple(lambda part=part: part for part in parts), len(rows))


def plain(table):
    """Return counts as text and numbers in one order."""
    frame = pd.DataFrame(table).reset_index(drop=isinstance(table, pd.DataFrame))
    kept = frame.astype(object).where(frame.notna(), "-").map(str)
    return sorted(map(tuple, kept.to_numpy().tolist()))


@pytest.mark.parametrize("coded", [False, True])
@pytest.mark.parametrize("at", [[30], [1, 2, 59], [10, 20, 30, 40]])
def test_counts_do_not_depend_on_the_cuts(at, coded):
    rows = courses(len(at))
    found = tallied(cut(rows, at, coded=coded), "session_count", "condition")
    whole = tallied(rows, "session_count", "condition")
    for name, own in vars(whole).items():
        other = getattr(found, name)
        assert other == own if isinstance(own, int) else plain(other) == plain(own), name


def test_counts_are_those_of_the_rows():
    rows = courses(7)
    found, ids = tallied(rows, "session_count", ""), rows["episode_id"]
    assert found.sizes.sum() == ids.nunique()
    assert found.sizes.to_dict() == ids.value_counts().value_counts().to_dict()
    assert found.last.to_dict() == rows.groupby(ids)["session_count"].max().value_counts().to_dict()
    assert found.days.sum() == rows["day"].notna().sum()
    assert found.patients == rows["patient_id"].nunique()
    assert found.unnamed == rows["patient_id"].isna().sum()
    seen = found.seen.groupby("session_count")["n"].sum()
    assert seen.to_dict() == rows.groupby("session_count")["episode_id"].nunique().to_dict()
    named = rows.dropna(subset="therapist_id")
    most = named.groupby("episode_id")["therapist_id"].agg(lambda own: own.value_counts().index[0])
    assert found.treated["n"].sum() == len(most)
    assert found.named == len(named)
    assert found.own == named.groupby("episode_id")["therapist_id"].agg(
        lambda own: own.value_counts().max()
    ).sum()  # fmt: skip


@pytest.mark.parametrize("values", [[4.0], [1.0, 2.0], [3.0, 3.0, 9.0], [1.0, 5.0, 5.0, 7.0]])
def test_the_median_is_that_of_what_is_counted(values):
    assert median_of(pd.Series(values).value_counts()) == np.median(values)
    assert np.isnan(median_of(pd.Series([], dtype=int)))
