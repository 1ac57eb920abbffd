"""Studies made by hand for the tests of rendering: small, quick, and known to the last row."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from outcomes.provenance import Provenance
from outcomes.questions.answer import Answer, Source
from outcomes.questions.ask import QUESTIONS
from outcomes.questions.picture import Picture
from outcomes.questions.question import Check
from outcomes.render.notebook import figure  # noqa: F401  # what a notebook shows
from outcomes.render.report import report
from outcomes.storage import digest
from outcomes.study import Study, study_from_tables

CONDITIONS = ("headache", "neck_other", "low_back")


def _scores(rng: np.random.Generator, episode: str, slope: float, visits: int) -> pd.DataFrame:
    start = rng.integers(5, 9)
    change = slope * np.arange(visits) + rng.normal(0, 0.8, visits)
    score = np.clip(np.round(start - change), 0, 10)
    return pd.DataFrame(
        {
            "episode_id": episode,
            "session": np.arange(1, visits + 1),
            "day": 7 * np.arange(visits),
            "timing": "pre_session",
            "instrument": "nprs",
            "score": score,
        }
    )


def made_study(
    courses: int = 60,
    *,
    conditions: tuple[str, ...] = CONDITIONS,
    synthetic: bool = True,
    pressure: bool = True,
    visits: int = 6,
    seed: int = 5,
) -> Study:
    """Make a study of weekly visits whose pain falls by about 0.3 points a visit."""
    rng = np.random.default_rng(seed)
    names = [f"e{i:04d}" for i in range(courses)]
    attended = rng.integers(2, visits + 1, courses)
    scores = pd.concat(
        [
            _scores(rng, n, rng.normal(0.3, 0.1), int(v))
            for n, v in zip(names, attended, strict=True)
        ]
    )
    sessions = scores[["episode_id", "session", "day"]].assign(status="attended", minutes=60)
    if pressure:
        sessions["pressure"] = rng.integers(1, 5, len(sessions))
    episodes = pd.DataFrame(
        {
            "episode_id": names,
            "patient_id": [f"p{i:04d}" for i in range(courses)],
            "condition": [conditions[i % len(conditions)] for i in range(courses)],
            "sex": rng.choice(["female", "male"], courses),
            "age_band": rng.choice(["30-39", "40-49", "50-59"], courses),
            "end_reason": rng.choice(["goal_met", "plateau", "cost"], courses),
        }
    )
    tables: dict[str, Any] = {"episodes": episodes, "sessions": sessions, "assessments": scores}
    provenance = Provenance(
        title="A study made by hand", source="made-by-hand", synthetic=synthetic, seed=seed
    )
    return study_from_tables(tables, provenance=provenance)


@pytest.fixture(scope="session")
def make_study() -> Any:
    return made_study


@pytest.fixture(scope="session")
def synthetic_study() -> Study:
    return made_study()


@pytest.fixture(scope="session")
def real_study() -> Study:
    return made_study(synthetic=False)


def made_answer(groups: dict[str, int] | None = None, *, synthetic: bool = True) -> Answer:
    """Make an answer with a curve of six times for each group and its table."""
    counts = groups or {"all": 120, "headache": 60, "neck_other": 60}
    rows = pd.DataFrame(
        [
            (name, time, n, 0.4 * time, 0.1, 40.0, 4.0, 0.0001, 0.4 * time - 0.2, 0.4 * time + 0.2)
            for name, n in counts.items()
            for time in range(1, 7)
        ],
        columns=[
            "group", "session_count", "n_episodes", "estimate", "std_error", "df", "statistic",
            "p_value", "conf_low", "conf_high",
        ],
    )  # fmt: skip
    table = pd.concat(
        [rows[rows["session_count"] == 6].assign(kind="improvement"), rows.assign(kind="curve")],
        ignore_index=True,
    )
    picture = Picture(
        "curves",
        rows.rename(columns={"session_count": "x"}).assign(row=rows.index + len(counts)),
        "Improvement during care: pain",
        "Sessions received before the score",
        "Improvement (points; up = better)",
        "Mean improvement after 6 sessions, all: 2.4 (95 % CI 2.2 to 2.6).",
    )
    return Answer(
        name="how-much",
        question="How much did patients improve?",
        sentence="During care, pain improved by 2.4 (95 % CI 2.2 to 2.6) points after 6 sessions.",
        table=table,
        picture=picture,
        method="Linear mixed model: `improvement ~ session_count + (1 | episode_id)`.",
        estimand="Mean change within courses.",
        assumptions=("Missing scores are like those seen.",),
        checks=(Check("the fit converged", True, "gradient 1e-8"),
                Check("at least 30 courses", False, "24")),
        limits=("This is change during care.", "Pressure is an association."),
        references=("Bates et al. (2015), J Stat Softw 67(1).",),
        source=Source("A study made by hand", "made-by-hand", synthetic, 5 if synthetic else None,
                      "ab" * 32, "0.1.0", 120, 640, {"no baseline": 4}),
        record=QUESTIONS["how-much"],
    )  # fmt: skip


@pytest.fixture(scope="session")
def make_answer() -> Any:
    return made_answer


@pytest.fixture(scope="session")
def quick_report() -> Any:
    """Write a report of one made answer: all but the models, which have tests of their own."""

    def go(study: Study, out: Any, **options: Any) -> Any:
        answer = made_answer(synthetic=study.provenance.synthetic)
        source = replace(answer.source, sha256=digest(study))
        with pytest.MonkeyPatch.context() as patch:
            made = (replace(answer, source=source),)
            patch.setattr("outcomes.render.report.ask_all", lambda *_, **__: made)
            return report(study, out, **options)

    return go
