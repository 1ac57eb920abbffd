"""The limit of one BLAS thread is shared by fits that overlap, and lifted after the last."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from outcomes.mixed import search
from outcomes.mixed.search import one_blas_thread


class Library:
    """A BLAS library with a number of threads."""

    def __init__(self, n_threads):
        self.n_threads = n_threads

    def get_num_threads(self):
        return self.n_threads

    def set_num_threads(self, n_threads):
        self.n_threads = n_threads


@pytest.fixture
def libraries(monkeypatch):
    found = Library(4), Library(2)
    monkeypatch.setattr(search, "_blas_libraries", lambda: found)
    return found


def test_the_first_to_begin_may_be_the_first_to_end(libraries):
    begun, ended = Barrier(2, timeout=10), Barrier(2, timeout=10)

    def first():
        with one_blas_thread():
            begun.wait()
        ended.wait()

    def second():
        begun.wait()
        with one_blas_thread():
            ended.wait()
            return [library.n_threads for library in libraries]

    with ThreadPoolExecutor(2) as pool:
        pool.submit(first)
        inside = pool.submit(second).result()
    assert inside == [1, 1]
    assert [library.n_threads for library in libraries] == [4, 2]


def test_an_error_inside_lifts_the_limit(libraries):
    with pytest.raises(KeyError), one_blas_thread(), one_blas_thread():
        raise KeyError
    assert [library.n_threads for library in libraries] == [4, 2]
