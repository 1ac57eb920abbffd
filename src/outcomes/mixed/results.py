"""A fit as its users meet it: the record, with every table and test as a method."""

from __future__ import annotations

from outcomes.mixed.after.bootstrap import bootstrap
from outcomes.mixed.after.crosscheck import crosscheck
from outcomes.mixed.after.diagnostics import normal_quantiles, residuals
from outcomes.mixed.after.effect_sizes import icc, r2
from outcomes.mixed.after.influence import influence
from outcomes.mixed.after.predict import predict
from outcomes.mixed.after.profile import profile_intervals
from outcomes.mixed.after.tables import (
    augment,
    glance,
    random_effects,
    tidy,
    variance_components,
)
from outcomes.mixed.inference.anova import anova, drop1, ranova
from outcomes.mixed.inference.hypotheses import hypothesis_table
from outcomes.mixed.inference.likelihood_ratio import compare
from outcomes.mixed.inference.robust import robust
from outcomes.mixed.margins.contrasts import contrasts, joint_tests
from outcomes.mixed.margins.margins import emmeans, emtrends
from outcomes.mixed.record import Fit


class MixedFit(Fit):
    """A fitted linear mixed-effects model.

    Its methods are functions of the record `Fit`, bound here; ``help(fit.emmeans)`` shows each.
    """

    tidy = tidy
    glance = glance
    variance_components = variance_components
    random_effects = random_effects
    augment = augment
    test = hypothesis_table
    anova = anova
    drop1 = drop1
    ranova = ranova
    emmeans = emmeans
    contrasts = contrasts
    joint_tests = joint_tests
    emtrends = emtrends
    predict = predict
    residuals = residuals
    normal_quantiles = normal_quantiles
    influence = influence
    profile = profile_intervals
    bootstrap = bootstrap
    icc = icc
    r2 = r2
    robust = robust
    compare = compare
    crosscheck = crosscheck
