"""The page: its order, its switches, and the notice of a section that cannot be read."""

from collections.abc import Callable, Mapping
from html import escape
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlencode

from serving.dashboard.facts import Facts
from serving.dashboard.forecast import drivers, headline
from serving.dashboard.history import LOSSES, SPANS, fan, regimes, scores, track_record, within
from serving.dashboard.markup import heading, notice
from serving.dashboard.model import model_card
from serving.dashboard.watch import data, watch
from volcast.core.errors import ConfigError, NotFound, StoreUnavailable, VolcastError
from volcast.monitoring.status import Missing

__all__ = ["render"]

Fact = TypeVar("Fact")

_STYLE = Path(__file__).with_name("style.css").read_text(encoding="utf-8")


def render(facts: Facts, span: str, loss: str) -> tuple[int, str]:
    """Return the status and the HTML of the page; an unknown span or loss is the usual one."""
    span = span if span in SPANS else "1y"
    loss = loss if loss in LOSSES else "qlike"
    try:
        return 200, _document(facts.symbol, _body(facts, span, loss))
    except (ConfigError, StoreUnavailable) as error:
        title = "The store cannot be reached"
        return 503, _document(title, f"<h1>{title}</h1>{notice('wrong', str(error))}")


def _body(facts: Facts, span: str, loss: str) -> str:
    view = {"symbol": facts.symbol, "span": span, "loss": loss}
    symbols = dict(zip(facts.symbols, facts.symbols, strict=True))
    spans = {key: name for key, (name, _) in SPANS.items()}
    top = _switch("Symbol", "symbol", symbols, view) if len(symbols) > 1 else ""
    parts = [
        top + _notices(facts) + headline(facts),
        _section("What moved it", lambda: facts.outlook, drivers),
        _section(
            "Forecast against outcome", lambda: facts.track,
            lambda t: _switch("Span", "span", spans, view) + fan(within(t, span)),
        ),
        _section(
            "Track record", lambda: facts.track,
            lambda t: _switch("Loss", "loss", LOSSES, view) + track_record(t, span, loss),
        ),
        _section("Was it better?", lambda: facts.track, lambda t: scores(t, span)),
        _section(
            "Regime of the market", lambda: facts.ribbon, lambda r: regimes(within(r, span))
        ),
        _section("Drift, error and retraining", lambda: facts.health, watch),
        _section("Data", lambda: facts.health, data),
        _section("Model card", lambda: facts.card, model_card),
    ]  # fmt: skip
    return "".join(parts)


def _notices(facts: Facts) -> str:
    text = ""
    if isinstance(facts.recorded, NotFound):
        text = notice("missing", str(facts.recorded))
    elif isinstance(facts.recorded, VolcastError):
        text = notice("wrong", str(facts.recorded))
    if facts.requested not in ("", facts.symbol):
        unknown = f"There is no forecast of {facts.requested}; this is {facts.symbol}."
        text += notice("warning", unknown)
    return text


def _section(title: str, read: Callable[[], Fact | Missing], show: Callable[[Fact], str]) -> str:
    try:
        value = read()
        body = notice("missing", str(value)) if isinstance(value, Missing) else show(value)
    except VolcastError as error:
        body = notice("wrong", str(error))
    wide = ' class="wide"' if title in ("Data", "Model card") else ""
    return f"<section{wide}>{heading(2, title)}{body}</section>"


def _switch(label: str, name: str, choices: Mapping[str, str], view: Mapping[str, str]) -> str:
    links = ""
    for key, text in choices.items():
        address = escape(urlencode({**view, name: key}))
        current = ' aria-current="true"' if view[name] == key else ""
        links += f'<a href="?{address}#{name}"{current}>{escape(text)}</a>'
    return f'<nav id="{name}" aria-label="{label}"><span>{label}</span>{links}</nav>'


def _document(title: str, body: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>'
        f"{escape(title)} · volcast</title>"
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<link rel="icon" href="data:,"><style>{_STYLE}</style></head>'
        f"<body><main>{body}</main></body></html>"
    )
