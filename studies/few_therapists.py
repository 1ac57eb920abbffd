"""``python -m studies.few_therapists``: how often a mean over few therapists holds the truth.

One score a course, in units of its standard deviation; therapists who add a part of variance `rho`
each, of equal and of unequal numbers of courses. The model is fitted by REML over a grid of `rho`,
and degrees of freedom are Satterthwaite's by expected information. It calls of the package only the
rule that it judges (`df_of_mean`), which brings them between bounds.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t

from outcomes.questions.course_model import df_of_mean

Array = NDArray[np.float64]
GRID = np.concatenate([[0.0], np.geomspace(0.002, 20.0, 160)])
SIZES = {
    "3 alike": [8] * 3, "4 alike": [10] * 4, "6 alike": [10] * 6, "12 alike": [8] * 12,
    "3 by 1/k": [13, 7, 4], "4 by 1/k": [19, 10, 6, 5], "6 by 1/k": [24, 12, 8, 6, 5, 5],
    "12 by 1/k": [39, 19, 13, 10, 8, 6, 6, 5, 4, 4, 3, 3], "4 by k^-1.7": [26, 8, 4, 2],
    "6 by k^-1.7": [34, 10, 5, 3, 2, 2], "12 by k^-1.7": [68, 21, 10, 6, 4, 3, 2, 2, 1, 1, 1, 1],
    "6, one has 3 of 4": [45, 3, 3, 3, 3, 3],
}  # fmt: skip
DIFFER = (0.0, 0.05, 0.25, 1.0)


def fitted(sizes: Array, rho: float, n: int, rng: np.random.Generator) -> tuple[Array, ...]:
    """Return means, standard errors and degrees of freedom of `n` studies whose mean is zero."""
    courses = sizes.sum()
    noise = rng.normal(size=(n, len(sizes))) / np.sqrt(sizes)
    means = rng.normal(0.0, np.sqrt(rho), (n, len(sizes))) + noise
    within = rng.chisquare(courses - len(sizes), n)
    weights = sizes / (1.0 + sizes * GRID[:, None])
    total = weights.sum(axis=1)
    centers = means @ weights.T / total
    between = means**2 @ weights.T - centers**2 * total
    deviance = (
        np.log1p(sizes * GRID[:, None]).sum(axis=1) + np.log(total)
        + (courses - 1.0) * np.log(within[:, None] + between)
    )  # fmt: skip
    best, row = deviance.argmin(axis=1), np.arange(n)
    variance = (within + between[row, best]) / (courses - 1.0)
    df = np.array([satterthwaite(sizes, found) for found in GRID])
    return centers[row, best], np.sqrt(variance / total[best]), df[best]


def satterthwaite(sizes: Array, rho: float) -> float:
    """Return degrees of freedom of the mean, 2 V^2 / (g' A g); at zero those of courses."""
    if rho == 0.0:
        return float(sizes.sum() - 1.0)
    a = 1.0 / (1.0 + sizes * rho)
    w, c = sizes * a, sizes * a**2
    total = w.sum()
    of_residual = ((sizes - 1.0).sum() + (a**2).sum() - 2.0 * (sizes * a**3).sum() / total
                   + (c.sum() / total) ** 2)  # fmt: skip
    own = np.diag(w) - np.outer(w, w) / total
    mixed = c - 2.0 * w * c / total + w**2 * c.sum() / total**2
    information = np.array([[of_residual, mixed.sum()], [mixed.sum(), (own**2).sum()]]) / 2.0
    slope = np.array([c.sum(), (w**2).sum()]) / total**2
    return float(2.0 / total**2 / (slope @ np.linalg.solve(information, slope)))


def held(sizes: Array, rho: float, n: int, rng: np.random.Generator) -> tuple[float, float]:
    """Return how often intervals hold the truth, and half of their median width."""
    mean, error, df = fitted(sizes, rho, n, rng)
    effective = sizes.sum() ** 2 / (sizes**2).sum()
    half = t.ppf(0.975, df_of_mean(df, effective, effective)) * error
    return float(np.mean(np.abs(mean) < half)), float(np.median(half))


def main(n: int = 6000) -> None:
    """Print a line for each way in which courses are shared out."""
    rng = np.random.default_rng(2)
    print("courses of therapists | " + " | ".join(f"rho {rho}" for rho in DIFFER))
    for name, sizes in SIZES.items():
        found = [held(np.array(sizes, dtype=float), rho, n, rng) for rho in DIFFER]
        print(name, *(f"{share:.1%} ({half:.2f})" for share, half in found), sep=" | ")


if __name__ == "__main__":
    main()
