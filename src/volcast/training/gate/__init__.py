"""The gate: whether a trained candidate may become champion, and why.

Judged are the walk-forward forecasts of its recipe, never a fit on rows it has seen:

===============  =================================================================================
unchanged        its files are the champion's, byte for byte: passes
first            no champion of this target yet: QLIKE at least 5 % under log-HAR; where implied
                 volatility covers less than 80 % of the rows, not above log-HAR
new recipe       at least ten years (2520 sessions) on which QLIKE is at least 5 % under that of
                 the champion's recipe, one-sided Diebold-Mariano p < .025
refit            same recipe on newer data: not significantly worse than before on the same rows
===============  =================================================================================

A new recipe is compared with the champion's on the same rows, on the same knowledge: the
champion's recipe is walked forward over the candidate's rows, the newest sessions included. Where
present code cannot do that, with what the champion's own run stored, and the reasons say so.

All need at least 756 rows, hardly a gap in them, and golden forecasts that come out as stored; none
may be significantly worse than HAR-X where there is implied volatility. One-year windows are too
noisy to decide on. How often the gate errs is in docs/adr/0013.
"""

from volcast.training.gate.decision import Challenge, challenge
from volcast.training.gate.record import shadow_record
from volcast.training.gate.shadow import take_as_challenger
from volcast.training.gate.verdict import MIN_ROWS, MIN_ROWS_NEW_RECIPE, Kind, Verdict, judge

__all__ = [
    "MIN_ROWS",
    "MIN_ROWS_NEW_RECIPE",
    "Challenge",
    "Kind",
    "Verdict",
    "challenge",
    "judge",
    "shadow_record",
    "take_as_challenger",
]
