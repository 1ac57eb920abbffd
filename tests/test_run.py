"""The set-up script: what it reads from the lock, and that it heals and notices a change."""

from __future__ import annotations

import functools
import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def run(tmp_path, monkeypatch):
    """The script as a module, pointed at a project of its own with its commands recorded."""
    spec = importlib.util.spec_from_file_location("run_under_test", ROOT / "run.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name in ("pyproject.toml", "requirements.lock"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    venv = tmp_path / ".venv"
    for name, value in {
        "ROOT": tmp_path, "VENV": venv, "LOCK": tmp_path / "requirements.lock",
        "STAMP": venv / "installed.sha256", "BIN": venv / "bin", "PYTHON": venv / "bin" / "python",
    }.items():  # fmt: skip
        monkeypatch.setattr(module, name, value)
    module.calls = []

    def call(*command):
        module.calls.append([str(word) for word in command])
        return module.returns

    def make_venv():
        module.calls.append(["make_venv"])
        module.PYTHON.parent.mkdir(parents=True, exist_ok=True)
        module.PYTHON.write_text("", encoding="utf-8")

    module.returns = 0
    monkeypatch.setattr(module, "call", call)
    monkeypatch.setattr(module, "make_venv", make_venv)
    monkeypatch.setattr(module, "installer_is_current", lambda: module.PYTHON.exists())
    return module


def kinds(run):
    words = {"make_venv", "sync", "install"}
    return [next(word for word in call if word in words) for call in run.calls]


def test_the_first_run_installs_everything_with_hashes(run):
    run.set_up()
    assert kinds(run) == ["make_venv", "sync", "install"]
    assert "--require-hashes" in run.calls[1]


def test_the_second_run_does_nothing(run):
    run.set_up()
    run.calls.clear()
    run.set_up()
    assert run.calls == []


def test_a_changed_lock_is_noticed_and_the_environment_kept(run):
    run.set_up()
    run.calls.clear()
    run.LOCK.write_text(run.LOCK.read_text("utf-8") + "# changed\n", encoding="utf-8")
    run.set_up()
    assert kinds(run) == ["sync", "install"]


def test_an_interrupted_set_up_starts_again(run):
    run.returns = 1
    with pytest.raises(run.SetupError, match="Mend that and run this again"):
        run.set_up()
    assert not run.STAMP.exists()
    run.returns, run.calls[:] = 0, []
    run.set_up()
    assert kinds(run) == ["sync", "install"]
    assert run.STAMP.exists()


def test_the_installer_itself_is_pinned_by_hash(run):
    block = run.locked("uv")
    assert block.startswith("uv==")
    assert "--hash=sha256:" in block
    assert block.count("==") == 1
    with pytest.raises(run.SetupError, match="does not name"):
        run.locked("no-such-package")


@pytest.mark.parametrize("tool", ["check", "format", "pytest", "mypy", None])
def test_the_test_command_fails_when_any_check_fails(run, monkeypatch, tool):
    monkeypatch.setattr(run, "call", lambda *words: int(tool in words))
    code = f"print('what mypy says'); raise SystemExit({int(tool == 'mypy')})"
    begun = functools.partial(subprocess.Popen, [sys.executable, "-c", code], text=True)
    monkeypatch.setattr(run, "begun", lambda *_, stdout: begun(stdout=stdout))
    said = []
    monkeypatch.setattr(run, "say", said.append)
    assert run.test([], everything=False, cover=False) == int(tool is not None)
    assert said == ["what mypy says"]


@pytest.mark.parametrize(("words", "slow", "counted"), [
    ([], False, False), (["--cov"], False, True), (["--all"], True, True),
    (["tests/dictionary"], False, False),
])  # fmt: skip
def test_slow_suites_and_counted_lines_are_asked_for(run, monkeypatch, words, slow, counted):
    begun = functools.partial(subprocess.Popen, [sys.executable, "-c", ""], text=True)
    monkeypatch.setattr(run, "begun", lambda *_, stdout: begun(stdout=stdout))
    assert run.main(["test", *words]) == 0
    pytest_s = run.calls[-1]
    assert ("not slow" not in pytest_s) == slow
    assert ("--cov" in pytest_s) == counted
    assert ("tests/dictionary" in pytest_s) == ("tests/dictionary" in words)


def test_validate_passes_the_mode_on(run):
    assert run.main(["validate", "--quick"]) == 0
    assert run.calls[-1][1:] == ["-m", "studies.validation", "--quick"]
    run.main(["validate"])
    assert run.calls[-1][1:] == ["-m", "studies.validation"]
    run.main(["validate", "--only", "null, pressure"])
    assert run.calls[-1][1:] == ["-m", "studies.validation", "--only", "null, pressure"]
