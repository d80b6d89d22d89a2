"""OpenAPI documents from pydantic models."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, TypeAdapter
from pydantic.json_schema import SkipJsonSchema

from volcast import __version__

Document: TypeAlias = dict[str, Any]


class Strict(BaseModel):
    """A model whose JSON object has its fields and no other."""

    model_config = ConfigDict(extra="forbid")


class Problem(Strict):
    """The body of every error, application/problem+json; ``error`` of V1 and V2 alone."""

    type: str
    title: str
    status: int
    detail: str
    field: str | None
    error: str | SkipJsonSchema[None] = None


@dataclass(frozen=True)
class Operation:
    """One method of one path: its models and examples, and the statuses of its problems.

    Each field of ``query`` has a description; ``examples`` are bodies by summary.
    """

    name: str
    summary: str
    answer: type
    problems: Mapping[int, str]
    query: type[BaseModel] | None = None
    body: type[BaseModel] | None = None
    examples: Mapping[str, object] = field(default_factory=dict)
    answer_example: object = None


def document(
    title: str,
    description: str,
    paths: Mapping[str, Mapping[Literal["get", "post"], Operation]],
    *,
    guarded: bool,
) -> Document:
    """Return the document of operations by path and method; ``guarded`` ones require a token."""
    operations = [one for methods in paths.values() for one in methods.values()]
    models: dict[type, None] = {Problem: None}
    for one in operations:
        models |= dict.fromkeys(model for model in (one.answer, one.body) if model is not None)
    _, schemas = TypeAdapter.json_schemas(
        [(model, "validation", TypeAdapter(model)) for model in models],
        ref_template="#/components/schemas/{model}",
    )
    described: Document = {
        "openapi": "3.1.0",
        "info": {"title": title, "version": __version__, "description": description},
        "servers": [{"url": "."}],  # where the document is, behind a path prefix too
        "paths": {
            path: {
                method: {"tags": [path.split("/")[1]], **_described(one)}
                for method, one in methods.items()
            }
            for path, methods in paths.items()
        },
        "components": {"schemas": schemas["$defs"]},
    }
    if guarded:
        described["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        described["security"] = [{"token": []}]
    return described


def _described(operation: Operation) -> Document:
    answer: Document = {"schema": _reference(operation.answer)}
    if operation.answer_example is not None:
        answer["example"] = operation.answer_example
    problem = {"application/problem+json": {"schema": _reference(Problem)}}
    described: Document = {
        "operationId": operation.name,
        "summary": operation.summary,
        "responses": {
            "200": {"description": "The answer.", "content": {"application/json": answer}},
            **{
                str(status): {"description": text, "content": problem}
                for status, text in sorted(operation.problems.items())
            },
        },
    }
    if operation.query is not None:
        described["parameters"] = _parameters(operation.query)
    if operation.body is not None:
        content = {"schema": _reference(operation.body)} | _examples(operation.examples)
        described["requestBody"] = {"required": True, "content": {"application/json": content}}
    return described


def _reference(model: type) -> Document:
    return {"$ref": f"#/components/schemas/{model.__name__}"}


def _examples(by_summary: Mapping[str, object]) -> Document:
    if len(by_summary) == 1:
        return {"example": next(iter(by_summary.values()))}
    named = [{"summary": summary, "value": value} for summary, value in by_summary.items()]
    return {"examples": {f"example-{number}": one for number, one in enumerate(named, 1)}}


def _parameters(query: type[BaseModel]) -> list[Document]:
    schema = query.model_json_schema()
    return [
        {
            "name": name,
            "in": "query",
            "required": name in schema.get("required", ()),
            "description": one.pop("description"),
            "schema": {key: value for key, value in one.items() if key != "default"},
        }
        for name, one in schema["properties"].items()
    ]
