"""A trial's difference if the courses without a score then did not go on like the others."""

from __future__ import annotations

import pandas as pd

from outcomes.causal.constrained import difference_name
from outcomes.causal.reference_based import reference_based
from outcomes.causal.tipping_point import tipping_point
from outcomes.mixed.fit import MixedFit
from outcomes.questions.arms import Arms, differences
from outcomes.questions.contrasts import estimates
from outcomes.records import baselines
from outcomes.study import Study

TIPPING = "tipping point"


def if_they_had_left(study: Study, arms: Arms, instrument: str, model: MixedFit) -> pd.DataFrame:
    """Return the difference at the last time under what the missing scores may have been.

    Parameters
    ----------
    study, arms, instrument
        As in `constrained_rows`.
    model : MixedFit
        The model of the answer.

    Returns
    -------
    DataFrame
        For each arm with such courses rows of kind ``jump to reference``, ``copy increments in
        reference`` (see `reference_based`) and, where the arm did better, ``tipping point``: by how
        many points its missing scores, or those of the control (better), must differ from what is
        expected until the interval reaches zero.
    """
    names = model.estimates.terms
    times = [t for t in arms.times if difference_name(arms.treated[0], arms.axis, t) in names]
    seen = arms.rows[arms.rows[arms.axis].isin(times)]
    last = seen.groupby("episode_id")[arms.axis].max()
    entered = study.courses["arm"].loc[baselines(study, instrument)["episode_id"].unique()]
    last = last.reindex(entered.index).fillna(0.0)
    parts = []
    for arm in arms.treated:
        picks = differences(model, [difference_name(arm, arms.axis, t) for t in times])
        found = estimates(model, picks)
        ends = last[entered == arm].value_counts().reindex([0.0, *times], fill_value=0).to_numpy()
        d, df = found["estimate"].to_numpy(), float(found["df"].iloc[-1])
        covariance = picks @ model.inference.covariance @ picks.T
        n = {"n_episodes": int(ends.sum()), "n_control": int((entered == arms.control).sum())}
        n["n_missing"] = int(ends[:-1].sum())
        if n["n_missing"]:
            rows = reference_based(d, covariance, df, ends[:-1], n["n_episodes"])
            parts.append(rows.assign(arm=arm, **n))
        for shifted in (arm, arms.control):
            own = last[entered == shifted] < times[-1]
            share = pd.Series({shifted: own.mean()})
            known = float(d[-1]), float(found["std_error"].iloc[-1]), df
            n["n_missing"] = int(own.sum())
            if n["n_missing"] and (shifted == arm or len(arms.treated) == 1):
                tip = tipping_point(*known, share, len(own))
                parts.append(
                    pd.DataFrame([{"kind": TIPPING, "arm": shifted, "estimate": tip, **n}])
                )
    table = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
    return table.assign(**{arms.axis: times[-1]})
