"""What holds for any design that is not refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import outcomes as oc
from outcomes.dictionary.tables import RECEIVED
from outcomes.errors import DesignError
from outcomes.study import study_from_tables
from outcomes.synthetic.block import make_block, to_frame
from outcomes.synthetic.design import Design
from outcomes.synthetic.parameter import records
from outcomes.synthetic.scenarios import SCENARIOS, scenario_design
from outcomes.synthetic.tables import block_tables

FIXED = {"episodes", "seed", "therapists", "clinics", "function_every", "rating_step"}
NUMBERS = {
    item.name: item.between
    for item in records(Design)
    if isinstance(item.default, float) and item.name not in FIXED
}
QUICK = settings(suppress_health_check=[HealthCheck.too_slow])


@st.composite
def designs(draw):
    """A scenario with up to six parameters drawn anywhere in their ranges."""
    name = draw(st.sampled_from(sorted(SCENARIOS)))
    base = scenario_design(name, episodes=draw(st.integers(1, 60)))
    names = draw(st.lists(st.sampled_from(sorted(NUMBERS)), max_size=6, unique=True))
    changes = {name: draw(st.floats(*NUMBERS[name])) for name in names}
    changes["rating_step"] = draw(st.sampled_from([1.0, 1.0, 0.5, 0.01]))
    changes["seed"] = draw(st.integers(0, 2**32))
    return base, changes


def tables_of(design):
    return block_tables(design, make_block(design))


@QUICK
@given(designs())
def test_any_design_is_refused_or_makes_a_valid_study(drawn):
    base, changes = drawn
    try:
        design = replace(base, **changes)
        tables = tables_of(design)
    except DesignError:
        return
    study = study_from_tables({name: to_frame(table) for name, table in tables.items()})
    findings = oc.check(study)
    assert findings.ok, findings.table
    assert len(study.episodes) == design.episodes
    assert np.isfinite(study.assessments["score"].to_numpy()).all()
    received = study.sessions["status"].isin(RECEIVED)
    assert study.sessions.loc[received, "pressure"].between(0, 5).all()
    frame = study.trajectory("nprs") if len(study.assessments) > design.episodes * 2 else None
    if frame is not None:
        assert frame["baseline"].notna().all()


SMALLEST_SHARE = (scenario_design("confounded-pressure", episodes=1), {"switch_share": 5e-324})


@QUICK
@example(SMALLEST_SHARE)
@given(designs())
def test_the_same_design_makes_the_same_study(drawn):
    base, changes = drawn
    try:
        design = replace(base, **changes)
        one = tables_of(design)
    except DesignError:
        return
    again = tables_of(Design.from_toml(design.to_toml()))
    for name, table in one.items():
        assert to_frame(table).equals(to_frame(again[name]))
