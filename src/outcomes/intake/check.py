"""Check a study against every rule of the dictionary and list all findings at once."""

from __future__ import annotations

from outcomes.findings import Finding, Findings
from outcomes.intake.check_care import care_findings
from outcomes.intake.check_cells import cell_findings
from outcomes.intake.check_rows import row_findings
from outcomes.intake.check_scores import score_findings
from outcomes.study import Study


def check(study: Study) -> Findings:
    """List every rule that the study breaks, without showing a value.

    Parameters
    ----------
    study : Study
        The study.

    Returns
    -------
    Findings
        ``.table`` has one row a rule, table and column; ``.ok`` is true without errors. Findings
        of reading come first.

    Examples
    --------
    >>> import pandas as pd
    >>> from outcomes.study import study_from_tables
    >>> scores = pd.DataFrame(
    ...     {"episode_id": ["a"], "session": [1], "instrument": ["nprs"], "score": [11.0]}
    ... )
    >>> check(study_from_tables({"assessments": scores})).table[["rule", "column", "count"]]
      rule column  count
    0  R12  score      1
    """
    found: list[Finding] = list(study.provenance.reading)
    for part in (cell_findings, row_findings, score_findings, care_findings):
        found += part(study)
    return Findings(tuple(found))
