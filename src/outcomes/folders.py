"""Write a folder or file whole or not at all, and never over what somebody else made.

An output folder carries a list of the files that its command wrote, with their digests. Only a
folder that holds these alone, unchanged, is replaced. One command at a time writes to a place.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from outcomes.errors import UnavailableError, UsageError
from outcomes.locks import alone_at

LIST = ".outcomes.json"
"""Name of the list that every output folder carries."""
_ABOUT = (
    "The files that a command of outcomes wrote here, with their SHA-256. The command replaces a "
    "folder that holds these alone, unchanged; with anything else in it, it refuses."
)
_NEW_LIST = ".outcomes-new.json"
_OF_SYSTEM = (LIST, _NEW_LIST, ".DS_Store", "Thumbs.db", "desktop.ini")
_DRAFT, _OLD = ".outcomes-draft", ".outcomes-old"


@contextmanager
def written_whole(
    target: str | Path,
    maker: str,
    *,
    private: bool = False,
    adds: bool = False,
    replaces: bool = True,
) -> Iterator[Path]:
    """Give an empty folder that takes the place of `target` when the block ends well.

    Parameters
    ----------
    target : str or Path
        The folder to write; a link to a folder is followed. Replaced when it is empty, or holds
        what the same maker wrote, unchanged, and nothing else.
    maker : str
        What writes, for its list: ``report``, ``import``, ...
    private : bool
        Whether its owner alone may read it.
    adds : bool
        Whether the files that are there stay beside the new ones.
    replaces : bool
        Whether other files of the same maker may be replaced; without it only the same ones are
        written again.

    Yields
    ------
    Path
        The folder to write into, beside the real place of `target`.

    Raises
    ------
    UsageError
        When `target` is no folder, or holds what somebody else made.
    UnavailableError
        When it cannot be written, or another command is at work there; nothing was changed.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as place:
    ...     with written_whole(Path(place) / "out", "an example") as folder:
    ...         _ = (folder / "a.txt").write_text("done", encoding="utf-8")
    ...     (Path(place) / "out" / "a.txt").read_text(encoding="utf-8")
    'done'
    """
    final = _real(target)
    with locked(final):
        refuse_foreign(final, maker)
        draft = _beside(final, _DRAFT)
        draft.mkdir(mode=0o700 if private else 0o777)
        try:
            _write_list(draft, maker, {})
            for path in contents(final) if adds else ():
                shutil.copy2(path, draft / path.name)
            yield draft
            files, before = _digests(draft), listed(final)[1]
            if not replaces and before and before != files:
                must = "a folder with other data is not written over"
                raise UsageError(must, got="one", where=final.name, remedy="Name another folder.")
            _write_list(draft, maker, files)
            _set_modes(draft, final, private=private)
            refuse_foreign(final, maker)
            _put_in_place(draft, final)
        finally:
            shutil.rmtree(draft, ignore_errors=True)


def write_file(
    target: str | Path, content: bytes, *, private: bool = False, replaces: bool = False
) -> Path:
    """Write one file whole or not at all.

    Parameters
    ----------
    target : str or Path
        The file; a link to a file is followed.
    content : bytes
        What it holds.
    private : bool
        Whether its owner alone may read it.
    replaces : bool
        Whether a file that is there is replaced; without it, it is refused.

    Returns
    -------
    Path
        The file as it was named.

    Raises
    ------
    UsageError
        When there is a file already, or something that is no file.
    UnavailableError
        When it cannot be written, or another command is at work there; nothing was changed.
    """
    final = _real(target)
    with locked(final):
        if final.exists() and not (replaces and final.is_file()):
            must = "the output is a new file"
            got = "one that is there already" if final.is_file() else "a folder, pipe or device"
            raise UsageError(must, got=got, where=final.name, remedy="Name another file.")
        draft = _beside(final, _DRAFT)
        mode = 0o600 if private else 0o666
        try:
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as to:
                to.write(content)
                to.flush()
                os.fsync(to.fileno())
            draft.replace(final)
        finally:
            draft.unlink(missing_ok=True)
    return Path(target)


@contextmanager
def locked(target: str | Path) -> Iterator[None]:
    """Let one command at a time work at a place, and say in words why it cannot be written.

    Parameters
    ----------
    target : str or Path
        A folder or file, there or not.

    Raises
    ------
    UnavailableError
        When it cannot be written, or another command goes on working there.
    """
    final = _real(target)
    try:
        final.parent.mkdir(parents=True, exist_ok=True)
        with alone_at(final, _clean):
            yield
    except OSError as error:
        if error.filename and not Path(str(error.filename)).is_relative_to(final.parent):
            raise
        must = "the output can be written"
        remedy = "Free some space or name another place; what was there before is unchanged."
        got = error.strerror or "an error of the system"
        raise UnavailableError(must, got=got, where=final.name, remedy=remedy) from None


def contents(folder: Path) -> list[Path]:
    """Return the files of an output folder, and links and empty folders, without its list."""
    found = []
    for path in sorted(folder.rglob("*")):
        hollow = path.is_dir() and not path.is_symlink() and any(path.iterdir())
        if not hollow and path.name not in _OF_SYSTEM:
            found.append(path)
    return found


def listed(folder: Path) -> tuple[str, dict[str, str]]:
    """Return what a folder's list says: who made it, and file to SHA-256; nothing without one."""
    try:
        content = json.loads((folder / LIST).read_text(encoding="utf-8"))
        return str(content["maker"]), dict(content["files"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return "", {}


def _real(target: str | Path) -> Path:
    """Follow links; one that leads nowhere may be to a disk that is not there, and is refused."""
    place = Path(target).absolute()
    if any(path.is_symlink() and not path.exists() for path in (place, *place.parents)):
        must, remedy = "a link leads to a place that is there", "Is its disk connected?"
        raise UsageError(must, got="one that leads nowhere", where=place.name, remedy=remedy)
    return Path(os.path.realpath(place))


def _beside(final: Path, ending: str) -> Path:
    return final.with_name(f".{final.name}{ending}")


def refuse_foreign(target: str | Path, maker: str) -> None:
    """Refuse a place that is not wholly of this maker, before any work is done for it.

    Parameters
    ----------
    target, maker
        As in `written_whole`.

    Raises
    ------
    UsageError
        When `target` is no folder, or holds what somebody else made.
    """
    final = _real(target)
    got, remedy = "", "Name another folder, or move what is in this one."
    made_by, files = listed(final)
    if final.exists() and not final.is_dir():
        got, remedy = "a file, pipe or device", "Name a folder."
    elif Path.cwd().is_relative_to(final) or os.path.ismount(final):
        got, remedy = "a disk, or the folder that this command runs in", "Name one inside it."
    elif final.is_dir() and not made_by:
        n = sum(path.name not in _OF_SYSTEM for path in final.iterdir())
        got = f"{_counted(n)} of another origin (or of an earlier version)" if n else ""
    elif made_by not in ("", maker):
        got = f"a folder of another kind ({made_by})"
    elif made_by:
        got = _strange(final, files)
    if got:
        must = "the output folder is empty, or holds what the same command wrote, unchanged"
        raise UsageError(must, got=got, where=final.name, remedy=f"{remedy} Nothing was changed.")


def _strange(folder: Path, files: dict[str, str]) -> str:
    """Say how many files of a folder its list does not name, or names with another digest."""
    found = _digests(folder)
    n_changed = sum(files.get(name, digest) != digest for name, digest in found.items())
    n_foreign = len(found.keys() - files.keys())
    parts = [f"{_counted(n_foreign)} that it did not write"] if n_foreign else []
    parts += [f"{_counted(n_changed)} changed since"] if n_changed else []
    return " and ".join(parts)


def _counted(n: int) -> str:
    return "1 file" if n == 1 else f"{n} files"


def _digests(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): _digest(path) for path in contents(folder)}


def _digest(path: Path) -> str:
    """Return the SHA-256 of a file; of a link, pipe or folder none that a list could hold."""
    if path.is_symlink() or not path.is_file():
        return "no file"
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _write_list(folder: Path, maker: str, files: dict[str, str]) -> None:
    content = {"about": _ABOUT, "maker": maker, "files": files}
    text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
    (folder / _NEW_LIST).write_text(text, encoding="utf-8", newline="")
    (folder / _NEW_LIST).replace(folder / LIST)  # whole at every moment: a draft is known by it


def _set_modes(draft: Path, final: Path, *, private: bool) -> None:
    """Give a private folder to its owner alone; any other stays as open as the one before."""
    if private:
        for path in draft.rglob("*"):
            path.chmod(0o700 if path.is_dir() else 0o600)
    elif final.is_dir():
        draft.chmod(final.stat().st_mode & 0o777)


def _put_in_place(draft: Path, final: Path) -> None:
    old = _beside(final, _OLD)
    if final.exists():
        final.rename(old)
    try:
        draft.rename(final)
    except OSError:
        if old.exists():
            old.rename(final)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _clean(final: Path) -> None:
    """Remove what a killed command left beside a place, whose lock is held."""
    draft, old = _beside(final, _DRAFT), _beside(final, _OLD)
    if draft.is_file():
        draft.unlink()
    for left in (draft, old):
        if not contents(left):  # nothing yet but a list
            shutil.rmtree(left, ignore_errors=True)
    if listed(draft)[0]:
        shutil.rmtree(draft)
    made_by, files = listed(old)
    if made_by and not final.exists():
        old.rename(final)
    elif made_by and not _strange(old, files):
        shutil.rmtree(old)
