"""Did treatment beat its control? Arms compared, baseline as covariate and as outcome."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from outcomes.causal.constrained import covariate_columns
from outcomes.causal.missing_not_at_random import COPY, JUMP
from outcomes.dictionary.instruments import Instrument
from outcomes.privacy.disclosure import disclosure_for
from outcomes.privacy.text import Count, Text, joined
from outcomes.questions.arms import (
    CLUSTERED,
    TIPPING,
    WITH_THERAPISTS,
    Arms,
    care_later,
    clustered_ancova,
    compared_at,
    constrained_rows,
    if_they_had_left,
    taken_for_granted,
)
from outcomes.questions.claim import SAID, Basis
from outcomes.questions.course_frame import LEAST_COURSES, CourseFrame, many_return
from outcomes.questions.course_model import LEAST_RANDOM
from outcomes.questions.picture import Picture
from outcomes.questions.question import Asked, Check, Found, Missing, question
from outcomes.records import own_visits, therapist_of_course
from outcomes.study import Study
from outcomes.words import (
    counted,
    digits_of,
    direction,
    each_with_interval,
    listed,
    named,
    plain,
    scale,
    sentence_case,
    when,
    with_interval,
)

LORD = 0.5
"""Change and ANCOVA are said to differ beyond this share of the ANCOVA's standard error."""


def trial(asked: Asked) -> Found | Missing:
    """Compare the arms of a trial with its control.

    Parameters
    ----------
    asked : Asked
        The question.

    Returns
    -------
    Found or Missing
        ``.table``: ``kind`` is ``constrained, therapists`` (the answer where three therapists or
        more are recorded in each arm that has any), ``constrained`` (the answer elsewhere),
        ``ancova, therapists`` or ``ancova`` (where scores have no weeks), ``change`` or ``score``,
        and rows for scores that are missing; one row an arm
        and time, the answer first. Missing without a named control, or with fewer than 11
        courses of an arm at the time of the answer.
    """
    course, study, measure = asked.course, asked.study, asked.measure
    problem = _missing(study, course, asked.question.notes)
    if problem:
        return Missing(problem, course=course)
    arms = _arms(asked)
    problem = _not_the_unit(arms)
    if problem:
        return Missing(problem, course=course)
    alike = [time for time in arms.times[:-1] if not arms.varies(time)]
    arms = replace(arms, times=tuple(time for time in arms.times if time not in alike))
    table, method = _estimates(study, arms, asked.instrument)
    headline = table["kind"].iloc[0]
    table.insert(0, "term", table["arm"] + table["kind"].map(taken_for_granted(arms, headline)))
    last = table[arms.axis] == arms.times[-1]
    own = table["kind"] == headline
    before = table[own & ~last]
    table = pd.concat([table[own & last], before, table[~own]], ignore_index=True)
    main = table.head(len(arms.treated))
    then = when(arms.axis, arms.times[-1])
    each = each_with_interval(main.to_dict("records"), "arm", unit=measure.unit)
    return Found(
        table,
        Text(
            _sentence(main, arms, measure, asked.allowed(course.n_courses), study),
            _earlier(before, main, arms, measure),
        ),
        method,
        _picture(main, table, arms, measure),
        checks=_checks(table, arms, study),
        limits=_limits(asked, arms, headline, alike),
        glance=f"{then}, {each}" if len(main) > 1 else f"{each} {then}",
        verdict="; ".join(dict.fromkeys(map(direction, main.to_dict("records")))),
        course=course,
        left_out={"no arm recorded": course.n_courses - arms.rows["episode_id"].nunique()},
        also={"estimand": _estimand(main, arms, measure, study)},
    )


def _missing(study: Study, course: CourseFrame, notes: Mapping[str, str]) -> str:
    """Why arms cannot be compared, or an empty string."""
    arms = study.courses["arm"].dropna().unique()
    if len(arms) < 2:
        return notes["one arm"]
    if study.provenance.control not in arms:
        return notes["no control"]
    patients = study.episodes.loc[study.episodes["arm"].notna(), "patient_id"].dropna()
    if many_return(len(patients), patients.nunique()):
        return notes["several courses"]
    counts = course.rows.groupby("arm")["episode_id"].nunique().reindex(arms, fill_value=0)
    if not course.times or counts.min() < LEAST_COURSES:
        smallest = Count(int(counts.min()), "course", there=True)
        return TRIAL.say("few", least=str(LEAST_COURSES), there=smallest)
    here = course.rows[course.rows[course.axis] == course.horizon]
    there = here.groupby("arm")["episode_id"].nunique().reindex(counts.index, fill_value=0)
    if there.min() < LEAST_COURSES:
        time = when(course.axis, course.horizon)
        return TRIAL.say("few then", least=str(LEAST_COURSES), time=time)
    return ""


