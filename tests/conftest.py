"""Nothing in the tests is timed: a slow machine fails no property."""

from hypothesis import settings

settings.register_profile("outcomes", deadline=None)
settings.load_profile("outcomes")
