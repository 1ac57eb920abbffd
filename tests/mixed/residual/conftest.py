"""Entries of tests/reference/nlme and the same fits by this package."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from outcomes.mixed.fit import lmm

NLME = Path(__file__).parents[2] / "reference" / "nlme"


def nlme_data(name):
    data = pd.read_csv(NLME / "csv" / name)
    if name == "fev.csv":
        return data.assign(SEX=pd.Categorical(data["SEX"], ["Male", "Female"]))
    return data.assign(time=data["visit"] - 1)


@pytest.fixture(scope="session")
def fev():
    return nlme_data("fev.csv")


@pytest.fixture(scope="session")
def serial():
    return nlme_data("serial.csv")


@pytest.fixture(scope="session")
def nlme_entries():
    text = (NLME / "serial.json").read_text(encoding="utf-8")
    return {entry["name"]: entry for entry in json.loads(text)["entries"]}


@pytest.fixture(scope="session")
def nlme_fit(nlme_entries):
    """Return the fit that an entry describes; fits are kept for the session."""
    kept = {}

    def fit(name, *, reml=True, df="satterthwaite"):
        if (name, reml, df) not in kept:
            entry = nlme_entries[name]
            data = nlme_data(entry["data"])
            kept[name, reml, df] = lmm(entry["formula"], data, reml=reml, df=df)
        return kept[name, reml, df]

    return fit


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
