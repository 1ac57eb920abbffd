"""Whole or absent, never over what somebody else made, and tidy after a command that was killed."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from outcomes import locks
from outcomes.errors import UnavailableError, UsageError
from outcomes.folders import LIST, locked, write_file, written_whole

POSIX = pytest.mark.skipif(os.name == "nt", reason="links, pipes and modes of POSIX")


def write(target, text="new", **options):
    with written_whole(target, "test", **options) as folder:
        (folder / "marker.txt").write_text(text, encoding="utf-8")


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def read(target):
    return (target / "marker.txt").read_text(encoding="utf-8")


def test_a_new_folder_is_made_with_its_parents(tmp_path):
    write(tmp_path / "a" / "b")
    assert read(tmp_path / "a" / "b") == "new"
    assert names(tmp_path / "a") == ["b"]


def test_an_earlier_output_is_replaced_whole(tmp_path):
    with written_whole(tmp_path / "out", "test") as folder:
        (folder / "stale.txt").write_text("stale", encoding="utf-8")
    write(tmp_path / "out")
    assert names(tmp_path / "out") == [LIST, "marker.txt"]
    assert names(tmp_path) == ["out"]


def write_half(target):
    with written_whole(target, "test") as folder:
        (folder / "marker.txt").write_text("half", encoding="utf-8")
        raise RuntimeError


def test_a_failure_leaves_what_was_there_and_nothing_beside_it(tmp_path):
    write(tmp_path / "out", "old")
    with pytest.raises(RuntimeError):
        write_half(tmp_path / "out")
    assert read(tmp_path / "out") == "old"
    assert names(tmp_path) == ["out"]


@pytest.mark.parametrize("listed", [True, False])
@pytest.mark.parametrize("own", ["thesis.docx", "deep/photo.jpg", "empty"])
def test_a_folder_with_other_files_is_not_touched(tmp_path, listed, own):
    if listed:
        write(tmp_path / "out", "old")
    mine = tmp_path / "out" / own
    if own == "empty":
        mine.mkdir(parents=True)
    else:
        mine.parent.mkdir(parents=True, exist_ok=True)
        mine.write_text("years of work", encoding="utf-8")
    with pytest.raises(UsageError, match=r"1 file (that it did not write|of another origin)"):
        write(tmp_path / "out")
    assert mine.exists()
    assert not listed or read(tmp_path / "out") == "old"


def test_a_file_that_was_changed_since_is_not_touched(tmp_path):
    write(tmp_path / "out", "old")
    (tmp_path / "out" / "marker.txt").write_text("filled in", encoding="utf-8")
    (tmp_path / "out" / "b.txt").write_text("x", encoding="utf-8")
    must = "1 file that it did not write and 1 file changed since"
    with pytest.raises(UsageError, match=must):
        write(tmp_path / "out")
    assert read(tmp_path / "out") == "filled in"


def test_what_a_user_adds_meanwhile_is_not_lost(tmp_path):
    write(tmp_path / "out", "old")
    with (
        pytest.raises(UsageError, match="1 file that it did not write"),
        written_whole(tmp_path / "out", "test"),
    ):
        (tmp_path / "out" / "mine.txt").write_text("x", encoding="utf-8")
    assert names(tmp_path / "out") == [LIST, "marker.txt", "mine.txt"]
    assert names(tmp_path) == ["out"]


def test_what_the_system_leaves_in_a_folder_is_nobodys(tmp_path):
    write(tmp_path / "out", "old")
    (tmp_path / "out" / ".DS_Store").write_text("x", encoding="utf-8")
    write(tmp_path / "out")
    assert read(tmp_path / "out") == "new"


def test_another_kind_of_output_is_not_replaced(tmp_path):
    write(tmp_path / "out", "old")
    with (
        pytest.raises(UsageError, match=r"a folder of another kind \(test\)"),
        written_whole(tmp_path / "out", "other"),
    ):
        pass
    assert read(tmp_path / "out") == "old"


@pytest.mark.parametrize("content", ["", "[]", "{", '{"files": 3}', "[" * 100_000])
def test_a_list_that_is_none_counts_for_nothing(tmp_path, content):
    write(tmp_path / "out", "old")
    (tmp_path / "out" / LIST).write_text(content, encoding="utf-8")
    with pytest.raises(UsageError, match="1 file of another origin"):
        write(tmp_path / "out")


def test_files_are_added_beside_unchanged_ones_alone(tmp_path):
    for name in ("a", "b"):
        with written_whole(tmp_path / "out", "test", adds=True) as folder:
            (folder / name).write_text(name, encoding="utf-8")
    assert names(tmp_path / "out") == [LIST, "a", "b"]
    (tmp_path / "out" / "a").write_text("by hand", encoding="utf-8")
    with pytest.raises(UsageError, match="1 file changed since"):
        write(tmp_path / "out", adds=True)
    assert (tmp_path / "out" / "a").read_text(encoding="utf-8") == "by hand"


def test_a_list_cannot_lead_out_of_its_folder(tmp_path):
    write(tmp_path / "out")
    content = json.loads((tmp_path / "out" / LIST).read_text(encoding="utf-8"))
    content["files"]["../secret.txt"] = "0"
    (tmp_path / "out" / LIST).write_text(json.dumps(content), encoding="utf-8")
    (tmp_path / "secret.txt").write_text("secret", encoding="utf-8")
    write(tmp_path / "out", adds=True)
    assert names(tmp_path) == ["out", "secret.txt"]
    assert names(tmp_path / "out") == [LIST, "marker.txt"]


def test_other_data_of_the_same_maker_are_kept_where_asked(tmp_path):
    write(tmp_path / "out", "one", replaces=False)
    write(tmp_path / "out", "one", replaces=False)
    with pytest.raises(UsageError, match="not written over"):
        write(tmp_path / "out", "two", replaces=False)
    assert read(tmp_path / "out") == "one"


def test_the_folder_that_a_command_runs_in_is_not_moved(tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    for target in (".", ".."):
        with pytest.raises(UsageError, match="this command runs in"):
            write(target)


def test_a_file_is_not_replaced_by_a_folder(tmp_path):
    (tmp_path / "file").write_text("x", encoding="utf-8")
    with pytest.raises(UsageError, match="a file, pipe or device"):
        write(tmp_path / "file")


@POSIX
def test_a_link_is_followed_and_stays(tmp_path):
    (tmp_path / "safe").mkdir()
    (tmp_path / "out").symlink_to(tmp_path / "safe" / "study")
    with pytest.raises(UsageError, match="one that leads nowhere"):
        write(tmp_path / "out")
    (tmp_path / "safe" / "study").mkdir()
    write(tmp_path / "out")
    assert (tmp_path / "out").is_symlink()
    assert read(tmp_path / "safe" / "study") == "new"
    assert names(tmp_path / "safe") == ["study"]


@POSIX
def test_a_link_to_a_file_is_followed_and_stays(tmp_path):
    (tmp_path / "real").write_text("old", encoding="utf-8")
    (tmp_path / "key").symlink_to(tmp_path / "real")
    write_file(tmp_path / "key", b"new", private=True, replaces=True)
    assert (tmp_path / "key").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"new"
    assert (tmp_path / "real").stat().st_mode & 0o777 == 0o600


@POSIX
def test_pipes_and_links_inside_are_never_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UsageError, match="pipe"):
        write(tmp_path / "pipe")
    with pytest.raises(UsageError, match="pipe"):
        write_file(tmp_path / "pipe", b"x", replaces=True)
    write(tmp_path / "out", "old")
    (tmp_path / "out" / "marker.txt").unlink()
    os.mkfifo(tmp_path / "out" / "marker.txt")
    with pytest.raises(UsageError, match="1 file changed since"):
        write(tmp_path / "out")


@POSIX
def test_a_private_folder_is_for_its_owner_alone_and_a_mode_once_set_stays(tmp_path):
    write(tmp_path / "own", private=True)
    modes = [p.stat().st_mode & 0o777 for p in (tmp_path / "own", *(tmp_path / "own").iterdir())]
    assert modes == [0o700, 0o600, 0o600]
    write(tmp_path / "out")
    (tmp_path / "out").chmod(0o750)
    write(tmp_path / "out")
    assert (tmp_path / "out").stat().st_mode & 0o777 == 0o750


def test_a_new_file_is_never_one_that_is_there(tmp_path):
    write_file(tmp_path / "map.toml", b"one")
    with pytest.raises(UsageError, match="one that is there already"):
        write_file(tmp_path / "map.toml", b"two")
    assert (tmp_path / "map.toml").read_bytes() == b"one"
    assert names(tmp_path) == ["map.toml"]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EACCES])
def test_a_full_or_closed_disk_changes_nothing(tmp_path, monkeypatch, code):
    write(tmp_path / "out", "old")

    def full(*_, **__):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(UnavailableError, match=os.strerror(code)):
        write(tmp_path / "out")
    monkeypatch.undo()
    assert read(tmp_path / "out") == "old"
    assert names(tmp_path) == ["out"]


KILLED = """
import sys, time
from outcomes import folders
if sys.argv[2] == "between":
    rename = folders.Path.rename
    def slow(path, to):
        rename(path, to)
        print("ready", flush=True)
        time.sleep(60)
    folders.Path.rename = slow
