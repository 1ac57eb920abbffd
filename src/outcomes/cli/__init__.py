"""The command `outcomes`: each verb calls one public function and prints what it returns.

Exit codes: 0 done, 1 the data break a rule, 2 wrong use, 3 could not be done.
"""

from __future__ import annotations

import gc

import typer

from outcomes.cli import analyse, doctor, plan, prepare, publish
from outcomes.cli.shared import app
from outcomes.errors import OutcomesError

VERBS = (prepare, plan, analyse, publish, doctor)
"""Modules whose import registers the verbs, in the order of help."""
_PLACES = [module.__name__ for module in VERBS]
app.registered_commands.sort(key=lambda verb: _PLACES.index(verb.callback.__module__))


def main(words: list[str] | None = None) -> int:
    """Run the command line and return its exit code.

    Parameters
    ----------
    words : list of str, optional
        Arguments; by default those of the process.

    Examples
    --------
    >>> main(["--version"])
    0.1.0
    0
    """
    gc.set_threshold(20_000)  # most of what a verb makes is kept until its end
    try:
        app(words, prog_name="outcomes")
    except OutcomesError as error:
        typer.echo(f"outcomes: {error}", err=True)
        return error.exit_code
    except (OSError, MemoryError) as error:
        remedy = "memory ran out. Close other programs and run it again"
        told = getattr(error, "strerror", remedy) or "the system refused"
        typer.echo(f"outcomes: {told}.", err=True)
        return 3
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0
    return 0
