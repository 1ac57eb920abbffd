"""One stream of random numbers for each block of courses, whoever computes it and in what order."""

from __future__ import annotations

import numpy as np

BLOCK = 2048
"""Courses in a block: what is drawn together. Part of what a seed means; not a setting."""

_CLUSTERS, _BLOCKS = 0, 1


def cluster_generator(seed: int) -> np.random.Generator:
    """Return the generator of what all courses share: therapists and clinics."""
    return _generator(seed, _CLUSTERS)


def block_generator(seed: int, block: int) -> np.random.Generator:
    """Return the generator of one block.

    Parameters
    ----------
    seed : int
        Seed of the study.
    block : int
        Number of the block, from 0.

    Examples
    --------
    >>> float(block_generator(7, 3).random()) == float(block_generator(7, 3).random())
    True
    """
    return _generator(seed, _BLOCKS, block)


def block_sizes(n_episodes: int) -> list[int]:
    """Return the number of courses in each block.

    Examples
    --------
    >>> block_sizes(5000)
    [2048, 2048, 904]
    """
    full, rest = divmod(n_episodes, BLOCK)
    return [BLOCK] * full + ([rest] if rest else [])


def _generator(seed: int, *key: int) -> np.random.Generator:
    # spawn_key=(1, block) is what SeedSequence(seed).spawn(2)[1].spawn(n)[block] would give
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=key)))
