"""Forms of texts that fields and keys of files must have: the pattern of each, and in words with an example."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Form:
    """A form that texts must have."""

    pattern: str
    """Regular expression, as JSON Schema has it."""
    message: str
    """What is wrong with a text of another form."""
    fix: str
    """What is allowed, with an example."""


STATISTIC = Form(
    r"^(worst|mean|p\d{1,2}(\.\d+)?|p100)$", "not a statistic", "use worst, mean or a percentile such as p95"
)
METRIC_NAME = Form(
    r"^[A-Za-z][A-Za-z0-9_.-]*$",
    "not a name of a metric",
    "begin with a letter, and use letters, digits, dots, hyphens and underscores only, such as phone_battery",
)
UNIT = Form(r"^\S(.*\S)?$", "not a unit", "write it without space around it, such as USD or g CO2")
BATCH_SIZE = Form(
    r"^[1-9]\d{0,6}$",
    "not a batch size",
    'write the number of samples as a whole number from 1 to 9999999, such as "8"',
)
DIGEST = Form(r"^sha256:[0-9a-f]{64}$", "not a hash", "write sha256: and 64 digits from 0 to 9 and a to f")
FILE_NAME = Form(
    r"^[A-Za-z0-9_][A-Za-z0-9._+@-]{0,199}$",
    "not a plain file name",
    "name a file in the same folder with letters, digits and ._+@- only, such as piece-0.onnx",
)
ADDRESS = Form(
    r"^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9][A-Za-z0-9.-]{0,252}):[0-9]{1,5}$",
    "not an address",
    "write HOST:PORT, such as 127.0.0.1:7070",
)
FORMS = {form.pattern: form for form in (STATISTIC, METRIC_NAME, UNIT, BATCH_SIZE, DIGEST, FILE_NAME, ADDRESS)}
"""Every form by its pattern, which is all that an error of pydantic tells."""
