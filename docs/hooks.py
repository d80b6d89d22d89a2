"""What mkdocs adds to the pages: parts generated from the code, and links out of ``docs``.

A line that ends in ``<!-- generated: NAME -->`` is replaced by what the function ``NAME`` of
`GENERATED` returns, one that ends in ``<!-- include: FILE -->`` by a file of the repository.
``python -m docs.hooks`` writes the values into the chart's README.
"""

import ast
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from inspect import getdoc
from itertools import pairwise
from pathlib import Path
from posixpath import dirname, join, normpath, relpath
from typing import Any

import typer.cli
from mkdocs.structure.pages import Page
from pydantic import BaseModel
from typer.main import get_command

from serving import schemas
from serving.brief import models as brief_models
from serving.state import ServingState
from volcast.cli.main import app
from volcast.core import errors
from volcast.core.settings import Settings, Universe
from volcast.features import catalog
from volcast.monitoring.metrics import METRICS
from volcast.steps.table import PIPELINES, STEPS, TASKS
from volcast.store import tables
from volcast.store.schema import Table

ROOT = Path(__file__).resolve().parents[1]
CHART = ROOT / "helm/volcast"
_MARK = "<!-- make render writes what follows. -->"


def on_page_markdown(markdown: str, *, page: Page, config: Any, **_: object) -> str:
    """Fill in the generated parts, and let links that leave ``docs`` lead to the repository."""
    here, repository = f"docs/{page.file.src_uri}", config.extra["repository"]

    def part(match: re.Match[str]) -> str:
        kind, name = match.groups()
        if kind == "generated":
            return GENERATED[name]()
        return _with_links((ROOT / name).read_text(encoding="utf-8"), name, here, repository)

    linked = _with_links(markdown, here, here, repository)
    return re.sub(r"^.*<!-- (generated|include): (\S+) -->$", part, linked, flags=re.MULTILINE)


def _with_links(markdown: str, source: str, page: str, repository: str) -> str:
    """Return the text of the file ``source`` with the links that it needs on ``page``."""

    def link(match: re.Match[str]) -> str:
        path = normpath(join(dirname(source), match[1]))
        if path.startswith("docs/"):
            return f"]({relpath(path, dirname(page))}"
        # What does not exist is left for mkdocs to report.
        return f"]({repository}/blob/main/{path}" if (ROOT / path).exists() else match[0]

    return re.sub(r"\]\((?![a-z]+:|#)([^)#\s]+)", link, markdown)


def _table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    cells = [[str(cell).replace("|", "\\|").replace("\n", " ") for cell in line] for line in lines]
    return "\n".join(f"| {' | '.join(line)} |" for line in cells)


