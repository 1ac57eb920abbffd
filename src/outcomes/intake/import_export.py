"""From a raw export to a study that names nobody: read, clean, de-identify, validate."""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from outcomes import __version__
from outcomes.folders import locked, written_whole
from outcomes.intake import append, column_map
from outcomes.intake.column_map import ColumnMap
from outcomes.intake.load import load
from outcomes.intake.pipeline import client_rows, course_rows, export_text
from outcomes.intake.readers import Rows, is_database, name_of, read_source
from outcomes.intake.readers.other_sheets import refuse_namesakes
from outcomes.intake.refusals import refuse
from outcomes.intake.rows import EXPORT, TypedRows
from outcomes.intake.tables import Frames, tables_of
from outcomes.intake.typed_cells import targets_of
from outcomes.intake.visits import NOT_SAID, visit_rows
from outcomes.intake.wide import file_row, in_file
from outcomes.privacy import key_file as keys
from outcomes.privacy import manifest as manifests
from outcomes.privacy.disclosure import Disclosure
from outcomes.privacy.guard import Sighting, refuse_named_words, scan, shown_headers
from outcomes.privacy.manifest import Manifest, Step, checklist
from outcomes.privacy.patterns import name_words
from outcomes.privacy.risk import assess, k_anonymity, periods
from outcomes.provenance import Import, LeftOut, Provenance
from outcomes.rules.check import check
from outcomes.storage import PACKAGE, write_study
from outcomes.study import Study, study_from_tables

_WHO = {"episode_id": "course", "patient_id": "patient"}
_AGE = "episodes.age_band"
_NAMES = ("name", "physician", "relative", "employer", "attorney")


@dataclass(frozen=True)
class _Before:
    """What an earlier import left: its study and the sealed dates of its courses."""

    study: Study | None = None
    day_0: keys.Sealed = field(default_factory=dict)

    @property
    def about(self) -> Provenance:
        return self.study.provenance if self.study is not None else Provenance()


def import_export(
    path: str | Path,
    columns: str | Path | Mapping[str, Any],
    key_file: str | Path,
    out: str | Path | None = None,
    *,
    today: datetime.date | None = None,
    progress: Callable[[str], object] = str,
) -> tuple[Study, Manifest]:
    r"""Read a raw export, clean it by declared rules, take identities out, and validate it.

    Parameters
    ----------
    path : str or Path
        CSV, Excel or Parquet file, or the address of a database, with one row a visit or a score;
        or a FHIR R4 bundle.
    columns : str, Path or mapping
        Column map: what each column is, how cells are read, which columns identify people.
    key_file : str or Path
        Where the random ids are kept, outside the study; made when it is not there. With it, a
        later export gets the same ids.
    out : str or Path, optional
        Folder for the study, its manifest and its findings. Where it holds the study of the same
        key, the export is added to it.
    today : date, optional
        Day of the import: what is later is still to come. By default that of the clock.
    progress : callable, optional
        Told what is being done.

    Returns
    -------
    study : Study
        Without names, dates, contacts, places or free text.
    manifest : Manifest
        What was done, how often, what was found where, the risk that is left, what nobody checked.

    Raises
    ------
    DataError
        When the export cannot be read, or nothing is left of it.
    UsageError
        When the map does not fit the export, the key file is none, or is another study's.
    UnavailableError
        When the study or the key cannot be written; what was there before is unchanged.

    Notes
    -----
    Whatever is kept is a number, yes or no, a random id, or a word that the dictionary or the map
    lists. Clients, courses, therapists and clinics get random ids; dates become days since the
    course's first visit. `check` lists what the export left open.

    Examples
    --------
    >>> import tempfile
    >>> columns = {"identifiers": {"name": "Client"}, "columns": {"date": "Day"},
    ...            "scores": {"nprs": {"pre_session": "Pain"}}}
    >>> with tempfile.TemporaryDirectory() as place:
    ...     export = Path(place) / "export.csv"
    ...     _ = export.write_text("Client,Day,Pain\nAnn Lee,2026-05-04,7\nAnn Lee,2026-05-11,5\n")
    ...     study, manifest = import_export(export, columns, Path(place) / "key.json")
    >>> study
    Study(1 episodes, 2 sessions, 2 scores, 0 goals)
    >>> manifest.counts["clients"]
    1
    """
    key_path = Path(key_file)
    _refuse_places(Path(path), key_path, out)
    made = nullcontext() if out is None else written_whole(out, "import", private=True)
    with locked(key_path), made as folder:
        now = today or datetime.datetime.now().astimezone().date()
        study, manifest, key, people = imported(path, columns, key_path, out, now, progress)
        progress("Checking and writing the study")
        if folder is not None:
            write_study(study, folder)
            manifests.write_manifest(manifest, folder)
            manifests.write_findings(check(study), folder)
        keys.write_key(key, key_path)  # first: a study that no key knows cannot be added to
        if folder is not None:
            keys.write_who(people, key_path)
        return study, manifest


