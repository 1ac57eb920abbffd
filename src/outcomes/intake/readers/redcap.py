"""REDCap exports: raw or with labels, events and repeating instruments, checkboxes, identifiers.

The project's data dictionary says what the columns are; with it both exports become one table of
labels, one row a visit.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import pandas as pd

from outcomes.intake.refusals import refuse

_VARIABLE, _LABEL = "Variable / Field Name", "Field Label"
_CHOICES = "Choices, Calculations, OR Slider Labels"
_OWN = {"event name": "redcap_event_name", "repeat instrument": "redcap_repeat_instrument",
        "repeat instance": "redcap_repeat_instance"}  # fmt: skip
_NOT_TICKED = ("0", "unchecked", "no", "false", "nan")
_AGAIN = re.compile(r"(.*) \((\d+)\)")
_CHOICE = re.compile(r"(.*) \(choice=(.*)\)")
_YES_NO = {"yesno": {"1": "Yes", "0": "No"}, "truefalse": {"1": "True", "0": "False"}}


@dataclass(frozen=True)
class _Field:
    name: str
    form: str
    kind: str
    label: str
    choices: dict[str, str]
    identifies: bool


def from_redcap(rows: pd.DataFrame, dictionary: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Return the visits of a REDCap export with labels for codes, and the columns that identify.

    Parameters
    ----------
    rows : DataFrame of str
        The export, raw or with labels.
    dictionary : DataFrame of str
        The project's data dictionary.

    Returns
    -------
    rows : DataFrame of str
        Columns by variable name. Facts of forms that are filled in once a record stand on each of
        the record's rows; rows that hold nothing else are left away. A checkbox field is one list
        of labels, separated by ``;``. The index is the position in the export.
    identifiers : list of str
        Variables marked ``Identifier?`` in the dictionary.

    Raises
    ------
    DataError
        When the dictionary is not one of REDCap.

    Examples
    --------
    >>> dictionary = pd.DataFrame({"Variable / Field Name": ["id", "sex"], "Form Name": "base",
    ...     "Field Type": ["text", "radio"], "Field Label": ["Id", "Sex"],
    ...     "Choices, Calculations, OR Slider Labels": [None, "1, female | 2, male"],
    ...     "Identifier?": ["y", None]})
    >>> from_redcap(pd.DataFrame({"id": ["7"], "sex": ["2"]}), dictionary)[0]["sex"].tolist()
    ['male']
    """
    fields = _fields(dictionary)
    rows = rows.rename(columns=_variable_names(rows, fields))
    rows = _with_lists(rows, fields)
    for field in fields:
        if field.name in rows and field.choices:
            rows[field.name] = rows[field.name].replace(field.choices)
    identifiers = [field.name for field in fields if field.identifies and field.name in rows]
    return _one_row_a_visit(rows, fields), identifiers


def labels_of(dictionary: pd.DataFrame) -> dict[str, str]:
    """Return the label of each variable of a data dictionary."""
    return {field.name: field.label for field in _fields(dictionary)}


def _fields(dictionary: pd.DataFrame) -> list[_Field]:
    needed = (_VARIABLE, "Form Name", "Field Type", _LABEL, _CHOICES, "Identifier?")
    missing = [name for name in needed if name not in dictionary]
    if missing:
        refuse("redcap_columns", names=", ".join(missing))
    return [_field(record) for record in dictionary.fillna("").to_dict("records")]


def _field(record: dict[Any, Any]) -> _Field:
    kind = str(record["Field Type"])
    choices = dict(_YES_NO.get(kind, {}))
    if kind in ("radio", "dropdown", "checkbox"):
        pairs = [part.partition(",") for part in str(record[_CHOICES]).split("|")]
        choices = {code.strip(): label.strip() for code, _, label in pairs if label.strip()}
    return _Field(
        str(record[_VARIABLE]), str(record["Form Name"]), kind, str(record[_LABEL]), choices,
        identifies=str(record["Identifier?"]).casefold() == "y",
    )  # fmt: skip


