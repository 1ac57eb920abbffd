"""Answers against the truth that made the study; docs/validation.md has more studies of each."""

from __future__ import annotations

import pytest

from studies.validation.cases import CASES
from studies.validation.judge import judge
from studies.validation.run import run


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_case_keeps_its_promise(case, tmp_path):
    studies = {case.name: 100 if case.many else 20}
    records = run([case], studies, tmp_path, processes=1, progress=print)
    table = judge(records, [case])
    missed = table[~table["passed"] & (table["because"] == "")]
    assert missed.empty, missed.to_dict("records")
