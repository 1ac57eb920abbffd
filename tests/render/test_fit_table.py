"""A fit in words holds the numbers of its tables, and says what each is compared with."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import outcomes as oc
from outcomes.provenance import Provenance
from outcomes.render.fit_table import KINDS, fit_html, fit_table, fit_text
from outcomes.study import study_from_tables

MINUS = "\N{MINUS SIGN}"


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    return oc.load("data/synthetic").trajectory("nprs")


@pytest.fixture(scope="module")
def fit(rows: pd.DataFrame) -> Any:
    seen = "baseline + score_before"
    formula = f"improvement ~ condition * session_count + pressure + {seen} + (1 | episode_id)"
    return oc.lmm(formula, rows)


def numbers(text: str) -> list[float]:
    return [float(x) for x in re.findall(r"-?\d+\.?\d*", text.replace(MINUS, "-"))]


def test_every_estimate_is_that_of_tidy_to_the_digits_shown(fit: Any) -> None:
    shown = [numbers(x.estimate) for x in fit_table(fit).lines if numbers(x.estimate)]
    told = fit.tidy()[["estimate", "conf_low", "conf_high"]].to_numpy()
    assert len(shown) == len(told)
    for said, true in zip(shown, told, strict=True):
        assert said == pytest.approx(list(true), abs=0.051)


def test_the_reference_level_stands_first_and_every_level_once(
    fit: Any, rows: pd.DataFrame
) -> None:
    lines = fit_table(fit).lines
    start = next(i for i, line in enumerate(lines) if line.label == "Condition")
    levels = [line.label for line in lines[start + 1 :] if line.inside][: rows.condition.nunique()]
    assert levels[0] == "carpal tunnel"
    assert lines[start + 1].estimate == "reference"
    assert len(set(levels)) == rows["condition"].nunique()
    titles = [line.label for line in lines]
    assert "Extra improvement per session, compared with carpal tunnel" in titles


def test_parts_are_those_of_the_variance_components(fit: Any) -> None:
    parts = dict(fit_table(fit).parts)
    components = fit.variance_components().set_index("group")["sd_or_corr"]
    assert float(parts["SD of courses: level"]) == pytest.approx(components["episode_id"], abs=0.01)
    assert float(parts["Residual SD"]) == pytest.approx(components["residual"], abs=0.01)
    assert parts["Rows used"].startswith("1,341 rows; 199 courses")


def test_columns_that_nobody_knows_keep_their_names() -> None:
    shift = [0, 0, 0, 5, 5, 5, -4, -4, -4, 9, 9, 9]
    noise = [0.3, -0.2, 0.1, -0.4, 0.2, 0.3, -0.1, 0.2, -0.3, 0.4, -0.2, 0.1]
    frame = pd.DataFrame({"x": range(12), "who": list("aaabbbcccddd")})
    frame["b"] = ["plain", "<odd>"] * 6
    frame["y"] = [s + e + 0.1 * x for x, (s, e) in enumerate(zip(shift, noise, strict=True))]
    fit = oc.lmm("y ~ x * b + (1 | who)", frame)
    table = fit_table(fit)
    assert (table.title, table.stamp) == ("y", "")
    assert "Difference per unit of x, compared with <odd>" in [x.label for x in table.lines]
    assert "<odd>" not in fit_html(fit)
    assert "&lt;odd&gt;" in fit_html(fit)


def test_text_has_aligned_columns_and_the_formula(fit: Any) -> None:
    text = fit_text(fit)
    stamp, head, rule, *rest = text.split("\n")
    assert stamp == "SYNTHETIC data"
    place = head.index("Estimate (95 % CI)")
    for line in rest[: rest.index(rule)]:
        assert line[place - 1 : place] in ("", " ")
    assert rest[-1].endswith(fit.request.formula)


def test_a_fit_of_simulated_scores_says_so_wherever_it_is_shown(fit: Any) -> None:
    assert str(fit).startswith("SYNTHETIC data\n")
    assert "SYNTHETIC data" in fit._repr_html_()
    assert "SYNTHETIC DATA" in {text.get_text() for text in fit.forest().texts}


def test_rows_chosen_from_a_trajectory_keep_its_label(rows: pd.DataFrame) -> None:
    some = rows[rows["condition"] == "headache"].assign(double=2)
    facts = rows[["episode_id"]].drop_duplicates().assign(sex="female")
    other = rows[rows["condition"] == "sciatica"]
    beside = pd.concat([some, pd.DataFrame({"z": 1.0}, index=some.index)], axis=1)
    together = pd.concat([some, other], ignore_index=True), beside
    for kept in (some, rows.merge(pd.DataFrame(facts)), rows.join(facts.sex), *together):
        assert (kept.stamp, kept.instrument) == ("SYNTHETIC", "nprs")


def test_frames_put_together_keep_what_all_of_them_share(rows: pd.DataFrame) -> None:
    real = rows.copy()
    real.stamp, real.record_errors = "", ("R12",)
    both = pd.concat([rows, real, rows])
    assert (both.stamp, both.instrument, both.record_errors) == ("", "nprs", ("R12",))
    with pytest.warns(oc.RecordsWarning, match="R12"):
        fit = oc.lmm("improvement ~ session_count + (1 | episode_id)", pd.concat([real, real]))
    with pytest.raises(oc.OutcomesError, match="single patients"):  # real ones stay on the screen
        fit.check().savefig("nowhere.png")


def test_pressure_without_what_was_seen_when_it_was_chosen_is_warned_of(
    rows: pd.DataFrame,
) -> None:
    with pytest.warns(oc.ExposureWarning, match="without baseline and score_before"):
        oc.lmm("improvement ~ session_count + pressure + (1 | episode_id)", rows)
    with pytest.warns(oc.ExposureWarning, match="without score_before"):
        oc.lmm("improvement ~ session_count + baseline + pressure + (1 | episode_id)", rows)


def test_a_fit_to_records_that_break_a_rule_names_it() -> None:
    n = 30
    ids = [f"e{i}" for i in range(n)]
    scores = [2.0 + i % 7 for i in range(3 * n)]
    tables = {"assessments": pd.DataFrame({
        "episode_id": ids * 3, "day": [0] * n + [7] * n + [14] * n, "instrument": "nprs",
        "timing": ["baseline"] * n + ["follow_up"] * 2 * n, "score": scores})}  # fmt: skip
    formula = "improvement ~ week + (1 | episode_id)"
    oc.lmm(formula, study_from_tables(tables).trajectory("nprs"))  # no warning
    tables["assessments"].loc[n, "score"] = 11.0
    rows = study_from_tables(tables).trajectory("nprs")
    with pytest.warns(oc.RecordsWarning, match=r"R12 \(.*\)\. The rows behind them"):
        oc.lmm(formula, rows[rows["week"] > 0])


def test_a_constrained_model_of_records_that_break_a_rule_names_it() -> None:
    n = 30
    tables = {
        "episodes": pd.DataFrame({"episode_id": range(n), "arm": ["new", "wait"] * (n // 2)}),
        "assessments": pd.DataFrame({
            "episode_id": [*range(n)] * 2, "day": [0] * n + [28] * n, "instrument": "nprs",
            "timing": ["baseline"] * n + ["follow_up"] * n,
            "score": [2.0 + i * i % 7 for i in range(2 * n)]}),
    }  # fmt: skip
    about = Provenance(control="wait", randomised=True)
    oc.clda(study_from_tables(tables, provenance=about), "nprs")  # no warning
    tables["assessments"].loc[n, "score"] = 11.0
    with pytest.warns(oc.RecordsWarning, match=r"R12 \(.*\)\. The rows behind them"):
        oc.clda(study_from_tables(tables, provenance=about), "nprs")


def test_the_parts_of_a_curve_are_named(rows: pd.DataFrame) -> None:
    fit = oc.lmm("improvement ~ bs(session_count, df=3) + (1 | episode_id)", rows)
    labels = [line.label for line in fit_table(fit).lines]
    assert labels[1:] == [f"Curve of sessions so far, part {i}" for i in (1, 2, 3)]


def test_the_unit_is_that_of_the_instrument() -> None:
    rows = oc.load("data/synthetic").trajectory("nprs")
    turned = rows.copy()
    turned.unit = "degrees"
    fit = oc.lmm("improvement ~ baseline + (1 | episode_id)", turned)
    assert fit_table(fit).title == "Improvement (degrees, positive = better)"
    assert fit_table(fit).lines[1].label == "Score at baseline, per degree"


def test_a_trial_says_what_its_score_is_and_how_visits_go_together() -> None:
    study = oc.simulate(scenario="two-arm-trial", episodes=60, seed=1)
    table = fit_table(oc.clda(study, "nprs"))
    assert table.stamp == "SYNTHETIC"
    assert table.title == "Score (points, turned: more = better)"
    parts = dict(table.parts)
    assert "Residual SD at 0" in parts
    assert "Correlation of 0 and 8" in parts
    assert re.fullmatch(r"\d+ rows; 60 courses; none left out", parts["Rows used"])


def test_correlation_in_time_is_told_by_its_step(rows: pd.DataFrame) -> None:
    some = rows.dropna(subset=["session"]).assign(visit=lambda x: x["session"].astype(int))
    fit = oc.lmm("improvement ~ week + ar1(visit | episode_id)", some[some["visit"] <= 5])
    assert "Correlation of one visit and the next" in dict(fit_table(fit).parts)


def test_the_table_shows_what_lme4_and_lmertest_find(rows: pd.DataFrame) -> None:
    """Every coefficient, limit, p-value and standard deviation, to the digits that are shown."""
    place = Path(__file__).parents[1] / "reference" / "fit_table" / "fit_table.json"
    known = json.loads(place.read_text("utf-8"))
    fixed = "condition * session_count + baseline + score_before + pressure"
    some = rows[rows["session"].notna()]
    table = fit_table(oc.lmm(f"improvement ~ {fixed} + (1 | episode_id)", some))
    shown = [line for line in table.lines if line.p]
    assert len(shown) == len(known["coefficients"])
    for line, (term, estimate, low, high, p) in zip(shown, known["coefficients"], strict=True):
        assert numbers(line.estimate) == pytest.approx([estimate, low, high], abs=0.0501), term
        digits = len(re.search(r"\.(\d+)", line.estimate)[1])
        assert numbers(line.estimate) == [round(x, digits) for x in (estimate, low, high)], term
        assert (
            line.p == "< 0.001" if p < 0.0005 else numbers(line.p)[0] == pytest.approx(p, abs=6e-3)
        )
    parts = dict(table.parts)
    assert float(parts["SD of courses: level"]) == round(known["sd_level"], 2)
    assert float(parts["Residual SD"]) == round(known["sd_residual"], 2)
    assert parts["Rows used"] == f"{known['n']} rows; {known['courses']} courses; none left out"


def test_a_fit_with_correlated_residuals_shows_itself_too(rows: pd.DataFrame) -> None:
    fixed = "improvement ~ cr(session_count, df=3, constraints='center') + condition"
    fit = oc.lmm(f"{fixed} + (1 | patient_id) + ou(day | episode_id)", rows)
    table = fit_table(fit)
    assert "Correlation of one day and the next" in dict(table.parts)
    assert not any("cr(" in line.label for line in table.lines)
    assert "SYNTHETIC" in fit_html(fit)


def test_every_kind_of_row_has_words() -> None:
    from outcomes.questions.ask import QUESTIONS

    known = {kind for question in QUESTIONS.values() for kind in question.kinds}
    about_one = {"expected", "goal met", "goal kept by", "goal attainment scale"}
    assert known - about_one <= set(KINDS)


@pytest.fixture(scope="module")
def own_frame() -> pd.DataFrame:
    """Rows of no trajectory, with columns that are called as a trajectory's are."""
    n = 120
    return pd.DataFrame({
        "improvement": [((7 * i) % 11) / 3 + i % 5 for i in range(n)],
        "day": [float(i % 8) for i in range(n)], "dose": [1.0 + i % 3 for i in range(n)],
        "arm": ["ctl", "trt", "trt", "ctl"] * (n // 4), "id": [i // 6 for i in range(n)],
        "ward": [["a", "b", "c"][(i // 2) % 3] for i in range(n)],
    })  # fmt: skip


@pytest.mark.filterwarnings("ignore::outcomes.SingularFitWarning")
@pytest.mark.parametrize(
    ("fixed", "labels"),
    [
        ("factor(dose)", ["dose", "1", "2", "3"]),
        ("C(ward, contr.treatment('b'))", ["ward", "b", "a", "c"]),
        ("factor(dose, levels=[2, 1, 3])", ["dose", "2", "1", "3"]),
        ("I(day > 3)", ["I(day > 3)", "False", "True"]),
        ("C(arm, contr.sum)", ["arm, contrast S.ctl"]),
        ("day", ["day"]),
        ("arm:day", ["improvement per unit of day, for each arm", "ctl", "trt"]),
        ("day * arm", ["day", "arm", "ctl", "trt",
                       "Difference per unit of day, compared with ctl", "trt"]),
        ("ward + ward:arm", ["ward", "a", "b", "c", "arm, compared with ctl, for each ward",
                             "a and trt", "b and trt", "c and trt"]),
        ("ward * arm", ["ward", "a", "b", "c", "arm", "ctl", "trt",
                        "ward and arm together, beyond each alone", "b and trt", "c and trt"]),
    ],
)  # fmt: skip
def test_each_coding_says_what_its_coefficients_are_compared_with(
    own_frame: pd.DataFrame, fixed: str, labels: list[str]
) -> None:
    table = fit_table(oc.lmm(f"improvement ~ {fixed} + (1 | id)", own_frame))
    assert [line.label for line in table.lines][1:] == labels
    assert table.title == "improvement"  # its unit and direction are not known


@pytest.mark.filterwarnings("ignore::outcomes.SingularFitWarning")
def test_without_an_intercept_each_level_stands_for_itself(own_frame: pd.DataFrame) -> None:
    lines = fit_table(oc.lmm("improvement ~ 0 + ward + (1 | id)", own_frame)).lines
    assert [(x.label, x.estimate == "reference") for x in lines] == [
        ("ward", False), ("a", False), ("b", False), ("c", False)
    ]  # fmt: skip


def test_a_factor_of_pressure_is_called_what_pressure_is(rows: pd.DataFrame) -> None:
    fixed = "factor(pressure) + baseline + score_before"
    fit = oc.lmm(f"improvement ~ {fixed} + (1 | episode_id)", rows)
    lines = fit_table(fit).lines[1:6]
    assert [line.label for line in lines] == ["Pressure at the visit before", "1", "2", "3", "4"]
    assert [line.estimate == "reference" for line in lines] == [False, True, False, False, False]
    assert "slope" not in " ".join(text.get_text() for text in fit.forest().texts)
