"""Word, PDF, PowerPoint, deck: same bytes twice, words behind pictures, nothing small shown."""

from __future__ import annotations

import io
import json
import re
import shutil
import subprocess
import sys
import zipfile
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import docx
import pandas as pd
import pptx
import pytest
from rocrate.rocrate import ROCrate

from outcomes.errors import DataError
from outcomes.folders import contents
from outcomes.privacy.disclosure import Disclosure
from outcomes.questions.answer import refusal
from outcomes.questions.disclosed import disclosed
from outcomes.questions.picture import Picture
from outcomes.render.compose import Material, compose
from outcomes.render.document import Document, Figure, Paragraph, Section, Table, unbroken, widths
from outcomes.render.docx import docx_bytes
from outcomes.render.figures.shown import empty_figure
from outcomes.render.formats import FORMATS
from outcomes.render.pdf import pdf_bytes
from outcomes.render.slides.deck import MOST_LETTERS, claim, deck
from outcomes.render.verify import verify

GROUPS = {"all": 120, "headache": 71, "sciatica": 40, "rare_one": 9}


def material(study: Any, answer: Any, *, exempt: bool) -> Material:
    rule = Disclosure(exempt=exempt)
    refused = refusal("trial", "Did it help?", "there is no control arm.", answer.source)
    answers = (disclosed(answer, rule), refused)
    document = compose(study, answers, disclosure=rule, audience="analyst")
    return Material(document, answers, study, rule, "nprs")


@pytest.fixture(scope="module")
def made(synthetic_study: Any, real_study: Any, make_answer: Any) -> Any:
    """Return the made answer in a format, of synthetic or real data; `again`: composed anew."""

    @cache
    def composed(*, synthetic: bool, again: bool) -> Material:  # noqa: ARG001
        study = synthetic_study if synthetic else real_study
        return material(study, make_answer(synthetic=synthetic), exempt=synthetic)

    @cache
    def go(name: str, *, synthetic: bool = True, again: bool = False) -> bytes:
        return FORMATS[name].render(composed(synthetic=synthetic, again=again))

    return go


@pytest.fixture(scope="module")
def small_group(real_study: Any, make_answer: Any) -> Material:
    """Return a report of real data in which one small group has a number of its own."""
    answer = make_answer(GROUPS, synthetic=False)
    for table in (answer.table, answer.picture.data):
        table.loc[table["group"] == "rare_one", "estimate"] = 7.654321
    return material(real_study, answer, exempt=False)


def words_of(name: str, content: bytes) -> str:
    """Return all text of a file, the data behind its charts included."""
    if name in ("html", "slides", "explorer"):
        return content.decode("utf-8")
    if name == "pdf":
        return ""
    texts = []
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for entry in archive.namelist():
            part = archive.read(entry)
            texts.append(words_of("xlsx", part) if entry.endswith(".xlsx") else "")
            texts.append(part.decode("utf-8") if entry.endswith((".xml", ".rels")) else "")
    return " ".join(texts)


@pytest.mark.parametrize("name", list(FORMATS))
def test_the_same_report_has_the_same_bytes(made: Any, name: str) -> None:
    assert made(name, again=True) == made(name)


@pytest.mark.parametrize("name", [name for name in FORMATS if name != "pdf"])
def test_synthetic_data_are_labelled_and_real_data_are_not(made: Any, name: str) -> None:
    assert "SYNTHETIC DATA" in words_of(name, made(name))
    assert "SYNTHETIC" not in words_of(name, made(name, synthetic=False))


@pytest.mark.parametrize("name", [name for name in FORMATS if name != "pdf"])
def test_no_small_group_and_no_id_is_in_any_format(
    real_study: Any, small_group: Material, name: str
) -> None:
    text = words_of(name, FORMATS[name].render(small_group))
    assert "7.65" not in text
    ids = [*real_study.episodes["episode_id"], *real_study.episodes["patient_id"]]
    found = set(re.findall(r"\b[ep]\d{4}\b", text))
    assert not found & set(map(str, ids))


def test_the_pdf_is_tagged_and_claims_ua(made: Any) -> None:
    content = made("pdf")
    assert content.startswith(b"%PDF-")
    assert b"/MarkInfo" in content
    assert b"pdfuaid" in content


