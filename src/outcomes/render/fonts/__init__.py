"""The face of every page: Inter, the same letters on every machine, carried inside a page."""

from __future__ import annotations

import base64
import io
from pathlib import Path

from matplotlib.font_manager import fontManager

FOLDER = Path(__file__).parent
"""Inter 4.001, regular and bold, under the SIL Open Font License (LICENSE beside them). Made from
the variable font at optical size 14, Latin, Greek and Cyrillic, without hints."""
FAMILY = ("Inter", "DejaVu Sans")
"""Names in order: DejaVu, which ships with matplotlib, has the letters of other scripts."""
WEIGHTS = {400: "Inter-Regular.ttf", 700: "Inter-Bold.ttf"}

for file in WEIGHTS.values():
    fontManager.addfont(FOLDER / file)


def font_face(text: str) -> str:
    """Return the style rules that carry the letters of a page inside it.

    Parameters
    ----------
    text : str
        The page; letters that it does not hold are left out.

    Examples
    --------
    >>> font_face("abc").count("@font-face")
    2
    """
    faces = []
    for weight, file in WEIGHTS.items():
        letters = base64.b64encode(_letters(FOLDER / file, text)).decode("ascii")
        source = f'url("data:font/ttf;base64,{letters}")'
        faces.append(f'@font-face{{font-family:"Inter";font-weight:{weight};src:{source}}}')
    return "\n".join(faces)


def _letters(path: Path, text: str) -> bytes:
    from fontTools.subset import Options, Subsetter
    from fontTools.ttLib import TTFont

    font = TTFont(path, recalcTimestamp=False)
    subsetter = Subsetter(Options(layout_features=["kern", "mark", "ccmp"]))
    subsetter.populate(text="".join(sorted(set(text))))
    subsetter.subset(font)
    with io.BytesIO() as target:
        font.save(target)
        return target.getvalue()
