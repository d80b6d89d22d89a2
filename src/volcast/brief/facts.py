"""What the store records on one symbol at the close of a session: sentences with their rows."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from itertools import groupby
from math import exp, isfinite
from typing import Any, TypeAlias

import pandas as pd

from volcast.brief.answer import Sentence
from volcast.brief.citations import cite, cite_evaluation, cite_line, cite_version, version_row
from volcast.brief.macro import releases
from volcast.core import calendar
from volcast.core.errors import ContractError, KeyMissing, ModelError
from volcast.core.names import BASELINES, LABELS
from volcast.core.settings import Universe
from volcast.evaluation.table import SkillTable
from volcast.evaluation.words import TITLES, better_choice, span, versus
from volcast.features.catalog import FEATURES_DAILY, label
from volcast.features.point_in_time import features_at_close
from volcast.monitoring import status
from volcast.monitoring.score import official_scores
from volcast.monitoring.status import Health, Missing, ModelCard, Outlook
from volcast.monitoring.status.words import (
    day_words,
    error_words,
    percent,
    session_words,
    shown_points,
)
from volcast.store import Store
from volcast.store.tables import (
    CURATED_MARKET_DAILY,
    LABELS_DAILY,
    MONITORING_DRIFT_DAILY,
    MONITORING_JOBS,
    MONITORING_PERFORMANCE,
    MONITORING_QUALITY,
    MONITORING_REALIZED_ERROR,
    MONITORING_RETRAIN,
    PREDICTIONS_DAILY,
    RAW_MACRO,
    Table,
)

__all__ = ["Facts", "Part", "split"]

_RECENT = timedelta(days=7)
"""Releases of so many days are news."""

_CURRENT = timedelta(days=4)
"""A store whose newest session is older has ended, or is late."""

_MOST, _DRIVERS = 8, 3
"""Of releases or failed checks that are named; of drivers."""

_STATES = {
    "better": "is better than it was",
    "worse": "is worse than it was",
    "same": "is as it was",
    "too-few": "cannot be judged yet",
}
"""States of monitoring.performance."""

_COMPARED = ("har_rv", "log_har", "har_x", "vix")
"""Baselines that the model is compared with where a question names none."""

_LATE = "Run `make run`, or look why the daily pipeline did not."
"""What brings sessions that should be there."""

Part: TypeAlias = Iterator[Sentence | Missing]


def split(parts: Iterable[Part], uri: str) -> tuple[tuple[Sentence, ...], tuple[Missing, ...]]:
    """Return the sentences of several parts, and what is missing; a broken part up to its fault."""
    lines: list[Sentence | Missing] = []
    for part in parts:
        try:
            lines.extend(part)
        except (ContractError, ModelError, KeyMissing) as error:
            text = str(error).replace(uri, "the store")
            fault = Missing(f"A part cannot be read: {text}", "The other parts are complete.")
            lines.append(fault)
    sentences = tuple(line for line in lines if isinstance(line, Sentence))
    # One broken file may be read for several parts.
    missing = tuple(dict.fromkeys(line for line in lines if isinstance(line, Missing)))
    return sentences, missing


@dataclass(frozen=True)
class Facts:
    """One symbol at the close of ``as_of``, from what was public then.

    ``now``, UTC, decides what data a live source should have. Each method yields sentences, and
    what is missing for them.
    """

    store: Store
    universe: Universe
    symbol: str
    as_of: date
    now: datetime

    @property
    def today(self) -> date:
        """The day that yesterday and the like are counted from: ``as_of`` of a store that ended."""
        now = self.now.date()
        return now if now - self.as_of <= _CURRENT else self.as_of

    @cached_property
    def _outlook(self) -> Outlook | Missing:
        return status.outlook(self.store, self.symbol, self.as_of)

    @cached_property
    def _health(self) -> Health:
        return status.health(self.store, self.universe, self.symbol, self.now, self.as_of)

    @cached_property
    def _card(self) -> ModelCard | Missing:
        card = status.model_card(self.store, self.symbol)
        if isinstance(card, Missing):
            return card
        champion = card.champion
        if champion.serves(self.symbol) and champion.as_of <= self.as_of.isoformat():
            return card
        return Missing(
            f"Version {champion.version}, in service now, is trained on "
            f"{champion.target or 'an unknown symbol'} up to {champion.as_of}: it was not there "
            f"for {self.symbol} at {self.as_of}.",
            "Name a later day.",
        )

    def forecast(self) -> Part:
        """Yield the forecast with its intervals."""
        outlook = self._outlook
        if isinstance(outlook, Missing):
            yield outlook
            return
        row = outlook.row
        compared = outlook.before if outlook.change is not None else None
        cited = [cite(PREDICTIONS_DAILY, one) for one in (row, compared) if one is not None]
        yield Sentence(f"{outlook.headline}.", tuple(cited))
        interval = f"between {percent(row['lo95'])} and {percent(row['hi95'])}"
        yield _sentence(PREDICTIONS_DAILY, row, f"The 95 % interval is {interval}.")
        if outlook.hindsight:
            text = (
                f"This is hindsight: version {row['model_version']} was trained on sessions up to "
                f"{row['model_as_of'] or 'an unknown day'}, so the forecast could not have been "
                "made then."
            )
            yield _sentence(PREDICTIONS_DAILY, row, text)

    def change(self) -> Part:
        """Yield how far the forecast is from that of the session before."""
        outlook = self._outlook
        if isinstance(outlook, Missing):
            yield outlook
        elif outlook.before is None or outlook.change is None:
            before = calendar.after(self.as_of, -1)
            what = f"No forecast of {self.symbol} to compare with is published for {before}."
            yield Missing(what, "`volcast backfill` publishes past sessions.")
        else:
            row, old = outlook.row, outlook.before
            text = (
                f"The forecast of {percent(row['rv_5d_hat'])} for {self.symbol} is "
                f"{_apart(row['rv_5d_hat'], old['rv_5d_hat'])} that of the session before, "
                f"{day_words(old['session'])} ({percent(old['rv_5d_hat'])})."
            )
            yield Sentence(text, tuple(cite(PREDICTIONS_DAILY, one) for one in (row, old)))

    def rank(self) -> Part:
        """Yield the percentile of the forecast among those of the year before it."""
        outlook = self._outlook
        if isinstance(outlook, Missing):
            yield outlook
            return
        past = status.forecasts_before(outlook, status.track(self.store, self.symbol, self.as_of))
        percentile = status.percentile(outlook, past)
        if percentile is None:
            what = f"Too few forecasts precede that of {self.symbol} for {self.as_of} for a rank."
            yield Missing(what, "`volcast backfill` publishes past sessions.")
            return
        share, count = percentile
        text = (
            f"The forecast of {percent(outlook.row['rv_5d_hat'])} is higher than {100 * share:.0f} "
            f"% of the {count} forecasts before it, since {day_words(past.index[-count])}."
        )
        yield _sentence(PREDICTIONS_DAILY, outlook.row, text)

    def probability(self) -> Part:
        """Yield what is published in place of the probability of a level."""
        what = "No probability of passing a level is published, but intervals of 80 % and 95 %."
        yield Missing(what, "Ask for the intervals, or how often they contain the outcome.")

    def comparison(self, baselines: Sequence[str] = ()) -> Part:
        """Yield how far the forecast is from baselines published with it."""
        outlook = self._outlook
        if isinstance(outlook, Missing):
            yield outlook
            return
        row, shown = outlook.row, []
        for name in baselines or ("har_rv", "har_x", "vix"):
            value = row[f"baseline_{name}"] if name in BASELINES else None
            if value is not None:
                apart = _apart(row["rv_5d_hat"], value)
                shown.append(f"{apart} {LABELS[name]} ({percent(value)})")
            elif baselines:
                what = f"No {LABELS[name]} is published with the forecast of {self.as_of}."
                yield Missing(what, "Ask how the model compares with it: the evaluation has it.")
        if shown:
            text = f"The forecast of {percent(row['rv_5d_hat'])} is {', '.join(shown)}."
            yield _sentence(PREDICTIONS_DAILY, row, text)

    def drivers(self, *, lowering: bool = False) -> Part:
        """Yield what moves the forecast most from an average day's, or lowers it."""
        outlook = self._outlook
        if isinstance(outlook, Missing):
            yield outlook
            return
        base, *parts, _others, _total = status.drivers(outlook.row)
        average = f"An average day would have {percent(exp(base.contribution / 2))}"
        chosen = [part for part in parts if part.share < 0] if lowering else parts[:_DRIVERS]
        shown = "; ".join(f"{part.words} ({100 * part.share:+.0f} %)" for part in chosen)
        text = f"what {'lowers' if lowering else 'moves'} the forecast from there, in percent of it"
        if lowering and not chosen:
            text, shown = "of the five largest drivers", "none lowers the forecast from there"
        yield _sentence(PREDICTIONS_DAILY, outlook.row, f"{average}; {text}: {shown}.")

    def regime(self) -> Part:
        """Yield the state of the market, its probability, and since when."""
        rows = status.ribbon(self.store, self.symbol, self.as_of)
        if isinstance(rows, Missing):
            yield rows
            return
        sessions = rows.loc[rows["regime"].notna(), "session"]
        if not len(sessions) or sessions.iloc[-1] != self.as_of:
            newest = f"; the newest is of {sessions.iloc[-1]}" if len(sessions) else ""
            remedy = _LATE if len(sessions) else "It needs 756 sessions of features."
            yield Missing(f"There is no regime of {self.symbol} for {self.as_of}{newest}.", remedy)
            return
        state = rows["regime"].iloc[-1]
        others = rows.index[rows["regime"] != state]
        span = rows.iloc[others[-1] + 1 if len(others) else 0 :]
        first, probability = span["session"].iloc[0], span[f"hmm_{state}"].iloc[-1]
        lasted = f"for {len(span)} sessions, " if len(span) > 1 else ""
        yield Sentence(
            f"The market of {self.symbol} is {state} with probability {probability:.2f}, {lasted}"
            f"since {day_words(first)}.",
            tuple(cite(FEATURES_DAILY, self._features(day)) for day in sorted({first, self.as_of})),
        )

    def performance(self) -> Part:
        """Yield how the latest scored forecasts did, compared with those before."""
        row = self._health.performance
        if isinstance(row, Missing):
            yield row
            return
        text = f"The track record {_STATES.get(row['state'], row['state'])}: {row['detail']}."
        if row["recent_qlike"] is not None:
            values = {"har_rv": row["recent_qlike_har"], "vix": row["recent_qlike_vix"]}
            shown = [f"{v:.3f} of {LABELS[name]}" for name, v in values.items() if v is not None]
            compared = f", compared with {' and '.join(shown)}" if shown else ""
            text += (
                f" The latest {row['recent_n']} scored forecasts have a QLIKE of "
                f"{row['recent_qlike']:.3f}{compared}."
            )
        yield _sentence(MONITORING_PERFORMANCE, row, text)

    def skill(self, baselines: Sequence[str] = (), *, better: bool = False) -> Part:
        """Yield which is better, the model or each baseline, all on the sessions of one table.

        ``better``: the baselines that are better come first. Where no baseline is named, the last
        sentence names the better choice if that is a baseline.
        """
        card = self._card
        if isinstance(card, Missing):
            yield card
            return
        part, table = _leading(card)
        run, version = card.champion.run_id, card.champion.version
        lines = {line.name: line for line in table.lines}
        own = lines.pop("volcast")
        names = list(baselines or _COMPARED)
        if better:
            names = [one.name for one in lines.values() if one.gain < 0 or one.name in _COMPARED]
            names.sort(key=lambda name: lines[name].gain)
            if not any(line.gain < 0 for line in lines.values()):
                none = f"none of {len(lines)} baselines has a lower QLIKE than volcast"
                text = f"Walking forward over {span(table)}, {none}."
                yield Sentence(text, tuple(cite_line(run, part, name) for name in lines))
        for name in names:
            if name in lines:
                compared = versus(lines[name], "volcast")
                text = (
                    f"Walking forward over {span(table)}, {compared}; QLIKE {own.qlike:.3f} of "
                    f"version {version}, {lines[name].qlike:.3f} of {LABELS[name]}."
                )
                cited = (cite_line(run, part, "volcast"), cite_line(run, part, name))
                yield Sentence(text, cited)
            elif baselines:
                what = f"The evaluation of version {version} has no {LABELS[name]}."
                yield Missing(what, "Train with the data it needs.")
        advice = "" if baselines else better_choice(card.metrics.of_all_sessions)
        if advice:
            on_all = any(line.name == "log_har" for line in card.metrics.all.lines)
            judged = "all" if on_all else part
            yield Sentence(advice, (cite_line(run, judged, "log_har"),))

    def coverage(self) -> Part:
        """Yield the shares of outcomes inside the intervals."""
        card, row, lacks = self._card, self._health.performance, True
        if isinstance(card, ModelCard) and isfinite(_leading(card)[1].coverage80):
            (part, table), lacks = _leading(card), False
            inside = _inside(table.coverage80, table.coverage95)
            text = f"Walking forward over {span(table)}, {inside}."
            yield Sentence(text, (cite_line(card.champion.run_id, part, "volcast"),))
        if isinstance(row, dict) and row["recent_coverage_80"] is not None:
            lacks = False
            inside = _inside(row["recent_coverage_80"], row["recent_coverage_95"])
            text = f"Of the latest {row['recent_n']} scored forecasts, {inside}."
            yield _sentence(MONITORING_PERFORMANCE, row, text)
        if lacks:
            what = f"No interval of {self.symbol} has an outcome up to {self.as_of}."
            yield Missing(what, "Train a model and publish forecasts: `make run`.")

    def outcome(self, session: date | None = None) -> Part:
        """Yield what came of the forecast of a session, or of the newest that has ended."""
        scores = official_scores(self.store, self.symbol, self.as_of)
        row = _row_of(scores if session is None else scores[scores["session"] == session])
        if row is not None:
            text = _outcome_words(row, f"version {row['model_version']}", bool(row["inside_80"]))
            yield _sentence(MONITORING_REALIZED_ERROR, row, text)
            return
        card, rows = self._card, status.track(self.store, self.symbol, self.as_of)
        if isinstance(card, ModelCard) and not isinstance(rows, Missing):
            walked = rows[(rows["origin"] == "walk-forward") & rows["realized"].notna()]
            row = _row_of(walked if session is None else walked[walked["session"] == session])
        if row is None or isinstance(card, Missing):
            when = "" if session is None else f" for {session}"
            end = "" if session is None or session > self.as_of else (
                f"; an outcome is known at the close of {calendar.after(session, 5)}"
            )  # fmt: skip
            what = f"No forecast of {self.symbol} has been scored{when}{end}."
            yield Missing(what, "`volcast backfill` publishes past sessions, `make run` scores.")
            return
        row |= {"rv_5d": row["realized"], "rv_5d_hat": row["forecast"], "symbol": self.symbol}
        who = f"the evaluation of version {card.champion.version}, walking forward,"
        inside = row["lo80"] <= row["rv_5d"] <= row["hi80"]
        cited = cite_evaluation(card.champion.run_id, self.symbol, row["session"])
        yield Sentence(_outcome_words(row, who, inside), (cited, cite(LABELS_DAILY, row)))

    def drift(self) -> Part:
        """Yield the newest verdict on drift."""
        health = self._health
        if isinstance(health.drift, Missing):
            yield health.drift
            return
        named = "; ".join(map(label, health.fired))
        alone = f"; tests fired alone for {named}" if named else ""
        verdict = f"{health.drift['state']} ({health.drift['detail']}){alone}"
        text = f"Drift at {day_words(health.drift['session'])}: {verdict}."
        yield _sentence(MONITORING_DRIFT_DAILY, health.drift, text)

    def lateness(self) -> Part:
        """Yield the tables that lack sessions."""
        for one in self._health.tables:
            if one.behind is None:
                yield Missing(f"{one.table} of {one.symbol} has no row up to {self.as_of}.", _LATE)
            elif one.behind:
                late = f"ends at {one.session}, {session_words(one.behind)} late"
                yield Missing(f"{one.table} of {one.symbol} {late}.", _LATE)

    def freshness(self) -> Part:
        """Yield where the prices end."""
        market = [one for one in self._health.tables if one.table == CURATED_MARKET_DAILY.name]
        for session, several in groupby(market, key=lambda one: one.session):
            symbols = [one.symbol for one in several]
            if session is not None:
                keys = ({"symbol": symbol, "session": session} for symbol in symbols)
                text = f"Prices of {', '.join(symbols)} end at {day_words(session)}."
                yield Sentence(text, tuple(cite(CURATED_MARKET_DAILY, key) for key in keys))

    def jobs(self) -> Part:
        """Yield how the pipelines last ended."""
        yield from self._jobs(self._health.jobs)

    def checks(self) -> Part:
        """Yield the failed checks of the data, or how many passed."""
        rows = self.store.read(
            MONITORING_QUALITY, symbols=[self.symbol], first=self.as_of - _RECENT, last=self.as_of
        ).to_pylist()
        newest = [row for row in rows if row["session"] == rows[-1]["session"]]
        suites = {row["suite"]: row for row in newest}
        if suites and all(row["passed"] for row in newest):
            text = f"All {len(newest)} checks at {day_words(newest[0]['session'])} passed."
            yield Sentence(text, tuple(cite(MONITORING_QUALITY, row) for row in suites.values()))
        yield from self.failed_checks()

    def failed_checks(self) -> Part:
        """Yield the checks of the data that failed."""
        for row in self._health.failed[:_MOST]:
            text = (
                f"Quality check {row['check']} of {row['suite']} ({row['severity']}) failed at "
                f"{day_words(row['session'])}: {row['detail'] or 'no detail'}."
            )
            yield _sentence(MONITORING_QUALITY, row, text)

    def failed_jobs(self) -> Part:
        """Yield the pipelines whose last run did not succeed."""
        yield from self._jobs(row for row in self._health.jobs if row["outcome"] != "succeeded")

    def retraining(self) -> Part:
        """Yield whether a training run was needed, and why."""
        row = self._health.retrain
        if isinstance(row, Missing):
            yield row
        else:
            text = f"Retraining at {day_words(row['session'])}: {row['reason']}."
            yield _sentence(MONITORING_RETRAIN, row, text)

    def version(self) -> Part:
        """Yield the version in service, and what it was trained on."""
        card = self._card
        if isinstance(card, Missing):
            yield card
            return
        row = version_row(self.store, card.champion)
        trained = f"trained on {row['target'] or 'an unknown symbol'} with sessions up to"
        rows = f", {row['rows']:,} rows" if row["rows"] else ""
        recipe = f", by the recipe {row['recipe']}" if row["recipe"] else ""
        since = f"; promoted on {row['promoted'][:10]}" if row["promoted"] else ""
        text = f"Version {row['version']} is in service, {trained} {row['as_of']}"
        yield Sentence(f"{text}{rows}{recipe}{since}.", (cite_version(row["version"]),))

    def releases(self) -> Part:
        """Yield the macro releases of the week."""
        close = calendar.closes([self.as_of])[0].to_pydatetime()
        newest = releases(self.store, close, newest=1)
        news = [one for one in newest if one.row["available_at"] > close - _RECENT]
        # What comes once a month is more news than what comes daily.
        for one in sorted(news, key=lambda one: one.every, reverse=True)[:_MOST]:
            yield _sentence(RAW_MACRO, one.row, one.words)
        if not newest:
            what = f"No macro series was public at {self.as_of}."
            remedy = "Its source has none; FRED's come with a key, `VOLCAST_FRED_API_KEY`."
            yield Missing(what, remedy)
        elif not news:
            what = f"No macro series had a release in the week up to {self.as_of}."
            newer = "`volcast ingest` fetches those of the source."
            yield Missing(what, newer if self._health.live else "The source has ended.")

    def _features(self, day: date) -> dict[str, Any]:
        rows = features_at_close(self.store, self.symbol, self.as_of)
        return {str(k): v for k, v in rows[rows["session"] == day].iloc[0].items()}

    def _jobs(self, rows: Iterable[Mapping[str, Any]]) -> Part:
        for row in rows:
            why = f": {row['detail']}" if row["detail"] else ""
            ended = f"{row['outcome']} on {day_words(row['day'])}{why}"
            yield _sentence(MONITORING_JOBS, row, f"The last run of {row['job']} {ended}.")


