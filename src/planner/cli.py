"""Entry point of the command line: the process is made safe first, then the commands load."""

from __future__ import annotations

import os
import sys

from planner.process import Ended, abandon_output, handle_signals, prepare_streams


def main() -> None:
    """Run the command line and exit with the code of the outcome."""
    prepare_streams()
    handle_signals()
    sys.exit(_exit_code())


def _exit_code() -> int:
    """Run the command; what no command expects of the outer world becomes one line."""
    # looking for plugins of pydantic reads the metadata of every installed package, a tenth of a short run
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    from planner.commands.root import run

    try:
        code = run(sys.argv[1:])
        sys.stdout.flush()
    except Ended as ended:
        return ended.exit_code
    except OSError as error:  # such as a full disk behind standard output, or a reader that went away
        if not isinstance(error, BrokenPipeError):
            sys.stderr.write(f"error: {error.strerror or error}\n")
        code = 1
        abandon_output()
    return code


if __name__ == "__main__":
    main()
