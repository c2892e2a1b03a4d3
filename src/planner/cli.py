"""Entry point of the command line: the process is made safe first, then the commands load."""

from __future__ import annotations

import gc
import os
import sys

from planner.process import Ended, abandon_output, handle_signals, prepare_streams

_COLLECT_AFTER = 50_000
"""Objects made between two searches for garbage; at 700, the default, loading modules takes a twentieth longer."""


def main() -> None:
    """Run the command line and exit with the code of the outcome."""
    prepare_streams()
    handle_signals()
    gc.set_threshold(_COLLECT_AFTER)
    code = _exit_code()
    gc.freeze()  # the process ends: what is left goes with it
    sys.exit(code)


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
    except Exception as error:  # a fault of the program: one line for the user, all of it for who mends it
        if os.environ.get("PLANNER_TRACEBACK"):
            raise
        sys.stderr.write(_internal_error(error))
        code = 1
    return code


def _internal_error(error: Exception) -> str:
    """Return the line that users see of a fault of the program."""
    import traceback

    from planner.schemas.reading.printable import printable

    last = traceback.extract_tb(error.__traceback__)[-1]
    what = printable(f"{type(error).__name__}: {error} ({os.path.basename(last.filename)}:{last.lineno})", 400)  # noqa: PTH119 - the name alone
    advice = "please report this with the command and its files; PLANNER_TRACEBACK=1 shows where it comes from"
    return f"internal error: {what}; {advice}\n"


if __name__ == "__main__":
    main()
