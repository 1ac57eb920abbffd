"""One module per clinical question; each returns an `Answer`. Everything else renders answers.

The package has the name of the public function `outcomes.answers`, so calling it calls that.
"""

import sys
from types import ModuleType
from typing import Any


class _Answers(ModuleType):
    """The package made callable, since Python binds the function's name to it."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """See `outcomes.answers.ask.answers`."""
        from outcomes.answers.ask import answers

        return answers(*args, **kwargs)


sys.modules[__name__].__class__ = _Answers
