"""A sample of changes says how far its share may be from the room's."""

import pytest

from studies.mutants import drawn, score


def test_a_sample_in_which_all_were_noticed_has_its_exact_interval():
    # Clopper and Pearson 1934: with n of n, the lower end solves p^n = 0.025; 0.025^(1/60) = 0.940.
    assert score(60, 0, 900) == (
        "60 of 900 changes judged, 60 noticed (100%; 95% interval 94% to 100%)"
    )


def test_a_whole_room_has_no_interval():
    assert score(106, 1, 106) == "106 of 106 changes judged, 105 noticed (99%)"


def test_nothing_judged_is_said():
    assert score(0, 0, 106) == "no change was judged; the lines above say why"


@pytest.mark.parametrize("sample", [None, 3, 9])
def test_a_sample_is_drawn_by_its_seed_from_all_names(monkeypatch, tmp_path, sample):
    names = {f"change {i}": "not checked" for i in range(9)}
    monkeypatch.setattr("studies.mutants.mutmut", lambda *_, **__: "")
    monkeypatch.setattr("studies.mutants.states", lambda _: names)
    first = drawn(tmp_path, sample, seed=1)
    assert len(first) == (sample or 9)
    assert set(first) <= set(names)
    assert first == drawn(tmp_path, sample, seed=1)
    assert (sample == 3) == (first != drawn(tmp_path, sample, seed=2))
