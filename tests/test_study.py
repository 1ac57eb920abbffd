from __future__ import annotations

import json
import pickle
from dataclasses import replace

import pandas as pd
import pytest

import outcomes as oc
from outcomes.dictionary.instruments import Instrument
from outcomes.dictionary.tables import TABLES
from outcomes.errors import UsageError
from outcomes.provenance import LeftOut, Provenance
from outcomes.storage import digest
from outcomes.study import Truth, study_from_tables
from outcomes.tables import once
from outcomes.trajectory import trajectory

PAIN = Instrument("pain-x", 0, 20, "points", "higher", title="A scale of our own")


@pytest.fixture
def study():
    return study_from_tables(
        {
            "episodes": pd.DataFrame(
                {
                    "episode_id": ["007", "b"],
                    "claim_open": [True, None],
                    "weeks": [2.5, None],
                    "adaptations": ["cancer;device", "none"],
                }
            ),
            "sessions": pd.DataFrame(
                {"episode_id": ["007"], "session": [1], "day": [0.0], "minutes": [52.5]}
            ),
            "assessments": pd.DataFrame(
                {
                    "episode_id": ["007", "b"],
                    "session": [1, None],
                    "day": [0, 1 / 3],
                    "instrument": "pain-x",
                    "score": [4.0, 0.1 + 0.2],
                }
            ),
        },
        provenance=Provenance(
            title="Two courses",
            synthetic=True,
            seed=9,
            version="0.1.0",
            left_out=(LeftOut("assessments", "no score", 3),),
            assumed=("A choice.",),
        ),
        truth=Truth({"a": 1}, pd.DataFrame({"estimand": ["x"], "value": [1.5]})),
        instruments={"pain-x": PAIN},
    )


def test_every_column_of_the_contract_is_there(study):
    for name, spec in TABLES.items():
        assert tuple(study.table(name).columns) == spec.names


def test_a_saved_study_comes_back_as_it_was(study, tmp_path):
    again = oc.load(study.save(tmp_path / "s"))
    for name in TABLES:
        pd.testing.assert_frame_equal(
            study.table(name), again.table(name), check_dtype=False, check_exact=False, rtol=1e-9
        )
    assert again.episodes["episode_id"].tolist() == ["007", "b"]
    assert again.truth is not None
    assert again.truth.parameters == {"a": 1}
    assert again.instrument("pain-x").better == "higher"
    assert again.provenance.left_out == study.provenance.left_out
    assert (again.provenance.synthetic, again.provenance.seed) == (True, 9)
    assert again.provenance.assumed == ("A choice.",)


def test_saving_twice_gives_the_same_bytes(study, tmp_path):
    first, second = study.save(tmp_path / "a"), study.save(tmp_path / "b")
    for path in first.iterdir():
        assert path.read_bytes() == (second / path.name).read_bytes()


def test_the_package_description_names_hash_and_label(study, tmp_path):
    about = json.loads((study.save(tmp_path / "s") / "datapackage.json").read_text("utf-8"))
    assert about["outcomes"]["label"] == "SYNTHETIC"
    assert all(resource["hash"].startswith("sha256:") for resource in about["resources"])


def test_the_digest_follows_the_data(study):
    changed = study_from_tables({"assessments": study.assessments.assign(score=1.0)})
    assert digest(study) != digest(changed)
    again = replace(study, assessments=study.assessments.copy())  # a study keeps its own digest
    assert digest(again) == digest(study)


def test_the_repr_counts_and_shows_no_value(study):
    assert repr(study) == "SYNTHETIC Study(2 episodes, 1 sessions, 2 scores, 0 goals)"
    assert repr(study.truth) == "Truth(1 parameters, 1 estimands)"


def test_what_is_recorded_is_known_by_name(study):
    assert study.recorded("sessions", "minutes")
    assert not study.recorded("sessions", "pressure")


def test_names_outside_the_contract_are_refused():
    with pytest.raises(UsageError, match="got painn"):
        study_from_tables({"assessments": pd.DataFrame({"painn": [1]})})
    with pytest.raises(UsageError, match="got billing"):
        study_from_tables({"billing": pd.DataFrame()})
    with pytest.raises(UsageError, match="a table is one of"):
        study_from_tables({}).table("billing")


def test_the_given_frames_are_not_changed_and_not_shared():
    scores = pd.DataFrame(
        {"episode_id": [1, 2], "session": [1, 1], "instrument": "nprs", "score": [3, 4]}
    )
    before = scores.copy()
    study = study_from_tables({"assessments": scores})
    study.assessments.loc[0, "score"] = 9.0
    pd.testing.assert_frame_equal(scores, before)
    assert study.episodes["episode_id"].tolist() == ["1", "2"]


def test_a_study_goes_to_another_process_and_back_without_what_was_made_of_it(study):
    oc.check(study)
    there = pickle.loads(pickle.dumps(study))  # our own bytes
    assert there.digest == study.digest
    assert there.instruments == study.instruments
    assert there.truth.parameters == study.truth.parameters
    pd.testing.assert_frame_equal(there.assessments, study.assessments)


def test_what_is_worked_out_of_a_study_is_worked_out_once_and_cannot_be_spoilt():
    study = oc.simulate(episodes=20, seed=1)
    first = study.trajectory("nprs")
    assert not first.attrs
    first.loc[0, "score"] = 99.0
    first["improvement"] = 0.0
    again = study.trajectory("nprs")
    assert again["score"].max() <= 10
    assert again["improvement"].abs().max() > 0
    assert oc.check(study) is oc.check(study)
    assert trajectory(study, "nprs") is trajectory(study, "nprs")


def test_what_is_remembered_is_known_by_all_arguments_however_many(study):
    @once
    def told(study, name, *more):
        assert study
        return name, *more

    assert told(study, "nprs", 1, None) == ("nprs", 1, None)
    assert told(study, "nprs", 1, 3.0) == ("nprs", 1, 3.0)


def test_a_changed_copy_of_a_study_is_worked_out_anew(study):
    other = replace(study, assessments=study.assessments.assign(score=1.0))
    assert other.digest != study.digest
