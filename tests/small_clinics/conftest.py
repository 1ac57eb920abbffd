"""Real-labelled studies of 1 to 60 patients as small clinics have them, drawn by a seed."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest

from outcomes.provenance import Provenance
from outcomes.study import Study, study_from_tables

SIZES = (1, 2, 4, 8, 12, 16, 20, 24, 28, 32, 36, 40, 44, 48, 52, 56, 60, 60)
CONDITIONS = ("headache", "neck_mvc", "low_back", "knee_pain", "carpal_tunnel")
INSTRUMENTS = {"nprs": (0, 10), "ndi": (0, 50), "psfs": (0, 10), "rom": (20, 100)}
VISITS = (*["usual"] * 8, "one", "none", "unnumbered", "no status")
SCORES = (*["usual"] * 9, "alike", "none", "baseline", "at bound", "two", "sparse")
ARMS = ("none", "none", "none", "two", "three", "one")
ENDS = ("none", "all", "some", "ongoing")


@dataclass(frozen=True)
class Recipe:
    """What a small clinic is like."""

    seed: int
    patients: int
    therapists: int
    conditions: int
    instruments: tuple[str, ...]
    visits: str
    scores: str
    arms: str
    ends: str
    pressure: bool
    goals: bool
    adapted: bool
    events: bool
    scripts: bool
    days: bool
    twice: bool


def drawn(seed: int) -> Recipe:
    """Draw a recipe."""
    rng = np.random.default_rng(seed)
    names = list(INSTRUMENTS)
    some = rng.permutation(names)[: rng.choice([1, 1, 2, 3])]
    yes = dict(zip(("pressure", "goals", "adapted", "events", "scripts", "twice"),
                   rng.random(6) < (0.7, 0.5, 0.5, 0.5, 0.6, 0.3), strict=True))  # fmt: skip
    return Recipe(
        seed=seed,
        patients=int(rng.choice(SIZES)),
        therapists=int(rng.choice([0, 1, 2, 6])),
        conditions=int(rng.integers(0, 6)),
        instruments=tuple(str(name) for name in some),
        visits=str(rng.choice(VISITS)),
        scores=str(rng.choice(SCORES)),
        arms=str(rng.choice(ARMS)),
        ends=str(rng.choice(ENDS)),
        days=bool(rng.random() < 0.8),
        **{name: bool(value) for name, value in yes.items()},
    )


def made(recipe: Recipe) -> Study:
    """Make the study of a recipe, labelled as one of real care."""
    rng = np.random.default_rng(recipe.seed + 1_000_000)
    episodes = _episodes(recipe, rng)
    sessions = _sessions(recipe, episodes, rng)
    tables = {"episodes": episodes, "sessions": sessions,
              "assessments": _scores(recipe, episodes, sessions, rng)}  # fmt: skip
    if recipe.goals and len(tables["assessments"]):
        tables["goals"] = _goals(recipe, episodes, rng)
    if recipe.visits == "no status":
        sessions["status"] = None
    control = "usual care" if recipe.arms in ("two", "three") else None
    about = Provenance(title="A small clinic", source=f"clinic-{recipe.seed}", control=control,
                       randomised=recipe.arms == "two" and recipe.seed % 2 == 0)  # fmt: skip
    return study_from_tables(tables, provenance=about)


def _episodes(recipe: Recipe, rng: np.random.Generator) -> pd.DataFrame:
    n = recipe.patients
    table = pd.DataFrame({"episode_id": [f"c{i:03d}x" for i in range(n)]})
    people = np.arange(n) // (2 if recipe.twice else 1)
    table["patient_id"] = [f"p{i:03d}x" for i in people]
    if recipe.conditions:
        likely = 0.5 ** np.arange(recipe.conditions)
        names = list(CONDITIONS[: recipe.conditions])
        table["condition"] = rng.choice(names, n, p=likely / likely.sum())
    if recipe.therapists:
        table["therapist_id"] = [f"t{i}" for i in rng.integers(0, recipe.therapists, n)]
    table["sex"] = rng.choice(["female", "male"], n)
    table["age_band"] = rng.choice(["20-29", "30-39", "40-49", "50-59"], n)
    if recipe.scripts:
        table["sessions_per_week"] = rng.choice([1.0, 2.0], n)
        table["weeks"] = rng.choice([4.0, 6.0], n)
    if recipe.adapted:
        table["adaptations"] = rng.choice(["none", "none", "cancer", "frail; scar"], n)
        table["clearance_required"] = table["adaptations"] != "none"
        table["clearance"] = np.where(table["clearance_required"], "cleared", "not_required")
        table["clearance_day"] = np.where(table["clearance_required"], -3, np.nan)
    arms = {"two": ["massage", "usual care"], "three": ["massage", "usual care", "exercise"],
            "one": ["massage"]}  # fmt: skip
    if recipe.arms in arms:
        table["arm"] = [arms[recipe.arms][i % len(arms[recipe.arms])] for i in range(n)]
    return table


def _sessions(recipe: Recipe, episodes: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    most = {"one": 1, "none": 0}.get(recipe.visits, 8)
    n_visits = rng.integers(1, most + 1, len(episodes)) if most else np.zeros(len(episodes), int)
    rows = episodes[["episode_id"]].loc[episodes.index.repeat(n_visits)].reset_index(drop=True)
    rows["session"] = rows.groupby("episode_id").cumcount().astype(float) + 1
    rows["day"] = (rows["session"] - 1.0) * 7 + rng.integers(0, 3, len(rows)) * (
        rows["session"] > 1
    )
    rows["status"] = "attended"
    rows["minutes"] = 60.0
    if recipe.pressure:
        rows["pressure"] = rng.integers(1, 6, len(rows)).astype(float)
    if recipe.therapists:
        who = episodes.set_index("episode_id")["therapist_id"]
        rows["therapist_id"] = rows["episode_id"].map(who)
    if recipe.events:
        rows["adverse_event"] = rng.choice(["none"] * 8 + ["soreness", "bruise"], len(rows))
        rows["adverse_severity"] = (rows["adverse_event"] != "none").astype(float)
    if recipe.visits == "unnumbered":
        rows["session"] = np.nan
    if recipe.ends != "none" and len(rows):
        last = rows.groupby("episode_id")["day"].max()
        reasons = {"all": ["goal_met", "plateau", "declined", "worse"], "ongoing": ["ongoing"],
                   "some": ["goal_met", "ongoing", None]}[recipe.ends]  # fmt: skip
        episodes["end_reason"] = rng.choice(np.array(reasons, dtype=object), len(episodes))
        over = ~episodes["end_reason"].isin(["ongoing"]) & episodes["end_reason"].notna()
        episodes["end_day"] = episodes["episode_id"].map(last).where(over)
    return rows


def _scores(
    recipe: Recipe, episodes: pd.DataFrame, sessions: pd.DataFrame, rng: np.random.Generator
) -> pd.DataFrame:
    if recipe.scores == "none":
        return pd.DataFrame()
    keys = ["episode_id", "session", "day"]
    rows = sessions[keys].assign(timing="pre_session")
    first = pd.DataFrame({"episode_id": episodes["episode_id"], "day": 0.0, "timing": "baseline"})
    last = first.assign(timing="follow_up", day=84.0)
    rows = pd.concat([first, rows[rows["day"] > 0], last], ignore_index=True)
    if recipe.scores == "baseline":
        rows = rows[rows["timing"] == "baseline"]
    if recipe.scores == "two":
        rows = rows[rows["timing"] != "pre_session"]
    if recipe.scores == "sparse":
        rows = rows[rng.random(len(rows)) < 0.4]
    if not recipe.days:
        rows = rows[rows["timing"] != "follow_up"] if recipe.visits == "usual" else rows
        rows["day"] = rows["day"].where(rows["session"].isna() | (rows["timing"] == "follow_up"))
    tables = [_score(recipe, name, rows, rng) for name in recipe.instruments]
    return pd.concat(tables, ignore_index=True)


def _score(recipe: Recipe, name: str, rows: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    low, high = INSTRUMENTS[name]
    people = rows["episode_id"].unique()
    person = dict(zip(people, rng.normal(0.6, 0.12, len(people)), strict=True))
    place = (
        rows["episode_id"].map(person).astype(float) - 0.03 * rows.groupby("episode_id").cumcount()
    )
    place += rng.normal(0, 0.08, len(rows))
    if recipe.scores == "alike":
        place = pd.Series(0.5, index=rows.index)
    if recipe.scores == "at bound":
        place = place.where(rng.random(len(rows)) < 0.3, 0.0)
    score = (low + place.clip(0, 1) * (high - low)).round()
    out = rows.assign(instrument=name, score=score)
    if name == "rom":
        out = out.assign(joint="cervical", plane="rotation", side="left", mode="active",
                         device="goniometer")  # fmt: skip
    return out


def _goals(recipe: Recipe, episodes: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    name = recipe.instruments[0]
    low, high = INSTRUMENTS[name]
    some = episodes[rng.random(len(episodes)) < 0.8]
    return pd.DataFrame({
        "episode_id": some["episode_id"], "instrument": name, "baseline": low + 0.7 * (high - low),
        "target": low + 0.3 * (high - low) if name != "rom" else high - 10.0, "by_day": 56.0,
        "set_by": "shared",
    })  # fmt: skip


@pytest.fixture(scope="session")
def small_clinic() -> Any:
    """Return a function from a seed to a study, with overrides of its recipe."""

    def make(seed: int, **overrides: Any) -> Study:
        return made(Recipe(**{**asdict(drawn(seed)), **overrides}))

    return make
