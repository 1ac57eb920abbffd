"""The report: complete, self-contained, the same bytes twice, and silent about small groups."""

from __future__ import annotations

import csv
import hashlib
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import outcomes as oc
from outcomes.errors import UnavailableError, UsageError
from outcomes.privacy.disclosure import Disclosure
from outcomes.privacy.text import Count, Text
from outcomes.provenance import Import, Provenance
from outcomes.questions.answer import Source, refusal
from outcomes.questions.disclosed import disclosed
from outcomes.questions.question import Check
from outcomes.render.compose import compose
from outcomes.render.contents.answer_section import _table, estimate_tables
from outcomes.render.contents.background import checklists, provenance
from outcomes.render.contents.summary import summary
from outcomes.render.document import Bullets, Facts, Figure, Paragraph, Table, numeric
from outcomes.render.figures import draw, svg_bytes
from outcomes.render.formats import FORMATS, Format, check_available
from outcomes.render.html import page_html
from outcomes.render.report import estimates_table, report
from outcomes.study import study_from_tables

VOID = {"meta", "link", "br", "img", "hr"}


class Page(HTMLParser):
    """Collects tags, ids and addresses, and holds that tags are closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.addresses: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        values = dict(attrs)
        self.ids += [values["id"] or ""] if "id" in values else []
        self.addresses += [values[name] or "" for name in ("href", "src") if name in values]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def folder(
    synthetic_study: Any, quick_report: Any, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    out = tmp_path_factory.mktemp("out") / "report"
    made: Path = quick_report(synthetic_study, out, audience="analyst")
    return made


def test_a_figure_of_all_courses_alone_stands_in_a_report_once(
    make_answer: Any, synthetic_study: Any
) -> None:
    rule = Disclosure(exempt=True)
    for groups, figures in (({"all": 60}, 1), ({"all": 60, "headache": 60}, 2)):
        document = compose(synthetic_study, (make_answer(groups),), disclosure=rule)
        drawn = [b for s in document.sections[:2] for b in s.blocks if isinstance(b, Figure)]
        assert len(drawn) == figures


def test_a_column_without_any_number_is_not_in_a_table() -> None:
    rows = pd.DataFrame({"term": ["met", "late"], "n_events": [3, 1], "estimate": [np.nan] * 2,
                         "conf_low": np.nan, "conf_high": np.nan, "df": np.nan})  # fmt: skip
    table = _table(rows, "Clearance", ("df",))
    assert len(table.head) == 2
    assert table.rows == (("met", "3"), ("late", "1"))
    assert numeric(table) == [False, True]
    dashes = Table("Found", ("question", "found"), (("a", "–"), ("b", "–")))
    assert numeric(dashes) == [False, False]  # dashes alone are no numbers


@pytest.mark.parametrize(("shown", "tables"), [(1, 0), (2, 1)])
def test_a_table_of_which_one_row_may_be_shown_is_left_to_the_sentence(
    make_answer: Any, shown: int, tables: int
) -> None:
    answer = make_answer()
    hidden = [i >= shown for i in range(len(answer.table))]
    answer = replace(answer, table=answer.table.assign(suppressed=hidden))
    assert len(estimate_tables(answer, details=False)) == tables


def test_analysts_get_the_model_in_words_with_its_residuals(folder: Path) -> None:
    text = (folder / "index.html").read_text(encoding="utf-8")
    section = text[text.index('<section id="model"') :]
    section = section[: section.index("</section>")]
    for words in ("Coefficients: Improvement", "SD of courses: level", "Residual SD", "<svg"):
        assert words in section
    assert "[T." not in section
    assert not re.search(r"<th[^>]*>\s*[NP] ", text)  # every count says what it counts
    assert not re.search("Estimates: (clone-censor-weight|trap|delta|own|overlap)<", text)


def test_the_page_is_well_formed_and_asks_no_host_for_anything(folder: Path) -> None:
    text = (folder / "index.html").read_text(encoding="utf-8")
    page = Page(text)
    assert page.open == []
    assert len(page.ids) == len(set(page.ids))
    assert {a for a in page.addresses if not a.startswith(("#", "data:"))} == set()
    assert set(re.findall(r"https?://[^\"' <]+", text)) <= {
        "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}  # fmt: skip
    assert {"script", "iframe", "img"}.isdisjoint(page.tags)
    assert {a[1:] for a in page.addresses if a.startswith("#")} <= set(page.ids)


def test_the_summary_comes_first_and_data_source_seed_and_label_are_named(folder: Path) -> None:
    text = (folder / "index.html").read_text(encoding="utf-8")
    sections = re.findall(r'<section id="([^"]+)"', text)
    assert sections[0] == "summary"
    assert sections[-1] == "provenance"
    assert "<title>SYNTHETIC: A study made by hand</title>" in text
    for words in ("made-by-hand", "<dt>Seed</dt><dd>5</dd>", "SHA-256", "outcomes 0."):
        assert words in text


def test_every_figure_has_words_for_those_who_cannot_see_it(folder: Path) -> None:
    text = (folder / "index.html").read_text(encoding="utf-8")
    drawings = re.findall(r"<svg.*?</svg>", text, re.DOTALL)
    drawings = [drawing for drawing in drawings if 'class="bar"' not in drawing]
    assert drawings
    for drawing in drawings:
        assert 'role="img"' in drawing
        assert len(re.search(r"<desc[^>]*>(.*?)</desc>", drawing, re.DOTALL).group(1)) > 20  # type: ignore[union-attr]
        assert "SYNTHETIC DATA" in drawing.replace("\xa0", " ")


def test_the_same_study_gives_the_same_bytes(
    synthetic_study: Any, quick_report: Any, folder: Path, tmp_path: Path
) -> None:
    again = quick_report(synthetic_study, tmp_path / "again", audience="analyst")
    names = sorted(path.name for path in folder.iterdir())
    assert names == sorted(path.name for path in again.iterdir())
    for name in names:
        assert (folder / name).read_bytes() == (again / name).read_bytes()


def test_a_date_stands_in_the_report_only_when_given(
    synthetic_study: Any, make_answer: Any
) -> None:
    rule = Disclosure(exempt=True)
    dated = compose(synthetic_study, (make_answer(),), disclosure=rule, date="3 March 2026")
    assert "3 March 2026" in page_html(dated)


def test_the_estimates_are_tidy_and_say_where_they_come_from(folder: Path) -> None:
    with (folder / "estimates.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows
    assert {row["label"] for row in rows} == {"SYNTHETIC"}
    assert all(len(row["data_sha256"]) == 64 for row in rows)
    assert all(float(row["conf_low"]) <= float(row["estimate"]) for row in rows)


def test_real_data_hide_small_groups_in_text_table_figure_and_csv(
    real_study: Any, make_answer: Any
) -> None:
    answer = make_answer(
        {"all": 120, "headache": 71, "sciatica": 40, "rare_one": 9}, synthetic=False
    )
    safe = disclosed(answer)
    rare = answer.table["group"] == "rare_one"
    assert safe.table.loc[rare, "estimate"].isna().all()
    drawn = answer.picture.data["group"] == "rare_one"
    assert safe.picture.data.loc[drawn, "estimate"].isna().all()
    text = page_html(compose(real_study, (safe,), disclosure=Disclosure()))
    row = re.search(r'<th scope="row">not shown</th>(.*?)</tr>', text, re.DOTALL)
    assert row is not None
    cells = re.findall(r">([^<>]+)</td>", row.group(1))
    assert cells == ["not shown", "too few to show"]
    assert "rare one" not in text
    assert "SYNTHETIC" not in text
    assert "Left out: &lt;11 (no baseline)" in text
    assert text.count(">71<") > 0
    lines = [r for r in estimates_table((safe,)).to_dict("records") if r["group"] == "not shown"]
    assert len(lines) == 7
    assert all(line["n_episodes"] != line["n_episodes"] for line in lines)


@pytest.mark.parametrize(
    ("groups", "hidden"),
    [
        ({"all": 120, "a": 60, "b": 60}, set()),
        ({"all": 120, "a": 60, "b": 51, "c": 9}, {"b", "c"}),
        ({"all": 120, "a": 60, "b": 55}, {"b"}),
        ({"all": 120, "a": 60, "b": 49}, set()),
        ({"all": 120, "a": 114, "b": 6}, {"a", "b"}),
        ({"all": 10}, {"all"}),
    ],
)  # fmt: skip
def test_no_small_group_can_be_worked_out_from_the_total(
    make_answer: Any, groups: dict[str, int], hidden: set[str]
) -> None:
    answer = make_answer(groups, synthetic=False)
    table, names = disclosed(answer).table, answer.table["group"]
    assert set(names[table["estimate"].isna()]) == hidden
    assert set(names[table["suppressed"]]) == hidden
    few = {name for name, count in groups.items() if count < 11}
    assert set(names[table["group"] == "not shown"]) == few


def test_sentences_of_real_data_hold_no_small_count_of_people(make_answer: Any) -> None:
    answer = replace(
        make_answer(synthetic=False),
        sentence=Text(
            "Cleared in ", Count(51, "course", of=52), "; ", Count(3, "patient", of=90),
            " were not, ", Count(1204, "patient"), " were.",
        ),
        checks=(Check("support", False, Text(Count(8, "course"), " left out")),),
        limits=("Groups with fewer than 10 courses are not shown.",),
    )  # fmt: skip
    safe = disclosed(answer)
    assert safe.sentence == (
        "Cleared in most of 52 courses; fewer than 11 of 90 patients were not, 1,204 patients were."
    )
    assert safe.checks[0].detail == "fewer than 11 courses left out"
    assert safe.limits == answer.limits
    assert disclosed(answer, Disclosure(exempt=True)).sentence == answer.sentence


def test_as_if_real_suppresses_synthetic_data_too_and_keeps_the_label(
    synthetic_study: Any, make_answer: Any
) -> None:
    rule = Disclosure()
    safe = disclosed(make_answer({"all": 160, "usual": 90, "other": 66, "rare": 4}), rule)
    text = page_html(compose(synthetic_study, (safe,), disclosure=rule))
    assert "too few to show" in text
    assert "SYNTHETIC DATA" in text


def test_a_refused_question_is_told_in_plain_words(synthetic_study: Any, make_answer: Any) -> None:
    source = make_answer().source
    refused = refusal("trial", "Did it help?", "there is no control arm.", source)
    text = page_html(compose(synthetic_study, (refused,), disclosure=Disclosure(exempt=True)))
    assert "What these data cannot answer" in text
    assert "Did it help? There is no control arm." in text
    assert "worse</span>" not in text  # no axis without an interval on it
    assert 'id="trial"' not in text  # said once, in the list


def test_questions_refused_for_one_reason_stand_a_line_each_below_it(make_answer: Any) -> None:
    source, many = make_answer().source, [f"Question {i}?" for i in range(11)]
    refused = [refusal("how-much", words, "the records break rules.", source) for words in many]
    alone = refusal("trial", "Did it help?", "there is no control arm.", source)
    blocks = summary((*refused, alone), "").blocks
    listed = [block.items for block in blocks if isinstance(block, Bullets)]
    assert listed == [tuple(many), ("Did it help? There is no control arm.",)]
    said = [block.text for block in blocks if isinstance(block, Paragraph)]
    assert said[0].startswith("These data can answer no question")
    assert said[1:] == ["The records break rules."]


def test_words_from_the_data_are_escaped(synthetic_study: Any, make_answer: Any) -> None:
    name = "<script>alert(1)</script>"
    answer = make_answer({"all": 60, name: 30})
    text = page_html(compose(synthetic_study, (answer,), disclosure=Disclosure(exempt=True)))
    assert "<script" not in text
    assert "&lt;script&gt;" in text


@pytest.mark.slow
@pytest.mark.parametrize("audience", ["clinician", "analyst"])
def test_odd_studies_still_make_a_report_worth_reading(
    make_study: Any, tmp_path: Path, audience: str
) -> None:
    long = tuple(f"a condition whose name is sixty characters long, number {i:03d}" for i in (1, 2))
    studies = {
        "no pressure": make_study(60, pressure=False),
        "one condition": make_study(40, conditions=("headache",)),
        "three patients": make_study(3),
        "long names": make_study(40, conditions=long),
    }
    for name, study in studies.items():
        folder = report(study, tmp_path / name, audience=audience)
        text = (folder / "index.html").read_text(encoding="utf-8")
        assert Page(text).open == [], name
        assert "How much did patients improve?" in text, name
    told = (tmp_path / "three patients" / "index.html").read_text("utf-8")
    assert "What these data cannot answer" in told or "This cannot be answered" in told


def test_three_patients_get_a_report_that_says_what_cannot_be_said(
    make_study: Any, tmp_path: Path
) -> None:
    folder = report(make_study(3), tmp_path / "few")
    text = (folder / "index.html").read_text(encoding="utf-8")
    assert Page(text).open == []
    assert "What these data cannot answer" in text


def test_wrong_use_is_refused_before_any_work(synthetic_study: Any, tmp_path: Path) -> None:
    for wrong in ({"formats": ("odt",)}, {"formats": ()}, {"audience": "everyone"}):
        with pytest.raises(UsageError, match="one"):
            report(synthetic_study, tmp_path / "x", **wrong)
    assert not (tmp_path / "x").exists()


def test_a_folder_with_other_things_is_left_alone(synthetic_study: Any, tmp_path: Path) -> None:
    (tmp_path / "precious.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(UsageError, match="output folder"):
        report(synthetic_study, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["precious.txt"]


def test_a_missing_package_is_named_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    other = {**FORMATS, "odt": Format("x.odt", lambda *_: b"", "odtlib", "no_such_module")}
    monkeypatch.setattr("outcomes.render.formats.FORMATS", other)
    with pytest.raises(UnavailableError, match=r'odtlib.*pip install "outcomes\[report\]"'):
        check_available(("html", "odt"))


def test_a_clinician_reads_no_formula_before_the_methods(
    synthetic_study: Any, make_answer: Any
) -> None:
    rule = Disclosure(exempt=True)
    text = page_html(compose(synthetic_study, (make_answer(),), disclosure=rule))
    before, after = text.split('<section id="methods"')
    assert "improvement ~" not in before
    assert "improvement ~" in after


def test_a_solid_line_has_no_dash_that_some_programs_draw_as_nothing(make_answer: Any) -> None:
    text = svg_bytes(draw(make_answer().picture)).decode("utf-8")
    assert "stroke-dasharray" in text
    assert not re.search(r"stroke-dasharray:\s*;", text)


def test_the_plan_and_its_digest_stand_in_the_record_of_the_run(
    synthetic_study: Any, tmp_path: Path
) -> None:
    plan = {"title": "Ours", "primary": {"question": "goals"}}
    given = (oc.answer(synthetic_study, "goals", plan=plan),)
    folder = report(synthetic_study, tmp_path / "report", plan=plan, answers=given)
    record = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    assert record["options"]["plan"] == plan
    text = '{"primary": {"question": "goals"}, "title": "Ours"}'
    assert record["plan_sha256"] == hashlib.sha256(text.encode()).hexdigest()


def test_a_place_or_format_is_refused_before_any_question_is_asked(
    real_study: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("outcomes.render.report.ask_all", lambda *_, **__: pytest.fail("asked"))
    (tmp_path / "thesis.docx").write_text("mine", encoding="utf-8")
    with pytest.raises(UsageError, match="1 file of another origin"):
        report(real_study, tmp_path)
    with pytest.raises(UsageError, match="formats are"):
        report(real_study, tmp_path / "new", ["html", "odt"])
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.docx"]


def test_a_sentence_tells_no_count_that_its_figure_hides(make_study: Any) -> None:
    given = oc.answer(make_study(15, synthetic=False), "how-much")
    hidden = given.table.query("kind == 'improvement'")["n_episodes"]
    assert hidden.isna().all()  # three of the fifteen courses have no score then
    assert "averaged over 15 courses, not all of them with a score then." in given.sentence


def test_no_course_is_called_analyzed_where_no_question_is_answered(synthetic_study, make_answer):
    given = make_answer()
    refused = refusal(given.name, given.question, "too few courses.", given.source)
    rule = Disclosure(exempt=True)
    answered, declined = (
        page_html(compose(synthetic_study, (each,), disclosure=rule)) for each in (given, refused)
    )
    assert "courses are analyzed" in answered
    assert "courses are analyzed" not in declined
    assert "courses have scores to analyze" in declined


def test_a_table_without_rows_has_no_column_of_numbers() -> None:
    assert numeric(Table("Patients", ("", "Overall"), ())) == [False, False]


def test_a_trial_is_held_against_consort_and_records_of_care_against_strobe() -> None:
    def tables(*, randomised: bool) -> dict[str, Table]:
        made = checklists({"flow": "Flow of courses"}, randomised=randomised)
        found = [block for block in made.blocks if isinstance(block, Table)]
        return {one.caption.partition(" ")[0].rstrip(":"): one for one in found}

    assert list(tables(randomised=False)) == ["STROBE", "TIDieR", "SAMPL"]
    trial = tables(randomised=True)
    assert list(trial) == ["CONSORT", "TIDieR", "SAMPL"]
    rows = {number: where for number, _, where in trial["CONSORT"].rows}
    assert len(rows) == 37  # 25 items, twelve of them in two parts
    assert rows["13a"] == "section “Flow of courses”"
    assert rows["20"].startswith("GAP")  # there is no summary here
    assert rows["23"] == "GAP: write the number and the register"


def test_a_table_for_analysts_has_no_row_without_name_and_number() -> None:
    table = pd.DataFrame({
        "kind": ["change", "jump to reference"], "term": ["massage", "not shown"],
        "estimate": [1.0, np.nan], "conf_low": [0.5, np.nan], "conf_high": [1.5, np.nan],
        "suppressed": [False, True],
    })  # fmt: skip
    source = Source("t", "n", True, 1, "0" * 64, "0.1", 3, 3)
    answer = replace(refusal("trial", "Did it?", "", source), refused=False, table=table)
    assert [one.rows for one in estimate_tables(answer, details=True)] == [
        (("massage", "1.0 (0.5 to 1.5)"),)
    ]


@pytest.mark.parametrize(
    ("title", "name", "exports", "said"),
    [
        ("Elm Street", "import", 2, {"Data": "Elm Street", "Read from": "an import of 2 exports"}),
        ("Elm Street", "visits.csv", 0, {"Data": "Elm Street", "Read from": "visits.csv"}),
        ("", "my-clinic.xlsx", 0, {"Data": "my-clinic.xlsx"}),
        ("", "", 0, {"Data": "made in memory"}),
    ],
)
def test_where_data_come_from_is_said_once(
    title: str, name: str, exports: int, said: dict[str, str]
) -> None:
    source = Source(title, name, False, None, "0" * 64, "0.1", 30, 30)
    made_of = Provenance(title=title, source=name, imports=(Import(9),) * exports)
    study = replace(study_from_tables({}), provenance=made_of)
    section = provenance(study, (refusal("goals", "G?", "", source),), Disclosure())
    facts = dict(
        pair for block in section.blocks if isinstance(block, Facts) for pair in block.items
    )
    assert {key: facts[key] for key in ("Data", "Read from") if key in facts} == said


def test_records_with_errors_are_neither_described_nor_drawn(tmp_path):
    study = oc.simulate(episodes=12, seed=3)
    scores = study.assessments["score"].mask(study.assessments.index == 3, 99.0)
    wrong = replace(study, assessments=study.assessments.assign(score=scores))
    text = (report(wrong, tmp_path / "r") / "index.html").read_text(encoding="utf-8")
    assert "R12 (a score lies inside its instrument" in text
    assert [title for title in ("Patients", "Course by course", "Flow of courses")
            if f">{title}</h2>" in text] == []  # fmt: skip
    whole = (report(study, tmp_path / "w") / "index.html").read_text(encoding="utf-8")
    assert ">Patients</h2>" in whole
