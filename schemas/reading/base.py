"""What every schema shares: strictness, named scalar types, and the raw access that whole-file checks need."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Annotated, Any, ClassVar, Literal, TypeVar, get_args, get_origin

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    ModelWrapValidatorHandler,
    ValidationError,
    model_validator,
)
from pydantic_core import CoreSchema, InitErrorDetails, PydanticCustomError

from planner.schemas.reading.one_or_many import without_forms

LONGEST_NAME = 200
Name = Annotated[str, Field(min_length=1, max_length=LONGEST_NAME)]
Fraction = Annotated[float, Field(ge=0.0, le=1.0)]
LEAST, MOST = 1e-30, 1e30
"""Figures of files beyond these mean nothing, and what is computed of them might have no finite value."""
MOST_COUNT = 10**15
"""Counts up to here are exact as floating-point numbers."""
NonNegative = Annotated[float, Field(ge=0.0)]
Quantity = Annotated[float, Field(ge=0.0, le=MOST)]
Positive = Annotated[float, Field(ge=LEAST, le=MOST)]
Version = Annotated[Literal["1"], Field(description="Version of this file format.")]

Location = tuple[str | int, ...]
Finding = tuple[Location, Any, str, str]
"""One problem of a whole file: where, the value found, what is wrong, what to do."""

_Self = TypeVar("_Self", bound="Document")


class Strict(BaseModel):
    """A value without unknown fields, without NaN or infinity, and frozen once made.

    Validators are built on first use, which keeps the start of the command line fast. Constructors take lists where
    fields hold tuples, and dicts where they hold other values; they raise `InputError` with every problem found.
    """

    fields_elsewhere: ClassVar[Mapping[str, str]] = {}
    """Fields that similar values of other files have and this has not, each with what to say of it."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False, defer_build=True)

    def __init__(self, **fields: Any) -> None:  # noqa: ANN401 - values that are checked here
        try:
            super().__init__(**fields)
        except ValidationError as error:
            from planner.schemas.reading.problems import InputError
            from planner.schemas.reading.translate import problems_of  # only mistakes need it

            raise InputError(problems_of(error, type(self), type(self).__name__)) from None

    # tells pydantic that reading files may go without this constructor, so that their checks stay those of files
    __init__.__pydantic_base_init__ = True  # type: ignore[attr-defined] # a mark of pydantic's own

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:  # noqa: ANN401 - pydantic's signature
        """Let lists stand for tuples: JSON and Python's literals have lists, frozen values hold tuples."""
        schema = handler(source)
        _admit_lists(schema)
        return schema


class Document(Strict):
    """A whole file. Checks across fields run even where single fields are wrong, so all problems come at once."""

    cross_checks: ClassVar[Callable[[Any], Iterator[Finding]] | None] = None

    def __init__(self, **fields: Any) -> None:  # noqa: ANN401 - values that are checked here
        if "schema_version" in type(self).model_fields:
            fields.setdefault("schema_version", "1")  # files must say it, Python code need not
        super().__init__(**fields)

    __init__.__pydantic_base_init__ = True  # type: ignore[attr-defined] # a mark of pydantic's own

    @classmethod
    def complete(cls, data: Any) -> Any:  # noqa: ANN401 - raw input
        """Return raw data with what it may leave out written out, before anything is checked."""
        return data

    @model_validator(mode="wrap")
    @classmethod
    def _report_everything(cls: type[_Self], data: Any, handler: ModelWrapValidatorHandler[_Self]) -> _Self:  # noqa: ANN401 - raw input
        """Validate fields and run the cross checks; raise one error with the problems of both."""
        data = cls.complete(data)
        details: list[InitErrorDetails] = []
        document: _Self | None = None
        try:
            document = handler(data)
        except ValidationError as error:
            details += [_restate(problem) for problem in error.errors(include_url=False)]
        check = cls.cross_checks
        if check is not None and isinstance(data, Mapping):
            details += [_custom("consistency", *finding) for finding in check(data)]
        if details or document is None:
            raise ValidationError.from_exception_data(cls.__name__, details)
        return document


