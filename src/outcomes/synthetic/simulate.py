"""Make a synthetic study whose truth is known."""

from __future__ import annotations

from outcomes import __version__
from outcomes.errors import DesignError
from outcomes.provenance import Provenance
from outcomes.study import Study, study_from_tables
from outcomes.synthetic.block import block_sizes, join, make_block, to_frame
from outcomes.synthetic.design import Design
from outcomes.synthetic.scenarios import scenario_design
from outcomes.synthetic.tables import block_tables
from outcomes.synthetic.truth import truth_of


def simulate(
    design: Design | None = None,
    *,
    episodes: int | None = None,
    scenario: str | None = None,
    seed: int | None = None,
) -> Study:
    """Make a synthetic study.

    Parameters
    ----------
    design : Design, optional
        Everything about the study. Without one, give any of the other arguments.
    episodes : int, optional
        Number of courses; by default the scenario's (200 for most).
    scenario : str, optional
        Name of a scenario; by default ``default``.
    seed : int, optional
        Seed of every random number; by default 1.

    Returns
    -------
    Study
        With ``.truth``: the parameters, and the true values of the estimands found by sending the
        same simulated people through other courses. Same design, same study.

    Raises
    ------
    DesignError
        When a design and other arguments are given, no scenario has the name, or the design is
        impossible.

    Examples
    --------
    >>> study = simulate(episodes=30, scenario="null", seed=5)
    >>> study
    SYNTHETIC Study(30 episodes, ... sessions, ... scores, ... goals)
    >>> study.truth.parameters["specific"]
    0.0
    """
    if design is None:
        chosen = "default" if scenario is None else scenario
        design = scenario_design(chosen, episodes=episodes, seed=1 if seed is None else seed)
    elif (episodes, scenario, seed) != (None, None, None):
        must = "a design carries episodes, scenario and seed itself"
        remedy = "Use dataclasses.replace(design, ...), or leave the design out."
        raise DesignError(must, got="a design and other arguments", remedy=remedy)
    blocks = range(len(block_sizes(design.episodes)))
    parts = [block_tables(design, make_block(design, blocks=[block])) for block in blocks]
    tables = {name: to_frame(join([part[name] for part in parts])) for name in parts[0]}
    return study_from_tables(tables, provenance=provenance_of(design), truth=truth_of(design))


def provenance_of(design: Design) -> Provenance:
    """Return where a simulated study comes from."""
    name = design.scenario or "own design"
    control = next((arm.name for arm in design.arms if arm.control), None)
    return Provenance(
        title=f"Synthetic study ({name})",
        source=f"simulated, {name}",
        synthetic=True,
        seed=design.seed,
        version=__version__,
        control=control,
        randomised=bool(design.arms),
    )
