"""Pictures of a fit draw its own numbers, and say in words what is seen."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Text

import outcomes as oc
from outcomes.errors import UsageError
from outcomes.render.figures.of_fit import check, forest, plot


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    return oc.load("data/synthetic").trajectory("nprs")


@pytest.fixture(scope="module")
def fit(rows: pd.DataFrame) -> Any:
    seen = "baseline + score_before"
    formula = f"improvement ~ condition * session_count + pressure + {seen} + (1 | episode_id)"
    return oc.lmm(formula, rows)


def test_means_are_the_margins_one_panel_a_condition_and_one_for_pressure(fit: Any) -> None:
    figure = plot(fit)
    drawn = [axes for axes in figure.axes if axes.lines]
    assert [axes.get_title(loc="left") for axes in drawn][-1] == "all, by pressure"
    assert len(drawn) == fit.design.frame.data["condition"].nunique() + 1
    line = drawn[0].lines[0]
    told = fit.emmeans(["condition", "session_count"], at={"session_count": [1.0]})
    first = told[told["condition"] == "carpal_tunnel"]["estimate"].iloc[0]
    assert line.get_xdata()[0] == 1
    assert line.get_ydata()[0] == pytest.approx(first)


def test_few_groups_share_a_panel_and_are_named_at_their_ends(rows: pd.DataFrame) -> None:
    two = rows[rows["condition"].isin(["headache", "sciatica"])]
    figure = plot(oc.lmm("improvement ~ condition * session_count + (1 | episode_id)", two))
    assert len(figure.axes) == 1
    assert {text.get_text() for text in figure.axes[0].texts} == {"headache", "sciatica"}


def test_partial_residuals_are_one_point_a_row(rows: pd.DataFrame) -> None:
    fit = oc.lmm("improvement ~ session_count + (1 | episode_id)", rows)
    figure = plot(fit, partial_residuals=True)
    assert len(figure.axes[0].collections[-1].get_offsets()) == fit.design.n


def test_a_model_without_a_number_has_no_means_over_one(rows: pd.DataFrame) -> None:
    fit = oc.lmm("improvement ~ condition + (1 | episode_id)", rows)
    with pytest.raises(UsageError, match="number of the fixed part"):
        plot(fit)


def test_checks_say_what_is_seen() -> None:
    rng = np.random.default_rng(3)
    data = pd.DataFrame({"who": np.repeat(np.arange(60), 5), "x": np.tile(np.arange(5.0), 60)})
    wide = np.exp(0.6 * data["x"])
    data["y"] = (
        12 * data["x"]
        + 1.5 * wide.mean() * rng.normal(size=60)[data["who"]]
        + wide * rng.standard_t(2, 300)
    )
    figure = check(oc.lmm("y ~ x + (1 | who)", data))
    assert "Residuals spread more where fitted values are high" in figure.alt
    assert "tails than normal" in figure.alt
    data["y"] = 3 * data["x"] + rng.normal(size=60)[data["who"]] + rng.normal(size=300)
    figure = check(oc.lmm("y ~ x + (1 | who)", data))
    assert "Residuals spread alike" in figure.alt
    assert "Residuals are close to normal" in figure.alt


def test_a_forest_has_one_row_a_coefficient_but_the_intercept(fit: Any) -> None:
    axes = forest(fit).axes[0]
    names = [text.get_text() for text in forest(fit).texts]
    assert {"headache", "Score at baseline, per point"} <= {*names}
    assert sum(name.endswith("(reference)") for name in names) == 1
    marks = [line.get_xdata() for line in axes.lines if line.get_marker() == "s"]
    drawn = sorted(value for own in marks for value in own)
    assert drawn == pytest.approx(sorted([0, *fit.tidy()["estimate"].iloc[1:]]))


def test_a_forest_says_which_coefficients_its_axis_cannot_show(fit: Any) -> None:
    assert "too small" not in forest(fit).claim
    rows = pd.DataFrame({"far": np.linspace(0, 1e7, 40), "near": np.tile([0.0, 1.0, 1.0, 0.0], 10)})
    rows["who"], noise = np.repeat(range(10), 4), np.sin(7.0 * np.arange(40) ** 2)
    rows["y"] = 1e-7 * rows["far"] + rows["near"] + noise
    drawn = oc.lmm("y ~ far + near + (1 | who)", rows).forest()
    assert "; 1 of 2 too small to see on this axis" in drawn.claim
    assert drawn.claim in drawn.alt


def test_a_figure_shows_itself_with_its_words(fit: Any) -> None:
    shown = forest(fit)._repr_html_()
    assert shown.count("<svg") == 1
    assert "lie above or below 0 with all of their interval" in shown
    assert "--jp-content-font-color1" in shown


def test_no_word_is_lost_on_a_dark_page(fit: Any) -> None:
    for figure in (plot(fit), check(fit), forest(fit)):
        shown = figure._repr_html_()
        assert "fill: black" not in shown
        assert {text.get_color() for text in figure.findobj(Text)}.isdisjoint({"black", "k"})


@pytest.mark.filterwarnings("ignore::outcomes.SingularFitWarning")
def test_groups_that_do_not_differ_are_said_not_to_and_not_drawn() -> None:
    rows = pd.DataFrame({"y": [1.0, 2.0, 3.0, 4.0] * 10, "who": [i // 4 for i in range(40)]})
    figure = oc.lmm("y ~ 1 + (1 | who)", rows).check()
    assert "The model found no differences between levels of who." in figure.alt
    assert not figure.axes[2].axison
    assert "All fitted values are the same." in figure.alt


def test_a_terminal_shows_every_column_of_contrasts(fit: Any) -> None:
    shown = repr(fit.contrasts("condition"))
    assert all(name in shown for name in ("conf_low", "conf_high", "p_value"))
    assert "..." not in shown


@pytest.mark.filterwarnings("ignore::outcomes.SingularFitWarning")
def test_columns_are_found_by_the_formula_and_not_by_letters_in_it() -> None:
    n = 120
    rows = pd.DataFrame({"t": [float(i % 6) for i in range(n)], "who": [i // 6 for i in range(n)],
                         "w:x": [(7 * i) % 5 / 2 for i in range(n)],
                         "treat": ["no", "yes", "yes", "no"] * 30})  # fmt: skip
    rows["y"] = rows["t"] + [((11 * i) % 13) / 7 for i in range(n)]
    plotted = oc.lmm("y ~ treat + `w:x` + (1 | who)", rows)
    assert plotted.plot().claim == "y by w:x"
    assert "w:x" in {text.get_text() for text in plotted.forest().texts}
    coded = oc.lmm("y ~ factor(t) + `w:x` + (1 | who)", rows)
    assert coded.plot().alt.startswith("y by w:x. ")
    alone = oc.lmm("y ~ 1 + (1 | who)", rows)
    with pytest.raises(UsageError, match="one beside its intercept"):
        alone.forest()


@pytest.mark.filterwarnings("ignore::outcomes.SingularFitWarning")
@pytest.mark.parametrize("name", ["Trt group", "treat (arm)", "arm, 2nd", "C(x", "log(y)", "1st"])
def test_a_factor_of_any_name_has_its_means_and_pictures(name: str) -> None:
    n = 120
    rows = pd.DataFrame({"t": [float(i % 6) for i in range(n)], "who": [i // 6 for i in range(n)],
                         "treat": ["no", "yes", "yes", "no"] * 30})  # fmt: skip
    rows["y"] = 8000 + rows["t"] + [((11 * i) % 13) / 7 for i in range(n)]
    plainly = oc.lmm("y ~ treat * t + (1 | who)", rows)
    fit = oc.lmm(f"y ~ `{name}` * t + (1 | who)", rows.rename(columns={"treat": name}))
    columns = ["estimate", "std_error", "df"]
    for asked in ("emmeans", "contrasts"):
        expected, found = getattr(plainly, asked)("treat"), getattr(fit, asked)(name)
        pd.testing.assert_frame_equal(found[columns], expected[columns])
    drawn = fit.plot()
    assert "the mean: 8,00" in drawn.alt
    assert drawn.axes[0].get_ylim()[0] > 7000  # 0 is far away, and would flatten the line
    assert name in {text.get_text().partition(": ")[0] for text in fit.forest().texts}