def _arms(asked: Asked) -> Arms:
    course, study = asked.course, asked.study
    known = study.courses["arm"].dropna().astype(str).unique()  # "not recorded" is no arm
    rows = course.rows[course.rows["arm"].isin(known)]
    rows = rows.assign(arm=rows["arm"].astype(object))
    seen = rows.pivot_table("episode_id", course.axis, "arm", "nunique", fill_value=0)
    enough = seen.index[(seen >= LEAST_COURSES).all(axis=1)]
    times = tuple(t for t in course.times if t in enough and t <= course.horizon)
    control, facts = str(study.provenance.control), asked.plan.covariates
    columns = covariate_columns(study, facts)
    before = rows[rows[course.axis] <= times[-1]].groupby("episode_id")["session_count"].last()
    who = therapist_of_course(study, before)
    own = own_visits(study, who)
    share = float(own.mean()) if len(own) and asked.plan.unit != "clinic" else 1.0
    rows = rows.assign(therapist_id=who.reindex(rows["episode_id"]).to_numpy())
    return Arms(rows, course.axis, times, control, asked.measure.sign, columns, asked.plan, share)


def _not_the_unit(arms: Arms) -> str:
    """Why the arms cannot be told from those who were allotted to them, or an empty string."""
    unit, least = arms.plan.unit, arms.clusters.least
    if arms.clinics_are_arms and unit != "clinic":
        return TRIAL.say("clinics", least=str(LEAST_RANDOM))
    if untold := [named(one) for one in arms.plan.covariates if not arms.columns_of((one,))]:
        return TRIAL.say("not there", facts=listed(untold))
    if arms.determined_by(all_of := arms.plan.covariates):
        alone = [name for name in all_of if arms.determined_by((name,))]
        return TRIAL.say("covariates", facts=listed([named(name) for name in alone or all_of]))
    dated = arms.axis == "week"  # else no model allows for clusters
    if unit in ("clinic", "therapist") and (
        least < LEAST_RANDOM or arms.clusters.one_arm or not dated
    ):
        undated = "" if dated else ", and scores have no days"
        known = {"unit": unit, "least": str(LEAST_RANDOM), "n": str(least), "undated": undated}
        return TRIAL.say("few units", **known)
    return ""


def _estimates(study: Study, arms: Arms, instrument: str) -> tuple[pd.DataFrame, str]:
    parts = [compared_at(arms, time) for time in arms.times]
    method = Text(TRIAL.notes["ancova"], TRIAL.notes["dunnett"] if len(arms.treated) > 1 else "")
    if arms.axis != "week" and arms.clusters.least >= LEAST_RANDOM:
        rows, model = clustered_ancova(arms)
        parts = [rows, *parts]
        method = TRIAL.say("clustered", formula=model.request.formula, beside=method)
    if arms.axis == "week":
        rows, model = constrained_rows(study, arms, instrument)
        parts = [rows, *parts, if_they_had_left(study, arms, instrument, model)]
        df = "Satterthwaite" if rows["kind"].iloc[0] == CLUSTERED else "Kenward-Roger"
        scores, formula = Count(model.n_observations, "score"), model.request.formula
        method = TRIAL.say("constrained", df=df, scores=scores, formula=formula, beside=method)
    table = pd.concat(parts, ignore_index=True)
    first = ["kind", "arm", arms.axis, "n_episodes", "n_control"]
    return table[[*first, *[c for c in table if c not in first]]], method


def _sentence(
    main: pd.DataFrame, arms: Arms, measure: Instrument, allowed: Basis, study: Study
) -> str:
    about = f"{measure.title} ({scale(measure)})"
    return TRIAL.say(
        "found", differences=_differences(main, arms, measure), measure=about,
        whom=_of_whom(main["kind"].iloc[0], arms, study), allowing=_allowed_for(main, arms),
        claim=_claim(allowed, arms, [str(arm) for arm in main["arm"]]),
        later=TRIAL.say("later", control=named(arms.control)) if care_later(arms, study) else "",
        margin=_not_worse(main, arms, measure),
    )  # fmt: skip


