"""The command `outcomes` from its start: Ctrl-C ends it without a traceback at every moment."""

import sys

try:
    from outcomes.cli import main
except KeyboardInterrupt:  # what it imports takes up to a second
    sys.exit(130)

if __name__ == "__main__":
    sys.exit(main())
