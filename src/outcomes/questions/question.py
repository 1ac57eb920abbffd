"""Question: all that is known about one clinical question stands in one record.

A question is a module with a function that finds its numbers, and a TOML file of the same name with
its prose and with what the rest of the package has to know of it. `outcomes.questions.ask` does for
each of them what is the same for all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from importlib.resources import files
from typing import Any, Literal

import msgspec
import pandas as pd

from outcomes.dictionary.instruments import Instrument
from outcomes.privacy.disclosure import disclosure_for
from outcomes.privacy.text import Part, Text, filled
from outcomes.questions.claim import SAID, Basis, basis_of
from outcomes.questions.course_frame import CourseFrame, course_frame
from outcomes.questions.course_model import CourseModel, grouped_model, pooled_model
from outcomes.questions.declared import Declared
from outcomes.questions.picture import Picture, forest
from outcomes.study import Study

Kind = Literal["model", "raw", "part", "share"]
Compares = Literal["change", "records", "patients", "arms"]


class Question(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is known about one clinical question.

    Parameters
    ----------
    name : str
        Short name (``how-much``).
    words : str
        The question as a clinician asks it.
    compares : {"change", "records", "patients", "arms"}
        What the answer is about: change during care, what was recorded, patients who got one thing
        with patients who got another, or the arms of the study. Its words follow from this.
    estimand : str
        What exactly is estimated.
    assumptions, limits, references : tuple of str
        What it rests on; what it cannot show; where thresholds and methods come from.
    notes : mapping of str to str
        Further sentences by name, which the answer says where they apply; places in braces are
        filled in.
    checks : mapping of str to str
        What is checked, by a name for it.
    unmet : mapping of str to str
        The sentence where it does not hold, by the same name.
    kinds : mapping of str to {"model", "raw", "part", "share"}
        Kinds of rows in its table: an estimate of a model; a summary of records as they are; one of
        the parts of a whole whose size a reader may know; a share of counts in the same row. A kind
        that is not here is hidden in real data.
    groups : tuple of str
        Kinds whose rows at one time are about groups of courses that have none in common.
    fixed : tuple of str
        Kinds whose rows are named by the question and not by the data: only these names stay where
        a row is hidden.
    numbers : tuple of str
        Its own columns of numbers beside the usual ones; others are hidden in real data.
    test : tuple of str
        Kinds of the row that a plan tests, the first of those; empty for no one test.
    points : tuple of str
        Kinds of the row that is in points of the instrument, the first of those: a plan's threshold
        is held against it; empty for none.
    glance : tuple of str
        Kinds of the row whose number stands on the first page, where it is not that one.
    truth : str
        What is true of that row in simulated data, by name in `outcomes.planning.truths`.
    null_without : tuple of str
        Terms of the model ``score ~ later + time`` that its question is about: scores in which
        there is nothing to find are drawn without them.
    null_therapists : bool
        Whether therapists may differ in that model.
    declares : tuple of str
        Fields of a plan that it answers to, beside those that all do (`declared.ALWAYS`).
    about_one : bool
        Whether it is about one patient: its answer stays inside the clinic, in a letter.
    of_scores : bool
        Whether it asks for scores.
    uses : str
        What the rows are that it uses, in the singular.
    one_score : bool
        Whether each course must have one score at a time: not one of each of several movements.
    find : callable
        Takes what was asked, returns what was found or what is missing.
    """

    words: str
    compares: Compares
    estimand: str
    kinds: Mapping[str, Kind]
    name: str = ""
    assumptions: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    notes: Mapping[str, str] = {}
    checks: Mapping[str, str] = {}
    unmet: Mapping[str, str] = {}
    fixed: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    test: tuple[str, ...] = ()
    points: tuple[str, ...] = ()
    glance: tuple[str, ...] = ()
    truth: str = ""
    null_without: tuple[str, ...] = ()
    null_therapists: bool = True
    declares: tuple[str, ...] = ()
    about_one: bool = False
    of_scores: bool = True
    uses: str = "score"
    one_score: bool = False
    find: Any = None

    def test_row(self, table: pd.DataFrame) -> pd.Series[bool]:
        """Return which rows of its table hold the test: the first of them is the answer's."""
        return table["kind"].isin(self.test) & table["p_value"].notna()

    def say(self, note: str, /, **words: Part | int) -> Text:
        """Return a note with its places filled; counts in it stay counts."""
        return filled(self.notes[note], words)

    def forest(self, rows: pd.DataFrame, labels: Any, title: str, **words: Part | int) -> Picture:
        """Return one interval a row; axis and alternative text are notes filled with `words`."""
        return forest(rows, labels, title, self.say("axis", **words), self.say("alt", **words))

    def check(self, name: str, /, passed: Any, detail: str) -> Check:
        """Return a check by its name here."""
        return Check(self.checks[name], bool(passed), detail, self.unmet[name])

    def at_most(
        self, name: str, share: float, part: int, of: int, study: Study, detail: str
    ) -> Check:
        """Return the check that a part of a whole is at most a share.

        So few that they are not told are held against the most that they may be: whether they keep
        to it would narrow them down.
        """
        rule = disclosure_for(study)
        untold = rule.hides(part) or rule.some(part, of)
        most = (of - 1 if rule.some(part, of) else rule.threshold - 1) if untold else part
        check = self.check(name, most / of <= share if of else False, detail)
        return replace(check, unmet=SAID["untold share"]) if untold else check


