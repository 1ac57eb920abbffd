"""What the README shows is what the toolkit prints and computes."""

from __future__ import annotations

import re
import warnings
from pathlib import Path

import pytest

import outcomes as oc
from outcomes.cli import app, main
from outcomes.errors import OutcomesWarning

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_sentence_is_what_the_command_prints(capsys, monkeypatch):
    monkeypatch.chdir(ROOT)
    assert main(["answer", "how-much", "data/synthetic"]) == 0
    printed = capsys.readouterr().out.splitlines()[0]
    shown = re.search(r"<!-- sentence -->\s*> (.*?)\s*<!-- /sentence -->", README, re.DOTALL)
    assert shown is not None
    assert shown.group(1) == printed


def test_the_three_steps_are_what_the_null_study_gives():
    call = re.search(r"oc\.simulate\(episodes=(\d+), scenario=\"(\w+)\", seed=(\d+)\)", README)
    assert call is not None
    study = oc.simulate(
        episodes=int(call.group(1)), scenario=call.group(2), seed=int(call.group(3))
    )
    frame = study.trajectory("nprs", same_visit=True)
    rows = re.findall(
        r"^\| `([\w +]+)` \| (-?[\d.]+) \((-?[\d.]+) to (-?[\d.]+)\) \|", README, re.M
    )
    assert len(rows) == 3
    for columns, *shown in rows:
        formula = f"improvement ~ session_count + {columns} + (1 | episode_id)"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", OutcomesWarning)
            table = oc.lmm(formula, frame).tidy().set_index("term")
        found = table.loc[columns.split(" + ")[-1], ["estimate", "conf_low", "conf_high"]]
        assert [float(number) for number in shown] == pytest.approx(list(found), abs=0.0051)


def test_the_python_example_runs(monkeypatch):
    monkeypatch.chdir(ROOT)
    example = re.search(r"```python\n(.*?)```", README, re.DOTALL)
    assert example is not None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OutcomesWarning)
        exec(compile(example.group(1), "README.md", "exec"), {})


def test_the_commands_it_names_exist():
    verbs = {command.name or command.callback.__name__ for command in app.registered_commands}
    named = set(re.findall(r"^outcomes ([a-z-]+)", README, re.M))
    assert named
    assert named <= verbs


def test_the_files_it_links_to_exist():
    links = re.findall(r"\]\(((?!http)[^)#]+)\)", README)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_the_worked_table_is_the_docstrings():
    """The README's three visits are those of the doctest in `trajectory`."""
    import outcomes.trajectory

    example = outcomes.trajectory.trajectory.__doc__
    assert '"pressure": [3, 2, 4], "minutes": [60, 30, 60]' in example
    assert '"score": [7, 6, 4]' in example
    assert "| 2 | 6 | 2 | 30 | | 1 | 3 | 60 | 7 | 7 | 1 |" in README
    assert "| 3 | 4 | 4 | 60 | | 2 | 2 | 90 | 7 | 6 | 3 |" in README
