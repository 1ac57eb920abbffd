"""The command line: each verb on a small study, exit codes, and no value in any message."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
from typer.testing import CliRunner

import outcomes as oc
from outcomes.cli import main
from outcomes.cli.prepare import _asked as asked
from outcomes.questions.ask import QUESTIONS
from outcomes.study import study_from_tables

pytestmark = pytest.mark.quick(5)


@pytest.fixture(scope="module")
def study_folder(tmp_path_factory):
    return oc.simulate(episodes=60, seed=4).save(tmp_path_factory.mktemp("cli") / "study")


@pytest.fixture
def broken_folder(study_folder, tmp_path):
    study = oc.load(study_folder)
    study.assessments.loc[2, "score"] = 77.0
    return study.save(tmp_path / "broken")


def test_every_verb_has_help_with_an_example(capsys):
    from outcomes.cli import app

    for command in app.registered_commands:
        name = command.name or command.callback.__name__
        assert main([name, "--help"]) == 0
        assert f"Example: outcomes {name}" in capsys.readouterr().out


def test_the_version(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.strip() == oc.__version__


def test_a_good_study_passes_the_check(study_folder, capsys):
    assert main(["check", str(study_folder)]) == 0
    shown = capsys.readouterr().out
    assert "No errors" in shown or "No finding" in shown
    assert "ERROR" not in shown


def test_a_broken_study_ends_with_1_and_shows_rule_and_row_but_no_value(broken_folder, capsys):
    assert main(["check", str(broken_folder)]) == 1
    shown = capsys.readouterr().out
    assert "R12" in shown
    assert "above 10" in shown
    assert "77" not in shown


def test_check_prints_json(broken_folder, capsys):
    assert main(["check", str(broken_folder), "--json"]) == 1
    findings = json.loads(capsys.readouterr().out)
    assert {"rule", "count", "first_row", "remedy"} <= set(findings[0])


def test_simulate_writes_what_the_library_makes(study_folder, tmp_path, capsys):
    out = tmp_path / "again"
    words = ["simulate", "--episodes", "60", "--seed", "4", "--out", str(out)]
    assert main(words) == 0
    assert "Wrote SYNTHETIC data: 60 courses, 4" in capsys.readouterr().out
    for path in sorted(study_folder.iterdir()):
        assert (out / path.name).read_bytes() == path.read_bytes()


def test_fit_prints_the_table_of_the_library(study_folder, capsys):
    formula = "improvement ~ session_count + (1 | episode_id)"
    words = ["fit", str(study_folder), formula, "--instrument", "nprs", "--json"]
    assert main(words) == 0
    printed = json.loads(capsys.readouterr().out)
    expected = oc.lmm(formula, oc.load(study_folder).trajectory("nprs")).tidy()
    assert [row["term"] for row in printed] == list(expected["term"])
    assert printed[1]["estimate"] == pytest.approx(expected["estimate"][1], rel=1e-8)


def test_fit_prints_for_people_too(study_folder, capsys):
    words = ["fit", str(study_folder), "improvement ~ week + (1 | episode_id)"]
    assert main([*words, "--instrument", "nprs"]) == 0
    assert "Residual SD" in capsys.readouterr().out


def test_answer_prints_the_sentence_with_its_label(study_folder, capsys):
    assert main(["answer", "how-much", str(study_folder)]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("SYNTHETIC data. During care, patients improved by ")
    assert "95 % CI" in shown


def test_an_answer_refused_over_broken_data_ends_with_1(broken_folder, capsys):
    assert main(["answer", "how-much", str(broken_folder)]) == 1
    shown = capsys.readouterr().out
    assert "R12" in shown
    assert "77" not in shown


def test_answer_prints_json(study_folder, capsys):
    assert main(["answer", "how-much", str(study_folder), "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["source"]["synthetic"] is True
    assert printed["table"][0]["term"] == "all"


@pytest.mark.slow
def test_report_says_the_sentence_and_where_it_is(study_folder, tmp_path, capsys):
    out = tmp_path / "report"
    assert main(["report", str(study_folder), "--out", str(out)]) == 0
    shown = capsys.readouterr().out
    assert "During care" in shown
    assert f"Report: {out / 'index.html'}" in shown
    assert (out / "index.html").is_file()


def test_report_says_what_its_page_begins_with_and_where_it_is(tmp_path, capsys):
    trial = oc.simulate(episodes=40, scenario="two-arm-trial", seed=1).save(tmp_path / "trial")
    assert main(["report", str(trial), "--out", str(tmp_path / "report")]) == 0
    shown = capsys.readouterr().out
    assert f"Report: {tmp_path / 'report' / 'index.html'}" in shown
    said = shown.splitlines()[0].removeprefix("SYNTHETIC data. ")
    page = (tmp_path / "report" / "index.html").read_text("utf-8")
    first = re.search(r'<p class="lead">(.*?)</p>', page, re.DOTALL)[1]
    assert first.replace("\N{NO-BREAK SPACE}", " ").strip() == said.replace(
        "\N{NO-BREAK SPACE}", " "
    )


def test_a_template_loads_as_a_study_without_rows_being_an_accident(tmp_path, capsys):
    assert main(["template", str(tmp_path / "sheet.xlsx")]) == 0
    assert (tmp_path / "sheet.xlsx").is_file()
    assert "sheet.xlsx" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["no-such-verb"], 2),
        (["check"], 2),
        (["check", "no-such-folder"], 3),
        (["simulate", "--out", "x", "--scenario", "no-such-scenario"], 2),
        (["answer", "no-such-question", "DATA"], 2),
        (["fit", "DATA", "improvement ~ week"], 2),
        (["fit", "DATA", "improvement ~ weeek + (1 | episode_id)"], 2),
    ],
)
def test_wrong_use_ends_with_its_code_and_one_line(words, code, study_folder, tmp_path,
                                                   monkeypatch, capsys):  # fmt: skip
    monkeypatch.chdir(tmp_path)
    words = [str(study_folder) if word == "DATA" else word for word in words]
    assert main(words) == code
    shown = capsys.readouterr().err
    assert shown
    assert "Traceback" not in shown
    assert list(tmp_path.iterdir()) == []


def test_power_prints_a_sentence_and_its_numbers(capsys):
    words = ["power", "--episodes", "60", "--simulations", "2", "--processes", "1"]
    assert main(words) == 0
    assert "Of 2 simulated studies of 60 courses" in capsys.readouterr().out
    assert main([*words, "--json"]) == 0
    table = json.loads(capsys.readouterr().out)
    assert {"clear", "answered", "failed"} <= {row["term"] for row in table}
    assert main([*words, "--question", "goals"]) == 2
    assert main(["power", "--episodes", "0", "--simulations", "1"]) != 0
    assert main(["power", "--simulations", "1", "--processes", "0"]) == 2


def test_rehearse_prints_how_often_something_was_found(study_folder, capsys):
    words = ["rehearse", str(study_folder), "--question", "frequency", "--n", "2"]
    assert main(words) == 0
    assert "of 2 rehearsals" in capsys.readouterr().out


def test_doctor_finds_everything_and_says_what_to_do_about_what_is_missing(capsys, monkeypatch):
    from importlib.metadata import PackageNotFoundError, version

    assert main(["doctor"]) == 0
    assert "missing" not in capsys.readouterr().out

    def without(*names):
        def found(name):
            if name in names:
                raise PackageNotFoundError(name)
            return "0.0.1" if name == "scipy" and "old" in names else version(name)

        return found

    monkeypatch.setattr("outcomes.cli.doctor.version", without("typst"))
    assert main(["doctor"]) == 0
    shown = capsys.readouterr().out
    assert 'pip install "outcomes[report]"' in shown
    monkeypatch.setattr("outcomes.cli.doctor.version", without("numpy"))
    assert main(["doctor", "--json"]) == 3
    states = {row["what"]: row["state"] for row in json.loads(capsys.readouterr().out)}
    assert states["numpy"] == "missing"
    monkeypatch.setattr("outcomes.cli.doctor.version", without("old"))
    assert main(["doctor"]) == 3
    assert "wrong version" in capsys.readouterr().out


def test_notebooks_come_with_the_study_they_run_on(tmp_path):
    folder = tmp_path / "mine"
    assert main(["notebooks", str(folder)]) == 0
    assert (folder / "notebooks" / "00-start-here.ipynb").is_file()
    assert len(oc.load(folder / "data" / "synthetic").episodes) == 200
    (folder / "notebooks" / "00-start-here.ipynb").write_text("mine", encoding="utf-8")
    assert main(["notebooks", str(folder)]) == 2
    assert (folder / "notebooks" / "00-start-here.ipynb").read_text("utf-8") == "mine"


def test_lab_opens_at_the_first_notebook_and_asks_for_no_news(tmp_path, monkeypatch, capsys):
    ran = []

    def run(command, *, env, check):
        ran.append((command, env["JUPYTER_CONFIG_PATH"], check))
        return SimpleNamespace(returncode=0)

    monkeypatch.setattr("subprocess.run", run)
    monkeypatch.setenv("JUPYTER_CONFIG_PATH", "/of/my/own")
    assert main(["lab", str(tmp_path)]) == 2
    assert "outcomes notebooks my-notebooks" in capsys.readouterr().err
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "00-start-here.ipynb").touch()
    assert main(["lab", str(tmp_path)]) == 0
    ((command, settings, _),) = ran
    assert "--LabApp.default_url=/lab/tree/00-start-here.ipynb" in command
    own, others = settings.split(os.pathsep)
    assert "announcements" in (Path(own) / "labconfig" / "page_config.json").read_text("utf-8")
    assert others == "/of/my/own"


def test_report_refuses_a_foreign_folder_before_it_reads_or_asks(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("outcomes.cli.shared.loaded", lambda *_: pytest.fail("read"))
    (tmp_path / "thesis.docx").write_text("mine", encoding="utf-8")
    assert main(["report", "nowhere", "--out", str(tmp_path)]) == 2
    assert "1 file of another origin" in capsys.readouterr().err


def test_a_real_study_is_never_replaced_by_a_simulated_one(study_folder, tmp_path, capsys):
    kept = tmp_path / "kept"
    tables = {t.stem: pd.read_csv(t) for t in Path(study_folder).glob("*.csv")}
    study_from_tables(tables).save(kept)
    before = {p.name: p.read_bytes() for p in kept.iterdir()}
    assert main(["simulate", "--episodes", "5", "--out", str(kept)]) == 2
    assert "another kind" in capsys.readouterr().err
    assert {p.name: p.read_bytes() for p in kept.iterdir()} == before


@pytest.mark.parametrize(
    ("error", "said"),
    [(MemoryError(), "outcomes: memory ran out. Close"),
     (OSError(28, "No space left on device"), "outcomes: No space left on device."),
     (OSError(), "outcomes: the system refused.")],
)  # fmt: skip
def test_what_the_system_cannot_give_is_told_in_a_sentence(error, said, monkeypatch, capsys):
    def failing(*_words, **_options):
        raise error

    monkeypatch.setattr("outcomes.cli.app", failing)
    assert main([]) == 3
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    "unset",
    [pytest.param({"HOME": None}, marks=pytest.mark.slow),
     {"HOME": "/nowhere", "TMPDIR": "/nowhere"}],
)  # fmt: skip
def test_without_a_home_or_a_place_for_drafts_a_report_is_written(study_folder, tmp_path, unset):
    environment = {k: v for k, v in os.environ.items() if k not in unset}
    environment |= {k: v for k, v in unset.items() if v}
    out = tmp_path / "letter"
    words = ["report", str(study_folder), "--out", str(out), "--episode", "e0000001"]
    done = subprocess.run(
        [sys.executable, "-m", "outcomes", *words], env=environment, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert list(out.glob("letter-*.html"))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("power --episodes 20 --simulations 2 --seed -1", "a seed is a whole number from 0"),
        ("rehearse {} --question how-much --n 2 --seed -1", "a seed is a whole number from 0"),
        ("answer conditions {} --seed -1", "a seed is a whole number from 0"),
        ("answer how-much {} --episode e0001", "where the question is about one; got 'how-much'"),
        ("report {} --out {}-made --letterhead names.toml", "are for a letter; got a report"),
        ("report {} --out {}-made --first-visit 2025-01-31", "are for a letter; got a report"),
        ("import {} --guess", "leads to a file; got a folder"),
        ("report {} --out {}-made --formats html,letter", "with --letter and --episode"),
    ],
)
def test_an_option_that_would_do_nothing_is_refused(study_folder, words, said, capsys):
    assert main([word.format(study_folder, study_folder) for word in words.split()]) != 0
    assert said in capsys.readouterr().err


def test_stopping_while_the_command_is_imported_is_no_traceback(tmp_path):
    (tmp_path / "typer.py").write_text("raise KeyboardInterrupt", encoding="utf-8")
    path = os.pathsep.join([str(tmp_path), *sys.path])
    done = subprocess.run(
        [sys.executable, "-m", "outcomes", "--version"],
        capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": path},
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def test_the_help_of_answer_names_every_question(capsys):
    assert main(["answer", "--help"]) == 0
    shown = " ".join(capsys.readouterr().out.split()).replace("- ", "-")  # a name may wrap
    assert all(re.search(rf"\b{name}\b", shown) for name in QUESTIONS)


@pytest.mark.parametrize(
    ("key", "candidates", "typed", "answer"),
    [("values.pressure.firm", ["1", "3", "2", "4", "5", "0"], "3", "3"),
     ("values.pressure.firm", ["1", "3", "2", "4", "5", "0"], "99\n?\nfirm\n0", "0"),
     ("scales.odi", ["50", "100"], "1\n100", "100"),
     ("values.pain.so-so", ["empty", "0", "1", "2", "3"], "3", "3"),
     ('values."sessions.minutes".half an hour', ["empty"], "long\n30", "30"),
     ('values."sessions.minutes".half an hour', ["45", "empty"], "22.5", "22.5"),
     ('values."nprs.pre_session".bad', ["empty", "0", "1", "2"], "99\n2", "2"),
     ("values.pain.so-so", ["empty", "0", "1", "2", "3"], "empty", "empty"),
     ("scores.nprs.pre_session", ["Pain before"], "yes", "Pain before"),
     ("study.new_course_after_days", ["90"], "1", "1"),
     ("columns.date", ["Booked", "Seen"], "?\n3\n2", "Seen"),
     ("columns.date", ["Booked", "Seen"], "Other day", "Other day"),
     ("columns.date", ["Booked", "Seen"], "no", False),
     ("columns.date", ["Booked", "Seen"], "", "")],
)  # fmt: skip
def test_a_number_typed_is_the_candidate_and_nonsense_is_asked_again(
    key, candidates, typed, answer
):
    question = {"asks": "Which?", "key": key, "candidates": candidates}
    with CliRunner().isolation(input=f"{typed}\n") as (_, shown, *_rest):
        assert asked(question) == answer
        told = shown.getvalue().decode().splitlines()
    assert told[2:3] == (["  0"] if "pressure" in key else told[2:3])


def test_a_map_that_is_there_is_refused_before_an_export_is_looked_for(tmp_path, capsys):
    (tmp_path / "map.toml").write_text("", encoding="utf-8")
    place = str(tmp_path / "map.toml")
    assert main(["import", "export.csv", "--guess", "--save", place]) != 0
    assert "a drafted map is written to a new file" in capsys.readouterr().err
