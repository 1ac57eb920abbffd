"""The explorer's numbers are those of the answers; what has no support or is small is not there."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import outcomes
from outcomes.dictionary.instruments import instrument
from outcomes.privacy.disclosure import Disclosure
from outcomes.questions.ask import answer
from outcomes.questions.disclosed import disclosed
from outcomes.render.compose import Material, compose
from outcomes.render.explorer.page import _point, explorer_bytes
from outcomes.words import LABELS, decimals_for
from studies.overclaims import overclaims

HOUSE = Path(outcomes.__file__).parent
VENDORED = HOUSE / "render" / "explorer" / "page" / "uplot"


def page_of(study: Any, rule: Disclosure, instrument: str = "nprs") -> str:
    given = (disclosed(answer(study, "how-much"), rule),)
    document = compose(study, given, disclosure=rule)
    return explorer_bytes(Material(document, given, study, rule, instrument)).decode("utf-8")


def shown_in(page: str) -> list[dict[str, Any]]:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert found
    return list(json.loads(found.group(1)))


@pytest.fixture(scope="module")
def study(make_study: Any) -> Any:
    return make_study(90)


@pytest.fixture(scope="module")
def nprs(study: Any) -> dict[str, Any]:
    return shown_in(page_of(study, Disclosure(exempt=True)))[0]


def test_the_curve_is_the_answers_curve(study: Any, nprs: dict[str, Any]) -> None:
    table = answer(study, "how-much").table.query("kind == 'curve'")
    for group, rows in table.groupby("group"):
        points = nprs["curves"][f"{group}|"]
        assert [nprs["times"][point[0]] for point in points] == list(rows["session_count"])
        for point, row in zip(points, rows.to_dict("records"), strict=True):
            expected = [row["estimate"], row["conf_low"], row["conf_high"]]
            assert point[1:4] == pytest.approx(expected, abs=1e-4)
            assert point[5] == row["n_episodes"]
            digits = decimals_for(row["conf_low"], row["conf_high"])
            assert f"{abs(row['estimate']):.{digits}f} points" in point[4].replace("\xa0", " ")


def test_two_pressures_differ_by_the_slope_of_the_pressure_answer(
    study: Any, nprs: dict[str, Any]
) -> None:
    table = answer(study, "pressure").table.set_index("kind")
    per_level = table.loc["last visit", "estimate"]
    compared = 0
    for group, _ in nprs["groups"]:
        firm, light = (dict_of(nprs, f"{group}|{level}") for level in (4, 2))
        for place in firm.keys() & light.keys():
            assert firm[place] - light[place] == pytest.approx(2 * per_level, abs=3e-4)
            compared += 1
    assert compared >= 5


def test_pressure_as_given_is_the_mean_of_what_was_seen(study: Any, nprs: dict[str, Any]) -> None:
    """A linear model's residuals of a whole group are near zero on average at each time."""
    rows = study.trajectory("nprs")
    for place, estimate in dict_of(nprs, "all|given").items():
        seen = rows.loc[rows["session_count"] == nprs["times"][place], "improvement"]
        assert estimate == pytest.approx(seen.mean(), abs=0.35)


def dict_of(shown: dict[str, Any], name: str) -> dict[int, float]:
    return {point[0]: point[1] for point in shown["curves"].get(name, [])}


def test_no_cell_rests_on_few_courses(make_study: Any) -> None:
    study = make_study(90, conditions=("headache", "low_back", "headache"), synthetic=False)
    shown = shown_in(page_of(study, Disclosure()))[0]
    rows = study.trajectory("nprs")
    assert any(name.endswith("|3") for name in shown["curves"])
    for name, points in shown["curves"].items():
        group, pressure = name.split("|")
        own = rows if group == "all" else rows[rows["condition"] == group]
        for point in points:
            then = own[own["session_count"] == shown["times"][point[0]]]
            assert then["episode_id"].nunique() >= 11
        if pressure.isdigit():
            assert own.loc[own["pressure"] == int(pressure), "episode_id"].nunique() >= 11


def test_the_sentences_claim_no_more_than_the_design_allows(nprs: dict[str, Any]) -> None:
    words = nprs["sentences"]
    assert overclaims(words["pressure"], "association") == []
    assert "an association" in words["pressure"]
    assert overclaims(words["change"], "change") == []


