"""The engine against dense algebra written out here, on models and data drawn at random.

Nothing of the engine is used on this side: V is built row by row from the published variance
components, and everything else follows from V by textbook formulas.
"""

import string
import warnings
from dataclasses import dataclass

import formulaic
import numpy as np
import numpy.testing as npt
import pandas as pd
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

import outcomes.mixed.fit as mixed_fit
from outcomes.errors import (
    ConvergenceWarning,
    OutcomesError,
    OutcomesWarning,
    SingularFitWarning,
)

FIXED = ("x", "a", "a * x", "x + a + I(x**2)", "1", "a:x", "0 + a", "bs(x, df=4)")
RANDOM = (
    (("g", ("1",)),),
    (("g", ("1", "x")),),
    (("g", ("1",)), ("g", ("x",))),
    (("g", ("x",)),),
    (("g", ("1",)), ("h", ("1",))),
    (("g", ("1", "x")), ("h", ("1",))),
    (("g", ("1", "x")), ("h", ("1", "x"))),
    (("h", ("1",)), ("h:g", ("1",))),
    (("g", ("1",)), ("h", ("1",)), ("k", ("1",))),
    (("g:h", ("1",)),),
    (("g", ("1", "x", "z")),),
)


@dataclass(frozen=True)
class Case:
    """A model, in terms of which the dense path builds its own matrices."""

    fixed: str
    random: tuple[tuple[str, tuple[str, ...]], ...]
    data: pd.DataFrame
    weighted: bool
    reml: bool

    @property
    def formula(self):
        bars = [
            f"({'' if '1' in terms else '0 + '}{' + '.join(terms)} | {group})"
            for group, terms in self.random
        ]
        return f"y ~ {self.fixed} + {' + '.join(bars)}"

    @property
    def weights(self):
        return self.data["w"].to_numpy() if self.weighted else np.ones(len(self.data))

    def fit(self, **options):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            warnings.simplefilter("ignore", SingularFitWarning)
            weights = "w" if self.weighted else None
            return mixed_fit.lmm(
                self.formula, self.data, reml=self.reml, weights=weights, **options
            )


