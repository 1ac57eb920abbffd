"""The report in a real browser: no request but for itself, fits a phone, follows light and dark."""

from __future__ import annotations

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


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    study = oc.simulate(episodes=80, seed=4)
    return oc.report(study, tmp_path_factory.mktemp("out") / "report") / "index.html"


def test_the_page_asks_nobody_for_anything(
    page: Path, asked_by: Callable[[Path], set[str]]
) -> None:
    assert asked_by(page) == set()


def test_a_page_that_did_ask_would_be_noticed(
    asked_by: Callable[[Path], set[str]], tmp_path: Path
) -> None:
    page = tmp_path / "page.html"
    page.write_text('<img src="http://example.invalid/picture.png"></html>', encoding="utf-8")
    assert asked_by(page) == {"http://example.invalid/picture.png"}


@pytest.mark.parametrize("width", [900, 1280, 1500, 1920])
def test_the_stamp_of_simulated_data_covers_no_text(
    page: Path, browse: Callable[..., str], tmp_path: Path, width: int
) -> None:
    probe = (
        "<script>const [s, m] = ['.stamp', 'main'].map("
        "(name) => document.querySelector(name).getBoundingClientRect());"
        "document.title = s.width > 0 && (s.left >= m.right || s.top >= m.bottom)</script>"
    )
    text = page.read_text(encoding="utf-8").replace(
        "default-src 'none'", "script-src 'unsafe-inline'"
    )
    copy = tmp_path / "copy.html"
    copy.write_text(text.replace("</body>", probe + "</body>"), encoding="utf-8")
    assert "<title>true</title>" in browse(copy, "--dump-dom", f"--window-size={width},800")


@pytest.mark.parametrize("width", [500, 1100])
def test_nothing_sticks_out_sideways(
    page: Path, browse: Callable[..., str], tmp_path: Path, width: int
) -> None:
    probe = (
        "<script>document.title = document.documentElement.scrollWidth + '/' + innerWidth</script>"
    )
    text = page.read_text(encoding="utf-8").replace(
        "default-src 'none'", "script-src 'unsafe-inline'"
    )
    copy = tmp_path / "copy.html"
    copy.write_text(text.replace("</body>", probe + "</body>"), encoding="utf-8")
    shown = browse(copy, "--dump-dom", f"--window-size={width},900")
    inside, window = shown.split("<title>")[1].split("</title>")[0].split("/")
    assert int(inside) <= int(window)


def test_light_and_dark_follow_the_reader(
    page: Path, browse: Callable[..., str], tmp_path: Path
) -> None:
    corners = []
    for name, switches in (("light", ()), ("dark", ("--force-dark-mode",))):
        picture = tmp_path / f"{name}.png"
        browse(page, f"--screenshot={picture}", "--window-size=1100,1400", *switches)
        image = np.asarray(imread(picture))
        assert image[..., :3].std() > 0.05
        corners.append(float(image[5, 5, :3].mean()))
    assert corners[0] > 0.9
    assert corners[1] < 0.3


def test_it_prints_with_the_summary_on_the_first_page(
    page: Path, browse: Callable[..., str], tmp_path: Path
) -> None:
    target = tmp_path / "print.pdf"
    browse(page, f"--print-to-pdf={target}", "--no-pdf-header-footer")
    text = target.read_bytes()
    assert text.startswith(b"%PDF")
    assert 3 <= text.count(b"/Type /Page\n") + text.count(b"/Type /Page ") <= 40


def test_no_column_is_cut_off_on_paper(drive: Any, tmp_path: Path) -> None:
    study = oc.simulate(episodes=200, seed=2026)
    made = oc.report(study, tmp_path / "report", audience="analyst") / "index.html"
    drive.open(made, width=688, height=900)  # main is then 673 px, an A4 page less its margins
    drive.call("Emulation.setEmulatedMedia", media="print")
    wide = "[...document.querySelectorAll('table')].map(t => t.scrollWidth)"
    widths = drive.run(wide)
    assert len(widths) > 20
    assert max(widths) <= drive.run("document.querySelector('main').clientWidth")
