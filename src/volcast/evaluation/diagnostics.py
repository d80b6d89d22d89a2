"""What a table of skill does not say: bias of each line, and which may be the best."""

from dataclasses import asdict
from typing import Any

import pandas as pd

from volcast.evaluation.statistics import confidence_set, mincer_zarnowitz
from volcast.evaluation.table import line_losses, present_baselines

__all__ = ["diagnostics"]


def diagnostics(rows: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Return each line's Mincer-Zarnowitz regression and its p-value in the confidence set.

    Parameters
    ----------
    rows : pandas.DataFrame
        Scored rows of an evaluation; the lines are volcast and the baselines that stand on all.
    """
    baselines = present_baselines(rows)
    rv = rows["rv_5d"].to_numpy(dtype=float)
    best = confidence_set(line_losses(rows, baselines))
    columns = {"volcast": "forecast"} | {name: name for name in baselines}
    return {
        line: asdict(mincer_zarnowitz(rv, rows[column].to_numpy(dtype=float)))
        | {"confidence_set_p": best.p_values[line]}
        for line, column in columns.items()
    }