@pytest.mark.parametrize(
    ("low", "high", "pressure", "said"),
    [
        (0.3, 2.2, "", "improved by 1.0 points (95 % CI 0.3 to 2.2)"),
        (-0.1, 2.6, "", "did not clearly improve: 1.0 points (95 % CI −0.1 to 2.6)"),
        (-0.1, 2.6, "3", "had not clearly improved: 1.0 points (95 % CI −0.1 to 2.6)"),
        (-2.2, -0.3, "", "got worse by 1.0 points (95 % CI 0.3 to 2.2)"),
        (-2.2, -0.3, "3", "had got worse by 1.0 points (95 % CI 0.3 to 2.2)"),
    ],
)
def test_the_page_says_no_more_than_the_answer_does(
    low: float, high: float, pressure: str, said: str
) -> None:
    ends = {"estimate": 1.0 if high > 0 else -1.0, "conf_low": low, "conf_high": high}
    row = {"time": 4.0, "pressure": pressure, "n_episodes": 24.0, **ends}
    assert _point(row, [4.0], instrument("nprs"), 1)[4].replace("\xa0", " ") == said


def test_means_of_two_therapists_are_theirs_alone(make_study: Any) -> None:
    study = make_study(40)
    odd = study.sessions["episode_id"].rank(method="dense") % 2
    visits = study.sessions.assign(therapist_id=odd.map({0.0: "t1", 1.0: "t2"}))
    two = replace(study, sessions=visits)
    said = shown_in(page_of(two, Disclosure(exempt=True)))[0]["sentences"]
    assert said["all"] == "over all courses of these two therapists"
    assert said["whom"] == "in courses of these two therapists for {group}"


def test_arms_are_not_pooled(make_study: Any) -> None:
    study = make_study(60)
    arms = ["care", "usual"] * 30
    episodes = study.episodes.assign(arm=arms)
    provenance = replace(study.provenance, control="usual")
    shown = shown_in(
        page_of(replace(study, episodes=episodes, provenance=provenance), Disclosure(exempt=True))
    )[0]
    assert shown["who"] == "Arm"
    assert [name for name, _ in shown["groups"]] == ["care", "usual"]
    assert not shown["sentences"]["change"].startswith("During care")


def test_without_pressure_the_page_says_so(make_study: Any) -> None:
    shown = shown_in(page_of(make_study(40, pressure=False), Disclosure(exempt=True)))[0]
    assert shown["pressures"] == [["", "as given"]]
    assert "too few" in shown["noPressure"]


def test_three_patients_make_a_page_that_says_why_it_is_empty(make_study: Any) -> None:
    page = page_of(make_study(3, synthetic=False), Disclosure())
    assert "There is nothing to explore" in page
    assert "there are too few courses" in page
    assert "uPlot" not in page.split("</footer>")[1]


def test_arms_too_small_to_show_are_named(make_study: Any) -> None:
    study = make_study(20, synthetic=False)
    episodes = study.episodes.assign(arm=["care", "usual"] * 10)
    page = page_of(replace(study, episodes=episodes), Disclosure())
    assert "There is nothing to explore" in page
    assert "too few courses at any time" in page


def test_names_cannot_end_the_script(make_study: Any) -> None:
    page = page_of(make_study(30, conditions=("</script><b>",)), Disclosure(exempt=True))
    assert page.count("</script>") == 3


def test_the_vendored_library_is_the_one_that_is_named() -> None:
    named = re.findall(
        r"\| (\S+) \| ([0-9a-f]{64}) \|", (VENDORED / "README.md").read_text("utf-8")
    )
    assert len(named) == 3
    for name, digest in named:
        assert hashlib.sha256((VENDORED / name).read_bytes()).hexdigest() == digest


def test_the_folder_can_be_taken_away_with_its_line_in_the_formats() -> None:
    users = [
        path.name
        for path in HOUSE.rglob("*.py")
        if "explorer" not in path.relative_to(HOUSE).parts
        and "outcomes.render.explorer" in path.read_text("utf-8")
    ]
    assert users == ["formats.py"]


def test_what_a_score_runs_over_stands_behind_the_name_of_its_scale() -> None:
    told = [text for text in LABELS["explorer"].values() if "({scale})" in text]
    assert len(told) == 2
    assert all("{title} ({scale}) {{found}}" in text for text in told)
