"""What is hidden of a real study cannot be worked out from what is left, in any artefact."""

from __future__ import annotations

import csv
import html
import io
import itertools
import json
import re
import shutil
import subprocess
import zipfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openpyxl
import pytest

import outcomes as oc
from outcomes.cli.shared import answer_json
from outcomes.render.html import answer_html

SMALL = range(1, 11)
AXES = ("week", "session_count", "time", "delta")
NOUN = r"(courses?|patients?|people|goals?|visits?|scores?|events?)"
PART = re.compile(rf"(?<!than )\b(\d[\d,]*) of (?:the )?(\d[\d,]*)(?: {NOUN})?")
BARE = re.compile(
    rf"(?<!than )(?<!least )(?<!most )(?<!of )(?<![\d.,])([1-9]|10) {NOUN}\b(?! or more)"
)
SHARE = re.compile(r"\b(\d[\d,]*) \((\d+(?:\.\d)?) ?%\)")


def number(text: str) -> int:
    return int(text.replace(",", ""))


def plain_words(page: str) -> str:
    page = re.sub(r"<(script|style)\b.*?</\1>", " ", page, flags=re.DOTALL)
    page = re.sub(r"</(td|th|tr|p|li|dd|dt|h\d|figcaption|text)>", " | ", page)
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", page))).replace("\xa0", " ")


def read_aloud(path: Path) -> str:
    """Return the words of a PDF as a reader would copy them, cells of a line kept apart."""
    said = subprocess.run(
        ["pdftotext", "-layout", str(path), "-"], capture_output=True, check=True, text=True
    ).stdout
    return re.sub(r" {2,}|\n\s*\n", " | ", said).replace("\xa0", " ")


def texts(folder: Path) -> Iterator[tuple[str, str]]:
    """Give the words of every artefact, alternative texts of pictures with them."""
    for path in sorted(folder.iterdir()):
        if path.suffix == ".html":
            page = path.read_text("utf-8")
            yield path.name, plain_words(page)
            words = re.findall(r'(?:alt|aria-label|<desc)[=>]"?([^"<]+)', page)
            yield path.name, plain_words(" | ".join(words))
        if path.suffix == ".pdf":
            yield path.name, read_aloud(path)
        if path.suffix in (".docx", ".pptx"):
            with zipfile.ZipFile(path) as file:
                for part in (n for n in file.namelist() if n.endswith(".xml")):
                    said = file.read(part).decode("utf-8")
                    yield (
                        path.name,
                        plain_words(said.replace("</a:p>", " | ").replace("</w:p>", " | ")),
                    )
                    yield path.name, plain_words(" | ".join(re.findall(r'descr="([^"]+)"', said)))


def told_by_words(said: str) -> Iterator[str]:
    """Give what words tell of few: small counts, parts of wholes, shares of wholes."""
    for found in BARE.finditer(said):
        yield found[0]
    for found in PART.finditer(said):
        part, whole = number(found[1]), number(found[2])
        if found[3] and (part in SMALL or whole in SMALL or whole - part in SMALL):
            yield found[0]
    for found in SHARE.finditer(said):
        count, share = number(found[1]), float(found[2])
        if count in SMALL or (0 < share < 100 and round(count * (100 / share - 1)) in SMALL):
            yield found[0]


def told_by_scores(said: str, courses: int) -> Iterator[str]:
    """Give numbers of scores that are a few less or more than so many for each course."""
    for found in re.finditer(r"(?<!than )\b(\d[\d,]*) scores\b", said):
        n = number(found[1])
        if abs(n - courses * max(round(n / courses), 1)) in SMALL:
            yield f"{found[0]} of {courses} courses"


