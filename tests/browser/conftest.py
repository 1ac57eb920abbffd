"""A real browser without a window, away from any profile; a missing one is reported by name."""

from __future__ import annotations

import itertools
import json
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
import websocket

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
QUIET = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-default-apps", "--disable-extensions", "--metrics-recording-only",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--run-all-compositor-stages-before-draw",
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


class Page:
    """A page in the browser, driven over the browser's own debugging protocol."""

    def __init__(self, connection: websocket.WebSocket) -> None:
        self.connection = connection
        self.numbers = itertools.count(1)

    def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send one command and return its result."""
        number = next(self.numbers)
        self.connection.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            message = json.loads(self.connection.recv())
            if message.get("id") == number:
                assert "error" not in message, message["error"]
                result: dict[str, Any] = message["result"]
                return result

    def run(self, script: str) -> Any:
        """Evaluate a script in the page, wait for what it promises, and return its value."""
        options = {"awaitPromise": True, "returnByValue": True}
        found = self.ask("Runtime.evaluate", expression=script, **options)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def wait(self, script: str, seconds: float = 180) -> None:
        """Wait until a script says true."""
        end = time.monotonic() + seconds
        while not self.run(f"Boolean({script})"):
            assert time.monotonic() < end, f"{script} did not come true in {seconds} seconds"
            time.sleep(0.3)


@pytest.fixture
def open_page(chromium: str, tmp_path: Path) -> Iterator[Callable[[str], Page]]:
    """Open an address in a browser that stays open until the test ends."""
    profile = tmp_path / "profile"
    command = [chromium, *QUIET, f"--user-data-dir={profile}", "--remote-debugging-port=0"]
    browser = subprocess.Popen(
        [*command, "--window-size=1300,1000", "about:blank"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    connections: list[websocket.WebSocket] = []

    def go(address: str) -> Page:
        with urlopen(f"http://127.0.0.1:{_port(profile)}/json") as answer:
            page = next(one for one in json.load(answer) if one["type"] == "page")
        connection = websocket.create_connection(
            page["webSocketDebuggerUrl"], timeout=300, suppress_origin=True
        )
        connections.append(connection)
        opened = Page(connection)
        opened.ask("Emulation.setFocusEmulationEnabled", enabled=True)
        opened.ask("Page.navigate", url=address)
        return opened

    yield go
    for connection in connections:
        connection.close()
    browser.terminate()
    browser.wait(30)


def _port(profile: Path) -> int:
    """Return the port that the browser says it listens on, once it does."""
    told, end = profile / "DevToolsActivePort", time.monotonic() + 60
    while not (told.is_file() and told.read_text().strip()):
        assert time.monotonic() < end, "the browser did not open its debugging port"
        time.sleep(0.1)
    return int(told.read_text().split()[0])
