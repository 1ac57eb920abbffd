"""The page of messages tells every rule as the dictionary has it."""

from __future__ import annotations

from pathlib import Path

import pytest

from outcomes.dictionary.rules import RULES

PAGE = Path(__file__).resolve().parents[2] / "docs" / "errors.md"


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_every_rule_is_told(rule):
    row = next(
        line for line in PAGE.read_text("utf-8").splitlines() if f"| {rule.number} |" in line
    )
    for text in (rule.severity, rule.must[1:], rule.remedy):
        assert text in row