def imported(
    path: str | Path, columns: str | Path | Mapping[str, Any], key_path: Path,
    out: str | Path | None, today: datetime.date, progress: Callable[[str], object] = str,
) -> tuple[Study, Manifest, keys.KeyFile, list[keys.Entry]]:  # fmt: skip
    """Return what `import_export` writes, and write nothing; the key opens the study's dates."""
    mapped = column_map.read_column_map(columns)
    column_map.refuse_open_questions(mapped)
    column_map.refuse_unread(mapped)
    key = keys.read_key(key_path)
    before = _before(out, key, key_path)
    taken = _taken(path, mapped, key, key_path, before, today, progress)
    study, anchors = _study(taken, before)
    _refuse_nothing(study, taken.mapped, name_of(path))
    owners = dict(study.episodes[["episode_id", "patient_id"]].to_numpy())
    day_0 = {**before.day_0, **key.sealed(anchors, owners)}
    manifest = taken.manifest(day_0=day_0, risk=assess(study), counts=_counts(study))
    return study, manifest, key, taken.people


@dataclass(frozen=True)
class _Taken:
    """What is kept of an export, whose rows go before the study is made of it."""

    mapped: ColumnMap
    tables: Frames
    imports: tuple[Import, ...]
    unused: tuple[str, ...]
    anchors: dict[str, float]
    manifest: Callable[..., Manifest]
    people: list[keys.Entry]


def _taken(
    path: str | Path, mapped: ColumnMap, key: keys.KeyFile, key_path: Path, before: _Before,
    today: datetime.date, progress: Callable[[str], object],
) -> _Taken:  # fmt: skip
    source = read_source(path, mapped.file)
    refuse_namesakes(source, mapped.file, mapped.identifiers, name_of(path))
    text, mapped = export_text(path, source.cells, mapped)
    people = [dict(zip(keys.COLUMNS, entry, strict=True)) for entry in keys.read_who(key_path)]
    known = [(p["name"], p["record"], p["patient"]) for p in people if p["study"] == key.study]
    names = _names_in(text, mapped) | name_words(name for name, *_ in known)
    refuse_named_words(mapped.kept_words(), names)
    shown = shown_headers(list(map(str, text)), mapped.file_columns(), names)
    text, mapped = text.rename(columns=shown), mapped.renamed(shown)
    what = f"Telling people apart in {len(text):,} rows"
    progress(what)
    rows = client_rows(visit_rows(text, mapped, today), mapped, key, today, known,
                       lambda share: progress(f"{what}: {share:.0%}"))  # fmt: skip
    anchors = key.opened(before.day_0)  # of the clients that are in this export
    rows = course_rows(rows, mapped, key, append.held_rows(before.study, anchors))
    progress("Looking for identifiers")
    sightings, n_looked = _sightings(text, mapped, names)
    rows = _with_sightings(rows, sightings, mapped)
    around = [Step(what, "the file", n) for what, n in source.skipped.items() if n]
    manifest = partial(
        Manifest, study=key.study, version=__version__, source_sha256=_digest(path, source.cells),
        n_rows=len(source.cells), cleaned=(*around, *rows.done), left_out=rows.left_out,
        de_identified=tuple(_steps(rows, text, mapped)), k_before=_k_before(rows, mapped),
        sightings=tuple(replace(s, rows=tuple(dict.fromkeys(
            source.row(file_row(row, mapped) - 1) for row in s.rows))) for s in sightings),
        checklist=checklist(mapped.identifiers, sightings, aged=_AGE in rows.cells,
                            n_looked=n_looked, period=mapped.study.period),
        appended=before.study is not None,
    )  # fmt: skip
    marks = append.marks_of(rows, key)
    imports = append.standing(before.about.imports, _import(rows, mapped, source, marks), marks)
    return _Taken(mapped, tables_of(rows), imports, mapped.unnamed(text), anchors, manifest,
                  _people(rows, mapped, key.study))  # fmt: skip


