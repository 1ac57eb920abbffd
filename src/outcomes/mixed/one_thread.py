"""One BLAS thread while a model is fitted: its matrices are small, and idle threads spin."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from threadpoolctl import ThreadpoolController


@lru_cache(maxsize=1)
def _blas_libraries() -> tuple[Any, ...]:
    found = ThreadpoolController().select(user_api="blas").lib_controllers
    return tuple(found)


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Limit BLAS to one thread inside a ``with`` block.

    threadpoolctl's own context asks every library about itself each time, which takes as long as a
    small fit; here the libraries are found once.

    Examples
    --------
    >>> with one_blas_thread():
    ...     pass
    """
    libraries = _blas_libraries()
    before = [library.get_num_threads() for library in libraries]
    try:
        for library in libraries:
            library.set_num_threads(1)
        yield
    finally:
        for library, n_threads in zip(libraries, before, strict=True):
            library.set_num_threads(n_threads)
