"""Write the rows that `trial` models in 40 simulated trials, for `loop.R`: python trials.py OUT."""

import sys

import pandas as pd

from outcomes.planning.batch import simulated
from outcomes.planning.repeated import seeds_from
from outcomes.questions import arms
from outcomes.questions.ask import QUESTIONS
from outcomes.questions.question import Asked
from outcomes.synthetic.scenarios import scenario_design


def main(target: str) -> None:
    """Take the rows where the answer fits its model."""
    frames, fit = [], arms.lmm

    def lmm(formula, rows, **options):
        if "us(" in formula and "cluster" in formula:
            frames.append(rows)
        return fit(formula, rows, **options)

    arms.lmm = lmm
    studies = simulated(scenario_design("two-arm-trial", episodes=60), seeds_from(1, 40), "nprs")
    for number in range(40):
        asked = Asked(QUESTIONS["trial"], studies.each(number), "nprs")
        QUESTIONS["trial"].find(asked)
    rows = pd.concat(frames, keys=range(40), names=["trial", "row"]).reset_index()
    rows["treated"] = (rows["arm"] != "usual care").astype(int)
    rows["course"] = "c" + rows["episode_id"].astype(str)  # 0000e0000001 is a number to R
    columns = ["trial", "course", "occasion", "treated", "better", "cluster", "later", "growing"]
    rows[columns].to_csv(target, index=False)


main(sys.argv[1])
