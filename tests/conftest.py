"""Nothing in the tests is timed, and CI tries the same examples each time.

A property that fails on an example nobody tried before is found by the slow suites, which draw
fresh ones (`--hypothesis-profile=explore`), and is then written down as an `@example`.
"""

from hypothesis import settings

settings.register_profile("outcomes", deadline=None, derandomize=True, database=None)
settings.register_profile("explore", deadline=None, print_blob=True)
settings.load_profile("outcomes")
