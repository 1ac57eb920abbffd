"""An answer in a notebook: sentence, figure, table and limits as an HTML fragment."""

from __future__ import annotations

import hashlib
from html import escape

from outcomes.privacy.disclosure import Disclosure
from outcomes.questions.answer import Answer
from outcomes.questions.disclosed import disclosed
from outcomes.render.contents.answer_section import answer_section
from outcomes.render.figures.shown import PAGE_COLORS
from outcomes.render.html import blocks_html

STYLE = f"<style>.outcomes-answer{{{PAGE_COLORS}}}"
STYLE += """
.outcomes-answer { max-width: 46rem; line-height: 1.5; }
.outcomes-answer .lead { font-size: 1.12em; font-weight: 600; }
.outcomes-answer .warning { padding: .5em .8em; border-left: 4px solid #b35900; }
.outcomes-answer .narrow { display: none; }
.outcomes-answer svg { width: 100%; height: auto; background: var(--paper); }
.outcomes-answer figure { margin: .8em 0; }
.outcomes-answer caption { text-align: left; white-space: nowrap; }
.outcomes-answer th, .outcomes-answer td { text-align: left !important; }
</style>"""


def answer_html(answer: Answer) -> str:
    """Return an answer as an HTML fragment for a notebook.

    Parameters
    ----------
    answer : Answer
        The answer; small cells of real data are suppressed here.

    Returns
    -------
    str
        One ``div`` that needs nothing from outside.

    Examples
    --------
    >>> from outcomes.questions.answer import Source, refusal
    >>> source = Source("t", "n", True, 1, "0" * 64, "0.1", 3, 3)
    >>> "SYNTHETIC" in answer_html(refusal("how-much", "How much?", "no scores.", source))
    True
    """
    rule = Disclosure(exempt=answer.source.synthetic)
    safe = disclosed(answer, rule)
    section = answer_section(safe, details=False, disclosure=rule)
    shown = f"{safe.source}{safe.sentence}{safe.table.to_csv()}"
    stem = hashlib.sha256(shown.encode()).hexdigest()[:8]
    body = blocks_html(section.blocks, safe.source.label, f"{answer.name}-{stem}")
    label = f" <small>({safe.source.label} data)</small>" if safe.source.label else ""
    heading = f"<h3>{escape(safe.question)}{label}</h3>"
    return f'{STYLE}<div class="outcomes-answer">{heading}{body}</div>'
