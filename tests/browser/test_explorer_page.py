"""The explorer in a real browser: keys, clicks, the sentence, pictures, phone, dark, axe-core."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.image import imread

import outcomes as oc

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::outcomes.errors.OutcomesWarning"),
]

SENTENCE = "document.getElementById('sentence').textContent"
FOCUS = "document.activeElement.id"


@pytest.fixture(scope="module")
def change() -> Any:
    study = oc.simulate(episodes=120, seed=4)
    return study, oc.answer(study, "how-much", instrument="nprs")


@pytest.fixture(scope="module")
def page(change: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    study, answer = change
    out = tmp_path_factory.mktemp("out") / "report"
    made = oc.report(study, out, ("explorer",), instrument="nprs", answers=(answer,))
    return made / "explorer.html"


def test_keys_reach_every_picker_in_order_and_the_sentence_follows(
    page: Path, drive: Any, change: Any
) -> None:
    drive.open(page)
    reached = []
    for _ in range(5):
        drive.press("Tab")
        reached.append(drive.run(FOCUS))
    assert reached == ["instrument", "group", "pressure", "beside", "time"]
    assert drive.run("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    before = drive.run("+document.getElementById('time').value")
    drive.press("ArrowRight")
    now = drive.run("+document.getElementById('time').value")
    assert now == before + 1
    curve = change[1].table.query("kind == 'curve' and group == 'all'")
    row = curve[curve["session_count"] == now + 1].iloc[0]
    said = drive.run(SENTENCE).replace("\xa0", " ")
    assert f"{row['estimate']:.1f} points (95 % CI {row['conf_low']:.1f} to" in said
    assert f"after {now + 1} sessions" in said
    assert drive.run("document.getElementById('sentence').getAttribute('aria-live')") == "polite"


def test_a_pressure_gives_an_association_and_no_support_gives_no_number(
    page: Path, drive: Any
) -> None:
    drive.open(page)
    drive.run("document.getElementById('pressure').focus()")
    drive.press("ArrowDown")
    assert "an association" in drive.run(SENTENCE)
    drive.run("document.getElementById('group').focus()")
    drive.press("ArrowDown")
    drive.run("document.getElementById('time').focus()")
    drive.press(*["ArrowRight"] * 12)
    said = drive.run(SENTENCE)
    assert said.startswith("No data here")
    assert "%" not in said
    last = drive.run("document.getElementById('rows').lastElementChild.textContent")
    assert last.endswith("no data here")


def test_two_picks_stand_beside_each_other_on_one_axis_and_the_address_keeps_them(
    page: Path, drive: Any, change: Any
) -> None:
    rows = change[1].table.query("kind == 'curve'")
    groups = [name for name in rows["group"].unique() if name != "all"][:2]
    pick = "document.getElementById('{0}').value = '{1}'; {0}.dispatchEvent(new Event('change'))"
    drive.open(page)
    drive.run(pick.format("group", groups[0]))
    drive.run(pick.format("beside", f"{groups[1]}|"))
    said = drive.run("document.getElementById('difference').textContent")
    time = drive.run("+document.getElementById('time').value") + 1
    at = rows[rows["session_count"] == time].set_index("group")
    one, two = (
        at.loc[name, ["estimate", "conf_low", "conf_high"]].astype(float) for name in groups
    )
    middle = one["estimate"] - two["estimate"]
    low = middle - math.hypot(one["estimate"] - one["conf_low"], two["conf_high"] - two["estimate"])
    high = middle + math.hypot(
        one["conf_high"] - one["estimate"], two["estimate"] - two["conf_low"]
    )
    told = re.search(r": (\S+) points \(95\s% CI (\S+) to ([^,]+), as if", said)
    assert told is not None
    numbers = [float(text.replace("\N{MINUS SIGN}", "-")) for text in told.groups()]
    assert numbers == pytest.approx([middle, low, high], abs=0.051)
    kept = drive.run("location.hash")
    assert f"group={groups[0]}" in kept
    assert f"beside={groups[1]}%7C" in kept


def test_a_click_in_the_picture_picks_the_time_and_redraws(page: Path, drive: Any) -> None:
    drive.open(page)
    before = drive.picture()
    box = drive.run("(({x, y, width, height}) => [x, y, width, height])"
                    "(document.querySelector('.u-over').getBoundingClientRect())")  # fmt: skip
    drive.click(box[0] + 3, box[1] + box[3] / 2)
    assert drive.run("document.getElementById('time').value") == "0"
    assert "after 1 session " in drive.run(SENTENCE)
    first, second = (imread(io.BytesIO(b))[..., :3] for b in (before, drive.picture()))
    assert first.std() > 0.1
    assert np.abs(first - second).max() > 0.5


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("dark", [False, True])
def test_axe_finds_nothing_serious_and_nothing_sticks_out(
    page: Path, drive: Any, axe: str, width: int, dark: bool
) -> None:
    drive.open(page, width=width, height=844, dark=dark)
    drive.run("document.querySelector('details').open = true")
    assert drive.run("document.documentElement.scrollWidth <= innerWidth")
    drive.run(axe)
    found = drive.run("axe.run().then(r => r.violations.map(v => [v.impact, v.id]))")
    assert [item for item in found if item[0] in ("serious", "critical")] == []
    corner = imread(io.BytesIO(drive.picture()))[2, 2, :3].mean()
    assert corner < 0.3 if dark else corner > 0.9


def test_axe_would_notice(drive: Any, axe: str, tmp_path: Path) -> None:
    bad = tmp_path / "bad.html"
    bad.write_text("<html lang='en'><title>t</title><main><select></select></main>", "utf-8")
    drive.open(bad)
    drive.run(axe)
    found = drive.run("axe.run().then(r => r.violations.map(v => v.id))")
    assert "select-name" in found


def test_the_explorer_asks_nobody_for_anything(
    page: Path, asked_by: Callable[[Path], set[str]]
) -> None:
    assert asked_by(page) == set()