def p_of_test(row: Mapping[Any, Any]) -> float:
    """Return the p-value of the test in a row: that of both rows, where a finding needs two."""
    both = row.get("p_both")
    return float(row["p_value"] if both is None or pd.isna(both) else both)


def question(name: str, find: Callable[[Asked], Found | Missing]) -> Question:
    """Return the question whose prose stands in the TOML file of that name.

    Parameters
    ----------
    name : str
        Short name; the file is ``how_much.toml`` for ``how-much``.
    find : callable
        What answers it.
    """
    text = files(__package__).joinpath(f"{name.replace('-', '_')}.toml").read_bytes()
    return msgspec.structs.replace(msgspec.toml.decode(text, type=Question), name=name, find=find)


@dataclass(frozen=True, eq=False)
class Asked:
    """What a question is asked of.

    Parameters
    ----------
    question : Question
        Which.
    study : Study
        Without errors.
    instrument : str
        Instrument of the outcome.
    seed : int
        Of what is drawn on the way.
    declared : Declared or None
        What an analysis plan says of the question.
    episode : str or None
        The course, where the question is about one.
    thorough : bool
        False leaves out what stands beside the answer: groups, other models.
    """

    question: Question
    study: Study
    instrument: str
    seed: int = 0
    declared: Declared | None = None
    episode: str | None = None
    thorough: bool = True

    @property
    def measure(self) -> Instrument:
        """The instrument."""
        return self.study.instrument(self.instrument)

    @property
    def course(self) -> CourseFrame:
        """The rows of its courses; made once a study."""
        return course_frame(self.study, self.instrument, *self.timing)

    @property
    def pooled(self) -> CourseModel:
        """The model of all its courses together, fitted once a study: one mean, one number."""
        return pooled_model(self.study, self.instrument, *self.timing)

    @property
    def grouped(self) -> CourseModel:
        """The model of their groups, fitted once a study: a group's mean has one number too."""
        return grouped_model(self.study, self.instrument, *self.timing)

    @property
    def plan(self) -> Declared:
        """What the plan says of the question: nothing without one."""
        return self.declared or Declared(question=self.question.name)

    @property
    def timing(self) -> tuple[tuple[float, ...], float | None, float | None]:
        """When scores were due, within what window, and the time of the answer."""
        return self.plan.weeks, self.plan.window, self.plan.time

    def allowed(self, n_courses: int | None = None, n_clusters: int | None = None) -> Basis:
        """Return the words that the study allows an answer about so many courses and therapists."""
        facts = {"n_episodes": n_courses, "n_clusters": n_clusters}
        known: dict[str, int | bool] = {k: v for k, v in facts.items() if v is not None}
        compares = self.question.compares
        if compares == "patients":
            known["arms"] = 0
        contrast = compares in ("patients", "arms")
        return basis_of(self.study, contrast=contrast, planned=bool(self.declared), **known)


