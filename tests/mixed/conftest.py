"""Reference entries of R's mixed-model family, and the same fits by this package."""

import json
import warnings
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import outcomes.mixed.fit as mixed_fit

REFERENCE = Path(__file__).parents[1] / "reference"
FOLDERS = (REFERENCE / "lme4_extended" / "csv", REFERENCE / "lme4" / "csv")


def read_csv(name, factors):
    path = next(folder / name for folder in FOLDERS if (folder / name).exists())
    data = pd.read_csv(path)
    return data.assign(**{f: pd.Categorical(data[f]) for f in factors if f in data})


@pytest.fixture(scope="session")
def reference_entries():
    """Return the entries of one file of tests/reference/lme4_extended."""

    @cache
    def load(file):
        text = (REFERENCE / "lme4_extended" / file).read_text(encoding="utf-8")
        return json.loads(text)["entries"]

    return load


@pytest.fixture(scope="session")
def reference_fit():
    """Return the fit that an entry describes; fits are kept for the session."""
    kept = {}

    def fit(entry, *, reml=True, df="satterthwaite", formula=None):
        weights = entry.get("weights") if isinstance(entry.get("weights"), str) else None
        key = entry["data"], formula or entry["formula"], weights, reml, df
        if key not in kept:
            data = read_csv(entry["data"], entry["factors"])
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                kept[key] = mixed_fit.lmm(key[1], data, reml=reml, df=df, weights=weights or None)
        return kept[key]

    return fit


@pytest.fixture(scope="session")
def clinic():
    """Return the synthetic clinic data: one row a score."""
    return read_csv("clinic.csv", ())


@pytest.fixture
def courses():
    """Return a maker of synthetic courses: AR(1) errors over visits, a level for each episode."""

    def make(n=40, visits=5, *, rho=0.6, level=0.0, missing=0.15, seed=1):
        rng = np.random.default_rng(seed)
        distance = np.abs(np.subtract.outer(np.arange(visits), np.arange(visits)))
        errors = rng.normal(size=(n, visits)) @ np.linalg.cholesky(rho**distance).T
        data = pd.DataFrame(
            {
                "episode_id": np.repeat([f"e{i:04d}" for i in range(n)], visits),
                "visit": np.tile(np.arange(1, visits + 1), n),
                "arm": np.repeat(np.where(np.arange(n) % 2, "massage", "usual"), visits),
                "score": (errors + level * rng.normal(size=(n, 1))).ravel(),
            }
        )
        data["day"] = 7 * data["visit"] + rng.integers(-2, 3, len(data))
        data["score"] += 0.3 * data["visit"]
        return data[rng.random(len(data)) >= missing].reset_index(drop=True)

    return make
