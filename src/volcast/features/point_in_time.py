"""Features and labels as of the close of a session."""

from datetime import date
from typing import TYPE_CHECKING

from volcast.features.catalog import FEATURES_DAILY, names
from volcast.store import Store
from volcast.store.tables import LABELS_DAILY

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["features_at_close", "labelled", "labelled_features", "labels_of"]


def features_at_close(
    store: Store, symbol: str, last: date, first: date | None = None
) -> "pd.DataFrame":
    """Return the version of each session's features that was created by its own close.

    Returns
    -------
    pandas.DataFrame
        Columns of features_daily, one row a session, sorted.
    """
    rows: pd.DataFrame = store.read(
        FEATURES_DAILY, symbols=[symbol], first=first, last=last
    ).to_pandas()
    in_time = rows[rows["created_timestamp"] <= rows["event_timestamp"]]
    return in_time.drop_duplicates("session", keep="last").reset_index(drop=True)


def labelled_features(store: Store, symbol: str, as_of: date) -> "pd.DataFrame":
    """Return what a model of ``symbol`` could be trained on at the close of ``as_of``.

    Columns and order are those of `labelled`.
    """
    return labelled(features_at_close(store, symbol, as_of), labels_of(store, symbol), as_of)


def labels_of(store: Store, symbol: str) -> "pd.DataFrame":
    """Return the rows of labels_daily of ``symbol``, sorted."""
    labels: pd.DataFrame = store.read(LABELS_DAILY, symbols=[symbol]).to_pandas()
    return labels


def labelled(frame: "pd.DataFrame", labels: "pd.DataFrame", as_of: date) -> "pd.DataFrame":
    """Join features with the labels that had ended by the close of ``as_of``.

    Returns
    -------
    pandas.DataFrame
        symbol, session, every feature, rv_5d and label_end_session (null before its end);
        one row a session up to ``as_of``, sorted.
    """
    features = frame.loc[frame["session"] <= as_of, ["symbol", "session", *names()]]
    ended = labels.loc[
        labels["label_end_session"] <= as_of, ["session", "rv_5d", "label_end_session"]
    ]
    joined = features.merge(ended, on="session", how="left", validate="one_to_one")
    return joined.sort_values("session", ignore_index=True)
