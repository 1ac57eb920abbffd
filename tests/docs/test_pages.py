"""What the pages show runs, and what they link to is there."""

from __future__ import annotations

import re
import shlex
import shutil
import tomllib
import warnings
from pathlib import Path

import click
import pytest
import typer

from docs.make.reference import pages
from outcomes.cli import app, main
from outcomes.errors import OutcomesWarning

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
GROUP = typer.main.get_command(app)
WHOLE = ("docs/tutorials/", "docs/recipes", "docs/presenting")
"""Pages whose commands are run, and not only read."""
UNRUN = ("import", "check", "lab", "power", "notebooks", "rehearse")
"""They need the reader's own export or a window, take minutes, or have a test of their own."""


def name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def blocks(page: Path, *languages: str) -> list[str]:
    found = re.findall(r"^```(\w*)\n(.*?)^```$", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    return [text for language, text in found if language in languages]


def commands(page: Path) -> list[list[str]]:
    """Lines that begin with `outcomes`, in blocks, without what follows a hash."""
    lines = [line for text in blocks(page, "", "sh") for line in text.splitlines()]
    lines += re.findall(r"^    (outcomes .*)$", page.read_text("utf-8"), re.MULTILINE)
    words = [shlex.split(line, comments=True) for line in lines if line.startswith("outcomes ")]
    return [line[1:] for line in words if "..." not in line]


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_link_within_the_project_leads_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text("utf-8")):
        if "://" in link or link.startswith("mailto:"):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        if anchor:
            titles = re.findall(r"^#+ (.*)$", target.read_text("utf-8"), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w -]", "", t).lower().replace(" ", "-") for t in titles}


@pytest.mark.parametrize("page", [p for p in PAGES if commands(p)], ids=name)
def test_every_command_is_one_that_is_known(page: Path) -> None:
    for verb, *words in commands(page):
        command = GROUP.get_command(click.Context(GROUP), verb)
        assert command is not None, verb
        command.make_context(verb, list(words), resilient_parsing=False)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that looks like the project to what a page says, and is not it."""
    shutil.copytree(ROOT / "data", tmp_path / "data")
    shutil.copytree(ROOT / "docs" / "maps", tmp_path / "docs" / "maps")
    monkeypatch.chdir(tmp_path)
    return tmp_path


PYTHON = [
    p for p in PAGES if blocks(p, "python") and name(p) not in ("README.md", "docs/import.md")
]


@pytest.mark.parametrize("page", PYTHON, ids=name)
@pytest.mark.usefixtures("place")
def test_what_is_shown_in_python_runs_from_top_to_bottom(page: Path) -> None:
    known: dict[str, object] = {}
    for text in blocks(page, "python"):
        quick = re.sub(r"n_simulations=\d+", "n_simulations=2", text)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", OutcomesWarning)
            exec(compile(quick, name(page), "exec"), known)


@pytest.mark.slow
@pytest.mark.parametrize("page", [p for p in PAGES if name(p).startswith(WHOLE)], ids=name)
def test_what_is_shown_in_a_terminal_runs_in_order(page: Path, place: Path) -> None:
    for i, text in enumerate(blocks(page, "toml")):
        assert tomllib.loads(text)
        (place / ("plan.toml" if i == 0 else f"{i}.toml")).write_text(text, encoding="utf-8")
    for verb, *words in commands(page):
        if verb not in UNRUN and "my-clinic.xlsx" not in words[:1]:
            assert main([verb, *words]) == 0, words
    assert any(place.iterdir())


def test_generated_pages_tell_what_the_records_hold() -> None:
    told = pages()
    assert "| `pressure` | integer |" in told["dictionary.md"]
    assert "## `outcomes report`" in told["command-line.md"]
    assert "| `missing_visits` |" in told["column-map.md"]
    assert "autofunction:: outcomes.lmm" in told["python.md"]
    assert "MixedFit.emmeans" in told["python.md"]
    for entry in re.findall(r"^\| `(\w+)` \| .*? \| (.*) \|$", told["column-map.md"], re.MULTILINE):
        assert entry[1], f"{entry[0]} is not described"
