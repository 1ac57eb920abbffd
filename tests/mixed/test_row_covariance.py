"""Posterior variances by eliminating one factor after another, against the dense inverse."""

import pickle

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy import sparse

from outcomes.mixed.fit import lmm

TERMS = {
    "one factor": "(1 + x | patient)",
    "nested": "(1 | clinic/patient)",
    "crossed": "(1 + x | patient) + (1 | helper)",
    "crossed and nested": "(1 | patient) + (1 + x | helper) + (1 | clinic)",
    "beside ar1": "(1 | helper) + ar1(visit | patient)",
}


@pytest.mark.filterwarnings("ignore::outcomes.SingularFitWarning")
@pytest.mark.parametrize("name", TERMS)
def test_posterior_variances_are_those_of_the_dense_inverse(name):
    rng = np.random.default_rng(4)
    data = pd.DataFrame({"patient": np.repeat(np.arange(24), 5), "visit": np.tile(range(5), 24)})
    data["x"] = rng.normal(size=120)
    data["clinic"] = data["patient"] // 6
    data["helper"] = rng.integers(0, 30, 120)
    level = rng.normal(size=24)[data["patient"]] + rng.normal(size=30)[data["helper"]]
    data["y"] = data["x"] * (1.0 + level) + level + data["clinic"] + rng.normal(size=120)
    found = lmm(f"y ~ x + {TERMS[name]}", data).rows
    M = (found.H.T @ found.H).toarray() + np.eye(found.H.shape[1])
    rows = np.vstack([found.H.toarray(), rng.normal(size=(3, len(M)))])
    expected = np.sum(rows * np.linalg.solve(M, rows.T).T, axis=1)
    assert_allclose(found.posterior_variance(sparse.csr_array(rows)), expected, rtol=1e-9)


def test_a_fit_that_was_asked_can_be_stored_and_answers_alike(clinic):
    fit = lmm("improvement ~ session_count + (1 | episode_id)", clinic)
    effects = fit.random_effects()
    again = pickle.loads(pickle.dumps(fit))
    pd.testing.assert_frame_equal(again.random_effects(), effects)
