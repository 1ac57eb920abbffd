"""Words follow from the design, in every combination of its parts."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pandas as pd
import pytest

import outcomes as oc
from outcomes.privacy.disclosure import Disclosure
from outcomes.questions.answer import Source, refusal
from outcomes.questions.claim import Basis, basis_of
from outcomes.render.contents.summary import about
from outcomes.study import study_from_tables
from studies.overclaims import overclaims

pytestmark = pytest.mark.quick(10)

COMBINATIONS = [
    Basis(*parts)
    for parts in itertools.product(
        (0, 1, 2, 3),
        (False, True),
        (False, True),
        (False, True),
        (6, 30, 500),
        (0, 1, 12),
        (False, True),
    )
]


def test_effect_needs_arms_a_control_and_chance():
    for basis in COMBINATIONS:
        effect = basis.arms >= 2 and basis.control and basis.randomised
        expected = effect and basis.contrast
        assert (basis.claim == "effect") == expected


def test_without_a_control_no_word_goes_beyond_an_association():
    for basis in COMBINATIONS:
        if basis.arms < 2 or not basis.control:
            assert basis.claim in {"change", "association"}


def test_arms_that_chance_did_not_make_differ():
    basis = Basis(arms=2, control=True, randomised=False, contrast=True)
    assert basis.claim == "difference"
    assert replace(basis, randomised=True).claim == "effect"


def test_a_small_or_undeclared_study_is_said_to_be_so():
    for basis in COMBINATIONS:
        cautions = " ".join(basis.cautions)
        assert ("little data: fewer than 30 courses" in cautions) == (basis.n_episodes == 6)
        assert ("Too few therapists" in cautions) == (basis.n_clusters == 1)
        assert ("exploratory" in cautions) == (not basis.planned)


CAUTIONS = {
    "change": "Change during care has several causes that these data cannot separate.",
    "association": "What is compared was not assigned by chance; some reasons are not recorded.",
    "difference": "Chance did not make the arms, so they may differ from the start.",
}


def test_each_claim_has_its_own_caution_and_an_effect_or_nothing_none():
    for basis in COMBINATIONS:
        found = basis
        said = [claim for claim, caution in CAUTIONS.items() if caution in found.cautions]
        assert said == [claim for claim in CAUTIONS if claim == found.claim]


def test_the_words_of_the_least_that_is_known_are_whole():
    assert Basis().cautions == (
        "Change during care has several causes that these data cannot separate.",
        "No analysis plan declared this beforehand: it is exploratory.",
    )
    few = Basis(n_episodes=1, n_clusters=4, planned=True).cautions
    assert few[1:] == (
        "It rests on little data: fewer than 30 courses.",
        "Too few therapists to tell how much they differ: 4.",
    )


@pytest.mark.parametrize(("therapists", "few"), [(0, False), (1, True), (4, True), (5, False)])
def test_five_therapists_are_not_few(therapists, few):
    cautions = " ".join(Basis(n_clusters=therapists).cautions)
    assert ("Too few therapists" in cautions) == few


@pytest.mark.parametrize(("courses", "few"), [(29, True), (30, False)])
def test_thirty_courses_are_not_few(courses, few):
    cautions = " ".join(Basis(n_episodes=courses).cautions)
    assert ("It rests on little data" in cautions) == few


@pytest.mark.parametrize(
    "text",
    [
        "It works.",
        "No effect was seen.",
        "Massage is effective.",
        "Care caused the change.",
        "Pain fell because of care.",
        "Deep was better than light.",
    ],
)
def test_strong_words_are_found_even_when_denied(text):
    assert overclaims(text, "change")
    assert overclaims(text.upper(), "change")
    assert overclaims(text, "association")
    assert not overclaims(text, "effect")


def two_arms(*, randomised: bool):
    """Return four courses of two arms, two therapists and one course without either."""
    courses = pd.DataFrame(
        {
            "episode_id": list("abcde"),
            "arm": ["massage", "wait", "massage", "wait", None],
            "therapist_id": ["x", "y", "x", "x", None],
        }
    )
    study = study_from_tables({"episodes": courses})
    about = replace(study.provenance, control="wait", randomised=randomised)
    return replace(study, provenance=about)


@pytest.mark.parametrize("randomised", [True, False])
def test_a_study_gives_its_arms_its_control_and_its_counts(randomised):
    found = basis_of(two_arms(randomised=randomised), contrast=True)
    assert found == Basis(
        arms=2,
        control=True,
        randomised=randomised,
        contrast=True,
        n_episodes=5,
        n_clusters=2,
        planned=False,
    )


@pytest.mark.parametrize("table", ["episodes", "sessions"])
def test_therapists_are_counted_wherever_they_are_named(table):
    courses = ["a", "b", "c"]
    named = pd.DataFrame({"episode_id": courses, "therapist_id": ["t1", "t2", "t1"]})
    whole = {"episodes": pd.DataFrame({"episode_id": courses}), table: named}
    study = study_from_tables(whole)
    assert basis_of(study, contrast=True).n_clusters == 2
    assert basis_of(study, contrast=True, n_clusters=0).n_clusters == 0
    given = refusal("how-much", "How much?", "no scores.", Source("", "", True, 1, "", "1", 3, 0))
    assert " · 2 therapists · " in about(study, (given,), Disclosure(exempt=True))


def test_what_the_caller_knows_better_stands():
    found = basis_of(two_arms(randomised=True), contrast=False, planned=True, n_episodes=3)
    assert (found.contrast, found.planned, found.n_episodes) == (False, True, 3)


def test_a_study_without_a_named_control_claims_no_difference():
    study = oc.simulate(episodes=6, seed=1)
    found = basis_of(study, contrast=True)
    assert not found.control
    assert found.claim == "association"
