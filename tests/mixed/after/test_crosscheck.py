"""statsmodels' MixedLM beside this package."""

import numpy as np
import pytest

import outcomes as oc
from outcomes.errors import UnavailableError
from outcomes.mixed.fit import lmm

MODELS = [
    ("sleepstudy", "Reaction ~ Days + (1 + Days | Subject)", True),
    ("sleepstudy", "Reaction ~ Days + (1 + Days || Subject)", False),
    ("nested", "improvement ~ session_count + (1 | clinic_id/patient)", True),
    ("penicillin", "diameter ~ 1 + (1 | plate) + (1 | sample)", True),
]
FILES = {
    "sleepstudy": ("lme4_sleepstudy.csv", ["Subject"]),
    "nested": ("nested.csv", ["clinic_id", "patient"]),
    "penicillin": ("lme4_Penicillin.csv", ["plate", "sample"]),
}


@pytest.mark.parametrize(("data", "formula", "reml"), MODELS)
def test_differences_are_small(reference_fit, data, formula, reml):
    file, factors = FILES[data]
    entry = {"data": file, "factors": factors, "formula": formula, "weights": ""}
    table = reference_fit(entry, reml=reml).crosscheck()
    scale = np.maximum(np.abs(table["estimate"]), 0.5)
    assert (table["difference"].abs() / scale < 1e-2).all()
    fixed = table[table["group"] == "fixed"]
    assert np.allclose(fixed["std_error"], fixed["statsmodels_std_error"], rtol=1e-3)
    assert abs(table.iloc[-1]["difference"]) < 1e-5
    assert table.iloc[-1]["term"] == "loglik"


def test_unequal_courses_agree_as_they_do_with_lme4():
    """The model of notebook 01; lme4 1.1-31: 0.71266, 0.24224, log-likelihood -1632.1864."""
    rows = oc.load("data/synthetic").trajectory("nprs")
    rows = rows[rows["session"].notna()]
    fit = lmm("improvement ~ session_count + (1 + session_count | episode_id)", rows)
    table = fit.crosscheck()
    for column in ("estimate", "statsmodels"):
        of_lme4 = [0.71266, 0.24224, -1632.1864]
        assert table[column].iloc[[0, 1, -1]].tolist() == pytest.approx(of_lme4, abs=2e-4)
    assert table["std_error"][:2].tolist() == pytest.approx([0.11455, 0.02552], abs=1e-5)


@pytest.mark.parametrize(
    ("formula", "weights", "message"),
    [
        ("improvement ~ arm + (1 | episode_id)", "weight", "prior weights"),
        (
            "improvement ~ arm + (1 + session_count | episode_id) + (1 | therapist_id)",
            None,
            "correlated random effects on 'episode_id'",
        ),
    ],
)
def test_what_mixedlm_cannot_express_is_refused_by_name(clinic, formula, weights, message):
    with pytest.raises(UnavailableError, match=message):
        lmm(formula, clinic, weights=weights).crosscheck()
