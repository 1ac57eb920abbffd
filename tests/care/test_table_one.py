"""Table 1 by hand: counts, numbers, categories, missing, groups, baselines."""

import numpy as np
import pandas as pd
import pytest

from outcomes.care.table_one import baseline_scores, table_one
from outcomes.errors import UsageError
from outcomes.study import study_from_tables

EPISODES = pd.DataFrame(
    {
        "episode_id": ["a", "b", "c", "d", "e"],
        "patient_id": ["p", "p", "q", "r", "s"],
        "condition": ["headache", "headache", "sciatica", "sciatica", None],
        "age_band": ["40-49", "30-39", "40-49", None, "90+"],
        "recurrent": [True, False, None, False, False],
        "adaptations": ["cancer; scar", "none", "scar", None, "none"],
        "onset_weeks": [1, 3, 5, np.nan, 11],
    }
)
SCORES = pd.DataFrame(
    [
        ("a", 1, "pre_session", "nprs", 6), ("a", 2, "pre_session", "nprs", 1),
        ("b", 1, "pre_session", "nprs", 9), ("b", None, "baseline", "nprs", 8),
        ("c", 1, "post_session", "nprs", 2), ("d", 1, None, "nprs", 4),
        ("a", 1, "pre_session", "psfs", 3),
    ],
    columns=["episode_id", "session", "timing", "instrument", "score"],
)  # fmt: skip


@pytest.fixture
def table():
    study = study_from_tables({"episodes": EPISODES, "assessments": SCORES})
    return table_one(study, by="condition")


def rows(table, variable, group="all"):
    own = table.rows[(table.rows["variable"] == variable) & (table.rows["group"] == group)]
    return own.set_index("level")


def test_courses_and_patients_are_counted_apart(table):
    assert rows(table, "courses")["count"].item() == 5
    assert rows(table, "patients")["count"].item() == 4
    assert rows(table, "patients", "headache")["count"].item() == 1


def test_courses_without_a_group_are_one(table):
    assert rows(table, "courses", "not recorded")["count"].item() == 1


def test_numbers_have_mean_sd_median_quartiles_and_missing(table):
    row = rows(table, "onset_weeks").iloc[0]
    assert row[["n", "n_missing"]].tolist() == [4, 1]
    assert row["mean"] == 5
    assert row["sd"] == pytest.approx(np.sqrt(56 / 3))
    assert row[["q1", "median", "q3"]].tolist() == [2.5, 4, 6.5]


def test_shares_are_of_those_with_a_value(table):
    row = rows(table, "age_band").loc["40-49"]
    assert row[["n", "n_missing", "count", "share"]].tolist() == [4, 1, 2, 0.5]


def test_levels_stand_in_the_order_of_the_data_contract(table):
    assert rows(table, "age_band").index.tolist() == ["30-39", "40-49", "90+"]
    assert rows(table, "recurrent").index.tolist() == ["yes", "no"]


def test_each_adaptation_is_yes_or_no_where_it_was_asked(table):
    scar = rows(table, "adaptation scar").loc["yes"]
    assert scar[["n", "n_missing", "count"]].tolist() == [4, 1, 2]
    assert rows(table, "adaptation cancer").loc["yes", "count"] == 1


def test_baselines_are_those_of_all_courses(table):
    row = rows(table, "baseline nprs").iloc[0]
    assert row[["n", "n_missing", "mean"]].tolist() == [3, 2, 6]


def test_the_column_of_groups_is_no_variable(table):
    assert "condition" not in set(table.rows["variable"])
    assert "condition" not in table.not_recorded


def test_differences_of_each_pair_of_groups(table):
    own = table.differences[table.differences["variable"] == "baseline nprs"]
    pairs = own[["group_1", "group_2"]].to_numpy().tolist()
    assert pairs == [
        ["headache", "not recorded"], ["headache", "sciatica"], ["not recorded", "sciatica"],
    ]  # fmt: skip


def test_nothing_is_tested():
    study = study_from_tables({"episodes": EPISODES})
    table = table_one(study)
    assert not [name for name in (*table.rows, *table.differences) if "p_value" in name]
    assert table.differences.empty


def test_what_the_study_does_not_hold_is_named(table):
    assert {"sex", "weeks", "claim_open"} <= set(table.not_recorded)
    assert "adaptations" not in table.not_recorded


def test_an_empty_study_has_an_empty_table():
    table = table_one(study_from_tables({}))
    assert table.rows["count"].tolist() == [0, 0]
    assert repr(table) == "TableOne(2 variables, 1 groups)"


def test_only_condition_and_arm_make_groups():
    with pytest.raises(UsageError, match="condition or arm"):
        table_one(study_from_tables({}), by="therapist_id")


def test_order_of_rows_does_not_matter(table):
    study = study_from_tables({"episodes": EPISODES[::-1], "assessments": SCORES[::-1]})
    turned = table_one(study, by="condition")
    pd.testing.assert_frame_equal(turned.rows, table.rows)
    pd.testing.assert_frame_equal(turned.differences, table.differences)


def test_movements_of_a_joint_have_baselines_of_their_own():
    scores = pd.DataFrame(
        {"episode_id": "a", "session": 1, "instrument": "rom", "joint": "cervical",
         "plane": "rotation", "side": ["left", "right"], "score": [50, 60]}
    )  # fmt: skip
    wide = baseline_scores(study_from_tables({"assessments": scores}))
    assert wide.loc["a"].to_dict() == {
        "rom cervical rotation left": 50,
        "rom cervical rotation right": 60,
    }
