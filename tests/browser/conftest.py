"""A real browser without a window, away from any profile; a missing one is reported by name."""

from __future__ import annotations

import base64
import importlib.resources
import importlib.util
import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

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


@pytest.fixture
def asked_by(browse: Callable[..., str], tmp_path: Path) -> Callable[[Path], set[str]]:
    """Addresses that a page, not the browser itself, asks for, by the browser's network log."""

    def go(page: Path) -> set[str]:
        log = tmp_path / "net.json"
        assert "</html>" in browse(page, f"--log-net-log={log}", "--dump-dom")
        events = json.loads(log.read_text(encoding="utf-8"))["events"]
        parts = [event.get("params", {}) for event in events]
        own = ("file:", "data:", "chrome:", "about:", "devtools:")
        return {
            part["url"]
            for part in parts
            if "url" in part
            and part.get("initiator", "not an origin") != "not an origin"
            and not part["url"].startswith(own)
        }

    return go


class Page:
    """A page that is driven as a person would, by the browser's own protocol over a pipe."""

    def __init__(self, chromium: str, profile: Path) -> None:
        read_there, self._write = os.pipe()
        self._read, write_there = os.pipe()

        def as_3_and_4() -> None:
            ends = os.dup(read_there), os.dup(write_there)
            os.dup2(ends[0], 3)
            os.dup2(ends[1], 4)

        command = [chromium, *QUIET, f"--user-data-dir={profile}", "--remote-debugging-pipe"]
        self.process = subprocess.Popen(
            [*command, "about:blank"], preexec_fn=as_3_and_4, close_fds=False,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(read_there)
        os.close(write_there)
        self._rest, self._number, self._session = b"", 0, ""
        targets = self.call("Target.getTargets")["targetInfos"]
        self.lead(next(t for t in targets if t["type"] == "page"))

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        session = {"sessionId": self._session} if self._session else {}
        os.write(self._write, json.dumps(message | session).encode() + b"\0")
        while True:
            while b"\0" not in self._rest:
                part = os.read(self._read, 1 << 20)
                assert part, "the browser ended"
                self._rest += part
            line, self._rest = self._rest.split(b"\0", 1)
            told = json.loads(line)
            if told.get("id") == self._number:
                assert "error" not in told, told
                return dict(told["result"])

    def lead(self, target: dict[str, Any]) -> None:
        """Drive this window from now on."""
        self._session = ""
        told = self.call("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        self._session = told["sessionId"]

    def windows(self, *addresses: str, seconds: float = 30) -> list[dict[str, Any]]:
        """Return the windows at these addresses, once all are there."""
        end, found = time.monotonic() + seconds, {}
        while not set(addresses) <= set(found):
            assert time.monotonic() < end, list(found)
            found = {t["url"]: t for t in self.call("Target.getTargets")["targetInfos"]}
        return [found[address] for address in addresses]

    def open(
        self, place: Path | str, *, width: int = 1280, height: int = 720, dark: bool = False
    ) -> None:
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
        self.call("Emulation.setDeviceMetricsOverride", **size)
        self.call("Emulation.setFocusEmulationEnabled", enabled=True)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        address = place if isinstance(place, str) else place.as_uri()
        self.call("Page.navigate", url=address)
        self.wait(f"location.href.startsWith({json.dumps(address.partition('?')[0])})", 60)
        self.wait("document.readyState === 'complete'", 60)

    def wait(self, code: str, seconds: float = 180) -> None:
        """Wait until a script says true."""
        end = time.monotonic() + seconds
        while not self.run(f"Boolean({code})"):
            assert time.monotonic() < end, f"{code} did not come true in {seconds} seconds"
            time.sleep(0.05)

    def run(self, code: str) -> Any:
        told = self.call("Runtime.evaluate", expression=code, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in told, told
        return told["result"].get("value")

    def press(self, *keys: str) -> None:
        for key in keys:
            code = {"Tab": 9, "ArrowDown": 40, "ArrowRight": 39}.get(key, 0)
            for kind in ("keyDown", "keyUp"):
                self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key,
                          windowsVirtualKeyCode=code)  # fmt: skip

    def click(self, x: float, y: float) -> None:
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def picture(self) -> bytes:
        return base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"])

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(30)
        os.close(self._read)
        os.close(self._write)


@pytest.fixture
def drive(chromium: str, tmp_path: Path) -> Iterator[Page]:
    page = Page(chromium, tmp_path / "driven")
    yield page
    page.close()


@pytest.fixture(scope="session")
def axe() -> str:
    """Source of axe-core; the package that holds it is in the lock's test group."""
    found = importlib.util.find_spec("axe_core_python")
    assert found, "the accessibility tests need the package axe-core-python"
    return importlib.resources.files("axe_core_python").joinpath("axe.min.js").read_text("utf-8")
