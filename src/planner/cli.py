"""Entry point of the command line."""

from __future__ import annotations

import os
import sys
from typing import Any


def main() -> Any:  # noqa: ANN401 - typer returns what the command returns
    """Run the command line."""
    # looking for plugins of pydantic reads the metadata of every installed package, a tenth of a short run
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    from planner.commands.root import app

    try:
        return app()
    except OSError as error:  # such as a full disk behind standard output
        # the interpreter flushes standard output once more at its end, which must not fail again
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.stderr.write(f"error: {error.strerror or error}\n")
        sys.exit(1)


if __name__ == "__main__":
    main()
