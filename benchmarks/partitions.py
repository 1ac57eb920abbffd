"""Write a study of any size to partitioned files, in bounded memory, with any number of workers."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from importlib.util import find_spec
from multiprocessing import get_context
from pathlib import Path
from typing import Literal

import pandas as pd

from outcomes import __version__
from outcomes.dictionary.tables import TABLES
from outcomes.errors import DesignError, UnavailableError
from outcomes.folders import written_whole
from outcomes.synthetic.block import (
    BLOCK,
    Table,
    block_sizes,
    join,
    make_block,
    to_arrow,
    to_frame,
)
from outcomes.synthetic.design import Design
from outcomes.synthetic.tables import block_tables
from outcomes.synthetic.truth import truth_of

Format = Literal["parquet", "csv"]
TRUTH = "truth.json"


@dataclass(frozen=True)
class _Part:
    """One file of each table: the work of one worker at a time."""

    design: Design
    number: int
    blocks: tuple[int, ...]
    folder: Path
    file_format: Format


def write_partitions(
    design: Design,
    directory: str | Path,
    *,
    file_format: Format = "parquet",
    workers: int = 1,
    episodes_per_part: int = 32 * BLOCK,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Write a simulated study as partitioned files, whole or not at all.

    Parameters
    ----------
    design : Design
        The design; its size is limited by the disk alone.
    directory : str or Path
        Folder to write: ``episodes/part-00000.parquet`` and so on for each table, and
        ``truth.json`` with parameters and estimands.
    file_format : {"parquet", "csv"}
        Parquet needs pyarrow.
    workers : int
        Processes, 1 or more. The rows do not depend on it.
    episodes_per_part : int
        Courses in a file, a multiple of 2048. Memory is about 4 KB a course and worker.
    progress : callable, optional
        Called with parts done and parts in all.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    DesignError
        When `workers` or `episodes_per_part` is impossible.
    UnavailableError
        When pyarrow is needed and not installed.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as place:
    ...     folder = write_partitions(Design(episodes=20), place + "/big", file_format="csv")
    ...     sorted(item.name for item in folder.iterdir())
    ['assessments', 'episodes', 'goals', 'sessions', 'truth.json']
    """
    _refuse(workers, episodes_per_part, file_format)
    with written_whole(directory, "partitions") as folder:
        for name in TABLES:
            (folder / name).mkdir()
        parts = list(_parts(design, folder, file_format, episodes_per_part))
        for done, _ in enumerate(_done(parts, workers), start=1):
            if progress is not None:
                progress(done, len(parts))
        _write_truth(design, folder, file_format, len(parts))
    return Path(directory)


def _refuse(workers: int, episodes_per_part: int, file_format: str) -> None:
    if workers < 1:
        must = "workers is 1 or more"
        raise DesignError(must, got=f"{workers}", remedy="Give the number of processes.")
    if episodes_per_part < BLOCK or episodes_per_part % BLOCK:
        must = f"episodes_per_part is a multiple of {BLOCK}"
        raise DesignError(must, got=f"{episodes_per_part}", remedy=f"Give {32 * BLOCK}.")
    if file_format not in ("parquet", "csv"):
        must = "file_format is parquet or csv"
        raise DesignError(must, got="another word", remedy="Give one of them.")
    if file_format == "parquet" and find_spec("pyarrow") is None:
        must = "pyarrow is installed to write Parquet"
        remedy = "Install the extra `big` (outcomes[big]), or pass file_format='csv'."
        raise UnavailableError(must, got="no pyarrow", remedy=remedy)


def _parts(
    design: Design, folder: Path, file_format: Format, episodes_per_part: int
) -> Iterator[_Part]:
    n_blocks, size = len(block_sizes(design.episodes)), episodes_per_part // BLOCK
    for number, start in enumerate(range(0, n_blocks, size)):
        blocks = tuple(range(start, min(start + size, n_blocks)))
        yield _Part(design, number, blocks, folder, file_format)


def _done(parts: list[_Part], workers: int) -> Iterator[None]:
    if workers == 1 or len(parts) == 1:
        yield from map(_write_part, parts)
        return
    with ProcessPoolExecutor(min(workers, len(parts)), mp_context=get_context("spawn")) as pool:
        yield from pool.map(_write_part, parts)


def _write_part(part: _Part) -> None:
    """Make a part's blocks and write one file of each table."""
    made = [block_tables(part.design, make_block(part.design, blocks=[b])) for b in part.blocks]
    for name in TABLES:
        path = part.folder / name / f"part-{part.number:05d}.{part.file_format}"
        table = join([tables.pop(name) for tables in made])
        if part.file_format == "parquet":
            _write_parquet(name, table, path)
        else:
            _write_csv(name, table, path)


def _write_parquet(name: str, table: Table, path: Path) -> None:
    from pyarrow.parquet import write_table

    write_table(to_arrow(name, table), path, compression="zstd")


def _write_csv(name: str, table: Table, path: Path) -> None:
    frame = to_frame(table)
    for column in TABLES[name].columns:
        if column.kind == "integer" and column.name in frame:
            frame[column.name] = frame[column.name].astype("Int64")
        elif column.kind == "boolean" and column.name in frame:
            frame[column.name] = frame[column.name].map({True: "true", False: "false"})
    with path.open("w", encoding="utf-8", newline="") as file:
        frame.to_csv(file, index=False, lineterminator="\n")


def _write_truth(design: Design, folder: Path, file_format: str, n_parts: int) -> None:
    truth = truth_of(design)
    content = {
        "label": "SYNTHETIC",
        "seed": design.seed,
        "version": __version__,
        "format": file_format,
        "parts": n_parts,
        "parameters": dict(truth.parameters),
        "estimands": json.loads(pd.DataFrame(truth.estimands).to_json(orient="records")),
    }
    text = json.dumps(content, indent=1, ensure_ascii=False)
    (folder / TRUTH).write_text(text + "\n", encoding="utf-8", newline="")