def test_no_cell_of_a_table_is_wider_than_its_column(
    synthetic_study: Any, make_answer: Any
) -> None:
    rule = Disclosure(exempt=True)
    said = "2.1 points (95 % CI 1.8 to 2.4) after 5 sessions, and at 43 of 315 visits 13.7 per 100"
    answers = (replace(make_answer(), glance=said),)
    document = compose(synthetic_study, answers, disclosure=rule, audience="analyst")
    tables = [b for section in document.unfolded.sections for b in section.blocks
              if isinstance(b, Table)]  # fmt: skip
    assert any(said in cell for table in tables for row in table.rows for cell in row)
    for table in tables:
        for row in table.rows:
            for cell, width in zip(row, widths(table), strict=True):
                assert max(map(len, unbroken(cell).split(" "))) <= width


def test_word_has_real_headings_tables_captions_and_alt_text(made: Any) -> None:
    content = made("docx")
    file = docx.Document(io.BytesIO(content))
    styles = {paragraph.style.name for paragraph in file.paragraphs}
    assert {"Title", "Heading 1", "Heading 2", "Caption", "List Bullet"} <= styles
    assert len(file.tables) >= 2
    described = [shape._inline.docPr.get("descr") for shape in file.inline_shapes]
    assert described
    assert all(len(words) > 20 for words in described)
    assert file.tables[0].rows[0]._tr.trPr.xpath("w:tblHeader")


def test_word_numbers_captions_and_pages_by_fields_and_cuts_no_column_off(made: Any) -> None:
    content = made("docx")
    file = docx.Document(io.BytesIO(content))
    fields = [f.get(f"{{{f.nsmap['w']}}}instr") for f in file.element.iter("{*}fldSimple")]
    assert {words.split()[1] for words in fields} == {"Figure", "Table"}
    assert "NUMPAGES" in file.sections[0].footer._element.xml
    page = file.sections[0]
    room = page.page_width - page.left_margin - page.right_margin
    for table in file.tables:
        assert sum(column.width for column in table.columns) <= room


@pytest.mark.parametrize("n_rows", [3, 60])
def test_a_picture_on_paper_is_no_higher_than_a_page(n_rows: int) -> None:
    rows = pd.DataFrame({"label": [f"row {i}" for i in range(n_rows)], "estimate": 1.0})
    rows = rows.assign(conf_low=0.5, conf_high=1.5, n_episodes=20)
    picture = Picture("forest", rows, "Many rows", "Points", "", "Many rows, one like the other.")
    section = Section("rows", "Rows", (Figure(picture, "Figure 1. Rows."),))
    document = Document("A report", "", "", (section,))
    file = docx.Document(io.BytesIO(docx_bytes(document)))
    page, (shape,) = file.sections[0], file.inline_shapes
    assert shape.height < 0.85 * (page.page_height - page.top_margin - page.bottom_margin)
    assert shape.width <= page.page_width - page.left_margin - page.right_margin
    content = pdf_bytes(document)
    if shutil.which("pdfinfo"):
        told = subprocess.run(["pdfinfo", "-"], input=content, capture_output=True, check=True)
        assert re.search(rb"Pages: +1\b", told.stdout)


@pytest.mark.parametrize(("n_rows", "kept"), [(19, 19), (70, 3)])
def test_a_table_that_fits_a_page_is_not_parted(n_rows: int, kept: int) -> None:
    table = Table("Table 1. Rows", ("", "n"), tuple((f"row {i}", "7") for i in range(n_rows)))
    above = (Paragraph("Words."),) * 40
    document = Document("A report", "", "", (Section("s", "S", (*above, table)),))
    own = docx.Document(io.BytesIO(docx_bytes(document))).tables[0]
    held = [bool(row.cells[0].paragraphs[0].paragraph_format.keep_with_next) for row in own.rows]
    assert held == [i < kept for i in range(n_rows + 1)]  # its head among them, the last not
    if shutil.which("pdfinfo"):
        told = subprocess.run(["pdftotext", "-", "-"], input=pdf_bytes(document), check=True,
                              capture_output=True).stdout.decode()  # fmt: skip
        of_rows = [page for page in told.split("\f") if re.search(r"\brow \d", page)]
        assert (len(of_rows) == 1) == (n_rows == kept)


