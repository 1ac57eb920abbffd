"""Office files are ZIP archives full of the time of day; this takes it out."""

from __future__ import annotations

import io
import re
import zipfile

EARLIEST = (1980, 1, 1, 0, 0, 0)


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
