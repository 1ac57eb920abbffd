from __future__ import annotations

import pandas as pd
import pytest

from outcomes.intake.dates import iso, read_dates, read_times

DAY_FIRST = ["%d/%m/%Y"]


def test_an_empty_cell_is_no_cell_that_cannot_be_read():
    dates = read_dates(pd.Series(["2026-05-04", None, "soon"]), [])
    assert dates.unread.tolist() == [False, False, True]
    assert dates.days.isna().tolist() == [False, True, True]


@pytest.mark.parametrize(
    ("cells", "ways", "turned"),
    [
        (["2026-04-05", "2026-11-05", "18/05/2026", "25/05/2026"], DAY_FIRST, [0, 1]),
        (["2026-04-05", "05/04/2026", "18/05/2026"], DAY_FIRST, [0]),  # some stayed text by hand
        (
            ["2026-04-05", "18/05/2026"],
            [],
            [0],
        ),  # no way reads the text: the map is yet to be mended
        (["2026-05-04", "05/18/2026"], ["%m/%d/%Y"], [0]),  # the other order
        (["2026-05-05", "18/05/2026"], DAY_FIRST, []),  # turned round it is the same day
        (["2026-04-05", "2026-05-18", "25/05/2026"], DAY_FIRST, []),  # a real date after the 12th
        (["2026-04-05", "05/04/2026"], DAY_FIRST, []),  # nothing says the order
        (["2026-04-05", "2026-04-12"], DAY_FIRST, []),
    ],
)
def test_day_and_month_that_a_spreadsheet_may_have_turned(cells, ways, turned):
    found = read_dates(pd.Series(cells), ways).turned
    assert [i for i, is_turned in enumerate(found) if is_turned] == turned


@pytest.mark.parametrize(
    ("cell", "zone"), [("2026-01-05 24:00", ""), ("01/05/2026 24:00", ""),
                       ("2026-01-05T24:00:00Z", "UTC"), ("2026-01-05T24:00:00+02:00", "")],
)  # fmt: skip
def test_the_end_of_a_day_is_the_next_one(cell, zone):
    read = read_dates(pd.Series([cell]), ["%m/%d/%Y"], zone)
    assert ([iso(day) for day in read.days], read.minutes.tolist()) == (["2026-01-06"], [0])


def test_no_time_is_later_than_the_end_of_a_day():
    assert read_times(pd.Series(["24:00", "24:01", "25:00"])).fillna(-1).tolist() == [1440, -1, -1]
