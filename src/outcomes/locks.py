"""One command at a time at a place; the operating system frees a lock whose holder was killed."""

from __future__ import annotations

import errno
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from outcomes.errors import UnavailableError

if sys.platform == "win32":
    import msvcrt

    def _take(handle: int) -> None:
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _take(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


PATIENCE = 60.0
"""Seconds that a command waits for another one at the same place."""
_ENDING = ".outcomes-lock"
_BUSY = (errno.EWOULDBLOCK, errno.EACCES, errno.EDEADLK)
_MINE = threading.local()


@contextmanager
def alone_at(final: Path, clean: Callable[[Path], None]) -> Iterator[None]:
    """Hold the lock of a place; first clean up after commands that were killed in its folder.

    Parameters
    ----------
    final : Path
        The real place, there or not. Its lock is a hidden file beside it, gone afterwards. Who
        holds it already may take it again.
    clean : callable
        Removes what a killed command left at a place whose lock is held.

    Raises
    ------
    UnavailableError
        When another command is still at work there after `PATIENCE` seconds.
    """
    held: set[Path] = _MINE.__dict__.setdefault("held", set())
    if final in held:
        yield
        return
    lock = final.with_name(f".{final.name}{_ENDING}")
    handle = _waited_for(lock, final.name)
    held.add(final)
    try:
        clean(final)
        for other in set(final.parent.glob(f".*{_ENDING}")) - {lock}:
            with suppress(OSError):  # another person's
                _clean_unheld(other, clean)
        yield
    finally:
        held.discard(final)
        _release(lock, handle)


def _clean_unheld(lock: Path, clean: Callable[[Path], None]) -> None:
    if (handle := _taken(lock)) is not None:
        clean(lock.with_name(lock.name[1 : -len(_ENDING)]))
        _release(lock, handle)


def _waited_for(lock: Path, name: str) -> int:
    until = time.monotonic() + PATIENCE
    while (handle := _taken(lock)) is None:
        if time.monotonic() > until:
            must, remedy = "one command at a time writes to a place", "Wait until it has ended."
            raise UnavailableError(must, got="another at work", where=name, remedy=remedy)
        time.sleep(0.05)
    return handle


def _taken(lock: Path) -> int | None:
    """Return the handle of a lock; None while another process or thread has it."""
    handle = os.open(lock, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600)
    try:
        _take(handle)
        if os.path.samestat(os.fstat(handle), lock.stat()):  # else its holder took it away
            return handle
    except OSError as error:
        if error.errno not in (*_BUSY, errno.ENOENT):
            os.close(handle)
            raise
    os.close(handle)
    return None


def _release(lock: Path, handle: int) -> None:
    if sys.platform != "win32":
        lock.unlink(missing_ok=True)
    os.close(handle)
    if sys.platform == "win32":  # an open file cannot be taken away there
        with suppress(OSError):
            lock.unlink(missing_ok=True)