def _code(names: Iterable[object]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _cli() -> str:
    command = get_command(app)
    return typer.cli.get_docs_for_click(
        obj=command, ctx=typer.Context(command), name="volcast", title="Command line"
    )


def _errors() -> str:
    classes = [one for one in map(vars(errors).get, errors.__all__) if isinstance(one, type)]
    raised = sorted(classes, key=lambda one: one.exit_code)
    return _table(
        ("error", "exit code", "HTTP status", "title over HTTP", "a retry may help", "meaning"),
        (
            (
                f"`{one.__name__}`", one.exit_code, one.http_status, one.title,
                "yes" if one.retryable else "no", (getdoc(one) or "").splitlines()[0],
            )
            for one in raised
            if one is not errors.VolcastError
        ),
    )  # fmt: skip


def _fields(model: type[BaseModel], prefix: str = "") -> str:
    rows = []
    for name, field in model.model_fields.items():
        default = "" if field.default in (None, "") else f"`{field.default}`"
        shown = f"`{prefix}{name.upper()}`" if prefix else f"`{name}`"
        rows.append((shown, field.description or "", default))
    return _table(("name", "meaning", "default"), rows)


def _contracts() -> str:
    about = _docstrings(Path(tables.__file__)) | _docstrings(Path(catalog.__file__))
    contracts = {name: one for name, one in vars(tables).items() if isinstance(one, Table)}
    contracts["FEATURES_DAILY"] = catalog.FEATURES_DAILY
    return "\n\n".join(
        _contract(one, about.get(name, ""))
        for name, one in sorted(contracts.items(), key=lambda item: item[1].name)
    )


def _contract(table: Table, about: str) -> str:
    columns = table.columns
    more = ""
    if table is catalog.FEATURES_DAILY:
        features = {feature.name for feature in catalog.FEATURES}
        columns = tuple(column for column in columns if column.name not in features)
        more = "\n\nand one column for each [feature](features.md)."
    rows = ((f"`{c.name}`", c.type, c.unit, c.about, "yes" if c.nullable else "") for c in columns)
    listed = _table(("column", "type", "unit", "about", "may be null"), rows)
    return f"## {table.name}\n\n{about}\n\nKey: {_code(table.key)}.\n\n{listed}{more}"


def _docstrings(path: Path) -> dict[str, str]:
    """Return the docstrings of the module's variables by name."""
    body = ast.parse(path.read_text(encoding="utf-8")).body
    return {
        target.id: " ".join(text.value.value.split())
        for assigned, text in pairwise(body)
        if isinstance(assigned, ast.Assign)
        and isinstance(target := assigned.targets[0], ast.Name)
        and isinstance(text, ast.Expr)
        and isinstance(text.value, ast.Constant)
    }


def _features() -> str:
    return _table(
        ("feature", "label", "group", "formula", "sessions", "unit", "made from"),
        (
            (f"`{f.name}`", f.label, f.group, f"`{f.formula}`", f.window, f.unit, _code(f.sources))
            for f in catalog.FEATURES
        ),
    )


def _metrics() -> str:
    return _table(
        ("metric", "kind", "labels", "process", "meaning"),
        ((f"`{m.name}`", m.kind, _code(m.labels), m.where, m.help) for m in METRICS.values()),
    )


def _steps() -> str:
    tasks = {step: task for task, steps in TASKS.items() for step in steps}
    return _table(
        (
            "step", "title", "task", "image", "role", "share of a node", "retries", "inputs",
            "outputs",
        ),
        (
            (
                f"`{name}`", step.title, f"`{tasks[name]}`", step.image, step.role, step.share,
                step.retries, _code(step.inputs), _code(step.outputs),
            )
            for name, step in STEPS.items()
        ),
    )  # fmt: skip


def _pipelines() -> str:
    return _table(
        ("pipeline", "steps"), ((f"`{name}`", _code(steps)) for name, steps in PIPELINES.items())
    )


def _http(described: dict[str, Any]) -> str:
    parts = [described["info"]["description"]]
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            parts += [f"### `{method.upper()} {path}`", operation["summary"]]
            parts += [
                f"- `{one['name']}`: {one['description']}"
                for one in operation.get("parameters", ())
            ]
            bodies = {
                "Request": operation.get("requestBody"),
                "Answer": operation["responses"]["200"],
            }
            for title, body in bodies.items():
                content = body["content"]["application/json"] if body else {}
                examples = [one["value"] for one in content.get("examples", {}).values()]
                for example in examples or [content.get("example")]:
                    if example:
                        parts.append(f"{title}:\n\n```json\n{json.dumps(example, indent=1)}\n```")
            statuses = operation["responses"].items()
            parts.append(_table(("status", ""), ((n, one["description"]) for n, one in statuses)))
    return "\n\n".join(parts)


def _values() -> str:
    """Return the values of the chart, and of Redis' in it, by file and schema."""
    redis = CHART / "charts/redis"
    own, inner = (
        json.loads((chart / "values.schema.json").read_text(encoding="utf-8"))
        for chart in (CHART, redis)
    )
    own["$defs"] |= inner.get("$defs", {})
    own["properties"]["redis"]["properties"] |= inner["properties"]
    rows = [*_value_rows(CHART, []), *_value_rows(redis, ["redis"])]
    # What both describe is the chart's.
    by_path = {path: (about, default) for path, about, default in reversed(rows)}
    return _table(
        ("value", "type", "meaning", "default"),
        (
            (f"`{'.'.join(path)}`", _type(own, path), *by_path[path])
            for path in dict.fromkeys(path for path, *_ in rows)
        ),
    )


def _value_rows(chart: Path, parent: list[str]) -> Iterator[tuple[tuple[str, ...], str, str]]:
    """Yield path, comments above and default of each value, and of blocks with a comment."""
    path: list[str] = []
    about: list[str] = []
    for line in (chart / "values.yaml").read_text(encoding="utf-8").splitlines():
        if comment := re.fullmatch(r" *# (?:-- )?(.*)", line):
            about.append(comment[1])
            continue
        if value := re.fullmatch(r"( *)(\w+):(?: (.*))?", line):
            path[len(value[1]) // 2 :] = [value[2]]
            default = f"`{value[3]}`" if value[3] else ""
            if about or default:
                yield (*parent, *path), " ".join(about), default
        about = []


def _type(schema: dict[str, Any], path: Sequence[str]) -> str:
    """Return the type of a value, or its choices."""
    node = schema
    for name in path:
        node = node.get("properties", {}).get(name, {})
        node = schema["$defs"][node["$ref"].rpartition("/")[2]] if "$ref" in node else node
    return _code(node["enum"]) if "enum" in node else str(node["type"])


def _chart_readme() -> str:
    """Return the chart's README: what is written by hand, and after its mark the values."""
    written = (CHART / "README.md").read_text(encoding="utf-8").partition(_MARK)[0]
    return f"{written}{_MARK}\n\n{_values()}\n"


GENERATED = {
    "cli": _cli,
    "contracts": _contracts,
    "errors": _errors,
    "features": _features,
    "http-brief": lambda: _http(brief_models.described()),
    "http-server": lambda: _http(schemas.described(ServingState(None, {}, {}))),
    "metrics": _metrics,
    "pipelines": _pipelines,
    "settings": lambda: _fields(Settings, "VOLCAST_"),
    "steps": _steps,
    "values": _values,
    "universe": lambda: _fields(Universe),
}


if __name__ == "__main__":
    (CHART / "README.md").write_text(_chart_readme(), encoding="utf-8")