with folders.written_whole(sys.argv[1], "test") as folder:
    (folder / "marker.txt").write_text("killed")
    if sys.argv[2] == "inside":
        print("ready", flush=True)
        time.sleep(60)
"""


@POSIX
@pytest.mark.parametrize("moment", ["inside", "between"])
@pytest.mark.parametrize("later", ["out", "elsewhere"])
def test_the_next_run_cleans_up_after_one_that_was_killed(tmp_path, moment, later):
    write(tmp_path / "out", "old")
    run = [sys.executable, "-c", KILLED, str(tmp_path / "out"), moment]
    with subprocess.Popen(run, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"ready\n"
        write(tmp_path / "another")  # what a run that is alive has is not touched
        assert [name for name in names(tmp_path) if "draft" in name or "old" in name]
        process.send_signal(signal.SIGKILL)
    if later == "elsewhere":
        write(tmp_path / "elsewhere")
        assert read(tmp_path / "out") == "old"
    else:
        write(tmp_path / "out")
    assert not [name for name in names(tmp_path) if name.startswith(".")]


def killed_before(step, target, text):
    """Write in a fork that is killed before its step-th event, with a file just made left empty."""
    child = os.fork()
    if child:
        return os.WIFSIGNALED(os.waitpid(child, 0)[1])
    steps = iter(range(1, 10_000))

    def hook(event, given):
        changes = event == "open" or event.startswith(("os.", "shutil."))
        if changes and str(target.parent) in str(given) and next(steps) == step:
            if event == "open" and str(given[1]).startswith(("w", "x")):
                os.close(os.open(given[0], os.O_CREAT | os.O_TRUNC | os.O_WRONLY))
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)
    write(target, text)
    os._exit(0)


@POSIX
@pytest.mark.parametrize("before", [None, "old"])
def test_killed_at_any_moment_it_is_whole_or_absent_and_the_next_run_tidies_up(tmp_path, before):
    for step in range(1, 10_000):
        target = tmp_path / str(step) / "out"
        if before:
            write(target, before)
        came_to_it = killed_before(step, target, "new")
        assert not target.exists() or read(target) in (before, "new")
        with locked(target):  # as every later command does, whatever it writes
            assert not before or read(target) in (before, "new")
        write(target, "next")
        assert names(target.parent) == ["out"]
        assert names(target) == [LIST, "marker.txt"]
        if not came_to_it:
            break
    assert step > 15


def test_a_hidden_folder_of_somebody_else_is_not_removed(tmp_path):
    (tmp_path / ".out.outcomes-draft").mkdir()
    (tmp_path / ".out.outcomes-draft" / "mine.txt").write_text("x", encoding="utf-8")
    with pytest.raises(UnavailableError, match="File exists"):
        write(tmp_path / "out")
    assert (tmp_path / ".out.outcomes-draft" / "mine.txt").exists()


def test_the_second_of_two_waits(tmp_path):
    order = []

    def second():
        with locked(tmp_path / "key"):
            order.append("second")

    with locked(tmp_path / "key"):
        thread = threading.Thread(target=second)
        thread.start()
        time.sleep(0.2)
        with locked(tmp_path / "key"):  # the same command may lock again
            order.append("first")
    thread.join()
    assert order == ["first", "second"]
    assert names(tmp_path) == []


def test_one_that_waits_too_long_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(locks, "PATIENCE", 0.0)
    caught = []

    def second():
        try:
            write(tmp_path / "out")
        except UnavailableError as error:
            caught.append(str(error))

    with locked(tmp_path / "out"):
        thread = threading.Thread(target=second)
        thread.start()
        thread.join()
    assert "another at work (out)" in caught[0]
