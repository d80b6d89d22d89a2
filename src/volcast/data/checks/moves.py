"""Moves of assets, and those that nothing around them explains, as of a split without a record."""

import numpy as np
import pandas as pd

from volcast.core.settings import Universe

__all__ = [
    "CONTRADICTED", "TORN", "WINDOW", "contradicted", "growth_by_symbol", "log_growth",
    "measure_moves", "unexplained",
]  # fmt: skip

WINDOW = 252
"""Sessions up to as_of in which gaps and doubtful rows are counted."""

CONTRADICTED = 5.0
"""Daily standard deviations that a return may reach while the index does not move. The largest
1993-2021: SPY 2.95, QQQ, IWM, EFA, HYG, TLT, IEF and LQD 4.61, simulated 3.4."""

TORN = 0.18
"""Log; under the smallest usual split (6 for 5, .182), over any restated tick of a fund so far.
The largest return of those eight funds is .147."""

_LEAST, _LEAST_CONTRADICTED = 0.05, 0.03
"""Logs; smaller moves are taken for no split or dividend, the latter if the index stayed still."""

_OTHER_INDEX = "VIX"
"""Compared with if the universe has no index, and the store has this one."""

_STILL = 0.1
"""Absolute log change of the index up to which it has not moved."""

_TIED = -0.5
"""Rank correlation of returns and index changes above which the index does not measure the risk:
SPY -.75, QQQ -.68, IWM -.70, EFA -.67, HYG -.55, simulated -.58, but LQD .02 and TLT .28."""

_BUSY = 2.0
"""Multiple of the median volume of the month before, in shares and in dollars, that shows a move
of nothing to be real; a move of g takes exp(|g|) times as much. One session in twenty has twice."""

_WIDE = 10.0
"""Deviations up to which a wide range, of a usual volume, makes a move worth no warning."""

_PEERS, _PEER_SHARE = 3.0, 0.25
"""Deviations by which another asset must move too, and their share of the move's."""

_SPLITS = np.log(
    [6 / 5, 5 / 4, 4 / 3, 3 / 2, 5 / 3, 2, 5 / 2, 3, 4, 5, 6, 7, 8, 10, 15, 20, 25, 50]
)
_NEAR_SPLIT = 3.0
"""Deviations between a move and the log of a usual split's ratio."""

_OWN_WINDOW, _OWN_FEWEST, _MONTH = 66, 22, 22


def log_growth(rows: pd.DataFrame) -> "pd.Series[float]":
    """Return log of ``close_t / close_t-1 * adjustment_t`` by session of one symbol's rows."""
    own = rows.set_index("session")
    return _log(own["close"] / own["close"].shift() * own["adjustment"])


def growth_by_symbol(rows: pd.DataFrame) -> "pd.Series[float]":
    """Return `log_growth` by symbol and session of rows sorted by both."""
    before = rows.groupby("symbol")["close"].shift()
    growth = _log(rows["close"] / before * rows["adjustment"])
    return growth.set_axis(pd.MultiIndex.from_frame(rows[["symbol", "session"]]))


def measure_moves(rows: pd.DataFrame, universe: Universe) -> pd.DataFrame:
    """Measure the moves of every asset, and what may explain them.

    Parameters
    ----------
    rows : pandas.DataFrame
        Rows of curated.market_daily of all symbols, sorted by symbol and session.

    Returns
    -------
    pandas.DataFrame
        A row for each of an asset: symbol, session and

        - growth: log return, with dividends,
        - scale: ``max(iv_t-1 / 100 / sqrt(252), sd_66(growth)_t-1)``, the former where the index
          measures the asset's risk,
        - index_change: log change of such an index, else null,
        - volume, range: of the bar, over their median of the month before; of the volume in shares
          and in dollars the lower; null where there is none.
    """
    symbol = universe.iv if rows["symbol"].eq(universe.iv).any() else _OTHER_INDEX
    index = rows[rows["symbol"] == symbol]
    points = pd.Series(index["close"].to_numpy(dtype=float), index["session"])
    assets = rows[~rows["symbol"].isin(universe.indices)].groupby("symbol")
    measured = {str(name): _measured(own.set_index("session"), points) for name, own in assets}
    empty = {"": _measured(rows.iloc[:0].set_index("session"), points)}
    return pd.concat(measured or empty, names=["symbol", "session"]).reset_index()


