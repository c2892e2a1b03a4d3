"""``python -m planner``; nothing is imported from the current folder."""

import sys

if __name__ == "__main__":
    if not sys.flags.safe_path:
        del sys.path[0]  # the current folder, whose numpy.py would run
    from planner.cli import main

    main()
