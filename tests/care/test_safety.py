"""Safety as recorded: clearance, ceilings and events, each at its boundary."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from outcomes.care.safety import adverse_event_rates, clearance, deviations
from outcomes.errors import UsageError
from outcomes.study import study_from_tables


def cleared(required=True, state="cleared", day=0.0, visits=((0.0, "attended"),)):
    episodes = pd.DataFrame(
        {"episode_id": ["a"], "clearance_required": [required], "clearance": [state],
         "clearance_day": [day]}
    )  # fmt: skip
    rows = [("a", n + 1, at, status) for n, (at, status) in enumerate(visits)]
    sessions = pd.DataFrame(rows, columns=["episode_id", "session", "day", "status"])
    return study_from_tables({"episodes": episodes, "sessions": sessions})


@pytest.mark.parametrize(
    ("case", "status"),
    [
        ({}, "met"),
        ({"state": "limited", "day": -3}, "met"),
        ({"day": 1}, "treated before clearance"),
        ({"state": "refused"}, "treated without clearance"),
        ({"state": "pending"}, "treated without clearance"),
        ({"state": None}, "treated without clearance"),
        ({"state": "not_required"}, "treated without clearance"),
        ({"day": None}, "not known"),
        ({"visits": ((None, "attended"),)}, "not known"),
        ({"state": "refused", "visits": ()}, "not treated"),
        ({"state": "refused", "visits": ((0.0, "no_show"),)}, "not treated"),
        ({"day": 3, "visits": ((0.0, "cancelled"), (7.0, "attended"))}, "met"),
        ({"required": False, "state": "refused"}, "not required"),
        ({"required": None}, "not recorded"),
    ],
)
def test_clearance(case, status):
    assert clearance(cleared(**case))["status"].item() == status


def test_deviations_name_the_visit():
    table = deviations(cleared(day=3, visits=((0.0, "attended"), (7.0, "attended"))))
    assert table.to_numpy().tolist() == [["treated before clearance", "a", 1, 0]]


def test_the_toolkit_never_says_who_needs_clearance():
    episodes = pd.DataFrame(
        {"episode_id": ["a"], "adaptations": "organ_failure;cancer", "clearance_required": [None]}
    )
    sessions = pd.DataFrame({"episode_id": ["a"], "session": 1, "day": 0})
    study = study_from_tables({"episodes": episodes, "sessions": sessions})
    assert clearance(study)["status"].item() == "not recorded"
    assert deviations(study).empty


class TestCeiling:
    @pytest.mark.parametrize(
        ("pressure", "highest", "over"),
        [(3, None, 0), (4, None, 1), (3, 3, 0), (3, 4, 1), (None, 4, 1), (None, None, 0)],
    )
    def test_highest_pressure_against_ceiling(self, pressure, highest, over):
        episodes = pd.DataFrame({"episode_id": ["a"], "pressure_ceiling": [3]})
        sessions = pd.DataFrame(
            {"episode_id": ["a"], "session": 1, "pressure": [pressure], "pressure_max": [highest]}
        )
        table = deviations(study_from_tables({"episodes": episodes, "sessions": sessions}))
        assert table["deviation"].tolist() == ["pressure over ceiling"] * over

    def test_without_a_ceiling_there_is_no_deviation(self):
        sessions = pd.DataFrame({"episode_id": ["a"], "session": 1, "pressure": [5]})
        assert deviations(study_from_tables({"sessions": sessions})).empty


EPISODES = pd.DataFrame(
    {
        "episode_id": ["a", "b", "c"],
        "adaptations": ["cancer; scar", "none", None],
        "condition": ["neck_mvc", "neck_mvc", None],
    }
)
VISITS = pd.DataFrame(
    [
        ("a", 1, 2, 0, None, None), ("a", 2, 2, None, "none", None), ("a", 3, 2, 2, "bruise", None),
        ("a", 4, 3, None, None, None), ("b", 1, 4, None, "soreness", None),
        ("b", 2, 4, 0, None, None), ("c", 1, None, 0, None, None), ("c", 2, 1, 3, None, "no_show"),
    ],
    columns=["episode_id", "session", "pressure", "adverse_severity", "adverse_event", "status"],
)  # fmt: skip


@pytest.fixture
def study():
    return study_from_tables({"episodes": EPISODES, "sessions": VISITS})


class TestRates:
    def test_all_visits(self, study):
        row = adverse_event_rates(study, by=()).iloc[0]
        assert row[["n_episodes", "n_visits", "n_asked", "n_events"]].tolist() == [3, 7, 6, 2]
        exact = stats.binomtest(2, 6).proportion_ci(method="exact")
        assert row["per_100"] == pytest.approx(100 / 3)
        assert row["conf_low"] == pytest.approx(100 * exact.low)
        assert row["conf_high"] == pytest.approx(100 * exact.high)

    def test_by_whether_adapted(self, study):
        table = adverse_event_rates(study).set_index("adapted")
        assert table["n_asked"].to_dict() == {"no": 2, "not recorded": 1, "yes": 3}
        assert table["n_events"].to_dict() == {"no": 1, "not recorded": 0, "yes": 1}

    def test_each_adaptation_counts_all_visits_of_its_course(self, study):
        table = adverse_event_rates(study, by=("adaptation",)).set_index("adaptation")
        assert table["n_visits"].to_dict() == {"cancer": 4, "none": 2, "not recorded": 1, "scar": 4}

    def test_by_stratum_and_pressure(self, study):
        table = adverse_event_rates(study, by=("adapted", "pressure"))
        assert table[["adapted", "pressure", "n_visits"]].to_numpy().tolist() == [
            ["no", "4", 2], ["not recorded", "not recorded", 1], ["yes", "2", 3], ["yes", "3", 1],
        ]  # fmt: skip

    def test_a_visit_that_was_not_asked_about_is_no_denominator(self, study):
        table = adverse_event_rates(study, by=("pressure",)).set_index("pressure")
        assert table.loc["3", "n_asked"] == 0
        assert table.loc["3", ["per_100", "conf_low", "conf_high"]].isna().all()

    @pytest.mark.parametrize(("least", "events"), [(1, 2), (2, 1), (3, 0)])
    def test_severity_that_counts(self, study, least, events):
        assert adverse_event_rates(study, by=(), least_severity=least)["n_events"].item() == events

    def test_none_seen_is_bounded_by_the_exact_interval(self):
        visits = pd.DataFrame(
            {"episode_id": [f"e{i}" for i in range(60)], "session": 1, "adverse_severity": 0}
        )
        row = adverse_event_rates(study_from_tables({"sessions": visits}), by=()).iloc[0]
        assert row["conf_high"] == pytest.approx(100 * (1 - 0.025 ** (1 / 60)))
        assert (row["per_100"], row["conf_low"]) == (0, 0)

    def test_visits_of_one_patient_widen_the_interval(self):
        visits = pd.DataFrame(
            {"episode_id": np.repeat([f"e{i}" for i in range(10)], 8),
             "session": np.tile(range(1, 9), 10),
             "adverse_severity": np.repeat([1, 1, 1, 0, 0, 0, 0, 0, 0, 0], 8)}
        )  # fmt: skip
        row = adverse_event_rates(study_from_tables({"sessions": visits}), by=()).iloc[0]
        assert row["design_effect"] == pytest.approx(80 / 9)
        assert row["clustered_low"] < row["conf_low"] < row["conf_high"] < row["clustered_high"]

    @pytest.mark.parametrize("wrong", [{"by": ("therapist_id",)}, {"least_severity": 0}])
    def test_other_strata_and_severities_are_refused(self, study, wrong):
        with pytest.raises(UsageError):
            adverse_event_rates(study, **wrong)

    def test_without_sessions_there_is_nothing_to_count(self):
        row = adverse_event_rates(study_from_tables({}), by=()).iloc[0]
        assert (row["n_visits"], row["n_events"]) == (0, 0)
        assert adverse_event_rates(study_from_tables({})).empty
