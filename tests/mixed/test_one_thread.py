"""The limit of one BLAS thread is shared by fits that overlap, and lifted after the last."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from threadpoolctl import threadpool_info

from outcomes.mixed import search
from outcomes.mixed.search import one_blas_thread


class Library:
    """A BLAS library with a number of threads, as threadpoolctl limits it."""

    n_threads = 4

    def limit(self, limits, user_api):
        assert user_api == "blas"
        self.before, self.n_threads = self.n_threads, limits
        return self

    def restore_original_limits(self):
        self.n_threads = self.before


@pytest.fixture
def library(monkeypatch):
    found = Library()
    monkeypatch.setattr(search, "_libraries", lambda: found)
    return found


def test_the_first_to_begin_may_be_the_first_to_end(library):
    begun, ended = Barrier(2, timeout=10), Barrier(2, timeout=10)

    def first():
        with one_blas_thread():
            begun.wait()
        ended.wait()

    def second():
        begun.wait()
        with one_blas_thread():
            ended.wait()
            return library.n_threads

    with ThreadPoolExecutor(2) as pool:
        pool.submit(first)
        inside = pool.submit(second).result()
    assert inside == 1
    assert library.n_threads == 4


def test_an_error_inside_lifts_the_limit(library):
    with pytest.raises(KeyError), one_blas_thread(), one_blas_thread():
        raise KeyError
    assert library.n_threads == 4


def test_numpy_own_library_is_limited():
    with one_blas_thread():
        inside = [own["num_threads"] for own in threadpool_info() if own["user_api"] == "blas"]
    assert set(inside) == {1}
