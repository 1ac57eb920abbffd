"""The back pages: methods as they were run, checklists, references, where everything comes from."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from importlib.metadata import version

from outcomes.plain_text import shipped
from outcomes.privacy.disclosure import Disclosure
from outcomes.questions.answer import Answer
from outcomes.questions.course_frame import course_frame
from outcomes.questions.course_model import grouped_model, pooled_model
from outcomes.render.document import Block, Bullets, Facts, Figure, Fold, Paragraph, Section, Table
from outcomes.render.figures.of_fit import check
from outcomes.render.fit_table import fit_table
from outcomes.study import Study
from outcomes.words import LABELS, counted, scale

EN_SPACE = "\N{EN SPACE}"
LIBRARIES = ("numpy", "pandas", "scipy", "matplotlib")


def references(answers: tuple[Answer, ...]) -> Section:
    """Return every reference of what was answered once, in order of appearance."""
    given = [answer for answer in answers if not answer.refused]
    every = dict.fromkeys(text for answer in given for text in answer.references)
    return Section("references", "References", (Bullets(tuple(every)),) if every else ())


def provenance(study: Study, answers: tuple[Answer, ...], disclosure: Disclosure) -> Section:
    """Return where the data come from and what made the report.

    Parameters
    ----------
    study : Study
        The study.
    answers : tuple of Answer
        At least one; they carry the digest of the data.
    disclosure : Disclosure
        What may be shown.
    """
    source, imports = answers[0].source, study.provenance.imports
    read_from = f"an import of {counted(len(imports), 'export')}" if imports else source.name
    data = source.known_as
    facts = [
        ("Data", data),
        *([("Read from", read_from)] if read_from not in ("", data) else []),
        ("Kind of data", "SYNTHETIC, simulated" if source.synthetic else "records of real care"),
        *([("Seed", str(source.seed))] if source.seed is not None else []),
        ("SHA-256 of the tables", source.sha256),
        ("Made with", f"outcomes {source.version}, Python {platform.python_version()}, "
         + ", ".join(f"{name} {version(name)}" for name in LIBRARIES)),
        ("Small counts", _rule(disclosure)),
        ("Every estimate", "estimates.csv, beside this report"),
    ]  # fmt: skip
    blocks: list[Block] = [Facts(tuple(facts))]
    if study.provenance.assumed:
        blocks += [Paragraph("Choices made in reading that the file does not state:")]
        blocks += [Bullets(study.provenance.assumed)]
    return Section("provenance", "Where this comes from", tuple(blocks))


def _rule(disclosure: Disclosure) -> str:
    if disclosure.exempt:
        return "all shown, since no real person is in the data"
    last = disclosure.threshold - 1
    return f"counts from 1 to {last}, and estimates that rest on them, are not shown"


def methods(study: Study, answers: tuple[Answer, ...], instrument: str) -> Section:
    """Return the methods section.

    Parameters
    ----------
    study : Study
        The study.
    answers : tuple of Answer
        What was asked.
    instrument : str
        Instrument of the outcome.
    """
    measure, said = study.instrument(instrument), LABELS["sentences"]
    facts = (
        ("Design", _design(study)),
        ("Outcome", f"{measure.title or measure.name} ({scale(measure)}), in {measure.unit}. "
         "Improvement is the change from the course's baseline in the better direction: positive = "
         "better."),
        *([("Exposure", said["exposure"])] if len(study.sessions) else []),
        ("Missing data", said["missing"]),
        ("Uncertainty", said["uncertainty"]),
        ("Software", f"outcomes {answers[0].source.version}"),
    )  # fmt: skip
    each = tuple(f"{a.question} {a.method}" for a in answers if not a.refused)
    models = (Fold("The model of each answer", "", (Bullets(each),)),) if each else ()
    return Section("methods", "Methods", (Facts(facts), *models))


def model(study: Study, instrument: str, disclosure: Disclosure) -> Section:
    """Return the model of change during care: coefficients, parts of its variance, residuals.

    Parameters
    ----------
    study : Study
        The study.
    instrument : str
        Instrument of the outcome.
    disclosure : Disclosure
        What may be shown. Where a group is too small to be shown, the model is that of all courses
        together; of real patients there is no picture of residuals, for each is one score.
    """
    course = course_frame(study, instrument)
    sizes = course.rows.groupby(course.group)["episode_id"].nunique() if course.group else None
    alone = sizes is None or sizes.map(disclosure.hides).any()
    fit = (pooled_model if alone else grouped_model)(study, instrument).fit
    table = fit_table(fit)
    lines = tuple((EN_SPACE * one.inside + one.label, one.estimate, one.p) for one in table.lines)
    parts = tuple(one for one in table.parts if disclosure.exempt or one[0] != "Rows used")
    blocks: list[Block] = [
        Paragraph("The mixed model behind the change during care, as it was fitted."),
        Table(
            f"Coefficients: {table.title}",
            ("", "Estimate (95 % CI)", "p"),
            lines,
            "Parts of a curve mean little one by one; the figure of the answer shows their sum.",
        ),
        Table("Variance and method", ("Part", "Value"), parts),
    ]
    if disclosure.exempt:
        checked = check(fit)
        blocks.append(Figure(checked, checked.alt))
    return Section("model", "The model of change during care", tuple(blocks))


def _design(study: Study) -> str:
    made = "Simulated records" if study.provenance.synthetic else "Records"
    if not study.recorded("episodes", "arm"):
        return f"{made} of care without a comparison group: what changes is change during care."
    control = study.provenance.control
    allotted = "allotted by chance" if study.provenance.randomised else "not allotted by chance"
    named = f"; control: {control}" if control else "; no arm is named as control"
    return f"{made} of {study.episodes['arm'].nunique()} arms, {allotted}{named}."


GAP = "GAP"


def checklists(titles: Mapping[str, str], *, randomised: bool) -> Section:
    """Return the filled checklists.

    Parameters
    ----------
    titles : mapping of str to str
        Titles of the report's sections by name.
    randomised : bool
        Whether chance made the arms.
    """
    blocks: list[Block] = []
    every = shipped("render/contents/checklists.toml")["checklist"]
    for entry in (one for one in every if one.get("randomised", randomised) == randomised):
        rows = tuple(_row(item, titles) for item in entry["items"])
        n_gaps = sum(row[2].startswith(GAP) for row in rows)
        note = f"{len(rows) - n_gaps} of {len(rows)} items are answered here. {entry['source']}"
        blocks.append(Table(entry["title"], ("Item", "Asks for", "Where"), rows, note))
    words = "What this report answers, and what its authors still have to write."
    return Section("checklists", "Reporting checklists", (Paragraph(words), *blocks))


def _row(item: dict[str, str], titles: Mapping[str, str]) -> tuple[str, str, str]:
    section = item.get("section", "")
    if section in titles:
        return item["number"], item["asks"], f"section “{titles[section]}”"
    gap = item.get("gap", "not answered by these data")
    return item["number"], item["asks"], f"{GAP}: {gap}"