def _earlier(rows: pd.DataFrame, main: pd.DataFrame, arms: Arms, measure: Instrument) -> str:
    """Say of an arm at which times before it differed from the control in another way, or not."""
    last, several = {row["arm"]: direction(row) for row in main.to_dict("records")}, len(main) > 1
    digits, found = digits_of(main), dict[str, list[str]]()
    for row in rows.to_dict("records"):
        if direction(row) != last[row["arm"]]:
            size = with_interval(row, digits, measure.unit)
            of_arm = _with_its_size(row["arm"], size) if several else size
            found.setdefault(when(arms.axis, row[arms.axis]), []).append(of_arm)
    each = [
        f"{time} in the {listed(sizes)} arm{'s' * (len(sizes) > 1)}" if several
        else f"{listed(sizes)} {time}"
        for time, sizes in found.items()
    ]  # fmt: skip
    if not each:
        return ""
    minus = f"{'each' if several else named(arms.treated[0])} minus {named(arms.control)}"
    return TRIAL.say("earlier", minus=minus, each="; ".join(each) if several else listed(each))


def _with_its_size(arm: str, size: str) -> str:
    """Return an arm's name with its difference and interval in brackets, where there is one."""
    return f"{named(arm)} ({size.replace(' (', ', ', 1)}" if size else named(arm)


def _allowed_for(main: pd.DataFrame, arms: Arms) -> str:
    clusters = {"clinic": "clinics"}.get(arms.plan.unit, "therapists")
    more = [clusters] if main["kind"].iloc[0] in WITH_THERAPISTS else []
    return listed(["baseline", *map(named, arms.plan.covariates), *more])


def _not_worse(main: pd.DataFrame, arms: Arms, measure: Instrument) -> str:
    """Say of each arm whether it is worse by less than the declared margin."""
    margin = arms.plan.margin
    if margin is None:
        return ""
    size = f"{margin:g} {measure.unit.removesuffix('s') if margin == 1 else measure.unit}"
    out = main["conf_low"] > -margin
    return "".join(
        TRIAL.say("margin", arms=" or ".join(map(named, own["arm"])), size=size, ruled=words)
        for words, own in (("ruled out", main[out]), ("not ruled out", main[~out]))
        if len(own)
    )


def _estimand(main: pd.DataFrame, arms: Arms, measure: Instrument, study: Study) -> Text:
    """Name the estimand by its five attributes (ICH E9(R1))."""
    whom = Text(_of_whom(main["kind"].iloc[0], arms, study), f".{arms.plan.of_whom}")
    return TRIAL.say(
        "estimand", arms=" or ".join(arms.treated), control=arms.control, whom=whom,
        measure=measure.title, time=when(arms.axis, arms.times[-1]).removeprefix("at "),
        unit=measure.unit,
    )  # fmt: skip


def _of_whom(kind: str, arms: Arms, study: Study) -> Text:
    """Say whom the difference is about: all who entered, or those with a score then."""
    entered = int(study.courses["arm"].notna().sum())
    if kind.startswith("constrained"):
        return Text("all ", Count(entered, "course"), " that entered")
    there = len(arms.at(arms.times[-1]))
    return Text(Count(there, "course", of=entered), " with a score then")


def _claim(allowed: Basis, arms: Arms, treated: list[str]) -> str:
    """Say how far the difference may be read; few therapists never stand for all."""
    if allowed.claim != "effect":
        return TRIAL.notes["not by chance"]
    least = arms.clusters.least
    if 0 < least < LEAST_RANDOM:
        return TRIAL.say("few hands", who=counted(least, "therapist"))
    return TRIAL.say("offering", arms=listed([named(arm) for arm in treated], "or"))


def _differences(main: pd.DataFrame, arms: Arms, measure: Instrument | None = None) -> str:
    """Say how each arm differs from the control, each verdict once; with a measure, by how much."""
    found: dict[str, list[str]] = {}
    digits = digits_of(main)
    means = arms.at(arms.times[-1]).groupby("arm")["improvement"].mean()
    for row in main.to_dict("records"):
        lines = () if arms.plan.margin is None else (-arms.plan.margin,)
        size = with_interval(row, digits, measure.unit, lines) if measure else ""
        if len(main) > 1:
            size = _with_its_size(row["arm"], size)
        grew = max(means[row["arm"]], means[arms.control]) > 0  # else neither arm improved
        words = ("improved more", "improved less") if grew else ("did better", "did worse")
        found.setdefault(direction(row, *words, ""), []).append(size)
    several = "several " if len(main) > 1 else ""
    parts = []
    for way, sizes in found.items():
        arm = f"{listed(sizes)} arm{'s' * (len(sizes) > 1)}" if several else named(arms.treated[0])
        note = f"{several}{'better' if way else 'unclear'}"
        parts.append(TRIAL.say(note, arm=arm, other=named(arms.control), way=way))
        minus = "" if way else f", {arm} minus {named(arms.control)},"
        parts[-1] += f": {sizes[0]}{minus}" if measure and not several else ""
    return sentence_case(f"{'; '.join(parts)} {when(arms.axis, arms.times[-1])}")


