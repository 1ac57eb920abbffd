"""The registry: complete, consistent, every number with a source, nothing unsure or proprietary."""

import itertools
from pathlib import Path

import pytest

from docs.make.instruments import markdown
from outcomes.dictionary.instruments import Instrument, instrument, registry
from outcomes.dictionary.tables import CONDITIONS
from outcomes.errors import UsageError

ENTRIES = list(registry().values())
THRESHOLDS = [(entry, threshold) for entry in ENTRIES for threshold in entry.thresholds]

# Range, direction and licence tier as published.
PUBLISHED = {
    "nprs": (0, 10, "lower", "A"),
    "vas": (0, 100, "lower", "A"),
    "ndi": (0, 50, "lower", "B"),
    "odi": (0, 100, "lower", "B"),
    "rmdq": (0, 24, "lower", "A"),
    "sbi": (0, 24, "lower", "A"),
    "quickdash": (0, 100, "lower", "B"),
    "bctq-sss": (1, 5, "lower", "B"),
    "bctq-fss": (1, 5, "lower", "B"),
    "hit-6": (36, 78, "lower", "C"),
    "headache-days": (0, 28, "lower", "A"),
    "womac": (0, 96, "lower", "C"),
    "koos-pain": (0, 100, "higher", "A"),
    "koos-symptoms": (0, 100, "higher", "A"),
    "koos-adl": (0, 100, "higher", "A"),
    "koos-sport": (0, 100, "higher", "A"),
    "koos-qol": (0, 100, "higher", "A"),
    "promis-pi-4a": (41.6, 75.6, "lower", "A"),
    "promis-pf-4a": (22.9, 56.9, "higher", "A"),
    "psfs": (0, 10, "higher", "A"),
    "pgic": (1, 7, "lower", "A"),
    "bpi-severity": (0, 10, "lower", "B"),
    "bpi-interference": (0, 10, "lower", "B"),
    "fact-g": (0, 108, "higher", "B"),
    "fact-g-ewb": (0, 24, "higher", "B"),
    "sf12-pcs": (0, 100, "higher", "C"),
    "rom-cervical-rotation": (0, 104, "higher", "A"),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_range_direction_and_tier_are_the_published_ones(name):
    entry = instrument(name)
    assert (entry.minimum, entry.maximum, entry.better, entry.licence_tier) == PUBLISHED[name]


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_every_entry_says_unit_source_licence_and_missing_rule(entry):
    for word in (entry.title, entry.unit, entry.source, entry.notice, entry.missing_rule):
        assert word
    assert (entry.scoring is None) == bool(entry.totals_only)
    assert entry.sign == {"lower": -1, "higher": 1}[entry.better]


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_tier_c_ships_no_item_range_and_no_rule(entry):
    if entry.licence_tier == "C":
        assert entry.scoring is None
        assert entry.item_minimum is None
        assert entry.item_maximum is None
        assert entry.reverse_items == ()


@pytest.mark.parametrize(("entry", "threshold"), THRESHOLDS)
def test_every_threshold_is_on_its_instruments_scale_and_inside_its_range(entry, threshold):
    assert threshold.scale == entry.scale
    assert set(threshold.conditions) <= {*CONDITIONS, "any"}
    assert threshold.relative or threshold.value < entry.maximum - entry.minimum


def test_no_entry_is_called_a_koos_total():
    assert "koos" not in registry()


def test_normal_values_of_the_neck_by_age():
    planes = ("flexion", "extension", "lateral-flexion", "rotation")
    normals = [[n.value for n in instrument(f"rom-cervical-{p}").normals] for p in planes]
    by_age = list(itertools.zip_longest(*normals))
    assert by_age == [(63, 81, 45, 74), (55, 65, 36, 60), (53, 46, 26, 54), (50, 60, 45, 80)]


def test_limits_of_motion_are_130_per_cent_of_the_largest_normal_value():
    for entry in ENTRIES:
        if entry.name.startswith("rom-") and entry.minimum == 0:
            largest = max(normal.value for normal in entry.normals)
            assert entry.maximum == pytest.approx(min(1.3 * largest, 180))


def test_unknown_name_is_refused_with_near_ones_and_not_repeated():
    with pytest.raises(UsageError, match="Nearest: koos-") as caught:
        instrument("koos-pan, Ms Example")
    assert "Example" not in str(caught.value)


def test_name_like_no_other_lists_all():
    with pytest.raises(UsageError, match="Known: bctq-fss, bctq-sss"):
        instrument("@@@")


def test_registry_cannot_be_changed_and_is_read_once():
    with pytest.raises(TypeError):
        registry()["mine"] = instrument("nprs")
    with pytest.raises(AttributeError):
        instrument("nprs").maximum = 100
    assert registry() is registry()


def test_a_name_that_stands_twice_is_refused(tmp_path, monkeypatch):
    folder = tmp_path / "data"
    folder.mkdir()
    entry = '[[instrument]]\nname="a"\nminimum=0\nmaximum=1\nunit="points"\nbetter="lower"\n'
    (folder / "one.toml").write_text(entry + entry, encoding="utf-8")
    monkeypatch.setattr("outcomes.dictionary.instruments.catalogue.files", lambda _: tmp_path)
    with pytest.raises(UsageError, match=r"stands once.*one\.toml"):
        registry.__wrapped__()


def test_documentation_page_is_the_registry():
    page = Path(__file__).parents[3] / "docs" / "instruments.md"
    assert page.read_text(encoding="utf-8") == markdown(), "write it again: python run.py pages"


class TestDeclared:
    def test_needs_only_range_unit_and_direction(self):
        grip = Instrument.declared("grip", minimum=0, maximum=90, unit="kg", better="higher")
        assert (grip.sign, grip.scale, grip.title, grip.scoring) == (1, "0-90", "grip", None)

    @pytest.mark.parametrize(
        ("wrong", "must"),
        [
            ({"minimum": 90}, "minimum is below maximum"),
            ({"maximum": float("inf")}, "minimum is below maximum"),
            ({"better": "up"}, "better is lower or higher"),
            ({"name": ""}, "has a name"),
        ],
    )
    def test_refuses_what_contradicts_itself(self, wrong, must):
        right = {"name": "grip", "minimum": 0, "maximum": 90, "unit": "kg", "better": "higher"}
        with pytest.raises(UsageError, match=must):
            Instrument.declared(**{**right, **wrong})


@pytest.mark.parametrize("entry", registry().values(), ids=registry())
def test_a_change_in_the_unit_is_a_sentence_and_no_relative_change(entry):
    """Improved by 3.2 degrees, not by 3.2 T score; by 14 points of 100, not by 14 per cent."""
    assert entry.unit.partition(" of ")[0].split()[-1] in {"points", "degrees", "mm", "days"}
