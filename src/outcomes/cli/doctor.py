"""The verb doctor: whether everything is there that the verbs need, and what to do if not."""

from __future__ import annotations

import platform
import sys
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from typing import Literal

import typer

from outcomes import __version__
from outcomes.cli.app import Json, app, print_table

EXTRAS = {
    "report": "PDF, Word and PowerPoint reports",
    "big": "Parquet files, and studies in parts",
    "dask": "studies in parts on a cluster",
    "docs": "the documentation as a site",
    "sql": "DuckDB and PostgreSQL",
}
"""What the optional packages are for."""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Parameters
    ----------
    what : str
        Its name.
    state : {"ok", "missing", "wrong version"}
    found : str
        Version, or empty.
    remedy : str
        What to do, or empty.
    needed : bool
        Whether nothing works without it.
    """

    what: str
    state: Literal["ok", "missing", "wrong version"]
    found: str
    remedy: str
    needed: bool


def findings() -> list[Finding]:
    """Look at Python and every package, those of an extra with what they are for.

    Examples
    --------
    >>> findings()[0].what
    'python'
    """
    python = Finding("python", "ok", platform.python_version(), "", needed=True)
    return [python, *(_of(text) for text in sorted(requires("outcomes") or []))]


def _of(text: str) -> Finding:
    from packaging.requirements import Requirement

    need = Requirement(text)
    extra = next((x for x in EXTRAS if need.marker and need.marker.evaluate({"extra": x})), "")
    what = f"{need.name} ({EXTRAS[extra]})" if extra else need.name
    remedy = f'pip install "outcomes[{extra}]"' if extra else "python run.py setup"
    try:
        found = version(need.name)
    except PackageNotFoundError:
        return Finding(what, "missing", "", remedy, needed=not extra)
    if not need.specifier.contains(found, prereleases=True):
        return Finding(what, "wrong version", found, remedy, needed=not extra)
    return Finding(what, "ok", found, "", needed=not extra)


@app.command()
def doctor(*, as_json: Json = False) -> None:
    """Look at what is installed, and say what to do about what is not.

    Example: outcomes doctor
    """
    import pandas as pd

    found = findings()
    if not as_json:
        typer.echo(f"outcomes {__version__}, {sys.platform}, {platform.machine()}")
    table = pd.DataFrame([asdict(item) for item in found])
    print_table(table if as_json else table.drop(columns="needed"), as_json=as_json)
    if any(item.needed and item.state != "ok" for item in found):
        raise typer.Exit(3)