def _variable_names(rows: pd.DataFrame, fields: list[_Field]) -> dict[str, str]:
    """Return the variable of each column whose header is a label, of several alike by position."""
    names = {bare_label(label): [name] for label, name in _OWN.items()}
    for field in fields:
        if field.label:
            names.setdefault(bare_label(field.label), []).append(field.name)
        for code, label in field.choices.items():
            header = bare_label(f"{field.label} (choice={label})")
            names.setdefault(header, []).append(checkbox_column(field.name, code))
    known = {field.name for field in fields}
    found = {}
    for header in [str(header) for header in rows if header not in known]:
        again = _AGAIN.fullmatch(header)
        label, nth = (again[1], int(again[2])) if again else (header, 1)
        own = names.get(bare_label(label), [])
        choice = _CHOICE.fullmatch(header)
        field_of = names.get(bare_label(choice[1]), []) if choice else []
        if len(own) >= nth:
            found[header] = own[nth - 1]
        elif len(field_of) == 1 and choice:  # a choice that the dictionary no longer has
            found[header] = f"{field_of[0]}___{choice[2]}"
    return found


def bare_label(label: str) -> str:
    """Return a label as it stands in a header: without marks of HTML and quotation marks."""
    return " ".join(re.sub(r"<[^>]*>|['\"]", "", label).split()).casefold()


def checkbox_column(field: str, code: str) -> str:
    """Return the name of the column that says whether a choice of a checkbox field is ticked.

    Source: REDCap, ``Project::getExtendedCheckboxCodeFormatted``: minus signs and points become
    ``_``, capitals small letters, and other signs vanish.

    Examples
    --------
    >>> checkbox_column("event", "-99"), checkbox_column("event", "N 1")
    ('event____99', 'event___n1')
    """
    return f"{field}___" + re.sub(r"[^a-z0-9_]", "", re.sub(r"[-.]", "_", code).casefold())


def _with_lists(rows: pd.DataFrame, fields: list[_Field]) -> pd.DataFrame:
    """Join the columns of each checkbox field to one list of labels.

    A column of a choice that the dictionary does not know is a word of the list too: its name.
    """
    rows = rows.copy()
    for field in fields:
        name = field.name.casefold()  # as all headers are found
        words = {checkbox_column(name, code): label for code, label in field.choices.items()}
        begin = f"{name}___"
        present = {str(name): words.get(str(name).casefold(), str(name)[len(begin):])
                   for name in rows if str(name).casefold().startswith(begin)}  # fmt: skip
        if field.kind == "checkbox" and present:
            ticked = rows[list(present)].map(
                lambda cell: cell is not None and str(cell).casefold() not in _NOT_TICKED
            )
            lists = ["; ".join(present[name] for name in present if row[name]) or None
                     for row in ticked.to_dict("records")]  # fmt: skip
            rows = rows.drop(columns=list(present))
            rows[field.name] = pd.Series(lists, index=rows.index, dtype=object)
    return rows


def _one_row_a_visit(rows: pd.DataFrame, fields: list[_Field]) -> pd.DataFrame:
    """Put facts of forms that are filled in once on every row of their record."""
    record = fields[0].name  # REDCap's first field is the record's number
    forms: dict[str, list[str]] = {}
    for field in fields[1:]:
        if field.name in rows:
            forms.setdefault(field.form, []).append(field.name)
    once = [names for names in forms.values() if _filled_once(rows, record, names)]
    facts = [name for names in once for name in names]
    visits = [name for names in forms.values() if names not in once for name in names]
    if not facts or not visits:
        return rows
    rows[facts] = rows.groupby(record)[facts].transform("first").astype(object)
    rows[facts] = rows[facts].where(rows[facts].notna(), None)
    has_visit = rows[visits].notna().any(axis=1)
    return rows[has_visit]


def _filled_once(rows: pd.DataFrame, record: str, names: list[str]) -> bool:
    filled = rows[names].notna().any(axis=1)
    repeats = rows.get("redcap_repeat_instance", pd.Series(None, index=rows.index, dtype=object))
    once_each = not rows.loc[filled, record].duplicated().any()
    return once_each and bool(repeats[filled].isna().all())
