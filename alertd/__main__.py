"""`python -m alertd` is `alertd`."""

import sys

from alertd.cli import main

if __name__ == "__main__":
    sys.exit(main())
