"""The Grafana dashboards, written as JSON by ``python -m serving.dashboards``.

They are data of a few kinds of panel, each with its queries; what Grafana wants around them is the
same for all. The files are committed, and a test renders them again to the same bytes.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

__all__ = ["BOARDS", "FOLDER", "Board", "Panel", "render"]

FOLDER = Path(__file__).parents[1] / "helm/volcast/files/dashboards"

_SOURCE = {"type": "prometheus", "uid": "${datasource}"}
_S = 'symbol=~"$symbol"'
_ROUTES = 'route=~"predict|v1_predict|v1_explain|v2_infer"'
_COLUMNS, _HEIGHT = 24, 8

Kind: TypeAlias = Literal["timeseries", "stat", "table", "state-timeline"]


@dataclass(frozen=True)
class Panel:
    """One panel: PromQL by legend, in kind, unit and columns (of 24) as Grafana has them."""

    title: str
    queries: dict[str, str]
    kind: Kind = "timeseries"
    unit: str = "short"
    about: str = ""
    width: int = 12


@dataclass(frozen=True)
class Board:
    """One dashboard; ``uid`` is also its file's name."""

    uid: str
    title: str
    panels: tuple[Panel, ...]

    @property
    def by_symbol(self) -> bool:
        """Whether a query depends on the symbol chosen."""
        return any(_S in query for panel in self.panels for query in panel.queries.values())


def _of(title: str, legend: str, name: str, **layout: Any) -> Panel:
    return Panel(title, {legend: f"{name}{{{_S}}}"}, **layout)


def _over(name: str, by: str, values: Sequence[str], extra: str = "") -> dict[str, str]:
    return {value: f'{name}{{{_S}, {by}="{value}"{extra}}}' for value in values}


def _when(title: str, legend: str, name: str, labels: str = _S, **layout: Any) -> Panel:
    # Grafana counts in milliseconds.
    queries = {legend: f"1000 * {name}{{{labels}}}"}
    return Panel(title, queries, "stat", **({"unit": "dateTimeAsIso"} | layout))


def _quantile(share: float) -> str:
    rate = 'rate(volcast_http_request_seconds_bucket{route="predict"}[$__rate_interval])'
    return f"histogram_quantile({share}, sum by (le) ({rate}))"


_FORECAST = Board("volcast-forecast", "volcast: forecast", (
    Panel(
        "Volatility of the next five sessions",
        _over("volcast_forecast_volatility_ratio", "bound",
              ("hat", "lo80", "hi80", "lo95", "hi95")),
        unit="percentunit", width=24,
        about="Annualised. The 80 and 95 % intervals are for the realized volatility.",
    ),
    Panel("Forecast", {"{{symbol}}": f'volcast_forecast_volatility_ratio{{{_S}, bound="hat"}}'},
          "stat", "percentunit", width=6),
    _when("Session", "{{symbol}}", "volcast_forecast_session_timestamp_seconds", width=6),
    _when("Next one due", "{{symbol}}", "volcast_forecast_due_timestamp_seconds", width=6,
          unit="dateTimeFromNow", about="At 08:00 in New York; an archive waits for none."),
    _of("Champion's age in sessions", "{{symbol}}", "volcast_champion_age_sessions",
        kind="stat", width=6),
    Panel("Next to the baselines", {
        "volcast": f'volcast_forecast_volatility_ratio{{{_S}, bound="hat"}}',
        **_over("volcast_forecast_baseline_ratio", "baseline", ("har", "vix")),
    }, unit="percentunit"),
    Panel("Regime", _over("volcast_forecast_regime_ratio", "regime",
                          ("calm", "normal", "stressed")), unit="percentunit"),
    Panel("Champion", {"": "volcast_champion_info"}, "table", width=24),
))  # fmt: skip