def draw_case(seed, *, scale=1.0, shift=0.0):
    """A case from a seed: 30 to 90 rows, uneven groups, one to five variance parameters."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(30, 91))
    sizes = {
        "g": int(rng.integers(5, 13)),
        "h": int(rng.integers(3, 7)),
        "k": int(rng.integers(3, 6)),
    }
    codes = {name: rng.integers(0, size, n) for name, size in sizes.items()}
    data = pd.DataFrame({name: np.char.add(name, code.astype(str)) for name, code in codes.items()})
    data["x"] = rng.normal(0, 1, n).round(3) + shift
    data["z"] = rng.integers(0, 4, n).astype(float)
    data["a"] = rng.choice(["p", "q", "r"], n)
    data["w"] = rng.uniform(0.3, 3, n).round(3)
    sd = rng.choice([0.0, 0.5, 1.5], 4)
    y = rng.normal(0, 1, n) + 0.5 * data["x"] + (data["a"] == "q")
    for effect, name in zip(sd, ("g", "h", "k"), strict=False):
        y = y + effect * rng.normal(0, 1, sizes[name])[codes[name]]
    y = y + sd[3] * 0.5 * rng.normal(0, 1, sizes["g"])[codes["g"]] * (data["x"] - shift)
    data["y"] = scale * y
    return Case(
        str(rng.choice(FIXED)),
        RANDOM[int(rng.integers(len(RANDOM)))],
        data,
        bool(rng.random() < 0.3),
        bool(rng.random() < 0.6),
    )


def group_codes(data, group):
    keys = data[group.split(":")].astype(str).agg("|".join, axis=1)
    return pd.factorize(keys)[0]


def term_columns(data, terms):
    return np.column_stack([np.ones(len(data)) if t == "1" else data[t] for t in terms])


def pieces(case):
    """The matrices G_r of V = sum of parameter_r G_r, and where each parameter belongs."""
    found, labels = [], []
    for number, (group, terms) in enumerate(case.random):
        same = np.equal.outer(*[group_codes(case.data, group)] * 2)
        B = term_columns(case.data, terms)
        for i in range(len(terms)):
            for j in range(i + 1):
                outer = np.outer(B[:, i], B[:, j])
                found.append(same * (outer if i == j else outer + outer.T))
                labels.append((number, group, terms[i], terms[j]))
    return [*found, np.diag(1.0 / case.weights)], labels


def parameters(fit, labels):
    """The published variances and covariances in the order of the pieces."""
    table = fit.variance_components()
    spelled = {"1": "Intercept"}
    group = [":".join(sorted(name.split(":"))) for name in table["group"]]
    keys = zip(group, table["term_1"], table["term_2"], strict=True)
    values = dict(zip(keys, table["variance"], strict=True))

    def value(name, first, second):
        name = ":".join(sorted(name.split(":")))
        first, second = spelled.get(first, first), spelled.get(second, second)
        if first == second:
            return values[name, first, ""]
        return values.get((name, first, second), values.get((name, second, first)))

    return np.array([*(value(g, i, j) for _, g, i, j in labels), values["residual", "", ""]])


def design(case, fit):
    X = formulaic.model_matrix(case.fixed, case.data)
    return X[list(fit.estimates.terms)].to_numpy(float)


def loglik(X, y, V, reml):
    sign, logdet = np.linalg.slogdet(V)
    if sign <= 0:
        return -np.inf
    XtVi = np.linalg.solve(V, X).T
    gram = XtVi @ X
    r = y - X @ np.linalg.solve(gram, XtVi @ y)
    value = logdet + r @ np.linalg.solve(V, r) + (len(y) - reml * X.shape[1]) * np.log(2 * np.pi)
    return -0.5 * (value + reml * np.linalg.slogdet(gram)[1])


def total(G, values):
    return sum(v * g for v, g in zip(values, G, strict=True))


def kenward_roger(X, G, values):
    """Kenward & Roger (1997): adjusted covariance and the df of each coefficient."""
    Vi = np.linalg.inv(total(G, values))
    Phi = np.linalg.inv(X.T @ Vi @ X)
    ViG = [Vi @ g for g in G]
    P = [-X.T @ a @ Vi @ X for a in ViG]
    Q = [[X.T @ a @ b @ Vi @ X for b in ViG] for a in ViG]
    size = range(len(G))
    info = np.array(
        [
            [
                np.sum(ViG[r] * ViG[s].T)
                - 2 * np.sum(Phi * Q[r][s].T)
                + np.sum((Phi @ P[r]) * (Phi @ P[s]).T)
                for s in size
            ]
            for r in size
        ]
    )
    W = 2 * np.linalg.inv(info)
    middle = sum(W[r, s] * (Q[r][s] - P[r] @ Phi @ P[s]) for r in size for s in size)
    slope = np.array([np.diag(Phi @ p @ Phi) for p in P]) / np.diag(Phi)
    df = 2 / np.einsum("rp,rs,sp->p", slope, W, slope)
    return Phi + Phi @ (middle + middle.T) @ Phi, df


def fitted(case, **options):
    """The fit, or nothing when the data cannot carry the model and the engine says so."""
    try:
        return case.fit(**options)
    except OutcomesError:
        return None


def check_at_the_optimum(case):
    """Log-likelihood, coefficients, covariance and random effects follow from the variances."""
    fit = fitted(case)
    if fit is None:
        return None
    y, X = case.data["y"].to_numpy(), design(case, fit)
    G, labels = pieces(case)
    values = parameters(fit, labels)
    V = total(G, values)
    npt.assert_allclose(fit.loglik, loglik(X, y, V, case.reml), rtol=1e-8, atol=1e-6)
    Vi = np.linalg.inv(V)
    Phi = np.linalg.inv(X.T @ Vi @ X)
    beta = Phi @ X.T @ Vi @ y
    std_error = np.sqrt(np.diag(Phi))
    npt.assert_array_less(np.abs(fit.estimates.beta - beta), 1e-6 * std_error)
    npt.assert_allclose(np.sqrt(np.diag(fit.estimates.vcov)), std_error, rtol=1e-6)
    mean = X @ beta
    residual_part = values[-1] / case.weights * (Vi @ (y - mean))
    npt.assert_allclose(fit.augment()["fitted"], y - residual_part, rtol=1e-6, atol=1e-6 * y.std())
    return fit, X, y, G, values


def best_elsewhere(case, X, y, G, values, rng):
    """The highest log-likelihood a general optimiser finds from other starts."""
    spread = float(np.var(y))

    def covariance(free):
        at, parts = 0, []
        for _, terms in case.random:
            q = len(terms)
            L = np.zeros((q, q))
            L[np.tril_indices(q)] = free[at : at + q * (q + 1) // 2]
            at += q * (q + 1) // 2
            parts += list((L @ L.T)[np.tril_indices(q)])
        return np.array([*parts, np.exp(2 * free[-1])])

    def minus(free):
        value = -loglik(X, y, total(G, spread * covariance(free)), case.reml)
        return value if np.isfinite(value) else 1e10

    starts = [np.r_[rng.normal(0, 0.5, len(values) - 1), rng.normal(-0.5, 0.3)] for _ in range(3)]
    options = {"maxiter": 300, "maxfun": 6000}
    return max(-minimize(minus, s, method="L-BFGS-B", options=options).fun for s in starts)


@pytest.mark.parametrize("seed", range(30))
def test_everything_follows_from_the_variances(seed):
    check_at_the_optimum(draw_case(seed))


@pytest.mark.parametrize("seed", range(100, 112))
def test_kenward_roger_is_the_dense_one(seed):
    case = draw_case(seed)
    case = Case(case.fixed, case.random, case.data, case.weighted, reml=True)
    found = check_at_the_optimum(case)
    fit = fitted(case, df="kenward-roger")
    if found is None or fit is None or fit.is_singular:
        return
    _, X, _, G, values = found
    covariance, df = kenward_roger(X, G, values)
    npt.assert_allclose(fit.vcov, covariance, rtol=1e-5, atol=1e-6 * np.diag(covariance).max())
    npt.assert_allclose(fit.tidy()["df"], df, rtol=1e-3)


@pytest.mark.parametrize("seed", range(200, 206))
def test_no_higher_likelihood_is_found_elsewhere(seed):
    found = check_at_the_optimum(draw_case(seed))
    if found is not None:
        fit, X, y, G, values = found
        other = best_elsewhere(draw_case(seed), X, y, G, values, np.random.default_rng(seed))
        assert fit.loglik >= other - 1e-5


@pytest.mark.slow
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(1000, 10**6))
def test_no_higher_likelihood_is_found_elsewhere_in_many(seed):
    case = draw_case(seed)
    found = check_at_the_optimum(case)
    assume(found is not None)
    fit, X, y, G, values = found
    other = best_elsewhere(case, X, y, G, values, np.random.default_rng(seed))
    assert fit.loglik >= other - 1e-5


@pytest.mark.slow
@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    seed=st.integers(1000, 10**6),
    scale=st.sampled_from([1e-6, 1e-3, 1.0, 1e4, 1e8]),
    shift=st.sampled_from([0.0, 10.0, 2026.0]),
)
def test_scales_and_shifts_in_many(seed, scale, shift):
    case = draw_case(seed, scale=scale, shift=shift)
    assume("x**2" not in case.fixed or shift < 2000)
    check_at_the_optimum(case)


@pytest.mark.slow
@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    text=st.text(alphabet="yxagh01+*:|()/~ -" + string.ascii_lowercase[:3], max_size=25),
    tail=st.sampled_from(["", " + (1 | g)", " + (1 + x | g)", " + (x || g)"]),
)
def test_any_text_is_a_model_or_a_clear_refusal(text, tail):
    case = draw_case(7)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            mixed_fit.lmm(f"y ~ {text}{tail}", case.data)
        except OutcomesError:
            return


@pytest.mark.slow
@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 10**6), data=st.data())
def test_damaged_data_give_a_fit_or_a_clear_refusal(seed, data):
    """Missing, constant, infinite, repeated, text, few rows: never another kind of error."""
    case = draw_case(seed)
    frame = case.data
    kinds = data.draw(
        st.lists(st.sampled_from(sorted(DAMAGE)), min_size=1, max_size=3, unique=True)
    )
    for kind in kinds:
        frame = DAMAGE[kind](frame, np.random.default_rng(seed))
    damaged = Case(case.fixed, case.random, frame, case.weighted, case.reml)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        try:
            fit = damaged.fit()
        except (OutcomesError, OutcomesWarning):  # warnings are errors there: an aliased column
            return
    assert np.isfinite(fit.loglik)
    assert np.isfinite(fit.tidy()[["estimate", "std_error"]]).all(axis=None)


def holes(frame, rng):
    column = str(rng.choice(["x", "a", "g", "y"]))
    return frame.assign(**{column: frame[column].where(rng.random(len(frame)) > 0.3)})


DAMAGE = {
    "holes": holes,
    "constant response": lambda frame, _: frame.assign(y=1.0),
    "constant covariate": lambda frame, _: frame.assign(x=3.0),
    "one level": lambda frame, _: frame.assign(a="p"),
    "one group": lambda frame, _: frame.assign(g="g0"),
    "a group a row": lambda frame, _: frame.assign(g=[f"g{i}" for i in range(len(frame))]),
    "infinite": lambda frame, _: frame.assign(x=frame["x"].mask(frame.index == 3, np.inf)),
    "few rows": lambda frame, rng: frame.iloc[: int(rng.integers(0, 9))],
    "text response": lambda frame, _: frame.assign(y="high"),
    "repeated rows": lambda frame, _: pd.concat([frame, frame]),
    "categories unused": lambda frame, _: frame.assign(
        a=pd.Categorical(frame["a"], ["r", "unused", "p", "q"])
    ),
    "numbers as groups": lambda frame, _: frame.assign(
        g=frame["g"].str[1:].astype(float), h=frame["h"].str[1:].astype(float)
    ),
    "nullable": lambda frame, _: frame.convert_dtypes(),
    "tiny": lambda frame, _: frame.assign(y=pd.to_numeric(frame["y"], "coerce") * 1e-200),
    "huge": lambda frame, _: frame.assign(y=pd.to_numeric(frame["y"], "coerce") * 1e150),
    "negative weight": lambda frame, _: frame.assign(w=-1.0),
    "response fitted exactly": lambda frame, _: frame.assign(y=2.0 * frame["x"] + 1.0),
}
