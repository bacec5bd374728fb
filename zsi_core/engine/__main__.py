"""`python -m zsi_core.engine`: the engine process, which the window starts."""

import sys

from zsi_core.engine.server import main

if __name__ == "__main__":
    sys.exit(main())