def _people(rows: TypedRows, mapped: ColumnMap, study: str) -> list[keys.Entry]:
    """Return whose course is whose, for the file beside the key."""
    cells, own = rows.cells, rows.text.fillna("")
    found = pd.DataFrame(dict.fromkeys(keys.COLUMNS, ""), index=cells.index)
    for name in ("name", "record"):
        for column in mapped.identifiers.get(name, ()):
            found[name] = (found[name] + " " + own[column]).str.strip()
    born = pd.to_datetime(cells["birth"], unit="D", errors="coerce")
    found["born"] = born.dt.strftime("%Y")
    for name in ("condition", "episode_id", "patient_id"):
        if f"episodes.{name}" in cells:
            found[_WHO.get(name, name)] = cells[f"episodes.{name}"]
    rows_of = found.assign(study=study).fillna("").drop_duplicates().itertuples(index=False)
    return [tuple(map(str, row)) for row in rows_of]


def _refuse_nothing(study: Study, mapped: ColumnMap, where: str) -> None:
    if len(study.sessions) or len(study.assessments):
        return
    got = "none in any row" if targets_of(mapped) else "no column of scores"
    refuse("nothing_imported", where, got=got)


def _digest(path: str | Path, rows: pd.DataFrame) -> str:
    """Return the digest of the file's bytes, or of the rows that a database gave."""
    in_file = not is_database(path)
    content = Path(path).read_bytes() if in_file else rows.to_csv(index=False).encode("utf-8")
    return hashlib.sha256(content).hexdigest()


def _refuse_places(export: Path, key: Path, out: str | Path | None) -> None:
    inside = out is not None and key.resolve().is_relative_to(Path(out).resolve())
    if inside or key.resolve() == export.resolve() or key.is_dir():
        refuse("place_of_key")


def _before(out: str | Path | None, key: keys.KeyFile, key_path: Path) -> _Before:
    """Return the study that is in `out` already; refuse one of another key."""
    place = Path(out) / f"{manifests.NAME}.json" if out is not None else None
    if place is None or not (Path(out or "") / PACKAGE).is_file():
        return _Before()
    study, day_0 = manifests.read_manifest(place)
    if study != key.study:
        refuse("other_key", key_path.name, got="one of another study")
    found = load(Path(out or ""))
    n_unknown = len(set(found.episodes["patient_id"].dropna()) - key.patients)
    if n_unknown:
        got = f"one that does not know {n_unknown} of its patients"
        refuse("other_key", key_path.name, got=got)
    return _Before(found, day_0)


def _names_in(rows: pd.DataFrame, mapped: ColumnMap) -> set[str]:
    """Return the single words of all names that the export holds in columns of names."""
    columns = [c for kind in _NAMES for c in mapped.identifiers.get(kind, ())]
    columns += _of_staff(mapped)
    return name_words(str(cell) for c in columns for cell in rows[c].dropna().unique())


def _of_staff(mapped: ColumnMap) -> list[str]:
    return [c for name, c in mapped.columns.items() if name.endswith(("therapist_id", "clinic_id"))]


def _sightings(
    rows: pd.DataFrame, mapped: ColumnMap, words: set[str]
) -> tuple[list[Sighting], int]:
    """Return what looks like an identifier elsewhere, and how many columns were looked at."""
    own = {column for kind, names in mapped.identifiers.items() for column in names
           if kind != "free_text"}  # fmt: skip
    day = mapped.columns.get("date", "")
    expected = {mapped.minutes.start, mapped.minutes.end, day, *mapped.file.dated.get(day, ())}
    ids = _of_staff(mapped)
    looked = [str(column) for column in rows if column not in own]
    found = scan(rows, looked, words, expected)
    kept = [s for s in found if not (s.column in ids and s.kind in ("name", "title"))]
    return kept, len(looked)


def _with_sightings(rows: TypedRows, sightings: list[Sighting], mapped: ColumnMap) -> TypedRows:
    kept = {*mapped.file_columns()}
    sightings = [s for s in sightings if s.kind != "date" or s.column in kept]  # of a booking
    for name in dict.fromkeys(sighting.column for sighting in sightings):
        positions = {row - 1 for s in sightings if s.column == name for row in s.rows}
        marks = pd.Series(True, index=sorted(positions))
        rows = rows.found("R25", name, marks, "what looks like one")
    return rows