def _picture(main: pd.DataFrame, table: pd.DataFrame, arms: Arms, measure: Instrument) -> Picture:
    last = table[(table[arms.axis] == arms.times[-1]) & (table["kind"] != TIPPING)]
    ways = {kind: TRIAL.notes[f"row {kind}"] for kind in last["kind"].unique()}
    several = len(arms.treated) > 1
    if several:  # the table has the other models: a row an arm and model would fill pages
        last = last[last["kind"].isin([main["kind"].iloc[0], JUMP, COPY])]
    passed_over = last["kind"].map(taken_for_granted(arms, main["kind"].iloc[0]))
    label = (last["kind"].map(ways) + passed_over).str.replace(") (", ", ", regex=False)
    rows = main.to_dict("records")
    digits = digits_of(main)
    spoken = "; ".join(
        f"{named(row['arm'])}: {with_interval(row, digits, measure.unit)}" for row in rows
    )
    time, way = when(arms.axis, arms.times[-1]), sentence_case(ways[main["kind"].iloc[0]])
    last = last.assign(n_episodes=np.nan)  # of one arm: beside a difference it is read as both
    return TRIAL.forest(
        last, last["arm"] + ": " + label if several else label, _differences(main, arms),
        unit=measure.unit, control=named(arms.control), arm=arms.control, time=time, way=way,
        spoken=spoken,
    )  # fmt: skip


def _incomplete_check(table: pd.DataFrame, arms: Arms) -> tuple[Check, ...]:
    """Whether the answer stays if the missing went on as the control, and where it tips."""
    jump, main = table[table["kind"] == JUMP], table.head(len(arms.treated))
    if jump.empty:
        return ()
    both = jump.merge(main, on="arm", suffixes=("", "_main"))
    clear = both["conf_low_main"] * both["conf_high_main"] > 0
    still = both["conf_low"] * both["conf_high"] > 0
    return (TRIAL.check("imputed", (still | ~clear).all(), "jump to reference"),)


def _checks(table: pd.DataFrame, arms: Arms, study: Study) -> tuple[Check, ...]:
    last = table[table[arms.axis] == arms.times[-1]].set_index(["kind", "arm"])
    ancova, change = last.loc["ancova"], last.loc["change"]
    gap = (ancova["estimate"] - change["estimate"]).abs() / ancova["std_error"]
    lord = TRIAL.say(
        "lord", ancova=plain(ancova["estimate"].iloc[0], 2),
        change=plain(change["estimate"].iloc[0], 2),
    )  # fmt: skip
    by_chance = study.provenance.randomised
    started = study.episodes["arm"].value_counts()
    reached = arms.at(arms.times[-1])["arm"].value_counts()
    missing = 1 - (reached / started).dropna()
    gone = {str(arm): int(n - reached.get(arm, 0)) for arm, n in started.items()}
    counts = [Count(n, "course", of=int(started[arm]), whom=arm) for arm, n in gone.items()]
    shares = joined(", ", map(Text, [f"{arm} " for arm in gone], counts))
    rule = disclosure_for(study)  # of so few that they are not told, all that they may be
    untold = (missing * started).round().map(rule.hides)
    most = missing.mask(untold, (rule.threshold - 1) / started)
    few = most.le(0.2).all() and most.max() - missing.mask(untold, 1 / started).min() <= 0.1
    check = TRIAL.check("missing", few, Text("without a score at that time: ", shares))
    return (
        TRIAL.check("chance", by_chance, "as recorded" if by_chance else "not stated"),
        TRIAL.check("lord", gap.le(LORD).all(), lord),
        replace(check, unmet=SAID["untold share"]) if untold.any() else check,
        *_incomplete_check(table, arms),
    )


def _limits(asked: Asked, arms: Arms, headline: str, alike: list[float]) -> tuple[str, ...]:
    """Return what the comparison cannot show, of therapists what this study passes over."""
    at = [TRIAL.say("alike", when=when(arms.axis, time)) for time in alike]
    few = "few therapists" if arms.clusters.least else "therapists not recorded"
    whose = "rows without therapists" if headline in WITH_THERAPISTS else few
    said = ["known arm", whose, *["other times"] * (len(arms.times) > 1)]
    return (*(asked.question.notes[name] for name in said), *at)


TRIAL = question("trial", trial)
