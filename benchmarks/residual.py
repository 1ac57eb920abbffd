"""Fits with correlated residuals beside nlme, in one run: `python benchmarks/residual.py`.

The same synthetic courses, read by both; the best of `--rounds` CPU times of one thread, formula
included. Where R or nlme is missing, only this package's times are printed.
"""

import argparse
import os
import shutil
import subprocess
import tempfile
import time
import warnings
from pathlib import Path

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402

import outcomes as oc  # noqa: E402

FIXED = "improvement ~ arm * occasion + baseline"
MODELS = {
    "us": (
        "us(visit | episode_id)",
        "gls(f, d, correlation = corSymm(form = ~ visit | episode_id), "
        "weights = varIdent(form = ~ 1 | visit))",
    ),
    "ar1": (
        "ar1(visit | episode_id)",
        "gls(f, d, correlation = corAR1(form = ~ visit | episode_id))",
    ),
    "ou + level": (
        "ou(day | episode_id) + (1 | episode_id)",
        "lme(f, d, random = ~ 1 | episode_id, correlation = corCAR1(form = ~ day | episode_id))",
    ),
}
R_CODE = """
suppressMessages(library(nlme))
d <- read.csv(Sys.getenv("DATA"), stringsAsFactors = TRUE)
f <- improvement ~ arm * occasion + baseline
best <- Inf
for (i in seq_len(as.integer(Sys.getenv("ROUNDS"))))
  best <- min(best, system.time(m <- MODEL)["user.self"])
cat(best, format(as.numeric(logLik(m)), digits = 12))
"""


def courses(n, visits=10, seed=1):
    """AR(1) errors whose spread grows with the visit, a level for each episode, dropout."""
    rng = np.random.default_rng(seed)
    distance = np.abs(np.subtract.outer(np.arange(visits), np.arange(visits)))
    errors = rng.normal(size=(n, visits)) @ np.linalg.cholesky(0.6**distance).T
    errors = errors * np.linspace(1.0, 1.6, visits) + rng.normal(0.0, 0.8, (n, 1))
    arm, baseline = np.arange(n) % 2, rng.normal(6.0, 1.5, n).round(1)
    time_ = np.arange(visits)
    score = errors + 0.3 * baseline[:, None] + 0.2 * time_ * (1.0 + 0.5 * arm[:, None])
    visit = np.tile(time_ + 1, n)
    data = pd.DataFrame(
        {
            "episode_id": np.repeat(np.arange(n), visits),
            "visit": visit,
            "occasion": pd.Series(visit).map("v{:02d}".format),
            "day": 7 * visit + rng.integers(-2, 3, len(visit)),
            "arm": np.repeat(np.where(arm, "massage", "usual"), visits),
            "baseline": np.repeat(baseline, visits),
            "improvement": score.ravel().round(4),
        }
    )
    last = np.where(rng.random(n) < 0.6, visits, rng.integers(4, visits + 1, n))
    return data[visit <= np.repeat(last, visits)].reset_index(drop=True)


def ours(data, term, rounds):
    times = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", oc.OutcomesWarning)
        for _ in range(rounds + 1):
            start = time.process_time()
            fit = oc.lmm(f"{FIXED} + {term}", data)
            times.append(time.process_time() - start)
    return min(times[1:]), fit.loglik


def nlme(path, call, rounds, limit):
    if not shutil.which("Rscript"):
        return None, "no R"
    code = R_CODE.replace("MODEL", call)
    environment = {**os.environ, "DATA": str(path), "ROUNDS": str(rounds)}
    try:
        done = subprocess.run(
            ["Rscript", "-e", code],
            env=environment, capture_output=True, text=True, timeout=limit, check=True,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return None, f"> {limit} s"
    except subprocess.CalledProcessError as error:
        return None, error.stderr.strip().splitlines()[-1][:60]
    seconds, loglik = map(float, done.stdout.split())
    return seconds, loglik


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patients", type=int, nargs="+", default=[200, 2_000, 20_000])
    parser.add_argument("--nlme-patients", type=int, default=2_000, help="largest size nlme fits")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--limit", type=int, default=120, help="seconds for nlme")
    options = parser.parse_args()
    print("| patients | rows | model | outcomes | nlme | ratio | log-likelihood minus nlme's |")
    print("|---|---|---|---|---|---|---|")
    for n in options.patients:
        data = courses(n)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "courses.csv"
            data.to_csv(path, index=False)
            for name, (term, call) in MODELS.items():
                seconds, loglik = ours(data, term, options.rounds)
                row = [f"{n:,}", f"{len(data):,}", name, f"{1000 * seconds:.0f} ms"]
                peer, other = None, "-"
                if n <= options.nlme_patients:
                    peer, other = nlme(path, call, 1, options.limit)
                if peer is None:
                    row += [str(other), "", ""]
                else:
                    row += [f"{peer:.2f} s", f"{peer / seconds:.0f}", f"{loglik - other:.1e}"]
                print(f"| {' | '.join(row)} |", flush=True)


if __name__ == "__main__":
    main()
