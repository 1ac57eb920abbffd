"""The part of a protocol: every assumption accounted for, and a plan that the answer takes back."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

import outcomes as oc
import outcomes.planning.protocol as module
from outcomes.cli import main
from outcomes.errors import UsageError
from outcomes.planning.batch import simulated
from outcomes.planning.protocol import protocol
from outcomes.planning.repeated import Wanted, seeds_from
from outcomes.planning.trials import trial_rows
from outcomes.questions.declared import Declared
from outcomes.synthetic.design import Design
from outcomes.synthetic.scenarios import scenario_design

SMALL = scenario_design("two-arm-trial", episodes=60)


@pytest.fixture(scope="module", autouse=True)
def few():
    """Fewer assumptions: each change of a design has a truth of its own to work out."""
    names = ("specific", "residual_sd", "slope_sd", "therapist_icc", "therapists")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "ASSUMED", names)
        yield patch


@pytest.fixture(scope="module")
def made():
    design = replace(SMALL, residual_sd=1.0, therapist_icc=0.5)
    return protocol(design, week=8, n_simulations=6, n_what_if=4)


def test_each_assumption_has_its_source_and_is_halved_and_doubled(made):
    source = made.assumptions.set_index("assumption")["source"]
    assert source["specific effect at its plateau"] == (
        "Hu 2022 arms, derived from published numbers"
    )
    assert source["visit-to-visit SD"] == "set for this study"
    assert source["SD of patients' own slope"] == "assumed, nobody published it"
    changed = made.what_if.groupby("assumption")["change"].apply(list)
    assert set(changed.index) == set(source.index)
    assert all(both == ["halved", "doubled"] for both in changed)
    halved = made.what_if[made.what_if["change"] == "halved"].set_index("assumption")["value"]
    assert halved["visit-to-visit SD"] == 0.5
    assert halved["therapists"] == 4


def test_a_change_out_of_range_says_so(made):
    rows = made.what_if.set_index(["assumption", "change"])
    row = rows.loc[("therapists' share of variance in outcome", "doubled")]
    assert "from 0 to 0.9" in row["note"]
    assert row["note"] in made.text


def test_the_paragraph_says_what_it_rests_on(made):
    for part in ("60 courses, in 2 arms: usual care (the control, without visits), ",
                 "massage (60 min, 1 per week, 8 weeks).", "with the contextual effect",
                 "6 studies", "visit-to-visit SD: 1 NPRS point (set for",
                 "doubled, each in 4 simulations, this one costs most: "):  # fmt: skip
        assert part in made.paragraph
    assert "Each row rests on 4 simulations;" in made.text
    assert made.curve.table["episodes"].tolist() == [30, 45, 60, 90, 120]


def test_the_plan_is_taken_back_and_is_what_was_simulated(made, tmp_path):
    file = tmp_path / "plan.toml"
    file.write_text(made.plan, encoding="utf-8")
    studies = simulated(SMALL, seeds_from(5, 2), "nprs")
    rows = trial_rows(
        studies.together, studies.numbers,
        Wanted("trial", "nprs", 8, Declared(question="trial", time=8)),
    )  # fmt: skip
    for k, seed in enumerate(seeds_from(5, 2)):
        given = oc.answer(oc.simulate(replace(SMALL, seed=seed)), "trial", plan=file)
        assert given.checks[-1].detail.startswith("primary")
        assert given.table["week"].max() == 8
        assert rows[k]["estimate"] == pytest.approx(given.table["estimate"].iloc[0], 1e-8)
        assert rows[k]["p_value"] == pytest.approx(given.table["p_value"].iloc[0], 1e-7)


def test_change_gets_a_width_and_no_power(few):
    few.setattr(module, "ASSUMED", ("residual_sd",))
    made = protocol(scenario_design("default", episodes=24), "how-much", n_simulations=2,
                    n_what_if=2)  # fmt: skip
    assert "costs most" not in made.paragraph
    assert made.curve.half_width > 0


def test_a_plan_about_something_else_is_wrong_use():
    for plan in ({"question": "how-much"}, {"question": "trial", "population": {"sex": "female"}}):
        with pytest.raises(UsageError):
            oc.power(SMALL, "trial", n_simulations=1, plan={"primary": plan})


def test_the_command_writes_a_folder_that_can_be_handed_in(tmp_path, capsys, few):
    few.setattr(module, "ASSUMED", ("specific",))
    words = ["power", "--episodes", "40", "--week", "8", "--simulations", "4", "--processes", "1",
             "--out", str(tmp_path / "plan"), "--keep", str(tmp_path / "kept")]  # fmt: skip
    assert main(words) == 0
    assert "Of 4 simulated studies of 40 courses" in capsys.readouterr().out
    files = {path.name for path in (tmp_path / "plan").iterdir()}
    assert files >= {"power.md", "plan.toml", "design.toml", "what-if.csv", "power.svg"}
    assert Design.from_toml(tmp_path / "plan" / "design.toml").episodes == 40
    assert main(words) == 0
    (tmp_path / "plan" / "own.txt").write_text("mine", encoding="utf-8")
    assert main(words) == 2


@pytest.mark.parametrize("after", [10, 12 + 10])
def test_who_interrupts_one_design_ends_the_whole_and_what_is_done_is_kept(tmp_path, after):
    def stop(n, _):
        if n >= after:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        protocol(SMALL, week=8, n_simulations=12, n_what_if=12, progress=stop, keep=tmp_path)
    kept = [json.loads(file.read_text()) for file in tmp_path.rglob("*.json")]
    assert sorted(map(len, kept)) == {10: [10], 22: [10, 12]}[after]