def _admit_lists(schema: Any) -> None:  # noqa: ANN401 - a pydantic core schema is nested dicts and lists
    """Make every tuple of a core schema lenient about its own type; its items stay strict."""
    if isinstance(schema, dict):
        if schema.get("type") == "tuple":
            schema["strict"] = False
        for part in schema.values():
            _admit_lists(part)
    elif isinstance(schema, list):
        for part in schema:
            _admit_lists(part)


def _custom(kind: str, location: Location, value: object, message: str, fix: str) -> InitErrorDetails:
    context = {"message": _encodable(message), "fix": _encodable(fix), "kind": kind}
    error = PydanticCustomError("consistency", "{message}", context)
    return InitErrorDetails(type=error, loc=location, input=value)


def _encodable(text: str) -> str:
    """Return a text with lone surrogates, which no encoding can write, as escapes."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _restate(problem: Any) -> InitErrorDetails:  # noqa: ANN401 - pydantic's ErrorDetails
    """Carry a field error of pydantic over unchanged into a new error."""
    context = {"message": problem["msg"], "kind": problem["type"], **_plain(problem.get("ctx", {}))}
    error = PydanticCustomError(problem["type"], "{message}", context)
    return InitErrorDetails(type=error, loc=without_forms(problem["loc"]), input=problem["input"])


def _plain(context: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in context.items() if isinstance(value, (str, int, float))}


def field_of(item: object, name: str) -> Any:  # noqa: ANN401 - raw input
    """Return a field of raw JSON (or of an already built value), None where it is not there."""
    if type(item) is dict or isinstance(item, Mapping):  # asking for the type is far cheaper
        return item.get(name)
    return getattr(item, name, None)


def items_of(data: object, name: str) -> list[Any]:
    """Return a list field of raw data, empty where it is missing or not a list."""
    value = field_of(data, name)
    return list(value) if isinstance(value, (list, tuple)) else []


def mapping_of(data: object, name: str) -> dict[str, Any]:
    """Return an object field of raw data, empty where it is missing or not an object."""
    value = field_of(data, name)
    return dict(value) if isinstance(value, Mapping) else {}


def number_of(data: object, name: str) -> float | None:
    """Return a numeric field of raw data, None where it is missing or not a number."""
    value = field_of(data, name)
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return None
    try:
        return float(value)
    except OverflowError:  # a whole number beyond all floats, which the field's own check reports
        return None


def names_of(items: Iterable[object]) -> list[str]:
    """Return the names of raw items, without those that have none."""
    return [name for item in items if isinstance(name := field_of(item, "name"), str)]


def duplicate_names(where: str, items: Iterable[object]) -> Iterator[Finding]:
    """Report every name that an earlier item of the list already has."""
    items = list(items)
    if len(set(names_of(items))) == len(items):
        return
    seen: dict[str, int] = {}
    for index, item in enumerate(items):
        name = field_of(item, "name")
        if not isinstance(name, str):
            continue
        if name in seen:
            fix = f"give each a name of its own ({where}[{seen[name]}] has it already)"
            yield (where, index, "name"), name, "this name is used twice", fix
        else:
            seen[name] = index


def field_names(schema: type[BaseModel]) -> list[str]:
    """Return the field names that a schema knows, for 'did you mean' hints."""
    return list(schema.model_fields)


def nested_schema(annotation: object) -> type[BaseModel] | None:
    """Return the schema inside an annotation such as ``tuple[Block, ...]`` or ``dict[str, Profile]``."""
    if isinstance(annotation, type) and get_origin(annotation) is None and issubclass(annotation, BaseModel):
        return annotation
    for argument in get_args(annotation):
        if (found := nested_schema(argument)) is not None:
            return found
    return None