@dataclass(frozen=True)
class Check:
    """One check an answer made of itself.

    Parameters
    ----------
    name : str
        What was checked.
    passed : bool
        Whether it held.
    detail : str
        The number that shows it.
    unmet : str
        The sentence that says that it did not hold, with a place for the detail.
    """

    name: str
    passed: bool
    detail: str
    unmet: str = "Not met: {name} ({detail})."

    @property
    def said(self) -> str:
        """What was checked, with its number; where it did not hold, the sentence that says so."""
        if not self.passed:
            return self.unmet.format(name=self.name, detail=self.detail)
        told = self.detail and not self.name.endswith(self.detail)
        return f"{self.name} ({self.detail})" if told else self.name


@dataclass(frozen=True, eq=False, kw_only=True)
class _Result:
    """What a result rests on.

    Parameters
    ----------
    course : CourseFrame or None
        Its rows, courses, and what was left out.
    n_used, n_courses : int or None
        Rows and courses behind it, where these are not all of `course`; without either, no rows
        and the courses of the study.
    left_out : mapping of str to int
        Rows left out beyond those of `course`, by reason.
    """

    course: CourseFrame | None = None
    n_used: int | None = None
    n_courses: int | None = None
    left_out: Mapping[str, int] = field(default_factory=dict)

    @property
    def rows_used(self) -> int:
        """Rows behind it."""
        return (len(self.course.rows) if self.course else 0) if self.n_used is None else self.n_used

    @property
    def courses(self) -> int | None:
        """Courses behind it; None for those of the study."""
        return self.course.n_courses if self.course and self.n_courses is None else self.n_courses

    @property
    def rows_left_out(self) -> dict[str, int]:
        """All rows left out, by reason."""
        return {**(self.course.left_out if self.course else {}), **self.left_out}


@dataclass(frozen=True, eq=False)
class Found(_Result):
    """What a question found.

    Parameters
    ----------
    table : DataFrame
        Tidy estimates: term, kind, estimate, std_error, df, conf_low, conf_high and more.
    sentence : str
        The answer in one plain sentence with its interval; counts in it are typed (`Count`).
    method : str
        What was done, with the model formula.
    picture : Picture or None
        What the figure shows.
    checks : tuple of Check
        Checks the answer made of itself.
    glance, verdict : str
        The number and the word of the first page: what was found, in a few words (counts typed as
        in `sentence`), and what follows for the question, such as `outcomes.words.UNCLEAR`.
    limits : tuple of str or None
        In place of the question's own.
    n_clusters : int or None
        Therapists behind it; by default those of the study.
    also : mapping
        Other fields of the answer in place of the question's own, such as ``references``.
    course, n_used, n_courses, left_out
        What it rests on, as in `_Result`.
    """

    table: pd.DataFrame
    sentence: str
    method: str
    picture: Picture | None = None
    checks: tuple[Check, ...] = ()
    glance: str = ""
    verdict: str = ""
    limits: tuple[str, ...] | None = None
    n_clusters: int | None = None
    also: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Missing(_Result):
    """Why a question cannot be answered.

    Parameters
    ----------
    reason : str
        What is missing and what would make it answerable; one or two plain sentences.
    table : DataFrame
        What can be shown all the same.
    limits : tuple of str
        What that cannot show.
    course, n_used, n_courses, left_out
        As in `Found`.
    """

    reason: str
    table: pd.DataFrame = field(default_factory=pd.DataFrame)
    limits: tuple[str, ...] = ()
