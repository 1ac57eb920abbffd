"""One block of a study from its design: the unit of work, whoever does it."""

from __future__ import annotations

from dataclasses import dataclass

from outcomes.synthetic.courses import Courses, run_courses
from outcomes.synthetic.design import Design
from outcomes.synthetic.people import Clusters, People, draw_clusters, draw_people
from outcomes.synthetic.schedule import n_columns
from outcomes.synthetic.seeds import BLOCK, block_generator, block_sizes, cluster_generator


@dataclass(frozen=True)
class Block:
    """People of a block and what happened to them."""

    people: People
    courses: Courses


def clusters_of(design: Design) -> Clusters:
    """Return the study's clinics and therapists."""
    return draw_clusters(design, cluster_generator(design.seed))


def make_block(design: Design, clusters: Clusters, number: int) -> Block:
    """Make one block of a study.

    Parameters
    ----------
    design : Design
        The design.
    clusters : Clusters
        `clusters_of(design)`.
    number : int
        Number of the block, from 0.
    """
    people = draw_people(
        design,
        clusters,
        block_generator(design.seed, number),
        n=block_sizes(design.episodes)[number],
        n_columns=n_columns(design),
        first=number * BLOCK,
    )
    return Block(people, run_courses(design, clusters, people))
