"""A Dask cluster gives the results that one machine gives, and survives the loss of a worker."""

import os
import signal
import time
import warnings

import numpy as np
import pytest

import outcomes as oc
from outcomes.errors import DataError, UsageError
from outcomes.rules.check import check
from outcomes.scale.overview import mapped
from outcomes.trajectory import trajectory
from tests.scale.parted import write_parts

distributed = pytest.importorskip("distributed")
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


@pytest.fixture(scope="module", params=[1, 2])
def client(request):
    with (
        distributed.LocalCluster(
            n_workers=request.param, threads_per_worker=1, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as made,
    ):
        yield made


@pytest.fixture
def many(registry, tmp_path):
    return write_parts(registry, tmp_path / "many", list(range(20, 260, 20)))


def test_results_do_not_depend_on_who_reads_the_parts(many, client):
    here, there = oc.load(many), oc.load(many).on(client)
    assert check(there).items == check(here).items
    own, other = (trajectory(study, "nprs").rows.together() for study in (there, here))
    assert own.equals(other)
    a, b = (oc.answer(study, "how-much").table for study in (there, here))
    for name in ("estimate", "std_error", "df"):
        np.testing.assert_allclose(a[name].astype(float), b[name].astype(float), rtol=1e-10)


def test_what_a_worker_cannot_read_is_said_by_name(many, client):
    study = oc.load(many).on(client)
    path = many / "assessments-3.parquet"
    content = bytearray(path.read_bytes())
    content[200:2500] = bytes(2300)
    path.write_bytes(content)
    with pytest.raises(DataError, match="assessments-3"):
        check(study)


def kills_once(item):
    """Square a number; the first to come to 3 ends the process that it runs in."""
    number, flag = item
    if number == 3:
        try:
            os.close(os.open(flag, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return number**2
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(0.05)
    return number**2


def test_a_worker_killed_in_the_middle_costs_nothing(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with (
            distributed.LocalCluster(
                n_workers=2, threads_per_worker=1, dashboard_address=None
            ) as cluster,
            distributed.Client(cluster) as client,
        ):
            found = mapped(kills_once, [(k, str(tmp_path / "flag")) for k in range(12)], client)
            assert found == [k**2 for k in range(12)]
            assert (tmp_path / "flag").exists()


def test_a_closed_client_is_refused(many):
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, dashboard_address=None, processes=False
    ) as cluster:
        client = distributed.Client(cluster)
        client.close()
        with pytest.raises(UsageError, match="the Dask client is running; got closed"):
            oc.load(many).on(client)
