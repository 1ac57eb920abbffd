"""The committed maps read small invented files with the headers of the published ones."""

from __future__ import annotations

from pathlib import Path

import pytest

import outcomes as oc

MAPS = Path(__file__).resolve().parents[2] / "docs" / "maps"

HEADACHE = """\
id,age,sex,migraine,chronicity,acupuncturist,practice_id,group,week,score,treatments,withdrawal_reason
1,47,1,1,35,12,35,1,0,20.75,9,
1,47,1,1,35,12,35,1,13,12.5,9,
1,47,1,1,35,12,35,1,52,10.75,9,
2,91,0,0,8,12,35,0,0,98.5,,withdrew consent
3,29,1,0,8,3,18,0,0,30,,died
3,29,1,0,8,3,18,0,13,31,,died
"""
BLUES = """\
"subject","drug","episode","treatment","bdi_pre","month","bdi","improvement"
"1","No",">6m","TAU",29,2,2,27
"1","No",">6m","TAU",29,4,5,24
"2","Yes","<6m","BtheB",32,2,16,16
"""


def test_headache_trial(file):
    study = oc.load(file(HEADACHE), MAPS / "headache-trial.toml")
    assert [item.rule for item in oc.check(study).items] == ["R41"]  # migraine, chronicity
    assert (study.provenance.control, study.provenance.randomised) == ("usual care", True)
    episodes = study.episodes.set_index("episode_id")
    assert episodes["arm"].tolist() == ["acupuncture", "usual care", "usual care"]
    assert episodes["sex"].tolist() == ["female", "male", "female"]
    assert episodes["age_band"].tolist() == ["40-49", "90+", "20-29"]
    assert episodes["end_reason"].tolist() == [None, "declined", "death"]
    assert episodes["sessions_attended"].tolist()[0] == 9
    frame = study.trajectory("headache-score")
    assert frame["week"].tolist() == [13, 52, 13]
    assert frame["improvement"].tolist() == [8.25, 10, -1]
    assert study.provenance.unused_columns == ("migraine", "chronicity")


def test_beat_the_blues(file):
    study = oc.load(file(BLUES), MAPS / "beat-the-blues.toml")
    assert oc.check(study).ok
    assert study.provenance.control == "TAU"
    frame = study.trajectory("bdi")
    assert frame["improvement"].tolist() == [27, 24, 16]
    assert frame["day"].tolist() == [61, 122, 61]
    assert frame["baseline"].tolist() == [29, 29, 32]


@pytest.mark.parametrize("place", sorted(MAPS.glob("*.toml")), ids=lambda place: place.stem)
def test_every_committed_map_can_be_read(place):
    from outcomes.intake.column_map import read_column_map

    assert read_column_map(place).title
