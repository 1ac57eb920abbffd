"""What a reader is told: plain, whole, and no more than the numbers beside it say."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache

import pytest

import outcomes as oc
from outcomes.questions.ask import QUESTIONS, answers
from outcomes.render.report import report
from outcomes.synthetic.scenarios import SCENARIOS
from outcomes.words import UNCLEAR

QUICK = {"default", "null", "two-arm-trial"}
STUMBLES = {
    "two meanings": r"\blike (patients|courses)\b|adaptive patients|patients not adapted",
    "not plain English": r"in the arm \w|\bscripts?\b|what should hold|equal weeks|equal sessions",
    "no number": r"\bnan\b|\binf\b|-0\.0\b|\b0\.0 (points )?(less|more)\b",
    "two negatives": r"could no longer be told from none|not clearly not|cannot be told from no ",
    "the code's own words": r"\bkind `|`trap`|`stayed`|neck_mvc|carpal_tunnel|np\.",
    "unfinished": r"\(\)|  |\bNone\b|: \.|, \.|\bof (Numeric|Neck|Beck|Weekly|Roland)\b",
    "brackets in brackets in brackets": r"\([^()]*\([^()]*\(",
}
"""Each kind of sentence that readers stumbled over, and what gives it away."""


@cache
def given(scenario):
    """Return the answers to all questions about a scenario, asked once."""
    return answers(oc.simulate(episodes=90, scenario=scenario, seed=4))


def test_a_check_that_fails_is_a_sentence_and_never_the_name_of_what_should_hold():
    for record in QUESTIONS.values():
        assert record.checks.keys() == record.unmet.keys()
        for name in record.checks:
            said = record.check(name, passed=False, detail="8 courses").said
            assert re.fullmatch(r"[A-Z].*\.", said), said
            assert "{" not in said
            assert record.checks[name] not in said
            assert record.check(name, passed=True, detail="").said == record.checks[name]


def told(answer):
    """All that is said of an answer to a clinician."""
    texts = [answer.sentence, answer.glance, answer.verdict, *answer.limits]
    texts += [check.said for check in answer.checks if not check.passed]
    if answer.picture is not None:
        texts += [answer.picture.title, answer.picture.alt, answer.picture.x_label]
    return texts


@pytest.mark.parametrize(
    "scenario",
    [
        name if name in QUICK else pytest.param(name, marks=pytest.mark.slow)
        for name in SCENARIOS
        if name != "large-registry"
    ],
)
def test_no_sentence_of_any_scenario_makes_its_reader_stumble(scenario):
    for answer in given(scenario):
        for text in told(answer):
            found = {
                why: hit[0] for why, words in STUMBLES.items() if (hit := re.search(words, text))
            }
            assert not found, f"{answer.name}: {text}"
    for answer in given(scenario):
        rows = (
            answer.table[answer.table["kind"].isin(answer.record.test)] if len(answer.table) else ()
        )
        if len(rows) and answer.record.points and answer.verdict in ("better", "worse", UNCLEAR):
            holds_zero = rows["conf_low"].iloc[0] <= 0 <= rows["conf_high"].iloc[0]
            assert holds_zero == (answer.verdict == UNCLEAR), answer.name
            assert ("clear" in answer.sentence) == holds_zero, answer.sentence
            assert not holds_zero or "improve" in answer.sentence, "a sign needs its direction"


def test_a_trial_by_chance_is_never_said_to_be_a_choice():
    trial = next(answer for answer in given("two-arm-trial") if answer.name == "trial")
    said = " ".join(told(trial))
    assert "not assigned by chance" not in said
    assert "did not make the arms" not in said
    study = oc.simulate(episodes=90, scenario="two-arm-trial", seed=4)
    about = replace(study.provenance, randomised=False)
    other = oc.answer(replace(study, provenance=about), "trial")
    assert "Chance did not make the arms" in other.sentence


def test_the_first_page_says_each_limit_once_and_each_question_with_its_word(tmp_path):
    study, asked = oc.simulate(episodes=90, seed=4), given("default")
    page = (report(study, tmp_path / "out", answers=asked) / "index.html").read_text("utf-8")
    front = page[page.index('id="summary"') : page.index("</section>", page.index('id="summary"'))]
    table = front[front.index('class="glance"') : front.index("</table>")]
    for answer in asked:
        if not answer.record.about_one:
            assert answer.question.replace("'", "&#39;") in table
    assert table.count("not answerable here") == sum(answer.refused for answer in asked)
    for limit in {limit for answer in asked for limit in answer.limits}:
        words = re.sub("`.*", "", limit).replace("'", "&#39;")[:60]
        assert page.replace("\N{NO-BREAK SPACE}", " ").count(words) == 1, limit
    seen = re.sub("<svg.*?</svg>", "", front, flags=re.DOTALL).replace(
        "&nbsp;", "\N{NO-BREAK SPACE}"
    )
    assert not re.search(r"\d % CI|95 %", seen)  # no line ends inside a number
    assert all(answer.verdict in table for answer in asked if not answer.refused)
