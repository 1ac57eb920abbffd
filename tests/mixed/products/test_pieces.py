"""Rows that come piece by piece give the fit of all of them."""

import numpy as np
import pandas as pd
import pytest

from outcomes.mixed.fit import lmm
from outcomes.mixed.products.pieces import Pieces, cut_rows
from tests.mixed.products.test_merge import ALL_KINDS, rows

pytestmark = pytest.mark.filterwarnings("ignore::outcomes.errors.SingularFitWarning")


def in_pieces(frame, size=60):
    pieces = list(cut_rows(frame, "course", size))
    return Pieces(tuple(lambda piece=piece: piece for piece in pieces), len(frame))


@pytest.mark.parametrize(
    "formula", [ALL_KINDS, "y ~ t + base + (1 | course)", "y ~ t + ar1(t | course)"]
)
def test_a_model_of_pieces_is_that_of_their_rows(formula):
    frame = rows(80)
    found, whole = lmm(formula, in_pieces(frame)), lmm(formula, frame)
    for one, other in zip(found.tidy().items(), whole.tidy().items(), strict=True):
        if other[1].dtype.kind == "f":
            np.testing.assert_allclose(one[1], other[1], rtol=1e-5, atol=1e-9)
    np.testing.assert_allclose(found.loglik, whole.loglik, rtol=1e-10)


def test_what_is_done_to_pieces_is_done_when_they_are_read_and_to_each():
    frame = rows(40)
    late = in_pieces(frame).changed(
        lambda piece: piece[piece["t"] > 2], int((frame["t"] > 2).sum())
    )
    assert len(late) == (frame["t"] > 2).sum() == sum(len(piece) for piece in late)
    together = late.changed(lambda piece: piece.assign(t=piece["t"] * 2)).together()
    whole = frame[frame["t"] > 2].assign(t=lambda d: d["t"] * 2).reset_index(drop=True)
    pd.testing.assert_frame_equal(together, whole)
