"""The page of messages tells every rule as the registry has it."""

from __future__ import annotations

from docs.make.errors import PAGE, table


def test_every_rule_is_told():
    assert table() in PAGE.read_text(encoding="utf-8"), "write it again: python run.py pages"
