"""One Python program under the clock: ``python python_worker.py PEER``.

Reads one request a line from standard input as JSON (``load`` a CSV, ``run`` a task) and
answers each with one line: seconds, log-likelihood, peak memory above what the process held before.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from pandas import read_csv

Fit = Callable[[Any, SimpleNamespace, str], float]


def outcomes() -> Fit:
    from outcomes.mixed.fit import lmm

    def fit(frame: Any, model: SimpleNamespace, task: str) -> float:
        df = {"fit": "normal", "satterthwaite": "satterthwaite"}.get(task, "kenward-roger")
        result = lmm(model.formula, frame, df=df)
        if task != "fit":
            result.tidy()
        return float(result.loglik)

    return fit


def statsmodels() -> Fit:
    from statsmodels.regression.mixed_linear_model import MixedLM

    def fit(frame: Any, model: SimpleNamespace, task: str) -> float:
        only(task, "fit")
        only(model.residual, "")
        options: dict[str, Any] = {"groups": model.group}
        if model.slope:
            options["re_formula"] = f"~{model.slope}"
        if model.second:
            only(model.second, "therapist")
            # the coarser factor is the group, the finer one a variance component with its slope
            options = {
                "groups": model.second,
                "re_formula": "1",
                "vc_formula": {
                    "level": f"0 + C({model.group})",
                    "slope": f"0 + C({model.group}):{model.slope}",
                },
            }
        return float(MixedLM.from_formula(model.fixed, frame, **options).fit(method="lbfgs").llf)

    return fit


def mixedlm() -> Fit:
    import mixedlm as package
    from mixedlm.inference.ddf import kenward_roger_df, satterthwaite_df

    def fit(frame: Any, model: SimpleNamespace, task: str) -> float:
        only(model.residual, "")
        result = package.lmer(model.formula, frame)
        if task == "satterthwaite":
            satterthwaite_df(result)
        elif task == "kenward-roger":
            kenward_roger_df(result)
        value = result.logLik()
        return float(getattr(value, "value", value))

    return fit


def mixedlm_rs() -> Fit:
    import mixedlm_rs as package

    def fit(frame: Any, model: SimpleNamespace, task: str) -> float:
        only(task, "fit")
        only(model.second + model.residual, "")
        slope = f"~{model.slope}" if model.slope else "1"
        return float(
            package.mixedlm(model.fixed, frame, groups=model.group, re_formula=slope).fit().llf
        )

    return fit


def lme_python() -> Fit:
    import lme_python as package
    import polars

    cache: dict[int, Any] = {}

    def fit(frame: Any, model: SimpleNamespace, task: str) -> float:
        only(model.residual, "")
        if id(frame) not in cache:
            cache[id(frame)] = polars.DataFrame({name: frame[name].to_list() for name in frame})
        table = cache[id(frame)]
        result = package.lmer(model.formula, data=table, reml=True)
        if task == "satterthwaite":
            result.with_satterthwaite(table)
        elif task == "kenward-roger":
            result.with_kenward_roger(table)
        return float(result.log_likelihood)

    return fit


def kamino() -> Fit:
    import kamino as package

    def fit(frame: Any, model: SimpleNamespace, task: str) -> float:
        only(model.residual, "")
        result = package.lmer(model.formula, frame, reml=True)
        if task == "satterthwaite":
            result.satterthwaite()
        elif task == "kenward-roger":
            result.kenward_roger()
        return float(result.log_likelihood)

    return fit


def gpboost() -> Fit:
    import gpboost as package
    from formulaic import model_matrix

    def fit(frame: Any, model: SimpleNamespace, task: str) -> float:
        only(task, "fit")
        only(model.residual, "")
        X = model_matrix(model.fixed.split("~")[1], frame)
        groups = frame[[model.group, model.second]] if model.second else frame[model.group]
        slopes: dict[str, Any] = {}
        if model.slope:
            slopes = {
                "group_rand_coef_data": frame[model.slope],
                "ind_effect_group_rand_coef": [1],
            }
        gp = package.GPModel(group_data=groups, likelihood="gaussian", **slopes)
        gp.fit(y=frame["improvement"], X=X.to_numpy())
        return -float(gp.get_current_neg_log_likelihood())

    return fit


PEERS = {
    "outcomes": outcomes,
    "statsmodels": statsmodels,
    "mixedlm": mixedlm,
    "mixedlm-rs": mixedlm_rs,
    "lme-python": lme_python,
    "kamino-lme": kamino,
    "gpboost": gpboost,
}


def only(value: str, allowed: str) -> None:
    if value != allowed:
        msg = "cannot express this"
        raise NotImplementedError(msg)


def memory(field: str) -> float:
    """Resident memory in MB: VmRSS now, VmHWM at its peak since the last reset (0 off Linux)."""
    status = Path("/proc/self/status")
    if not status.exists():
        return 0.0
    line = next(line for line in status.read_text().splitlines() if line.startswith(field))
    return int(line.split()[1]) / 1024


def reset_peak() -> None:
    reset = Path("/proc/self/clear_refs")
    if reset.exists():
        reset.write_text("5")


def main() -> None:
    warnings.simplefilter("ignore")
    answers = sys.stdout
    sys.stdout = sys.stderr  # what a peer prints is not an answer
    fit: Fit | None = None
    frame: Any = None
    for line in sys.stdin:
        request = json.loads(line)
        try:
            if request["op"] == "load":
                fit = fit or PEERS[sys.argv[1]]()
                frame = read_csv(request["csv"])
                reply = {"frame_mb": float(frame.memory_usage(deep=True).sum()) / 2**20}
            else:
                assert fit is not None
                before = memory("VmRSS")
                reset_peak()
                start, busy = time.perf_counter(), time.process_time()
                loglik = fit(frame, SimpleNamespace(**request["model"]), request["task"])
                reply = {
                    "wall": time.perf_counter() - start,
                    "cpu": time.process_time() - busy,
                    "loglik": loglik,
                    "peak_mb": memory("VmHWM") - before,
                }
        except BaseException as error:  # a peer's failure of any kind is its result
            if isinstance(error, KeyboardInterrupt):
                raise
            text = str(error).splitlines() or [""]
            kind = "" if isinstance(error, NotImplementedError) else f"{type(error).__name__}: "
            reply = {"error": f"{kind}{text[0][:120]}"}
        answers.write(json.dumps(reply) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