def test_a_figure_whose_words_hold_control_characters_is_written_to_word() -> None:
    drawn = empty_figure(3, 2).told("pain" + chr(11) + " fell", "from 7" + chr(0) + " to 3")
    section = Section("s", "S", (Figure(drawn, "Figure 1. A picture."),))
    file = docx.Document(io.BytesIO(docx_bytes(Document("A report", "", "", (section,)))))
    (shape,) = file.inline_shapes
    assert shape._inline.docPr.get("title") == "pain fell"
    assert shape._inline.docPr.get("descr") == "from 7 to 3"


def test_powerpoint_has_native_charts_notes_big_type_and_the_limits(
    made: Any, make_answer: Any
) -> None:
    content = made("pptx")
    file = pptx.Presentation(io.BytesIO(content))
    assert file.slide_width / file.slide_height == pytest.approx(16 / 9, abs=0.01)
    titles = [slide.shapes.title.text_frame.text for slide in file.slides]
    assert titles[-1] == "What this cannot show"
    charts = [shape for slide in file.slides for shape in slide.shapes if shape.has_chart]
    assert charts
    for shape in charts:
        assert shape._element.nvGraphicFramePr.cNvPr.get("descr")
        assert shape._element.xpath("//c:errBars") or shape.chart.part._element.xpath("//c:errBars")
        assert shape.chart.font.size.pt >= 18
        assert shape.height / file.slide_height == pytest.approx(0.6)
    for slide in file.slides:
        boxes = [s for s in slide.shapes if s.has_text_frame and s.text_frame.text]
        foot = [s for s in boxes if s.top > 0.9 * file.slide_height]
        assert len(foot) == 2  # the source, and the number of the slide
        assert slide.slide_layout.placeholders
        lines = [p for s in boxes if s not in foot for p in s.text_frame.paragraphs]
        sizes = [run.font.size.pt for line in lines for run in line.runs]  # PowerPoint reads these
        assert min(sizes) >= 18
        assert slide.notes_slide.notes_text_frame.text
        for shape in slide.shapes:
            assert shape.left >= 0
            assert shape.left + shape.width <= file.slide_width
            assert shape.top + shape.height <= file.slide_height
    notes = file.slides[1].notes_slide.notes_text_frame.text
    assert make_answer().sentence in notes
    assert "`" not in notes


@pytest.mark.parametrize(
    ("sentence", "title"),
    [
        ("Pain fell by 2.0 (95 % CI 1.7 to 2.4).", "Pain fell by 2.0 (95 % CI 1.7 to 2.4)."),
        ("Pain fell by 2.0 (95 % CI 1 to 2), in 9 courses (0 to 10, lower is better): clear.",
         "Pain fell by 2.0 (95 % CI 1 to 2), in 9 courses: clear."),
        # what does not fit is left out by whole sentences, and the one with the interval stays
        (f"Pain fell by 2 (95 % CI 1 to 2): clear. {'So it goes on ' * 20}.",
         "Pain fell by 2 (95 % CI 1 to 2): clear."),
        (f"Of 9 courses 3 left. Of {'very ' * 45}many pain fell by 2 (95 % CI 1 to 2).",
         f"Of {'very ' * 45}many pain fell by 2 (95 % CI 1 to 2)."),
        ("never half of it, " * 20, ""),
    ],
)  # fmt: skip
def test_a_title_is_the_whole_claim_with_its_verdict(sentence: str, title: str) -> None:
    assert claim(sentence) == title
    assert len(title) <= MOST_LETTERS


def test_a_claim_too_long_for_a_title_leaves_it_to_the_figures_and_is_said_whole(
    synthetic_study: Any, make_answer: Any
) -> None:
    answer = replace(make_answer(), sentence="Pain fell by 2 (95 % CI 1 to 2), " * 10)
    document = compose(synthetic_study, (answer,), disclosure=Disclosure(exempt=True))
    slide = deck(document, (answer,)).slides[0]
    assert slide.title == f"{answer.picture.title}."
    assert slide.asks == answer.question
    assert answer.sentence.strip() in slide.notes


def test_a_deck_always_ends_with_what_it_cannot_show(
    synthetic_study: Any, make_answer: Any
) -> None:
    answer = make_answer()
    refused = refusal("trial", "Did it help?", "there is no control arm.", answer.source)
    for answers in ((answer,), (answer, refused), (refused,)):
        document = compose(synthetic_study, answers, disclosure=Disclosure(exempt=True))
        made = deck(document, answers)
        assert made.slides[-1].title == "What this cannot show"
        assert made.slides[-1].bullets


