"""One BLAS thread while a model is fitted: its matrices are small, and idle threads spin."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from threading import Lock
from typing import Any

from threadpoolctl import ThreadpoolController

_LOCK = Lock()
_FOUND: list[list[int]] = []
"""Threads of each library as each block under way found them: only the first saw the true ones."""


@lru_cache(maxsize=1)
def _blas_libraries() -> tuple[Any, ...]:
    found = ThreadpoolController().select(user_api="blas").lib_controllers
    return tuple(found)


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Limit BLAS to one thread inside a ``with`` block.

    threadpoolctl's own context asks every library about itself each time, which takes as long as a
    small fit; here the libraries are found once. The limit holds for the whole process, so blocks
    that overlap in several Python threads share it, and the last one to end lifts it.

    Examples
    --------
    >>> with one_blas_thread():
    ...     pass
    """
    libraries = _blas_libraries()
    with _LOCK:
        _FOUND.append([library.get_num_threads() for library in libraries])
        for library in libraries:
            library.set_num_threads(1)
    try:
        yield
    finally:
        with _LOCK:
            found = _FOUND.pop()
            if not _FOUND:
                for library, n_threads in zip(libraries, found, strict=True):
                    library.set_num_threads(n_threads)
