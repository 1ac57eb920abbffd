from __future__ import annotations

import pandas as pd
import pytest

from outcomes.words import (
    decimals_for,
    digits_of,
    direction,
    each_with_interval,
    interval,
    limits,
    p_value,
    percent_with_interval,
    plain,
    with_ends,
)


@pytest.mark.parametrize(
    ("half_width", "decimals"),
    [(0.3, 1), (0.2, 1), (0.19, 2), (0.09, 2), (0.012, 3), (1.2, 1), (9.9, 1), (30, 1), (100, 0),
     (1e-9, 10), (0.0, 1), (float("nan"), 1), (float("inf"), 1)],
)  # fmt: skip
def test_decimals_follow_the_interval(half_width: float, decimals: int) -> None:
    assert decimals_for(-half_width, half_width) == decimals


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [(1.7996, 1.8004, "1.8000 (1.7996 to 1.8004)"), (1.81, 1.87, "1.84 (1.81 to 1.87)"),
     (0.3, 24.5, "12.40 (0.30 to 24.50)"), (-0.04, 0.8, "0.38 (−0.04 to 0.80)"),
     (1.8, 1.8, "1.80"), (1e-7, 3e-7, "0.00000020 (0.00000010 to 0.00000030)")],
)  # fmt: skip
def test_two_ends_never_print_alike_nor_as_a_nought_that_they_are_not(
    low: float, high: float, text: str
) -> None:
    assert with_ends((low + high) / 2, low, high, 2) == text
    if low < high:
        ends = text.partition("(")[2].rstrip(")")
        assert interval((low + high) / 2, low, high, 2).endswith(f"(95 % CI {ends})")


@pytest.mark.parametrize(
    ("rows", "texts"),
    [([(0.6, 0.2, 1.0), (0.78, 0.31, 1.24), (0.47, -0.012, 0.95)],
      ["0.6 (0.2 to 1.0)", "0.8 (0.3 to 1.2)", "0.5 (−0.01 to 0.9)"]),
     ([(-0.03, -0.15, 0.08), (0.11, -0.24, 0.45)],
      ["−0.03 (−0.15 to 0.08)", "0.11 (−0.24 to 0.45)"]),
     ([(2.1, 1.7, 2.5), (0.04, 0.011, 0.069), (-0.01, -0.4, 0.38)],
      ["2.1 (1.7 to 2.5)", "0.04 (0.01 to 0.07)", "0.0 (−0.4 to 0.4)"])],
)  # fmt: skip
def test_a_list_of_one_unit_has_the_decimals_of_its_first(
    rows: list[tuple[float, float, float]], texts: list[str]
) -> None:
    table = pd.DataFrame(rows, columns=["estimate", "conf_low", "conf_high"])
    digits = digits_of(table)
    assert [with_ends(*row, digits) for row in rows] == texts
    named = each_with_interval(table.assign(arm="a").to_dict("records"), "arm")
    assert named == "; ".join(f"a: {text.replace('(', '(95 % CI ')}" for text in texts)


def test_a_share_of_very_many_keeps_its_interval_apart() -> None:
    assert percent_with_interval(0.531, 0.5305, 0.5314) == "53.10 % (95 % CI 53.05 % to 53.14 %)"
    assert percent_with_interval(0.012, 0.003, 0.021) == "1 % (95 % CI 0 % to 2 %)"
    assert percent_with_interval(1.0, float("nan"), float("nan")) == "100 %"


@pytest.mark.parametrize(
    ("value", "text"),
    [(1.25, "1.2"), (-0.04, "0.0"), (0.04, "0.0"), (-12.34, "−12.3"), (12345.6, "12,345.6"),
     (float("nan"), "–"), (float("-inf"), "–")],
)  # fmt: skip
def test_plain_numbers(value: float, text: str) -> None:
    assert plain(value) == text


def test_an_estimate_is_never_printed_without_its_interval_and_unit() -> None:
    assert interval(-1.94, -2.26, -1.6, unit="points") == "−1.9 points (95 % CI −2.3 to −1.6)"


def test_an_interval_never_reads_nought_to_nought() -> None:
    assert interval(-0.03, -0.15, 0.08) == "−0.03 (95 % CI −0.15 to 0.08)"


def test_limits_choose_their_own_decimals() -> None:
    assert limits(120.4, 180.2) == "120.4 to 180.2"
    assert limits(1204.4, 1802.2) == "1,204 to 1,802"


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.00099, "< 0.001"), (0.001, "0.001"), (0.0499, "0.050"), (0.1, "0.10"), (1.0, "1.00"),
     (float("nan"), "–")],
)  # fmt: skip
def test_p_values(value: float, text: str) -> None:
    assert p_value(value) == text


@pytest.mark.parametrize(
    ("low", "high", "ends"),
    [(0.004, 1.3, "0.004 to 1.3"), (-1.3, -0.0004, "−1.3 to −0.0004"),
     (-0.003, 1.3, "−0.003 to 1.3"), (0.0, 1.3, "0.0 to 1.3"), (0.04, 1.3, "0.04 to 1.3")],
)  # fmt: skip
def test_an_end_beside_zero_reads_as_on_its_side_of_it(low: float, high: float, ends: str) -> None:
    assert limits(low, high) == ends
    assert interval((low + high) / 2, low, high).endswith(f"CI {ends})")
    assert with_ends((low + high) / 2, low, high).endswith(f"({ends})")


def test_an_end_beside_a_margin_reads_as_on_its_side_of_it() -> None:
    assert interval(-0.2, -0.98, 0.6, lines=(-1.0,)) == "−0.2 (95 % CI −0.98 to 0.6)"
    assert interval(-0.2, -1.02, 0.6, lines=(-1.0,)) == "−0.2 (95 % CI −1.02 to 0.6)"


def test_an_estimate_without_an_interval_is_no_verdict_and_keeps_the_words_of_a_sentence():
    bare = {"conf_low": float("nan"), "conf_high": float("nan")}
    assert direction(bare) == "cannot tell"
    assert direction(bare, "more", "fewer", "unclear") == "unclear"
    assert direction(bare, "better", "worse", "") == ""
