"""Rules about scores and their instruments: ranges, known instruments, baselines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from outcomes.errors import UsageError
from outcomes.findings import Finding, where_broken
from outcomes.records import NO_BASELINE, SERIES, placed_scores
from outcomes.study import Study


def score_findings(study: Study) -> list[Finding]:
    """Return the findings of R11 to R13 and R19."""
    found: list[Finding] = []
    for part in (_ranges, _baselines):
        found += part(study)
    return found


def _ranges(study: Study) -> Iterator[Finding]:
    for table, columns in (("assessments", ("score",)), ("goals", ("baseline", "target"))):
        frame = study.table(table)
        names = _names(study, frame)
        for name in names.dropna().unique():
            own = names == name
            try:
                known = study.instrument(str(name))
            except UsageError:
                yield from where_broken("R13", table, "instrument", own, got="another name")
                continue
            for column in columns:
                values = frame[column]
                low, high = own & (values < known.minimum), own & (values > known.maximum)
                yield from where_broken("R12", table, column, low, got=f"below {known.minimum:g}")
                yield from where_broken("R12", table, column, high, got=f"above {known.maximum:g}")


def _names(study: Study, frame: pd.DataFrame) -> pd.Series[Any]:
    """Return each row's instrument; for a range of motion that of its plane, where there is one."""
    names = frame["instrument"].astype(object)
    if "plane" not in frame:
        return names
    planes = "rom-" + frame["joint"].astype(object) + "-" + frame["plane"].astype(object)
    own = planes.where(names == "rom").dropna()
    known = [name for name in own.unique() if _is_known(study, name)]
    return names.mask(names.eq("rom") & planes.isin(known), planes)


def _is_known(study: Study, name: str) -> bool:
    try:
        study.instrument(name)
    except UsageError:
        return False
    return True


def _baselines(study: Study) -> Iterator[Finding]:
    scores = study.assessments
    keys = [*SERIES, "instrument"]
    explicit = scores["timing"].eq("baseline") & scores["instrument"].notna()
    again = explicit & scores[explicit].duplicated(keys).reindex(scores.index, fill_value=False)
    yield from where_broken("R11", "assessments", "timing", again, got="a second baseline")
    placed = placed_scores(study)
    placed = placed[placed["instrument"].notna() & ~explicit.reindex(placed.index)]
    reason = placed["why"].where(placed["why"] != NO_BASELINE, placed["first"])
    for why in sorted(reason[placed["why"] != ""].unique()):
        rows = (reason == why).reindex(scores.index, fill_value=False)
        yield from where_broken("R19", "assessments", "timing", rows, got=why)