_RECORD = Board("volcast-record", "volcast: track record", (
    _of("State", "{{state}}", "volcast_performance_state", kind="state-timeline",
        about="The latest forecasts against those before."),
    _of("Forecasts scored", "{{window}}", "volcast_performance_forecasts", kind="stat", width=6),
    _when("Judged for", "{{symbol}}", "volcast_performance_session_timestamp_seconds", width=6),
    Panel("QLIKE of the latest", _over("volcast_performance_qlike", "forecast",
                                       ("volcast", "har", "vix"), ', window="recent"'),
          about="Lower is better. Where volcast is above har, it is not better than it."),
    Panel("QLIKE of those before", _over("volcast_performance_qlike", "forecast",
                                         ("volcast", "har", "vix"), ', window="before"')),
    _of("Root mean squared error", "{{window}}", "volcast_performance_rmse_ratio",
        unit="percentunit"),
    _of("p of worse, and of better", "{{direction}}", "volcast_performance_probability_ratio",
        unit="percentunit"),
    _of("Outcomes inside the interval", "{{interval}} % {{window}}",
        "volcast_interval_coverage_ratio", unit="percentunit"),
    _of("p of that coverage", "{{interval}} %", "volcast_interval_coverage_probability_ratio",
        unit="percentunit", about="An alert opens under 1 %."),
))  # fmt: skip

_DRIFT = Board("volcast-drift", "volcast: drift", (
    _of("State of drift", "{{state}}", "volcast_drift_state", kind="state-timeline", width=18,
        about="regime-shift is the market's move, and alerts nobody."),
    _when("Judged for", "{{symbol}}", "volcast_drift_session_timestamp_seconds", width=6),
    _of("Subjects over a threshold", "{{symbol}}", "volcast_drift_subjects_fired"),
    _of("Tests over their threshold", "{{subject}}", "volcast_drift_subject_fired"),
    _of("Alert opened", "{{symbol}}", "volcast_drift_alert", kind="state-timeline"),
    _of("Training needed", "{{symbol}}", "volcast_retrain_needed", kind="state-timeline", width=6),
    _when("Last session that trained", "{{symbol}}",
          "volcast_retrain_session_timestamp_seconds", width=6),
))  # fmt: skip

_DATA = Board("volcast-data", "volcast: data", (
    _when("Newest session", "{{table}} {{symbol}}",
          "volcast_data_newest_session_timestamp_seconds"),
    _when("Next one due", "{{table}} {{symbol}}",
          "volcast_data_due_timestamp_seconds", unit="dateTimeFromNow"),
    _of("Checks failed", "{{suite}} {{severity}}", "volcast_quality_checks_failed"),
    _of("Rows in quarantine", "{{symbol}}", "volcast_quarantined_rows"),
    _when("Suites last run for", "{{suite}}", "volcast_quality_session_timestamp_seconds"),
    _of("Source goes on", "{{symbol}}", "volcast_source_live", kind="stat", width=6),
    Panel("Tables readable", {"{{table}}": "volcast_table_readable"}, "state-timeline", width=24),
))  # fmt: skip

_SERVING = Board("volcast-serving", "volcast: serving", (
    Panel("Requests a second", {
        "{{route}} {{status}}":
            "sum by (route, status) (rate(volcast_http_requests_total[$__rate_interval]))"},
          unit="reqps"),
    Panel("Share that fails", {
        "5xx": f'(sum(rate(volcast_http_requests_total{{{_ROUTES}, status=~"5.."}}'
               f"[$__rate_interval])) or vector(0)) / sum(rate(volcast_http_requests_total"
               f"{{{_ROUTES}}}[$__rate_interval]))"}, unit="percentunit"),
    Panel("Time to answer /predict", {
        "p50": _quantile(0.5), "p95": _quantile(0.95), "p99": _quantile(0.99)}, unit="s"),
    Panel("Under way, and turned away a second", {
        "under way": "sum(volcast_http_requests_under_way)",
        "turned away":
            "sum(rate(volcast_http_requests_turned_away_total[$__rate_interval]))"}),
    Panel("Age of online features in sessions", {
        "{{symbol}}": f"volcast_feature_age_sessions{{{_S}}}",
        "{{symbol}} stale": f"volcast_features_stale{{{_S}}}"}),
    Panel("Store and online store", {
        "online store up": "min(volcast_online_store_up)",
        "its errors a second": "sum(rate(volcast_online_store_errors_total[$__rate_interval]))",
        "failed looks a second": "sum(rate(volcast_follow_errors_total[$__rate_interval]))"}),
    Panel("Pods with a model", {"ready": "sum(volcast_model_ready)"}, "stat", width=6),
    Panel("Champions taken and refused", {
        "taken": "sum(increase(volcast_model_swaps_total[$__rate_interval]))",
        "refused": "sum(increase(volcast_model_refused_total[$__rate_interval]))"}, width=6),
    _when("Last look without a failure", "{{instance}}", "volcast_follow_timestamp_seconds", "",
          unit="dateTimeFromNow"),
    Panel("Version in service", {"": "volcast_model_info"}, "table"),
))  # fmt: skip