def estimates(folder: Path) -> list[dict[str, str]]:
    with (folder / "estimates.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def value(row: dict[str, str], name: str) -> int | None:
    return round(float(row[name])) if row.get(name) else None


def told_by_rows(rows: list[dict[str, str]], wholes: set[int]) -> Iterator[str]:
    """Give what rows tell of few: counts, sums, falls over time, shares of what is counted."""
    counts = [name for name in rows[0] if name.startswith("n_")]
    for row in rows:
        if row.get("df") and "n_episodes" in row and not row["n_episodes"]:
            yield f"{row['question']} {row['term']}: df {row['df']} of a hidden number"
    series, parts = defaultdict(list), defaultdict(list)
    for row, name in itertools.product(rows, counts):
        n = value(row, name)
        if n is None:
            continue
        whom = row.get("arm") or row.get("group") or row["term"]
        place = tuple(row.get(axis, "") for axis in AXES)
        label = (row["question"], row["kind"], whom, name)
        if n in SMALL:
            yield f"{label} {place}: {n}"
        of = re.sub(r" (by|after) [\d.]+$", "", whom)
        series[row["question"], row["kind"], of, name].append(n)
        if whom != "all":
            parts[row["question"], row["kind"], place, name].append((row["term"] + whom, n))
    for row in rows:
        share, whole = row["estimate"], value(row, "n_asked") or value(row, "n_visits")
        if (
            row["kind"] == "events"
            and share
            and whole
            and round(float(share) * whole / 100) in SMALL
        ):
            yield f"{row['question']} {row['term']}: {share} % of {whole}"
    for label, ns in series.items():
        for one, two in itertools.pairwise(sorted(set(ns))):
            if two - one in SMALL:
                yield f"{label}: {two} less {one}"
    for label, ns in parts.items():
        shown = sum(dict(ns).values())
        if (
            label[-1] == "n_episodes"
            and len(dict(ns)) > 1
            and any(w - shown in SMALL for w in wholes)
        ):
            yield f"{label}: all less {shown}"


def told_by_table(page: str) -> Iterator[str]:
    """Give what the table of patients tells of few: levels that are all but a few."""
    body = re.search(r'<section id="patients".*?</section>', page, re.DOTALL)
    for table in re.findall(r"<table.*?</table>", body[0], re.DOTALL) if body else ():
        lines = [
            [html.unescape(re.sub(r"<[^>]+>", "", c)) for c in
             re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", line, re.DOTALL)]
            for line in re.findall(r"<tr>(.*?)</tr>", table, re.DOTALL)
        ]  # fmt: skip
        for column in zip(*[line for line in lines if len(line) == len(lines[0])], strict=True):
            yield from told_by_column(lines_of(lines), column) if column[0] else ()


def lines_of(lines: list[list[str]]) -> list[str]:
    return [line[0] for line in lines if len(line) == len(lines[0])]


def told_by_column(names: list[str], column: tuple[str, ...]) -> Iterator[str]:
    cells = dict(zip(names, column, strict=True))
    total, inside = number(cells.get("courses", "0") or "0"), []
    for name, cell in zip([*names, "end"], [*column, ""], strict=True):
        level = name.startswith("\N{EN SPACE}")
        if inside and not level and total - sum(inside) in SMALL:
            yield f"before {name}: {total} less {inside}"
        inside = inside if level else []
        first = re.match(r"([\d,]+)( \(\d+ %\))?$", cell)
        if first and number(first[1]) in SMALL:
            yield f"{name}: {cell}"
        if first and name != "courses" and total - number(first[1]) in SMALL:
            yield f"{name}: {cell} of {total}"
        if first and level:
            inside.append(number(first[1]))


def told_by_flow(page: str) -> Iterator[str]:
    """Give the steps of the flow of courses that lose a few."""
    said = re.search(r"<desc[^>]*>(Flow diagram.*?)</desc>", page)
    boxes = [number(n) for n in re.findall(r": ([\d,]+)[;.]", said[1])] if said else []
    for one, two in itertools.combinations(boxes, 2):
        if abs(one - two) in SMALL:
            yield f"flow: {one} less {two}"


def points(folder: Path) -> Iterator[tuple[str, float]]:
    """Give the numbers behind the charts of the slides."""
    with zipfile.ZipFile(folder / "slides.pptx") as deck:
        for name in (n for n in deck.namelist() if n.endswith(".xlsx")):
            book = openpyxl.load_workbook(io.BytesIO(deck.read(name)), read_only=True)
            for cells in book.active.iter_rows(min_row=2, values_only=True):
                yield from ((name, float(c)) for c in cells[1:] if isinstance(c, int | float))


def told_by_charts(folder: Path, rows: list[dict[str, str]]) -> Iterator[str]:
    """Give the points of charts that no row shown holds."""
    shown = {0.0, 1.0}
    for row in rows:
        numbers = [float(row[c]) for c in ("estimate", "conf_low", "conf_high") if row[c]]
        shown |= {round(n, 4) for n in numbers}
        shown |= {float(row[axis]) for axis in AXES if row.get(axis)}
        shown |= {round(abs(a - b), 4) for a, b in itertools.combinations(numbers, 2)}
    for name, point in points(folder):
        near = any(abs(point - n) < 2e-4 or abs(point - 100 * n) < 2e-2 for n in shown)
        if not near and not (2 * point).is_integer():  # halves are places of rows
            yield f"{name}: {point}"


def told_by_explorer(folder: Path) -> Iterator[str]:
    page = (folder / "explorer.html").read_text("utf-8")
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    for one in json.loads(found[1]) if found else ():
        for pick, curve in one["curves"].items():
            ns = sorted({p[5] for p in curve if p[5] is not None})
            for n in ns:
                if n in SMALL:
                    yield f"{pick}: {n}"
            for low, high in itertools.pairwise(ns):
                if high - low in SMALL:
                    yield f"{pick}: {high} less {low}"


def told(folder: Path, study: Any) -> list[str]:
    """List everything that the artefacts in a folder tell of few."""
    rows = estimates(folder)
    wholes = {len(study.courses)}
    found = [f"rows: {leak}" for leak in told_by_rows(rows, wholes)] if rows else []
    for name, said in texts(folder):
        found += [f"{name}: {leak}" for leak in told_by_words(said)]
        found += [f"{name}: {leak}" for leak in told_by_scores(said, len(study.courses))]
    page = (folder / "index.html").read_text("utf-8")
    found += [f"table: {leak}" for leak in (*told_by_table(page), *told_by_flow(page))]
    found += [f"explorer: {leak}" for leak in told_by_explorer(folder)]
    found += [f"chart: {leak}" for leak in told_by_charts(folder, rows)]
    return list(dict.fromkeys(found))


def told_alone(answer: Any) -> list[str]:
    """List what one answer tells of few, as JSON and as a notebook shows it."""
    record = json.loads(answer_json(answer))
    source = record["source"]
    rows = [
        {"question": answer.name, "term": "", "estimate": "",
         **{name: "" if cell is None else str(cell) for name, cell in row.items()}}
        for row in record["table"]
    ]  # fmt: skip
    found = list(told_by_rows(rows, {source["n_episodes"]})) if rows else []
    used = source["n_used"]
    if used is not None and (used in SMALL or source["n_episodes"] - used in SMALL):
        found.append(f"{used} used of {source['n_episodes']}")
    left = source["left_out"].values()
    if None in left and used is not None:
        found.append("used beside what is left out")
    page, details = plain_words(answer_html(answer)), [c["detail"] for c in record["checks"]]
    said = (record["sentence"], record["reason"], record["method"], *record["limits"])
    found += [leak for text in (*said, *details, page) for leak in told_by_words(text)]
    found += list(told_by_scores(record["method"], source["n_episodes"]))
    return [f"{answer.name}: {leak}" for leak in found]


LEAN = {"patients": 60, "visits": "usual", "scores": "usual", "days": True}
CLINICS = {
    "four conditions": (1, {"conditions": 4, "adapted": True, "goals": True, "events": True}),
    "a trial": (2, {"arms": "two", "therapists": 2, "goals": True, "adapted": True}),
    "patients who return": (3, {"twice": True, "conditions": 3, "events": True}),
    "three arms": (4, {"patients": 48, "arms": "three"}),
    "one therapist": (5, {"patients": 30, "therapists": 1}),
    "few scores": (6, {"scores": "sparse", "patients": 52}),
    "one visit each": (7, {"visits": "one", "patients": 44}),
    "all of them over": (8, {"ends": "all", "goals": True, "patients": 56}),
    "some scripts": (9, {"scripts": True, "events": True, "patients": 40}),
    "at a bound": (10, {"scores": "at bound", "conditions": 2}),
}
QUICK = "four conditions"


def clinic_of(small_clinic: Any, name: str) -> Any:
    seed, features = CLINICS[name]
    return small_clinic(seed, **{**LEAN, **features})


def test_what_is_hidden_does_not_follow_from_one_page_or_answer(
    small_clinic: Any, tmp_path: Path
) -> None:
    study = clinic_of(small_clinic, QUICK)
    given = oc.answers(study)
    assert [leak for answer in given for leak in told_alone(answer)] == []
    formats = ["html", "explorer", "slides", "pptx"]
    assert told(oc.report(study, tmp_path / "out", formats, answers=given), study) == []


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("pdftotext"), reason="needs pdftotext (poppler-utils)")
@pytest.mark.parametrize("name", CLINICS)
def test_what_is_hidden_does_not_follow_from_any_artefact(
    small_clinic: Any, tmp_path: Path, name: str
) -> None:
    study = clinic_of(small_clinic, name)
    given = oc.answers(study)
    assert [leak for answer in given for leak in told_alone(answer)] == []
    formats = ["html", "explorer", "slides", "pptx", "docx", "pdf"]
    assert told(oc.report(study, tmp_path / "out", formats, "analyst", answers=given), study) == []
    alone = [oc.answer(study, answer.name) for answer in given]
    assert [leak for answer in alone for leak in told_alone(answer)] == []


def test_the_attack_finds_what_is_not_hidden() -> None:
    """A test that finds nothing must be one that can: without the rule it finds plenty."""
    rows = [{"question": "q", "kind": "k", "term": t, "group": t, "estimate": "", "n_x": "",
             "n_episodes": n} for t, n in (("a", "30"), ("b", "23"))]  # fmt: skip
    assert list(told_by_rows(rows, {60}))
    assert list(told_by_rows([{**rows[0], "n_episodes": "", "df": "51"}], {60}))
    assert list(told_by_scores("on 114 scores of most of 60 courses", 60))
    assert list(told_by_words("Adapted: 7 courses. First in 51 of 52 courses. 51 (98 %)"))
    assert list(told_by_column(["courses", "\N{EN SPACE}a", "sex"], ("30", "23 (77 %)", "")))
    assert list(told_by_flow("<desc>Flow diagram. recorded: 60; analyzed: 53.</desc>"))
