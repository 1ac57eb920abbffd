"""What is read with its words as categories tells the same as what is read as text."""

import numpy as np
import pandas as pd
import pytest

import outcomes as oc
from outcomes.dictionary.tables import TABLES
from outcomes.records import placed_scores
from outcomes.study import study_from_tables
from outcomes.tables import conform

WORDS = (None, "", "odd", "none; other", "rom", "a\x0bb", "a b", "other")


@pytest.fixture(scope="module")
def studies():
    return [
        oc.simulate(scenario=name, episodes=40, seed=1) for name in ("default", "two-arm-trial")
    ]


def damaged(study, rng):
    """Put odd cells into a third of the columns, repeat rows and shuffle them."""
    tables = {}
    for name, spec in TABLES.items():
        frame = study.table(name).copy()
        for column in spec.columns:
            hit = pd.Series(rng.random(len(frame)) < 0.05 * (rng.random() < 0.3))
            if column.is_number:
                frame[column.name] = frame[column.name].mask(hit, rng.choice([np.nan, -5.0, 999.5]))
            elif column.kind != "boolean":
                seen = frame[column.name].dropna().unique()[:2]
                word = rng.choice(np.array([*WORDS, *seen], dtype=object))
                frame[column.name] = frame[column.name].astype(object).where(~hit, word)
        again = frame.sample(min(3, len(frame)), random_state=1)
        tables[name] = pd.concat([frame, again]).sample(frac=1.0, random_state=2)
    return tables


@pytest.mark.quick(3)
@pytest.mark.parametrize("seed", range(8))
def test_rules_and_trajectories_do_not_depend_on_it(studies, seed):
    tables = damaged(studies[seed % 2], np.random.default_rng(seed))
    text, coded = (study_from_tables(tables, coded=how) for how in (False, True))
    assert oc.check(coded).items == oc.check(text).items
    for name in text.scored_instruments():
        if name not in WORDS and placed_scores(text, name)["is_baseline"].any():
            found = [one.trajectory(name).astype(object) for one in (coded, text)]
            pd.testing.assert_frame_equal(*(rows.where(rows.notna(), None) for rows in found))


def test_categories_are_cleaned_sorted_and_missing_where_nothing_stands():
    spec = TABLES["episodes"]
    given = pd.DataFrame({"episode_id": ["b\x00", "b", None, "a", "\x00"]}, dtype="category")
    words = conform(given, spec, coded=True)["episode_id"]
    assert words.cat.categories.tolist() == ["a", "b"]
    assert words.astype(object).where(words.notna(), None).tolist() == ["b", "b", None, "a", None]
