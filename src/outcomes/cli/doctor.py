"""The verb doctor: whether everything is there that the verbs need, and what to do if not."""

from __future__ import annotations

import platform
import sys
from importlib.metadata import PackageNotFoundError, requires, version
from typing import Any

import typer

from outcomes import __version__
from outcomes.cli import shared

EXTRAS = {
    "report": "PDF, Word and PowerPoint reports",
    "big": "Parquet files, and studies in parts",
    "dask": "studies in parts on a cluster",
    "docs": "the documentation as a site",
    "sql": "DuckDB and PostgreSQL",
}
"""What the optional packages are for."""


def findings() -> list[dict[str, Any]]:
    """Look at Python and every package, those of an extra with what they are for.

    Returns
    -------
    list of dict
        ``what, state`` (ok, missing, wrong version), ``found`` (a version, or empty), ``remedy``
        (or empty) and ``needed``: whether nothing works without it.

    Examples
    --------
    >>> findings()[0]["what"]
    'python'
    """
    python = {"what": "python", "state": "ok", "found": platform.python_version(), "remedy": ""}
    return [python | {"needed": True}, *map(_of, sorted(requires("outcomes") or []))]


def _of(text: str) -> dict[str, Any]:
    from packaging.requirements import Requirement

    need = Requirement(text)
    extra = next((x for x in EXTRAS if need.marker and need.marker.evaluate({"extra": x})), "")
    what = f"{need.name} ({EXTRAS[extra]})" if extra else need.name
    remedy = f'pip install "outcomes[{extra}]"' if extra else "python run.py setup"
    try:
        found = version(need.name)
    except PackageNotFoundError:
        found = ""
    fits = bool(found) and need.specifier.contains(found, prereleases=True)
    state = "ok" if fits else "wrong version" if found else "missing"
    return {"what": what, "state": state, "found": found, "remedy": "" if fits else remedy,
            "needed": not extra}  # fmt: skip


@shared.app.command()
def doctor(*, as_json: shared.Json = False) -> None:
    """Look at what is installed, and say what to do about what is not.

    Example: outcomes doctor
    """
    import pandas as pd

    table = pd.DataFrame(findings())
    if not as_json:
        typer.echo(f"outcomes {__version__}, {sys.platform}, {platform.machine()}")
    shared.print_table(table if as_json else table.drop(columns="needed"), as_json=as_json)
    if (table["needed"] & (table["state"] != "ok")).any():
        raise typer.Exit(3)
