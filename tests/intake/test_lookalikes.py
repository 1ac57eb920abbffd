"""Exports of many products, drafted and imported unchanged: right in every course, or asked about.

The truth is that of the people who were invented; nothing expected comes from the code under test.
"""

from __future__ import annotations

from collections import Counter

import pytest

from outcomes.intake.guess import draft_map
from outcomes.intake.import_export import import_export
from tests.intake.lookalikes import KINDS, PRODUCTS, export_of


def truth(visits, facts):
    """Return each person's visits: day, status, pain, minutes, pressure; and why he or she came."""
    people = {}
    for visit in visits:
        people.setdefault(visit.id, []).append(visit)
    courses = []
    for own in people.values():
        first = min(visit.day for visit in own if visit.status == "attended")
        rows = sorted(
            ((visit.day - first).days, visit.status, *_known(facts, visit.before, visit.after,
              visit.minutes if visit.status == "attended" else None, visit.pressure))
            for visit in own
        )  # fmt: skip
        courses.append((str(rows), KINDS[own[0].reason] if "why" in facts else None))
    return Counter(courses)


def _known(facts, *cells):
    named = zip(("before", "after", "minutes", "pressure"), cells, strict=True)
    return [float(cell) if name in facts and cell is not None else -1.0 for name, cell in named]


def found(study, facts):
    scores = study.assessments
    at = {(row.episode_id, row.session, row.timing): row.score for row in scores.itertuples()}
    courses = []
    for course, own in study.sessions.groupby("episode_id"):
        first, rows = own.loc[own["session"].notna(), "day"].min(), []
        for visit in own.itertuples():
            came = visit.session == visit.session
            pains = [at.get((course, visit.session, f"{when}_session")) for when in ("pre", "post")]
            other = [getattr(visit, name, None) if came else None
                     for name in ("minutes", "pressure")]  # fmt: skip
            other = [None if cell is None or cell != cell else cell for cell in other]
            status = "attended" if came else visit.status
            rows.append((int(visit.day - first), status, *_known(facts, *pains, *other)))
        why = study.courses.loc[course, "condition"] if "why" in facts else None
        courses.append((str(sorted(rows)), why))
    return Counter(courses)


@pytest.mark.quick(10)
@pytest.mark.parametrize("name", PRODUCTS)
def test_an_export_is_imported_as_drafted(name, tmp_path):
    content, visits = export_of(name, seed=sum(name.encode()))
    place, made = tmp_path / "export.csv", PRODUCTS[name]
    place.write_bytes(content)
    draft = draft_map(place)
    keys = {question["key"] for question in draft.questions}
    assert keys == set(made.answers)
    for key in keys:
        draft = draft.answered(key, made.answers[key])
    study, _ = import_export(place, draft.content, tmp_path / "key.json", tmp_path / "study")
    assert found(study, made.facts) == truth(visits, made.facts)
    if any(v.therapist in made.row(v).values() for v in visits):
        assert study.sessions["therapist_id"].nunique() == len({v.therapist for v in visits})
    written = " ".join(p.read_text("utf-8") for p in (tmp_path / "study").rglob("*") if p.is_file())
    planted = {text for v in visits for text in (v.last, v.contact) if len(text) > 4}
    assert not [text for text in planted if text in written]
