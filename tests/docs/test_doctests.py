"""Every example in a docstring runs, with warnings as errors."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import outcomes

FLAGS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(outcomes.__path__, "outcomes.")
    if not module.name.endswith("__main__")
)


LONG = ("outcomes.planning.protocol",)
"""Simulates 24 designs; its command has a test of its own."""


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.slow if n in LONG else ()) for n in MODULES]
)
def test_examples(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = doctest.testmod(importlib.import_module(name), optionflags=FLAGS)
    assert result.failed == 0
