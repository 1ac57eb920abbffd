"""Check NIST's certified values by exact rational arithmetic and write them to nist.json.

``python check.py`` reads longley.csv and filip.csv as exact decimals, solves the normal equations
in fractions, and compares with the values NIST certifies (Statistical Reference Datasets, linear
regression), given below as printed there.
"""

import csv
import json
import sys
from decimal import Decimal, getcontext
from fractions import Fraction
from pathlib import Path

getcontext().prec = 60
HERE = Path(__file__).parent
CERTIFIED = {
    "longley": {
        "estimate": "-3482258.63459582 15.0618722713733 -0.358191792925910E-01 -2.02022980381683"
        " -1.03322686717359 -0.511041056535807E-01 1829.15146461355",
        "std_error": "890420.383607373 84.9149257747669 0.334910077722432E-01 0.488399681651699"
        " 0.214274163161675 0.226073200069370 455.478499142212",
        "residual_sd": "304.854073561965",
        "r_squared": "0.995479004577296",
    },
    "filip": {
        "estimate": "-1467.48961422980 -2772.17959193342 -2316.37108160893 -1127.97394098372"
        " -354.478233703349 -75.1242017393757 -10.8753180355343 -1.06221498588947"
        " -0.670191154593408E-01 -0.246781078275479E-02 -0.402962525080404E-04",
        "std_error": "298.084530995537 559.779865474950 466.477572127796 227.204274477751"
        " 71.6478660875927 15.2897178747400 2.23691159816033 0.221624321934227"
        " 0.142363763154724E-01 0.535617408889821E-03 0.896632837373868E-05",
        "residual_sd": "0.334801051324544E-02",
        "r_squared": "0.996727416185620",
    },
}


def read(name: str) -> tuple[list[list[Fraction]], list[Fraction]]:
    """Design matrix with intercept, and response, as exact fractions."""
    with (HERE / f"{name}.csv").open() as file:
        rows = [[Fraction(cell) for cell in row] for row in list(csv.reader(file))[1:]]
    y = [row[0] for row in rows]
    if name == "filip":
        return [[row[1] ** k for k in range(11)] for row in rows], y
    return [[Fraction(1), *row[1:]] for row in rows], y


def inverse(a: list[list[Fraction]]) -> list[list[Fraction]]:
    """Gauss-Jordan in fractions."""
    p = len(a)
    work = [[*row, *(Fraction(i == j) for j in range(p))] for i, row in enumerate(a)]
    for i in range(p):
        pivot = next(r for r in range(i, p) if work[r][i])
        work[i], work[pivot] = work[pivot], work[i]
        work[i] = [v / work[i][i] for v in work[i]]
        for r in range(p):
            if r != i and work[r][i]:
                factor = work[r][i]
                work[r] = [v - factor * w for v, w in zip(work[r], work[i], strict=True)]
    return [row[p:] for row in work]


def root(value: Fraction) -> Decimal:
    return (Decimal(value.numerator) / Decimal(value.denominator)).sqrt()


def solve(name: str) -> dict[str, list[Decimal]]:
    X, y = read(name)
    n, p = len(X), len(X[0])
    gram = [[sum(row[i] * row[j] for row in X) for j in range(p)] for i in range(p)]
    xty = [sum(row[i] * v for row, v in zip(X, y, strict=True)) for i in range(p)]
    inv = inverse(gram)
    beta = [sum(inv[i][j] * xty[j] for j in range(p)) for i in range(p)]
    rss = sum(v * v for v in y) - sum(b * t for b, t in zip(beta, xty, strict=True))
    tss = sum(v * v for v in y) - sum(y) ** 2 / n
    s2 = rss / (n - p)
    r2 = 1 - rss / tss
    return {
        "estimate": [Decimal(b.numerator) / Decimal(b.denominator) for b in beta],
        "std_error": [root(s2 * inv[i][i]) for i in range(p)],
        "residual_sd": [root(s2)],
        "r_squared": [Decimal(r2.numerator) / Decimal(r2.denominator)],
    }


def main() -> None:
    out = {"versions": {"python": sys.version.split()[0], "source": "NIST StRD, certified values"}}
    for name, certified in CERTIFIED.items():
        exact = solve(name)
        worst = max(
            abs(Decimal(given) / found - 1)
            for key, text in certified.items()
            for given, found in zip(text.split(), exact[key], strict=True)
        )
        print(f"{name}: against exact arithmetic, largest relative difference {worst:.1e}")
        assert worst < Decimal("1e-13")
        out[name] = {k: [float(v) for v in text.split()] for k, text in certified.items()}
    (HERE / "nist.json").write_text(json.dumps(out, indent=1) + "\n")


if __name__ == "__main__":
    main()
