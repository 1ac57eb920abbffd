"""Parts are read by processes beside this one, and these end with it."""

import os
import signal
import subprocess
import sys
import time

import pytest

from outcomes.scale.overview import mapped

pytestmark = pytest.mark.slow


def square(number):
    return number**2


def test_results_come_in_the_order_of_the_parts():
    assert mapped(square, range(9)) == [k**2 for k in range(9)]


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_processes_end_when_the_one_that_started_them_is_killed(tmp_path):
    (tmp_path / "work.py").write_text(
        "import os, time\nfrom pathlib import Path\n"
        f"PLACE = Path({str(tmp_path)!r})\n"
        "def slow(number):\n    (PLACE / f'{os.getpid()}.pid').touch()\n    time.sleep(60)\n",
        encoding="utf-8",
    )
    script = tmp_path / "reads.py"  # processes do not run it again: what they do stands beside it
    script.write_text(
        "from outcomes.scale.overview import mapped\nfrom work import slow\n"
        "if __name__ == '__main__':\n    mapped(slow, range(9))\n",
        encoding="utf-8",
    )
    parent = subprocess.Popen([sys.executable, str(script)])
    until = time.monotonic() + 120
    while len(found := list(tmp_path.glob("*.pid"))) < 2 and time.monotonic() < until:
        time.sleep(0.2)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    pids = [int(path.stem) for path in found]
    while any(map(alive, pids)) and time.monotonic() < until:
        time.sleep(0.2)
    assert len(pids) == 2
    assert not any(map(alive, pids))
