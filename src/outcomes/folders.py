"""Write an output folder whole or not at all."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from outcomes.errors import UsageError


@contextmanager
def written_whole(target: str | Path, *, marker: str) -> Iterator[Path]:
    """Give a temporary folder that takes the place of `target` when the block ends well.

    Parameters
    ----------
    target : str or Path
        The folder to write. Replaced when it is empty or holds `marker`.
    marker : str
        Name of a file that every folder of this kind holds; a folder without it is not ours.

    Yields
    ------
    Path
        The folder to write into, beside `target`.

    Raises
    ------
    UsageError
        When `target` is a file, or a folder with other things in it.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as place:
    ...     with written_whole(Path(place) / "out", marker="a.txt") as folder:
    ...         _ = (folder / "a.txt").write_text("done", encoding="utf-8")
    ...     (Path(place) / "out" / "a.txt").read_text(encoding="utf-8")
    'done'
    """
    final = Path(target).absolute()
    _refuse_foreign(final, marker)
    final.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{final.name}-", dir=final.parent))
    try:
        yield draft
        _put_in_place(draft, final)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _refuse_foreign(final: Path, marker: str) -> None:
    if final.is_file():
        must = "the output is a folder"
        raise UsageError(must, got="the name of a file", remedy="Name a folder.")
    if final.is_dir() and any(final.iterdir()) and not (final / marker).exists():
        must = "the output folder is empty, or was written by the same command"
        raise UsageError(must, got="a folder with other files", remedy="Name another folder.")


def _put_in_place(draft: Path, final: Path) -> None:
    draft.chmod(0o755)
    old = draft.with_name(draft.name + "-old")
    if final.exists():
        final.rename(old)
    try:
        draft.rename(final)
    except OSError:
        if old.exists():
            old.rename(final)
        raise
    shutil.rmtree(old, ignore_errors=True)