def _measured(own: pd.DataFrame, points: "pd.Series[float]") -> pd.DataFrame:
    before = own["close"].shift() / own["adjustment"]
    points = points.reindex(own.index)
    growth, change = _log(own["close"] / before), _log(points / points.shift())
    both = pd.DataFrame({"growth": growth, "change": change}).dropna().rank()
    if len(both) < WINDOW or not both["growth"].corr(both["change"]) <= _TIED:
        points, change = points * np.nan, change * np.nan
    deviation = growth.rolling(_OWN_WINDOW, min_periods=_OWN_FEWEST).std().shift()
    # In the first sessions: that of the whole history, by its median, which splits do not change.
    deviation = deviation.fillna(1.4826 * growth.abs().quantile(0.5))
    shares, price = _to_usual(own["volume"]), (own["close"] / own["close"].shift()).clip(upper=1)
    return pd.DataFrame(
        {
            "growth": growth,
            "scale": np.fmax(deviation, points.shift() / 100 / np.sqrt(252)),
            "index_change": change,
            "volume": shares * price,
            "range": _to_usual(_log(own["high"] / own["low"])),
        }
    )


def contradicted(moves: pd.DataFrame) -> "pd.Series[float]":
    """Return growth in deviations where the index moved by less than .1 in logs, else null."""
    deviations: pd.Series[float] = moves["growth"].abs() / moves["scale"]
    return deviations.where(moves["index_change"].abs() < _STILL)


def unexplained(moves: pd.DataFrame) -> pd.DataFrame:
    """Mark moves that look like a split or a dividend without a record.

    They are over .05 in logs (.03 if the index stayed still) and over 5 deviations, and the index
    did not move against them by .1 and as much. A real move has an unusual volume (where none is
    known: range), or other assets that move as well.

    Returns
    -------
    pandas.DataFrame
        bool columns, on the index of ``moves``: ``torn``, where nothing confirms the move and the
        index contradicts it (up to .18: and the range is usual), or it is over .18 with a usual
        volume, or over .18 and near a usual split where no volume is known; and ``doubtful``:
        other moves over .18, and those of a usual volume, unless they are up to 10 deviations, of
        a wide range and not contradicted.
    """
    size, index_change = moves["growth"].abs(), moves["index_change"]
    against = -np.sign(moves["growth"]) * index_change
    still = index_change.abs() < _STILL
    least = np.where(still, _LEAST_CONTRADICTED, _LEAST)
    odd = (size > CONTRADICTED * moves["scale"]) & (size > least)
    odd &= ~(against >= np.maximum(_STILL, size))
    busy = _BUSY * np.exp(size)
    quiet = odd & ~(moves["volume"].fillna(moves["range"]) >= busy)
    odd &= ~_has_peers(moves, quiet)
    off = np.abs(np.subtract.outer(size.to_numpy(), _SPLITS)).min(axis=1)
    large = (size > TORN) & (moves["volume"].notna() | (off <= _NEAR_SPLIT * moves["scale"]))
    wide = moves["range"] >= busy
    torn = odd & quiet & (large | (still & ~(wide & (size <= TORN))))
    unseen = quiet & (still | ~wide | (size > _WIDE * moves["scale"]))
    return pd.DataFrame({"torn": torn, "doubtful": odd & ~torn & (unseen | (size > TORN))})


def _to_usual(values: "pd.Series[float]") -> "pd.Series[float]":
    """Return values over their median of the month before; null where there is none above 0."""
    known = values.where(values > 0)
    usual = known.rolling(_MONTH, min_periods=_MONTH // 2).median().shift()
    return known / usual


def _has_peers(moves: pd.DataFrame, quiet: "pd.Series[bool]") -> "pd.Series[bool]":
    """Mark the moves of sessions in which another asset, not itself in doubt, moved as well."""
    deviations = moves["growth"].abs() / moves["scale"]
    sound = moves[["symbol", "session"]].assign(deviations=deviations.mask(quiet))
    wide = sound.pivot(index="session", columns="symbol", values="deviations")
    others = pd.DataFrame({name: wide.drop(columns=name).max(axis=1) for name in wide})
    strongest = others.stack().reindex(pd.MultiIndex.from_frame(moves[["session", "symbol"]]))
    least = np.maximum(_PEERS, _PEER_SHARE * deviations.to_numpy())
    return pd.Series(strongest.to_numpy() >= least, moves.index)


def _log(values: "pd.Series[float]") -> "pd.Series[float]":
    return pd.Series(np.log(values.to_numpy(dtype=float)), values.index)
