"""Answers against the truth that made the study; `outcomes.answers.validation` has the table."""

from __future__ import annotations

import pytest

from outcomes.answers.validation import CASES, judge, run

STUDIES = {"trial": 200}
"""Studies of a case by question; others, which take longer, have 30."""


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_case_does_what_was_promised(case, tmp_path):
    records = run([case], STUDIES.get(case.question, 30), tmp_path)
    row = judge(records, [case]).iloc[0]
    assert row["passed"], row.to_dict()
