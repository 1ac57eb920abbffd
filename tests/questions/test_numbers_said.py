"""Every interval that an answer says is one of its table: parsed back and held against the rows."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd
import pytest

import outcomes as oc
from outcomes.questions.ask import QUESTIONS, undisclosed
from outcomes.render.contents.summary import bars_of
from outcomes.synthetic.scenarios import SCENARIOS

_N = r"[-\N{MINUS SIGN}]?[\d,]+(?:\.\d+)?"
SAID = re.compile(
    rf"(?P<estimate>{_N})(?: points of \d+)? ?%? ?[A-Za-z .,]*"
    rf"\((?:(?P<again>{_N})(?: %| per 100| points| percentage points), )?"
    rf"95 % CI (?P<low>{_N})(?: ?%)? to (?P<high>{_N})"
)


def number(text: str) -> float:
    return float(text.replace("\N{MINUS SIGN}", "-").replace(",", ""))


def decimals(text: str) -> int:
    return len(text.partition(".")[2])


def intervals(text: str) -> list[tuple[float, float, float, tuple[int, ...]]]:
    """Return each estimate that a text says, with its limits, and the digits of all three."""
    plain = str(text).replace("\N{NO-BREAK SPACE}", " ")
    return [
        (number(m["again"] or m["estimate"]), number(m["low"]), number(m["high"]),
         tuple(decimals(m[n]) for n in ("again" if m["again"] else "estimate", "low", "high")))
        for m in SAID.finditer(plain)
    ]  # fmt: skip


def is_of(said: tuple[float, float, float, tuple[int, ...]], table: Any) -> bool:
    """Whether a row has these numbers, turned round or in per cent."""
    *numbers, digits = said
    within = 0.5 * 10.0 ** -np.array(digits) + 1e-9
    rows = table[["estimate", "conf_low", "conf_high"]].dropna().to_numpy(float)
    turned = rows[:, [0, 2, 1]] * -1.0
    return any(
        (abs(scale * candidate - numbers) <= within).all(axis=1).any()
        for scale in (1.0, 100.0) for candidate in (rows, turned)
    )  # fmt: skip


def checked(study: Any, name: str) -> int:
    answer = undisclosed(study, name)
    texts = [answer.sentence, answer.glance, *(
        (answer.picture.alt, answer.picture.title) if answer.picture is not None else ()
    )]  # fmt: skip
    found = [said for text in texts for said in intervals(text)]
    for said in found:
        assert is_of(said, answer.table), (name, said, answer.sentence)
    drawn = bars_of(answer)
    for bar, (*numbers, digits) in zip(
        drawn, intervals(answer.glance) if drawn else (), strict=True
    ):
        within = 0.5 * 10.0 ** -np.array(digits) + 1e-9
        assert np.allclose(bar, numbers, rtol=0, atol=within), (name, bar)
    for text in () if answer.refused else (answer.sentence, answer.glance):
        assert not unknown_numbers(study, answer, text), (name, text)
    for text in all_texts(answer):
        assert not ONE_OF_MANY.search(text), (name, text)
    whole = str(answer.sentence).replace("\N{NO-BREAK SPACE}", " ")
    assert whole.count("95 % CI") == len(intervals(whole)), (name, whole)
    return len(found)


ONE_OF_MANY = re.compile(
    r"(?<![\d.,\N{MINUS SIGN}])1 (?:later |other )?"
    r"(?:courses|sessions|visits|scores|goals|points|degrees|weeks|models|therapists|others)\b"
)
"""A plural behind the number one."""


def all_texts(answer: Any) -> list[str]:
    """Return whatever an answer says."""
    drawn = answer.picture
    pictured = [drawn.title, drawn.alt, drawn.x_label, drawn.y_label] if drawn is not None else []
    checks = [text for check in answer.checks for text in (check.name, check.detail)]
    said = (answer.sentence, answer.glance, answer.reason, answer.method, *answer.limits)
    return [str(text).replace("\N{NO-BREAK SPACE}", " ") for text in (*said, *pictured, *checks)]


LOOSE = re.compile(r"(?<![\w.,])\d[\d,]*(?:\.\d+)?")
WORDS = (95.0, 1.5, 80.0)
"""Numbers that a sentence says of itself: the level of intervals, and what counts as often."""


def facts_of(study: Any, answer: Any) -> list[float]:
    """Return what a number without an interval may be: of the table, or counted anew here."""
    table = answer.table
    numbers = table.select_dtypes("number").to_numpy(float).ravel()
    kinds = table["kind"].value_counts().tolist() if len(table) else []
    measure = study.instrument(study.scored_instruments()[0])
    rows = study.trajectory(measure.name)
    courses, facts = len(study.episodes), [measure.minimum, measure.maximum]
    started = rows["episode_id"].nunique() + int(
        (~study.episodes["episode_id"].isin(rows["episode_id"])).sum()
    )
    at_visits = rows[rows["session"].notna()]  # a follow-up belongs to no number of sessions
    for axis, of in (("session_count", at_visits), ("week", rows)):
        last = of.groupby("episode_id")[axis].max()
        facts.append(max((t for t in last.unique() if (last >= t).mean() >= 0.5), default=0.0))
        for time in table.get(axis, pd.Series(dtype=float)).dropna().unique():
            seen = of.loc[of[axis].round() == time, "episode_id"].nunique()
            facts += [seen, started - int((last >= time - 0.5).sum())]
    facts += [
        courses,
        started,
        rows["episode_id"].nunique(),
        study.episodes["therapist_id"].nunique(),
    ]
    facts += [rows["therapist_id"].nunique(), *rows["condition"].value_counts().tolist()]
    required = study.episodes["clearance_required"].fillna(False).astype(bool)
    received = study.episodes["episode_id"].isin(study.sessions["episode_id"])
    facts += [int((required & received).sum())]
    names = " ".join(study.episodes["arm"].dropna().unique())  # "60 min weekly"
    facts += [number(found) for found in LOOSE.findall(names)]
    return [*facts, *kinds, *WORDS, *numbers[np.isfinite(numbers)]]


def unknown_numbers(study: Any, answer: Any, text: str) -> list[str]:
    """Return the numbers of a text, intervals apart, that nothing behind it has."""
    plain = str(text).replace("\N{NO-BREAK SPACE}", " ")
    rest = SAID.sub(" ", plain)
    if (answer.table.get("p_best", pd.Series(dtype=float)) >= 0.995).any():
        rest = rest.replace("over 99 %", " ")  # no probability is said to be 100 %
    known = np.array(facts_of(study, answer))
    lost = []
    for match in LOOSE.finditer(rest):
        said, within = number(match[0]), 0.5 * 10.0 ** -decimals(match[0]) + 1e-9
        near = [abs(scale * known - abs(said)) <= within for scale in (1, -1, 100, -100)]
        if not np.any(near):
            lost.append(match[0])
    return lost


def asked(study: Any) -> int:
    return sum(checked(study, q.name) for q in QUESTIONS.values() if not q.about_one)


@pytest.mark.parametrize("scenario", ["default", "two-arm-trial"])
def test_what_is_said_stands_in_the_table(scenario: str) -> None:
    assert asked(oc.simulate(episodes=90, scenario=scenario, seed=3)) >= 7


def test_the_bar_of_the_first_page_is_the_number_beside_it() -> None:
    study = oc.load("data/synthetic")
    for name, said in (
        ("pressure", (-0.03, -0.15, 0.08)),
        ("frequency", (-0.1, -1.1, 0.9)),
        ("how-much", (2.1, 1.8, 2.5)),
    ):
        answer = undisclosed(study, name)
        assert intervals(answer.glance)[0][:3] == said
        assert checked(study, name)
        assert bars_of(answer)


@pytest.mark.slow
@pytest.mark.parametrize("scenario", sorted(SCENARIOS))
def test_what_is_said_stands_in_the_table_of_every_scenario(scenario: str) -> None:
    assert asked(oc.simulate(scenario=scenario, seed=7)) >= 5


def test_a_wrong_number_is_found() -> None:
    table = undisclosed(oc.simulate(episodes=40, seed=1), "how-much").table
    assert intervals("fell by 1.9 points (95 % CI 1.6 to 2.2)") == [(1.9, 1.6, 2.2, (1, 1, 1))]
    assert intervals("\N{MINUS SIGN}0.03 (95 % CI \N{MINUS SIGN}0.15 to 0.08)")[0][1] == -0.15
    assert not is_of((9.9, 9.8, 10.1, (1, 1, 1)), table)


def test_a_wrong_count_is_found() -> None:
    study = oc.simulate(episodes=40, seed=1)
    answer = undisclosed(study, "how-much")
    assert unknown_numbers(study, answer, "averaged over 7,531 courses (0 to 10)") == ["7,531"]
