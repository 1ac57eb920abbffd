"""Scores: published worked values, each missing rule at its boundary, and bad items by position."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from outcomes.dictionary.instruments import instrument, registry, score
from outcomes.errors import DataError, UsageError

SCORED = [entry for entry in registry().values() if entry.scoring is not None]
TOTALS_ONLY = [entry.name for entry in registry().values() if entry.scoring is None]
PAIN_INTERFERENCE = [
    41.6, 49.6, 52.0, 53.9, 55.6, 57.1, 58.5, 59.9, 61.2, 62.5, 63.8, 65.2, 66.6, 68.0, 69.7,
    71.6, 75.6,
]  # fmt: skip


def answers(n_items, answer, n_missing=0):
    return [[answer] * (n_items - n_missing) + [None] * n_missing]


class TestWorkedValues:
    def test_ndi_nine_items_that_sum_to_18_are_20_of_50(self):
        assert score("ndi", [[2] * 9 + [None]]).item() == 20

    def test_quickdash_all_three_is_50(self):
        assert score("quickdash", answers(11, 3)).item() == 50

    @pytest.mark.parametrize(
        ("part", "n"), [("pain", 9), ("symptoms", 7), ("adl", 17), ("sport", 5), ("qol", 4)]
    )
    def test_koos_all_one_is_75(self, part, n):
        assert score(f"koos-{part}", answers(n, 1)).item() == 75

    @pytest.mark.parametrize(("total", "t_score"), list(enumerate(PAIN_INTERFERENCE, start=4)))
    def test_promis_pain_interference_table(self, total, t_score):
        items = np.full(4, total // 4)
        items[: total % 4] += 1
        assert score("promis-pi-4a", [items]).item() == t_score

    @pytest.mark.parametrize(
        ("levels", "weights", "t_score"),
        [((2, 1, -1), (3, 2, 1), 65.42), ((-2, -2, -2), None, 22.61), ((1,), None, 60.0)],
    )
    def test_goal_attainment(self, levels, weights, t_score):
        assert score("gas", [levels], weights=weights).item() == pytest.approx(t_score, abs=0.005)

    def test_odi_is_a_percentage_of_what_was_answered(self):
        # sum 16 of 8 items answered: 100 x 16 / 40
        assert score("odi", answers(10, 2, n_missing=2)).item() == 40

    def test_rmdq_counts_ticks_and_a_blank_is_no_tick(self):
        assert score("rmdq", [[1] * 7 + [None] * 17]).item() == 7

    def test_headache_diary_of_21_days_is_scaled_to_28(self):
        assert score("headache-days", [[1] * 6 + [0] * 15 + [None] * 7]).item() == 8

    def test_bctq_and_psfs_are_means(self):
        assert score("bctq-sss", [[1] * 5 + [2] * 6]).item() == pytest.approx(17 / 11)
        assert score("psfs", [[3, 4, 8]]).item() == 5
        assert score("psfs", [[3, 4, 8, None, None]]).item() == 5

    def test_fact_g_reverses_negative_items_and_sums_its_subscales(self):
        # all items 1: physical 7 x 3, social 7 x 1, emotional 5 x 3 + 1, functional 7 x 1
        items = np.ones((1, 27))
        assert score("fact-g", items).item() == 21 + 7 + 16 + 7
        assert score("fact-g-pwb", items[:, :7]).item() == 21
        assert score("fact-g-ewb", items[:, :6]).item() == 16

    def test_fact_g_prorates_within_each_subscale(self):
        items = np.ones((1, 27))
        items[0, [0, 1, 2]] = np.nan
        assert score("fact-g", items).item() == 21 + 7 + 16 + 7

    def test_single_items_are_themselves(self):
        pain = pd.Series([0, 7, None], name="pain")
        assert score("nprs", pain).tolist()[:2] == [0, 7]
        assert score("vas", [[33.5]]).item() == 33.5


# Instrument, items, most that may be missing.
MISSING_RULES = [
    ("ndi", 10, 2), ("odi", 10, 2), ("quickdash", 11, 1), ("bctq-sss", 11, 5), ("bctq-fss", 8, 4),
    ("bpi-severity", 4, 0), ("bpi-interference", 7, 3), ("sbi", 4, 0), ("koos-pain", 9, 4),
    ("koos-symptoms", 7, 3), ("koos-adl", 17, 8), ("koos-sport", 5, 2), ("koos-qol", 4, 2),
    ("promis-pi-4a", 4, 0), ("headache-days", 28, 7), ("rmdq", 24, 23), ("psfs", 5, 2),
    ("fact-g-pwb", 7, 3), ("fact-g-swb", 7, 3), ("fact-g-ewb", 6, 2), ("fact-g-fwb", 7, 3),
    ("nprs", 1, 0), ("vas", 1, 0), ("pgic", 1, 0),
]  # fmt: skip


@pytest.mark.parametrize(("name", "n_items", "most"), MISSING_RULES)
def test_missing_rule_at_its_boundary(name, n_items, most):
    rows = answers(n_items, 1, n_missing=most) + answers(n_items, 1, n_missing=most + 1)
    scores = score(name, rows)
    assert scores.notna().tolist() == [True, False]
    assert scores.isna().sum() == 1


def test_fact_g_needs_22_of_27_and_more_than_half_of_each_subscale():
    items = np.ones((3, 27))
    items[0, [0, 7, 14, 20, 21]] = np.nan  # 22 answered
    items[1, [0, 7, 14, 20, 21, 22]] = np.nan  # 21 answered
    items[2, [14, 15, 16]] = np.nan  # half of the emotional items
    assert score("fact-g", items).notna().tolist() == [True, False, False]


def test_a_promis_form_with_a_gap_is_not_guessed():
    assert np.isnan(score("promis-pi-4a", [[5, 5, 5, None]]).item())


@pytest.mark.parametrize("entry", SCORED, ids=lambda entry: entry.name)
def test_best_and_worst_answers_give_the_ends_of_the_range(entry):
    if entry.name == "gas":
        return  # its ends are limits for ever more goals; see below
    n = entry.n_items
    low, high = np.full(n, entry.item_minimum), np.full(n, entry.item_maximum)
    for position in _reversed_items(entry):
        low[position - 1], high[position - 1] = high[position - 1], low[position - 1]
    if entry.scoring.inverted:
        low, high = high, low
    assert score(entry.name, [low, high]).tolist() == [entry.minimum, entry.maximum]


def _reversed_items(entry):
    first = 1
    for name in entry.scoring.parts:
        part = instrument(name)
        yield from (first - 1 + item for item in part.reverse_items)
        first += part.n_items
    yield from entry.reverse_items


def test_goal_attainment_approaches_the_ends_of_its_range():
    gas = instrument("gas")
    low, high = score("gas", np.vstack([np.full(2_000, -2), np.full(2_000, 2)]))
    assert low == pytest.approx(gas.minimum, abs=0.05)
    assert high == pytest.approx(gas.maximum, abs=0.05)


@settings(deadline=None)
@given(arrays(float, (6, 9), elements=st.sampled_from([0, 1, 2, 3, 4, np.nan])))
def test_rows_are_scored_alone_and_items_in_any_order(items):
    scores = score("koos-pain", items).to_numpy()
    one_by_one = [score("koos-pain", items[[row]]).item() for row in range(6)]
    np.testing.assert_array_equal(scores, one_by_one)
    np.testing.assert_allclose(score("koos-pain", items[:, ::-1]), scores)
    assert np.all((scores >= 0) & (scores <= 100) | np.isnan(scores))


class TestGoalAttainment:
    def test_weights_may_differ_from_patient_to_patient(self):
        both = score("gas", [[2, 1, -1], [2, 1, -1]], weights=[[3, 2, 1], [1, 1, 1]])
        assert both.tolist() == [
            pytest.approx(65.42, abs=0.005),
            score("gas", [[2, 1, -1]]).item(),
        ]

    def test_only_the_ratio_of_weights_counts(self):
        few, many = (score("gas", [[2, 1]], weights=w).item() for w in ([1, 2], [10, 20]))
        assert few == pytest.approx(many)

    def test_goals_without_a_level_are_left_out_with_their_weight(self):
        assert score("gas", [[1, None]], weights=[1, 5]).item() == 60

    def test_no_goal_rated_or_no_weight_is_not_scored(self):
        scores = score("gas", [[None, None], [1, 2]], weights=[[1, 1], [0, 0]])
        assert scores.isna().sum() == 2

    @pytest.mark.parametrize("weights", [[1, 2, 3], [[1], [2], [3]], "heavy"])
    def test_another_number_of_weights_is_refused(self, weights):
        with pytest.raises(UsageError):
            score("gas", [[1, 2]], weights=weights)

    def test_negative_weights_are_refused(self):
        with pytest.raises(DataError, match="weights of goals are numbers from 0"):
            score("gas", [[1, 2]], weights=[1, -1])

    def test_other_instruments_have_no_weights(self):
        with pytest.raises(UsageError, match="gas only"):
            score("nprs", [[1]], weights=[1])


class TestShape:
    def test_index_and_order_are_kept(self):
        items = pd.DataFrame(answers(4, 2) * 3, index=["c", "a", "b"])
        assert score("sbi", items).index.tolist() == ["c", "a", "b"]

    def test_column_names_are_free(self):
        items = pd.DataFrame(answers(4, 2), columns=["x", "x", "y", 7])
        assert score("sbi", items).item() == 8

    def test_nobody_gives_an_empty_series(self):
        scores = score("rmdq", pd.DataFrame(columns=range(24)))
        assert (len(scores), scores.dtype, scores.isna().sum()) == (0, float, 0)

    @pytest.mark.parametrize("dtype", ["Int64", "boolean", "Float64", "category", object, bool])
    def test_kinds_of_column_do_not_matter(self, dtype):
        items = pd.DataFrame([[1] * 24, [0] * 24]).astype(dtype)
        assert score("rmdq", items).tolist() == [24, 0]

    @pytest.mark.parametrize("items", [np.zeros((2, 3, 4)), 5, "7"])
    def test_other_shapes_are_refused(self, items):
        with pytest.raises(UsageError, match="two dimensions"):
            score("ndi", items)

    @pytest.mark.parametrize(("name", "n"), [("ndi", 9), ("ndi", 11), ("psfs", 2), ("psfs", 6)])
    def test_another_number_of_items_is_refused(self, name, n):
        with pytest.raises(UsageError, match=f"got {n} columns"):
            score(name, np.zeros((1, n)))


class TestBadItems:
    def test_text_fractions_and_range_are_named_by_position_and_never_by_value(self):
        items = pd.DataFrame(np.ones((3, 4)), dtype=object)
        items.iloc[0, 1], items.iloc[2, 1], items.iloc[1, 3] = "Ms Example", 6.4321, -7
        with pytest.raises(DataError) as caught:
            score("sbi", items)
        text = str(caught.value)
        assert "column 2, rows 1, 3; column 4, row 2" in text
        for kind in ("text", "below 0", "above 6", "fractions"):
            assert kind in text
        for value in ("Example", "6.4321", "-7"):
            assert value not in text

    def test_many_rows_are_counted(self):
        with pytest.raises(DataError, match="rows 1, 2, 3, 4, 5 and 3 more"):
            score("nprs", [[11]] * 8)

    def test_infinite_is_out_of_range(self):
        with pytest.raises(DataError, match="above 10"):
            score("nprs", [[np.inf]])

    def test_numbers_written_as_text_are_numbers(self):
        assert score("nprs", [["7"]]).item() == 7


@pytest.mark.parametrize("name", TOTALS_ONLY)
def test_totals_only_instruments_refuse_items_with_the_reason(name):
    with pytest.raises(UsageError, match="given as totals") as caught:
        score(name, np.ones((1, instrument(name).n_items or 4)))
    assert instrument(name).totals_only in str(caught.value)
