"""What an answer rests on: the study's identity, and what was left out of the analysis."""

from __future__ import annotations

from collections.abc import Mapping

from outcomes import __version__
from outcomes.questions.answer import Source
from outcomes.storage import digest
from outcomes.study import Study


def source_of(
    study: Study, *, n_used: int = 0, left_out: Mapping[str, int] | None = None
) -> Source:
    """Return the source of an answer computed from `study`.

    Parameters
    ----------
    study : Study
        The study.
    n_used : int
        Rows the model used.
    left_out : mapping of str to int, optional
        Rows left out by the analysis, by reason; those left out in reading are added.

    Returns
    -------
    Source
    """
    dropped = {entry.reason: entry.count for entry in study.provenance.left_out}
    for reason, count in (left_out or {}).items():
        if count:
            dropped[reason] = dropped.get(reason, 0) + count
    return Source(
        title=study.provenance.title,
        name=study.provenance.source,
        synthetic=study.provenance.synthetic,
        seed=study.provenance.seed,
        sha256=digest(study),
        version=__version__,
        n_episodes=len(study.episodes),
        n_scores=len(study.assessments),
        n_used=n_used,
        left_out=dropped,
    )
