"""MkDocs hook that replaces ``<!-- fields: NAME -->`` by tables of every field of a format, from its JSON Schema."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_SCHEMAS = Path(__file__).parents[1] / "schemas" / "json"
_MARK = re.compile(r"<!-- fields: ([a-z-]+) -->")
_COLLECTIONS = {"array": ("list", "items"), "object": ("object", "additionalProperties")}
_BOUNDS = {"minimum": "at least", "exclusiveMinimum": "above", "maximum": "at most", "exclusiveMaximum": "below"}


def on_page_markdown(markdown: str, **_: object) -> str:
    """Expand every mark of a page (the name and keywords are those that MkDocs calls)."""
    return _MARK.sub(lambda match: tables(match.group(1)), markdown)


def tables(name: str) -> str:
    """Return Markdown tables of a format: the document first, then every object in it.

    Args:
        name: Name of the format, as in ``planner schema NAME``.
    """
    schema = json.loads((_SCHEMAS / f"{name}.schema.json").read_text(encoding="utf-8"))
    parts = {schema["title"]: schema, **schema.get("$defs", {})}
    return "\n\n".join("\n".join(_table(title, part)) for title, part in parts.items() if "properties" in part)


def _table(title: str, part: dict[str, Any]) -> Iterator[str]:
    yield f"### {title}"
    yield ""
    yield part.get("description", "")
    yield ""
    yield "| field | type | default | meaning |"
    yield "|---|---|---|---|"
    required = part.get("required", [])
    for field, content in part["properties"].items():
        default = "required" if field in required else f"`{json.dumps(content.get('default'))}`"
        yield f"| `{field}` | {_type(content)} | {default} | {_cell(content.get('description', ''))} |"


def _type(content: dict[str, Any]) -> str:
    if "$ref" in content:
        target = content["$ref"].rpartition("/")[2]
        return f"[{target}](#{target.lower()})"
    if "anyOf" in content:
        return " or ".join(dict.fromkeys(_type(each) for each in content["anyOf"]))
    if choices := content.get("enum", [content["const"]] if "const" in content else []):
        return ", ".join(f"`{json.dumps(each)}`" for each in choices)
    kind = content.get("type", "any")
    if isinstance(kind, list):
        return " or ".join(kind)
    if kind in _COLLECTIONS:
        word, key = _COLLECTIONS[kind]
        inner = content.get(key)
        return f"{word} of {_type(inner)}" if isinstance(inner, dict) and inner else word
    bounds = [f"{words} {content[key]:g}" for key, words in _BOUNDS.items() if key in content]
    return f"{kind} ({', '.join(bounds)})" if bounds else str(kind)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
