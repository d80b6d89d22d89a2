"""What OpenAPI documents are made of, and a page of one."""

import html
import json
from collections.abc import Mapping
from typing import Any, TypeAlias

__all__ = [
    "PROBLEM", "TEXT", "Json", "body", "list_of", "object_of", "page", "parameter", "ref",
    "responses",
]  # fmt: skip

Json: TypeAlias = dict[str, Any]

TEXT: Json = {"type": "string"}


def page(found: Json) -> str:
    """Return a document as one HTML page, which needs nothing from elsewhere."""
    title, version = (html.escape(found["info"][name]) for name in ("title", "version"))
    parts = [f"<h1>{title} {version}</h1>"]
    parts.append(f"<p>{html.escape(found['info']['description'])}")
    parts.append(' The whole, for tools: <a href="openapi.json">openapi.json</a>.</p>')
    for path, methods in found["paths"].items():
        for method, what in methods.items():
            parts.append(f"<h2><code>{method.upper()} {html.escape(path)}</code></h2>")
            parts.append(f"<p>{html.escape(what['summary'])}</p>")
            for parameter in what.get("parameters", ()):
                told = f"<code>{parameter['name']}</code> {html.escape(parameter['description'])}"
                parts.append(f"<p>{told}</p>")
            parts += _examples("Request", what.get("requestBody", {}))
            parts += _examples("Answer", what["responses"].get("200", {}))
            others = (f"{code}: {one['description']}" for code, one in what["responses"].items())
            parts.append("".join(f"<li>{html.escape(one)}</li>" for one in others))
    return _PAGE % "\n".join(parts)


_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>volcast</title>
<style>body{font:16px/1.5 sans-serif;max-width:52rem;margin:2rem auto;padding:0 1rem;
color-scheme:light dark}pre{overflow:auto;padding:.8rem;border:1px solid;border-radius:4px}</style>
%s</html>"""


def _examples(title: str, what: Mapping[str, Any]) -> list[str]:
    content = what.get("content", {}).get("application/json", {})
    named = content.get("examples", {})
    if "example" in content:
        named = {title: {"value": content["example"]}}
    return [
        f"<p>{html.escape(one.get('summary', title))}</p>"
        f"<pre>{html.escape(json.dumps(one['value'], indent=1))}</pre>"
        for one in named.values()
    ]


def parameter(
    name: str, told: str, example: str, *, required: bool = False, format: str | None = None
) -> Json:
    """Return a parameter of the query."""
    schema = {**TEXT, "minLength": 1} | ({} if format is None else {"format": format})
    return {
        "name": name, "in": "query", "required": required, "description": told,
        "schema": schema, "example": example,
    }  # fmt: skip


def ref(name: str) -> Json:
    """Return the reference to a schema of the document."""
    return {"$ref": f"#/components/schemas/{name}"}


def body(schema: str, **examples: object) -> Json:
    """Return a request's body of a schema; ``example`` or ``examples`` as OpenAPI has them."""
    return {"required": True, "content": {"application/json": {"schema": ref(schema), **examples}}}


def responses(schema: str, example: Json | None, said: Mapping[int, str]) -> Json:
    """Return what is answered: a schema with an example, and problems by status."""
    good: Json = {"schema": ref(schema)} | ({} if example is None else {"example": example})
    found: Json = {"200": {"description": "The answer.", "content": {"application/json": good}}}
    for status in sorted(said):
        content = {"application/problem+json": {"schema": ref("Problem")}}
        found[str(status)] = {"description": said[status], "content": content}
    return found


def object_of(required: Mapping[str, Any], optional: Mapping[str, Any] | None = None) -> Json:
    """Return the schema of an object that has these properties and no other."""
    return {
        "type": "object", "required": list(required), "additionalProperties": False,
        "properties": {**required, **(optional or {})},
    }  # fmt: skip


def list_of(of: Json, least: int = 1) -> Json:
    """Return the schema of a list."""
    return {"type": "array", "items": of, "minItems": least}


PROBLEM = object_of(
    {
        "type": TEXT, "title": TEXT, "status": {"type": "integer"}, "detail": TEXT,
        "field": {"type": ["string", "null"]},
    }
)  # fmt: skip
"""The body of every error."""
