"""Instrument files are read strictly: each fault is named with its file, entry and key."""

import pytest

from outcomes.dictionary.instruments.catalogue import read_instruments
from outcomes.errors import UsageError

GRIP = '[[instrument]]\nname = "grip"\nminimum = 0\nmaximum = 90\nunit = "kg"\nbetter = "higher"\n'
THRESHOLD = (
    '[[instrument.thresholds]]\nkind = "MIC"\nvalue = 5\nscale = "0-90"\npopulation = "hand"\n'
    'source = "A 2001"\ntag = "read"\n'
)
ITEMS = "n_items = 2\nitem_minimum = 0\nitem_maximum = 4\n"


def test_a_full_entry_is_read():
    text = GRIP + ITEMS + "[instrument.scoring]\nkind = 'sum'\nrequired = 1\n" + THRESHOLD
    (entry,) = read_instruments(text, "grip.toml")
    assert (entry.minimum, entry.scoring.kind, entry.thresholds[0].value) == (0.0, "sum", 5.0)


def test_a_table_is_read_as_pairs_of_numbers():
    text = (
        GRIP + ITEMS + "[instrument.scoring]\nkind='table'\nrequired=2\ntable=[[0, 10], [1, 20.5]]"
    )
    (entry,) = read_instruments(text, "grip.toml")
    assert entry.scoring.table == ((0.0, 10.0), (1.0, 20.5))


FAULTS = {
    "not TOML": ("[[instrument", "end of document"),
    "no instruments": ("a = 1", "field `a`"),
    "instrument is no array": ("[instrument]\nname = 'a'", "`array`"),
    "entry is no table": ("instrument = [1]", r"`object`.*instrument\[0\]"),
    "unknown key": (GRIP + "colour = 'red'", "field `colour`"),
    "missing key": ('[[instrument]]\nname = "a"', "missing required field `minimum`"),
    "text for a number": (GRIP.replace("90", '"90"'), r"`float`, got `str`.*maximum"),
    "boolean for a number": (GRIP.replace("90", "true"), "got `bool`"),
    "number for a text": (GRIP.replace('"kg"', "1"), "`str`, got `int`"),
    "text for a list": (GRIP + "recall = 'now'", "`array`"),
    "unknown direction": (GRIP.replace("higher", "up"), "enum value 'up'"),
    "unknown tier": (GRIP + "licence_tier = 'D'", "enum value 'D'"),
    "step of nothing": (GRIP + "step = 0", "step is above 0"),
    "scoring without items": (
        GRIP + "[instrument.scoring]\nkind='sum'\nrequired=1",
        "range for its",
    ),
    "scoring without a number of items": (
        GRIP + "item_minimum=0\nitem_maximum=1\n[instrument.scoring]\nkind='sum'\nrequired=1",
        "a number of items",
    ),
    "more required than there are": (
        GRIP + ITEMS + "[instrument.scoring]\nkind='sum'\nrequired=3",
        "at most n_items",
    ),
    "none required": (GRIP + ITEMS + "[instrument.scoring]\nkind='sum'\nrequired=0", "at least 1"),
    "reversed item that is not there": (
        GRIP + ITEMS + "reverse_items=[3]\n[instrument.scoring]\nkind='sum'\nrequired=1",
        "positions of items",
    ),
    "item range upside down": (
        GRIP + "n_items=1\nitem_minimum=2\nitem_maximum=1\n"
        "[instrument.scoring]\nkind='sum'\nrequired=1",
        "not empty",
    ),
    "unknown kind of scoring": (
        GRIP + ITEMS + "[instrument.scoring]\nkind='guess'\nrequired=1",
        "enum value 'guess'",
    ),
    "table kind without a table": (
        GRIP + ITEMS + "[instrument.scoring]\nkind='table'\nrequired=1",
        "a table stands",
    ),
    "parts without their kind": (
        GRIP + ITEMS + "[instrument.scoring]\nkind='sum'\nrequired=1\nparts=['a']",
        "parts stand",
    ),
    "scoring in tier C": (
        GRIP + ITEMS + "licence_tier='C'\n[instrument.scoring]\nkind='sum'\nrequired=1",
        "totals only",
    ),
    "unknown kind of threshold": (GRIP + THRESHOLD.replace("MIC", "MCID"), "enum value 'MCID'"),
    "unknown tag": (GRIP + THRESHOLD.replace('"read"', '"sure"'), "enum value 'sure'"),
    "threshold of nothing": (GRIP + THRESHOLD.replace("= 5", "= 0"), "above 0"),
    "threshold outside its range": (GRIP + THRESHOLD + "low = 6", "between low and high"),
    "threshold without a population": (GRIP + THRESHOLD.replace('"hand"', '""'), "population"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_are_refused_where_they_stand(fault):
    text, message = FAULTS[fault]
    with pytest.raises(UsageError, match=message) as caught:
        read_instruments(text, "grip.toml")
    assert "grip.toml" in str(caught.value)