def test_slides_need_no_network_and_have_notes(made: Any) -> None:
    text = made("slides").decode("utf-8")
    assert set(re.findall(r"https?://[^\"' <)]+", text)) <= {
        "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}  # fmt: skip
    assert "<aside" in text


@pytest.fixture(scope="module")
def written(
    synthetic_study: Any, quick_report: Any, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    out: Path = quick_report(synthetic_study, tmp_path_factory.mktemp("written") / "report")
    return out


@pytest.fixture
def folder(written: Path, tmp_path: Path) -> Path:
    """Return a copy of a report, to be spoiled."""
    return Path(shutil.copytree(written, tmp_path / "report"))


def test_a_report_verifies_against_its_study_and_no_other(
    synthetic_study: Any, make_study: Any, quick_report: Any, folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr("outcomes.render.verify.report", quick_report)
    assert verify(folder, synthetic_study).state == "equal"
    planned = verify(folder, synthetic_study, {"primary": {"question": "how-much"}})
    assert planned.differences == ("the report was made under no plan.",)
    other = verify(folder, make_study(61))
    assert not other.ok
    assert "SHA-256" in other.differences[0]
    path = folder / "estimates.csv"
    text = path.read_text(encoding="utf-8")
    assert ",0.4," in text
    path.write_text(text.replace(",0.4,", ",0.4000000001,", 1), encoding="utf-8")
    assert verify(folder, synthetic_study).state == "equal within tolerance"
    path.write_text(text.replace(",0.4,", ",0.5,", 1), encoding="utf-8")
    changed = verify(folder, synthetic_study)
    assert changed.state == "different"
    assert "differs in 1 of" in changed.differences[0]


def test_what_holds_no_report_cannot_be_verified(synthetic_study: Any, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds a report"):
        verify(tmp_path, synthetic_study)


@pytest.mark.parametrize(
    "crafted",
    [
        {"options": {"out": "/tmp/elsewhere"}}, {"options": {"study": "x"}},
        {"options": {"answers": []}}, {"options": {"formats": 3}}, {"options": {"formats": "html"}},
        {"options": {"plan": "../plan.toml"}}, {"options": {"date": 7}}, {"options": None},
        {"options": {"as_if_real": "no"}}, {"data": {"sha256": 1}}, {"data": []},
        {"versions": None}, 7, [], None, "x",
    ],
)  # fmt: skip
def test_a_record_that_was_changed_is_refused_and_nothing_of_it_is_used(
    synthetic_study: Any, folder: Path, crafted: Any
) -> None:
    path = folder / "run.json"
    run = json.loads(path.read_text(encoding="utf-8"))
    if isinstance(crafted, dict):
        for key, value in crafted.items():
            both = isinstance(value, dict) and key == "options"
            run[key] = {**run[key], **value} if both else value
    else:
        run = crafted
    path.write_text(json.dumps(run), encoding="utf-8")
    with pytest.raises(DataError, match=r"run\.json"):
        verify(folder, synthetic_study)


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, "\x00", "\ud800"])
def test_a_record_that_is_none_is_refused(synthetic_study: Any, folder: Path, text: str) -> None:
    (folder / "run.json").write_bytes(text.encode("utf-8", errors="surrogatepass"))
    with pytest.raises(DataError, match=r"run\.json"):
        verify(folder, synthetic_study)


def test_the_crate_is_read_by_the_crate_package_and_lists_every_file(folder: Path) -> None:
    crate = ROCrate(str(folder))
    listed = {entity.id for entity in crate.data_entities}
    assert listed == {p.name for p in contents(folder)} - {"ro-crate-metadata.json"}


def test_the_run_names_options_versions_and_digests(folder: Path) -> None:
    run = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    assert run["options"]["formats"] == ["html"]
    assert run["data"]["label"] == "SYNTHETIC"
    assert set(run["files"]) == {"index.html", "estimates.csv"}
    assert str(folder.parent) not in json.dumps(run)


def test_rendering_needs_no_window_system() -> None:
    code = (
        "import sys, outcomes.render.report, outcomes.render.html; "
        "sys.exit('matplotlib.pyplot' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
