"""Entries of tests/reference/nlme and the same fits by this package."""

import json
from pathlib import Path

import pandas as pd
import pytest

from outcomes.mixed.fit import lmm

NLME = Path(__file__).parents[3] / "reference" / "nlme"


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
