"""Problems of large inputs: the first ten in words, the others as a count."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from planner.schemas.reading.problems import InputError, Problem, shown

MOST_SHOWN = 10


@dataclass
class Findings:
    """Problems of one file, gathered over vectorised checks."""

    file: str
    count: int = 0
    problems: list[Problem] = field(default_factory=list)

    def add(self, path: str, value: object, message: str, fix: str) -> None:
        """Take one problem in.

        Args:
            path: Where it is.
            value: What stands there.
            message: What is wrong.
            fix: What to do.
        """
        self.count += 1
        if len(self.problems) < MOST_SHOWN:
            self.problems.append(Problem(self.file, path, shown(value), message, fix))

    def add_rows(self, rows: Iterable[tuple[str, object]], count: int, message: str, fix: str) -> None:
        """Take in `count` problems of one sort; only the first of `rows` (path, value) are read.

        Args:
            rows: Path and value of each.
            count: How many there are.
            message: What is wrong.
            fix: What to do.
        """
        before = self.count
        for path, value in rows:
            if self.count - before >= count or len(self.problems) >= MOST_SHOWN:
                break
            self.add(path, value, message, fix)
        self.count = before + count

    def raise_any(self) -> None:
        """Raise InputError with the first problems and the number of the others, if there is any."""
        if not self.count:
            return
        problems = list(self.problems)
        if self.count > len(problems):
            more = f"and {self.count - len(problems):,} more problems ({self.count:,} in all)"
            problems.append(Problem(self.file, "", "", more, "mend the sorts named above first"))
        raise InputError(problems)