_PIPELINES = Board("volcast-pipelines", "volcast: pipelines", (
    _when("Last success", "{{pipeline}}",
          "volcast_job_last_success_timestamp_seconds", "", unit="dateTimeFromNow"),
    _when("Last end", "{{pipeline}}",
          "volcast_job_last_end_timestamp_seconds", "", unit="dateTimeFromNow"),
    Panel("Last outcome", {"{{pipeline}}": "volcast_job_last_outcome"}, "state-timeline",
          about="1 succeeded, 0 failed.", width=24),
    Panel("Time to read the store", {"exporter": "max(volcast_store_read_seconds)"}, unit="s"),
    Panel("Store read whole", {
        "readable": "min(volcast_store_readable)"}, "state-timeline", width=6),
    _when("Last", "", "volcast_store_read_timestamp_seconds", "", unit="dateTimeFromNow", width=6),
    Panel("Alerts", {
        "": 'ALERTS{alertname=~"Volcast.*|Watchdog", alertstate="firing"}'}, "table", width=24),
))  # fmt: skip

_ANSWERED = "rate(volcast_brief_answer_seconds_bucket[$__rate_interval])"

_BRIEF = Board("volcast-brief", "volcast: brief", (
    Panel("Questions a second", {
        "{{outcome}}": "sum by (outcome) (rate(volcast_brief_questions_total[$__rate_interval]))"}),
    Panel("Time to answer", {
        f"{100 * share:g} %": f"histogram_quantile({share}, sum by (le) ({_ANSWERED}))"
        for share in (0.5, 0.95)
    }, unit="s"),
    Panel("Passages", {"{{source}}": "volcast_brief_passages"},
          about="Set aside are passages that tell a machine what to say; unread are documents "
          "and tables that cannot be read."),
    _when("Sources read", "", "volcast_brief_read_timestamp_seconds", "", unit="dateTimeFromNow"),
))  # fmt: skip

BOARDS = (_FORECAST, _RECORD, _DRIFT, _DATA, _SERVING, _PIPELINES, _BRIEF)


def render(board: Board) -> str:
    """Return the dashboard as Grafana reads it."""
    content = {
        "uid": board.uid,
        "title": board.title,
        "tags": ["volcast"],
        "editable": False,
        "schemaVersion": 39,
        "time": {"from": "now-30d", "to": "now"},
        "refresh": "1m",
        "timezone": "utc",
        "templating": {"list": list(_variables(board))},
        "panels": [_panel(*placed) for placed in _placed(board.panels)],
    }
    return json.dumps(content, indent=2) + "\n"


def _variables(board: Board) -> Iterator[dict[str, object]]:
    yield {
        "name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus",
    }  # fmt: skip
    if board.by_symbol:
        yield {
            "name": "symbol", "label": "Symbol", "type": "query", "datasource": _SOURCE,
            "query": "label_values(volcast_source_live, symbol)", "refresh": 2, "sort": 1,
            "includeAll": True, "allValue": ".*", "multi": False,
        }  # fmt: skip


def _placed(panels: Sequence[Panel]) -> Iterator[tuple[int, Panel, dict[str, int]]]:
    x = y = 0
    for number, panel in enumerate(panels, 1):
        if x + panel.width > _COLUMNS:
            x, y = 0, y + _HEIGHT
        yield number, panel, {"x": x, "y": y, "w": panel.width, "h": _HEIGHT}
        x += panel.width


def _panel(number: int, panel: Panel, place: dict[str, int]) -> dict[str, object]:
    table = panel.kind == "table"
    return {
        "id": number,
        "title": panel.title,
        "description": panel.about,
        "type": panel.kind,
        "datasource": _SOURCE,
        "gridPos": place,
        "fieldConfig": {"defaults": {"unit": panel.unit}, "overrides": []},
        "targets": [
            {
                "refId": chr(ord("A") + i), "datasource": _SOURCE, "expr": query,
                "legendFormat": legend, "instant": table or panel.kind == "stat",
                "format": "table" if table else "time_series",
            }
            for i, (legend, query) in enumerate(panel.queries.items())
        ],
    }  # fmt: skip


def main() -> None:
    """Write every dashboard, and remove the files of those that are gone."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for path in FOLDER.glob("*.json"):
        path.unlink()
    for board in BOARDS:
        (FOLDER / f"{board.uid}.json").write_text(render(board), encoding="utf-8")


if __name__ == "__main__":
    main()
