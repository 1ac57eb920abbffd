"""A real browser without a window, away from any profile; a missing one is reported by name."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
QUIET = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-default-apps", "--disable-extensions", "--metrics-recording-only",
    "--host-resolver-rules=MAP * ~NOTFOUND", "--run-all-compositor-stages-before-draw",
)  # fmt: skip


@pytest.fixture(scope="session")
def chromium() -> str:
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    assert found, f"the browser tests need one of {', '.join(NAMES)} on the path"
    return found


@pytest.fixture
def browse(chromium: str, tmp_path: Path) -> Callable[..., str]:
    """Open a page with extra switches and return what the browser prints."""

    def go(page: Path, *switches: str) -> str:
        command = [chromium, *QUIET, f"--user-data-dir={tmp_path / 'profile'}", *switches]
        done = subprocess.run(
            [*command, page.as_uri()], capture_output=True, text=True, check=False, timeout=120
        )
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stdout

    return go
