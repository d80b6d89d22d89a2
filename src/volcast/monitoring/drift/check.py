"""The drift check of one session: from the store's tables to monitoring.drift_daily."""

import io
from collections.abc import Iterator
from datetime import date

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from volcast.core.errors import KeyMissing
from volcast.core.hashing import code_version, digest, frame_digest
from volcast.features.point_in_time import (
    as_known_then,
    labelled,
    labels_of,
    newest_versions,
    without_hindsight,
)
from volcast.monitoring.drift.calibration import Calibration, Lens, calibrate
from volcast.monitoring.drift.detectors import Detectors
from volcast.monitoring.drift.evidence import Batch, Finding, batches, findings
from volcast.monitoring.drift.faults import faults
from volcast.monitoring.drift.panel import FEWEST, Panel, series, watched
from volcast.monitoring.drift.record import Subject, not_run, record
from volcast.monitoring.drift.regime import regime_findings
from volcast.monitoring.drift.verdict import Verdict, judge
from volcast.registry.pointer import champion_pointer
from volcast.registry.run_files import Lineage
from volcast.registry.versions import Version, read_version
from volcast.store import Store
from volcast.store.cache import get_or_fit
from volcast.store.tables import PREDICTIONS_DAILY

__all__ = ["check"]


def check(store: Store, symbol: str, as_of: date, detectors: Detectors) -> Verdict:
    """Hold the newest sessions against the champion's training rows, and record what was found.

    Parameters
    ----------
    store : Store
    symbol : str
        The target.
    as_of : date
        Session that is judged.
    detectors : Detectors

    Returns
    -------
    Verdict
        ``not-run``, with the reason, where there is no champion or too little to compare; the same
        input gives the same rows.
    """
    version = champion_pointer(store)
    if version is None or version.target not in ("", symbol):
        return not_run(store, Subject(symbol, as_of), f"no champion of {symbol}")
    trained = date.fromisoformat(version.as_of)
    features = as_known_then(store, symbol, max(as_of, trained))
    labels = labels_of(store, symbol)
    rows = labelled(features, labels, as_of)
    if not len(rows) or rows["session"].iloc[-1] != as_of:
        return not_run(store, Subject(symbol, as_of), f"no features of {as_of}")
    panel = watched(rows, trained)
    if len(panel.reference) < FEWEST or not panel.names:
        why = f"{len(panel.reference)} complete training rows, fewer than {FEWEST}"
        return not_run(store, Subject(symbol, as_of, version.version), why)
    training = labelled(features, labels, trained)
    reference, expected = _checksums(store, version, training)
    calibration = _calibration(store, symbol, panel)
    found = list(findings(panel, calibration, detectors))
    of_data = list(faults(panel))
    kinds = batches(panel, calibration)
    verdict = judge(found, of_data, kinds)
    if reference != expected:
        verdict = Verdict("data-fault", "the champion's training rows are not what they were", 1.0)
    extra = list(_series(store, symbol, version, rows, detectors))
    extra += regime_findings(rows, trained, detectors)
    evidence = [*found, *of_data, *extra, *(_of_batch(k, len(panel.reference)) for k in kinds)]
    return record(store, Subject(symbol, as_of, version.version, reference), verdict, evidence)


def _checksums(store: Store, version: Version, training: pd.DataFrame) -> tuple[str, str]:
    """Return the checksum of the training rows as the tables have them, and as was trained on."""
    lineage = Lineage.from_bytes(read_version(store, version)["lineage.json"])
    # Columns that features_daily has grown since are no change of what was trained on.
    columns = list(lineage.columns or training.columns)
    return frame_digest(training[columns]), lineage.data_sha256


def _calibration(
    store: Store, symbol: str, panel: Panel,
    lenses: tuple[Lens, ...] = ("level", "given_vix", "noise"),
) -> Calibration:  # fmt: skip
    """Calibrate on the panel's reference, or take what was found on the same rows before."""
    numbers = frame_digest(pd.DataFrame(panel.reference))
    key = digest(panel.names, lenses, code_version(("monitoring/drift/*.py",)), numbers)
    kept = get_or_fit(
        store, f"drift/{symbol}", [key], lambda _: [calibrate(panel, lenses).as_dict()]
    )
    return Calibration.from_dict(kept[key])


def _series(
    store: Store, symbol: str, version: Version, rows: pd.DataFrame, detectors: Detectors
) -> Iterator[Finding]:
    """Test the target and the forecast, where enough of them is known."""
    iv = rows.set_index("session")["iv"].dropna()
    trained = date.fromisoformat(version.as_of)
    if (rows["session"] <= trained).sum() > 2 * len(iv[iv.index <= trained]):
        iv = iv.iloc[:0]
    target = _logs(rows, "rv_5d")
    known = target[rows.loc[target.index, "label_end_session"] <= trained]
    yield from _of_series(store, symbol, series("rv_5d", known, target, iv), detectors)
    walked = _walked(store, version)
    if walked is not None:
        made = _logs(_published(store, symbol, rows["session"].iloc[-1]), "rv_5d_hat")
        yield from _of_series(store, symbol, series("rv_5d_hat", walked, made, iv), detectors)


def _of_series(store: Store, symbol: str, panel: Panel, detectors: Detectors) -> Iterator[Finding]:
    if len(panel.reference) < FEWEST or len(panel.recent) < 20:
        return
    calibration = _calibration(store, symbol, panel, ("level", "given_vix"))
    yield from (
        finding
        for finding in findings(panel, calibration, detectors)
        if finding.subject == panel.names[0]
    )


def _logs(rows: pd.DataFrame, name: str) -> pd.DataFrame:
    known = rows.loc[rows[name] > 0, ["session", name]]
    return known.assign(**{name: np.log(known[name].astype(float))})


def _walked(store: Store, version: Version) -> pd.DataFrame | None:
    """Return the champion's walk-forward forecasts; None where its run was pruned."""
    try:
        data = store.objects.get(f"runs/{version.run_id}/evaluation.parquet")
    except KeyMissing:
        return None
    rows = pq.read_table(io.BytesIO(data), columns=["session", "forecast"]).to_pandas()
    return _logs(rows.rename(columns={"forecast": "rv_5d_hat"}), "rv_5d_hat")


def _published(store: Store, symbol: str, last: date) -> pd.DataFrame:
    """Return the champions' forecasts, one a session, without hindsight."""
    columns = ["session", "role", "model_version", "rv_5d_hat", "model_as_of"]
    rows = store.read(PREDICTIONS_DAILY, symbols=[symbol], last=last).select(columns).to_pandas()
    return newest_versions(without_hindsight(rows[rows["role"] == "champion"]))


def _of_batch(kind: Batch, reference: int) -> Finding:
    return Finding("features", f"batch_{kind.kind}", 0, 0, reference, kind.reach, 1.0)
