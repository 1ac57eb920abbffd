"""Fit times side by side: ``python benchmarks/run.py [--quick] [--peers all|python|r|none]``.

Every program runs in a process of its own, reads the same data, and fits it in turn with the others
(warm, medians over rounds). What a program cannot express, refuses or takes too long for is said by
name. Peers from another interpreter: ``--peer-python PATH``, set up with peers-requirements.txt.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import select
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from clinics import clinic
from models import MODELS, TASKS, Model
from report import Cell, write_report

HERE = Path(__file__).parent
PYTHON_PEERS = ("statsmodels", "mixedlm", "mixedlm-rs", "lme-python", "kamino-lme", "gpboost")
R_PEERS = ("lme4", "nlme")
THREADS = (
    "OPENBLAS_NUM_THREADS",
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "RAYON_NUM_THREADS",
    "POLARS_MAX_THREADS",
)
CANNOT = "cannot express this"
SLOWER = "not run (too slow, or failed, at the size before)"
SIZES = (60, 200, 2_000, 20_000, 200_000)


class Worker:
    """A program in a process of its own, asked one thing at a time."""

    def __init__(self, name: str, python: str, data: str, threads: int | None) -> None:
        script = "r_worker.R" if name in R_PEERS else "python_worker.py"
        interpreter = "Rscript" if name in R_PEERS else python
        self.command = [interpreter, str(HERE / script), name]
        self.data = data
        limit = {} if threads is None else dict.fromkeys(THREADS, str(threads))
        self.environment = {**os.environ, **limit}
        self.frame_mb: float | None = None
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> str:
        """Start and load the data; what went wrong, or nothing."""
        if self.process is not None and self.process.poll() is None:
            return ""
        self.process = subprocess.Popen(
            self.command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=self.environment,
        )
        answer = self.ask({"op": "load", "csv": self.data}, 600)
        self.frame_mb = answer.get("frame_mb")
        return answer.get("error", "")

    def ask(self, request: dict[str, Any], limit: float) -> dict[str, Any]:
        """Send one request; after ``limit`` seconds the process is ended and that is the answer."""
        assert self.process is not None
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        try:
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            return {"error": "process ended"}
        ready, _, _ = select.select([self.process.stdout], [], [], limit)
        if not ready:
            self.close()
            return {"error": f"> {limit:.0f} s"}
        line = self.process.stdout.readline()
        return json.loads(line) if line else {"error": "process ended (memory?)"}

    def close(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()


@dataclass
class Race:
    """The programs on one data set, in turn."""

    patients: int
    options: argparse.Namespace
    settled: dict[tuple[str, str, str], str]  # what need not be tried at a larger size, and why

    def run(self, programs: Sequence[str], tasks: Sequence[tuple[str, str]]) -> list[Cell]:
        """Every model of one shape of data."""
        shape = MODELS[tasks[0][0]].sessions
        frame = clinic(self.patients, sessions=(8, 8) if self.patients == 60 else shape)
        with tempfile.TemporaryDirectory() as folder:
            path = f"{folder}/clinic.csv"
            frame.to_csv(path, index=False)
            workers = self.start(programs, path)
            cells = [
                c for model, task in tasks for c in self.race(workers, model, task, len(frame))
            ]
            for worker in workers.values():
                worker.close()
        return cells

    def start(self, programs: Sequence[str], path: str) -> dict[str, Worker]:
        workers = {}
        for name in programs:
            python = sys.executable if name == "outcomes" else self.options.peer_python
            workers[name] = Worker(name, python, path, self.options.threads)
            if error := workers[name].start():
                print(f"  {name}: not here ({error})")
                workers.pop(name).close()
        return workers

    def race(self, workers: dict[str, Worker], model: str, task: str, rows: int) -> Iterator[Cell]:
        request = {"op": "run", "task": task, "model": described(MODELS[model])}
        answers: dict[str, list[dict[str, Any]]] = {name: [] for name in workers}
        known = {name: self.settled.get((name, model, task), "") for name in workers}
        notes = {name: note for name, note in known.items() if note}
        for turn in range(self.options.rounds + 1):
            for name, worker in workers.items():
                slow = any(a["wall"] > self.options.limit / 8 for a in answers[name])
                if name in notes or slow:
                    continue
                worker.start()
                answer = worker.ask(request, self.options.limit)
                if "error" in answer:
                    notes[name] = answer["error"]
                elif turn > 0 or answer["wall"] > self.options.limit / 8:  # the first warms up
                    answers[name].append(answer)
        for name, worker in workers.items():
            cell = summary(
                Cell(name, model, task, self.patients, rows, frame_mb=worker.frame_mb),
                [{**a, "seconds": a[self.options.clock]} for a in answers[name]],
                notes.get(name, ""),
            )
            if cell.note == CANNOT:
                self.settled[name, model, task] = CANNOT
            elif cell.seconds is None or cell.seconds * 8 > self.options.limit:
                self.settled[name, model, task] = SLOWER
            shown = f"{cell.seconds:10.4f} s" if cell.seconds is not None else f"  {cell.note}"
            print(f"  {self.patients:>7,} {model:<10}{task:<15}{name:<13}{shown}", flush=True)
            yield cell


def summary(cell: Cell, answers: Sequence[dict[str, Any]], note: str) -> Cell:
    if not answers:
        return replace(cell, note=note)
    return replace(
        cell,
        seconds=statistics.median(a["seconds"] for a in answers),
        rounds=len(answers),
        loglik=answers[-1]["loglik"],
        peak_mb=max(a["peak_mb"] for a in answers),
    )


def described(model: Model) -> dict[str, Any]:
    return {k: v for k, v in asdict(model).items() if k != "sessions"} | {"formula": model.formula}


def programs(choice: str, left_out: Sequence[str]) -> tuple[str, ...]:
    python = PYTHON_PEERS if choice in ("all", "python") else ()
    r = R_PEERS if choice in ("all", "r") and shutil.which("Rscript") else ()
    if choice in ("all", "r") and not r:
        print("Rscript is not here: lme4 and nlme are left out")
    return tuple(name for name in ("outcomes", *python, *r) if name not in left_out)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="60, 200 and 2,000 patients")
    parser.add_argument("--peers", choices=("all", "python", "r", "none"), default="all")
    parser.add_argument("--leave-out", nargs="+", default=(), help="peers not to time")
    parser.add_argument("--peer-python", default=sys.executable, help="interpreter with the peers")
    parser.add_argument("--sizes", type=int, nargs="+", help="numbers of patients")
    parser.add_argument("--models", nargs="+", choices=tuple(MODELS), default=list(MODELS))
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=list(TASKS))
    parser.add_argument("--rounds", type=int, default=5, help="warm fits of each program")
    parser.add_argument("--limit", type=float, default=120, help="seconds a fit may take")
    parser.add_argument("--threads", type=int, help="threads of every program's libraries")
    parser.add_argument(
        "--clock", choices=("wall", "cpu"), default="wall", help="cpu: for a busy machine"
    )
    parser.add_argument("--out", type=Path, default=HERE / "results")
    return parser.parse_args()


def main() -> None:
    options = arguments()
    sizes = options.sizes or (SIZES[:3] if options.quick else SIZES)
    started = time.strftime("%Y-%m-%d")
    threads = f", {options.threads} thread(s) each" if options.threads else ""
    python = f"Python {platform.python_version()}"
    machine = f"{platform.machine()}, {python}, {platform.system()}{threads}"
    settled: dict[tuple[str, str, str], str] = {}
    cells: list[Cell] = []
    for patients in sizes:
        print(f"{patients:,} patients", flush=True)
        for shape in dict.fromkeys(MODELS[model].sessions for model in options.models):
            models = [model for model in options.models if MODELS[model].sessions == shape]
            tasks = [(model, task) for model in models for task in options.tasks]
            cells += Race(patients, options, settled).run(
                programs(options.peers, options.leave_out), tasks
            )
        text = write_report(cells, options.out, started, machine, options.clock)
    print(text)


if __name__ == "__main__":
    main()