def _study(taken: _Taken, before: _Before) -> tuple[Study, dict[str, float]]:
    new, imports, mapped, about = taken.tables, taken.imports, taken.mapped, before.about
    if before.study is not None:
        old = append.dated_tables(before.study, taken.anchors)
        new, found = append.merged(old, new, missing=mapped.study.missing_visits,
                            surveys=mapped.study.rows == "scores",
                            corrects=len(imports) <= len(about.imports))  # fmt: skip
        own = replace(imports[-1], findings=(*imports[-1].findings, *found))
        imports = (*imports[:-1], own)
    tables, anchors = append.finished(new)
    if mapped.study.period:
        tables["episodes"] = _with_periods(tables["episodes"], anchors, mapped.study.period)
    unsaid = any(f.rule == "R45" for one in imports for f in one.findings)
    provenance = Provenance(
        title=mapped.title or about.title, source="import", version=__version__,
        control=mapped.study.control or about.control,
        randomised=mapped.study.randomised or about.randomised,
        left_out=tuple(entry for one in imports for entry in one.left_out), imports=imports,
        unused_columns=taken.unused, assumed=(NOT_SAID,) if unsaid else (),
    )  # fmt: skip
    study = study_from_tables(tables, provenance=provenance, instruments=mapped.declared())
    return study, anchors


def _with_periods(episodes: pd.DataFrame, anchors: Mapping[str, float], kind: str) -> pd.DataFrame:
    """Return the courses with their period: of their day 0 where it is known, else as before."""
    first = episodes["episode_id"].map(anchors).astype("float64")
    own = periods(first, kind, Disclosure().threshold)
    kept = own.fillna(episodes.get("period", own))
    coarse = kept.astype("str").str.len().eq(4).any()
    return episodes.assign(period=kept.str[:4] if coarse else kept)


def _import(rows: TypedRows, mapped: ColumnMap, source: Rows, marks: list[str]) -> Import:
    """Return the record of an import, with its findings by row of the file."""
    findings = in_file(rows.findings, source, mapped)
    kept = rows.wrong.intersection(rows.cells.index)
    n_wrong, n_doubtful = (len({file_row(row + 1, mapped) for row in wrong})
                           for wrong in (rows.wrong - kept, kept))  # fmt: skip
    return Import(
        len(source.cells), n_wrong, n_doubtful, tuple(findings),
        tuple(LeftOut(EXPORT, step.rule, step.count) for step in rows.left_out),
        tuple(mapped.file_columns()), tuple(marks[:append.N_MARKS]),
    )  # fmt: skip


def _steps(rows: TypedRows, text: pd.DataFrame, mapped: ColumnMap) -> Iterator[Step]:
    """Say what was done to each column that identifies people."""
    for kind, columns in mapped.identifiers.items():
        for column in columns:
            count = int(text[column].notna().sum())
            yield Step(f"{kind.replace('_', ' ')} not kept", column, count)
    for name in mapped.columns:
        if name != column_map.IMPORTED and f"{name}.date" not in rows.cells:
            continue
        yield Step("date made a day of its course", mapped.columns[name], len(rows.cells))
    if mapped.study.period:
        yield Step(f"{mapped.study.period} of each course's first visit kept", "", len(rows.cells))
    for name, column in mapped.columns.items():
        kind = name.rpartition(".")[2].removesuffix("_id")
        if kind in ("therapist", "clinic"):
            n = int(rows.cells[name].nunique())
            yield Step(f"{kind} given a random id ({n} different)", column, len(rows.cells))
    yield Step("client given a random id", "", int(rows.cells["episodes.patient_id"].nunique()))
    for other in mapped.unnamed(text):
        yield Step("not named in the map, not kept", other, int(text[other].notna().sum()))


def _counts(study: Study) -> dict[str, int]:
    return {
        "clients": int(study.episodes["patient_id"].nunique()), "courses": len(study.episodes),
        "visits": len(study.sessions), "visits received": int(study.sessions["session"].count()),
        "scores": len(study.assessments), "goals": len(study.goals),
    }  # fmt: skip


def _k_before(rows: TypedRows, mapped: ColumnMap) -> int:
    """Group clients as the export itself tells them apart, without their names."""
    kinds = ("birth_date", "zip")
    named = [c for kind in kinds for c in mapped.identifiers.get(kind, ())]
    condition = mapped.columns.get("episodes.condition")
    columns = [*named, *([condition] if condition else [])]
    clients = rows.text[columns].assign(client=rows.cells["episodes.patient_id"])
    return k_anonymity(clients.drop_duplicates("client"), columns) if named else 0
