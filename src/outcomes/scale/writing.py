"""Simulate a large study into a folder of Parquet parts, a few thousand courses at a time."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from outcomes.dictionary.tables import TABLES
from outcomes.errors import UnavailableError
from outcomes.folders import written_whole
from outcomes.storage import describe
from outcomes.synthetic.block import block_sizes, join, make_block, to_arrow
from outcomes.synthetic.design import Design
from outcomes.synthetic.simulate import provenance_of
from outcomes.synthetic.tables import block_tables
from outcomes.synthetic.truth import truth_of

MANY_COURSES = 50_000
"""A study of more courses is simulated in parts."""
BLOCKS = 8
"""Blocks of courses in a part. What is drawn does not depend on it: each block has its stream."""


def simulate_in_parts(
    design: Design,
    directory: str | Path,
    *,
    blocks: int = BLOCKS,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Write a simulated study as Parquet parts; memory does not grow with its size.

    Parameters
    ----------
    design : Design
        The design.
    directory : str or Path
        Folder to write, whole or not at all.
    blocks : int
        Blocks of 2,048 courses in a part. The rows are those that `simulate` makes of the same
        design, whatever it is.
    progress : callable, optional
        Told the courses that are written, and all of them.

    Returns
    -------
    Path
        The folder: ``episodes-0001.parquet`` and so on for each table, ``datapackage.json`` and
        ``truth.json``. A course stands in parts of one number.

    Raises
    ------
    UsageError
        When the folder holds anything else.
    UnavailableError
        When pyarrow is missing, or the disk is full; nothing is left behind.
    """
    parquet = arrow_parquet()
    sizes = block_sizes(design.episodes)
    width, done = max(4, len(str(len(sizes)))), 0
    with written_whole(directory, "simulate") as folder:
        digests: dict[str, str] = {}
        for number, first in enumerate(range(0, len(sizes), blocks), start=1):
            own = range(len(sizes))[first : first + blocks]
            made = [block_tables(design, make_block(design, blocks=[block])) for block in own]
            for name in TABLES:
                path = folder / f"{name}-{number:0{width}}.parquet"
                table = to_arrow(name, join([one[name] for one in made]))
                parquet.write_table(table, path, compression="zstd")
                digests[path.name] = file_digest(path)
            done += sum(sizes[block] for block in own)
            if progress:
                progress(done, design.episodes)
        resources: list[dict[str, Any]] = [
            {"name": Path(name).stem, "path": name, "hash": f"sha256:{digest}"}
            for name, digest in digests.items()
        ]
        describe(folder, provenance_of(design), truth_of(design), {}, resources, digests)
    return Path(directory)


def arrow_parquet() -> Any:
    """Return pyarrow's reader and writer of Parquet.

    Raises
    ------
    UnavailableError
        When it is not installed.
    """
    try:
        from pyarrow import parquet
    except ImportError:
        must = "studies in parts need pyarrow"
        remedy = 'Install it: pip install "outcomes[big]".'
        raise UnavailableError(must, got="none", remedy=remedy) from None
    return parquet


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
