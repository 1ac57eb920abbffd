"""Office files are ZIP archives full of the time of day; this takes it out."""

from __future__ import annotations

import io
import re
import zipfile
from datetime import datetime
from typing import Any

EARLIEST = (1980, 1, 1, 0, 0, 0)
EPOCH = datetime(2000, 1, 1)  # noqa: DTZ001, the file formats keep a time without a zone


def office_bytes(file: Any, title: str, label: str) -> bytes:
    """Return a Word or PowerPoint file as bytes that depend on its contents only.

    Parameters
    ----------
    file : docx.Document or pptx.Presentation
        The file.
    title, label : str
        Of the document; kept with it.
    """
    about = file.core_properties
    about.title, about.author, about.keywords = title, "outcomes", label
    about.comments, about.last_modified_by, about.language = "", "", "en-US"
    about.created = about.modified = EPOCH
    with io.BytesIO() as target:
        file.save(target)
        return fixed_zip(target.getvalue())


def fixed_zip(archive: bytes) -> bytes:
    """Return the same archive with one fixed time on every entry, and in workbooks inside it.

    Parameters
    ----------
    archive : bytes
        A ZIP archive.

    Returns
    -------
    bytes
        Depends on the contents only.
    """
    with (
        zipfile.ZipFile(io.BytesIO(archive)) as source,
        io.BytesIO() as target,
        zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as out,
    ):
        for name in source.namelist():
            entry = zipfile.ZipInfo(name, EARLIEST)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 0
            out.writestr(entry, _fixed_part(name, source.read(name)))
        out.close()
        return target.getvalue()


def _fixed_part(name: str, content: bytes) -> bytes:
    if name.endswith(".xlsx"):
        return fixed_zip(content)
    if name == "docProps/core.xml":
        return re.sub(rb"\d{4}-\d\d-\d\dT[\d:]+Z", b"2000-01-01T00:00:00Z", content)
    return content