def _sentence(table: Table, row: Mapping[str, Any], text: str) -> Sentence:
    return Sentence(text, (cite(table, row),))


def _row_of(rows: pd.DataFrame) -> dict[str, Any] | None:
    return {str(k): v for k, v in rows.iloc[-1].items()} if len(rows) else None


def _apart(forecast: float, other: float) -> str:
    points = shown_points(forecast, other)
    return f"{abs(points):.1f} points {'below' if points < 0 else 'above'}"


def _outcome_words(row: Mapping[str, Any], who: str, inside: bool) -> str:
    error = error_words(row["rv_5d_hat"], row["rv_5d"])
    return (
        f"What came after {day_words(row['session'])} was a realized volatility of "
        f"{percent(row['rv_5d'])}, where {who} had forecast {percent(row['rv_5d_hat'])}: "
        f"{error}, {'inside' if inside else 'outside'} the 80 % interval."
    )


def _leading(card: ModelCard) -> tuple[str, SkillTable]:
    tables = card.metrics.of_all_sessions
    return next((name, tables[name]) for name in TITLES if name in tables)


def _inside(share80: float, share95: float) -> str:
    return (
        f"{percent(share80)} of outcomes were inside the 80 % interval and {percent(share95)} "
        "inside the 95 % interval"
    )
