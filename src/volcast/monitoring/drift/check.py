"""The drift check of one session: from the store's tables to monitoring.drift_daily."""

import io
import json
from collections.abc import Iterator
from dataclasses import asdict, replace
from datetime import date
from typing import get_args

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from volcast.core.errors import KeyMissing
from volcast.core.hashing import FEATURE_CODE, code_version, digest, frame_digest, parsed
from volcast.features.point_in_time import features_at_close, labelled, labels_of
from volcast.inference.selection import official_forecasts, out_of_sample
from volcast.monitoring.drift.calibration import Calibration, calibrate
from volcast.monitoring.drift.detectors import Detectors
from volcast.monitoring.drift.evidence import (
    Finding,
    data_faults,
    drift_scores,
    findings,
    regime_findings,
)
from volcast.monitoring.drift.panel import (
    MIN_REFERENCE,
    TESTED_ALONE,
    WINDOWS,
    Panel,
    View,
    feature_panel,
    series_panel,
)
from volcast.monitoring.drift.report import DriftReport, Subject, decide_state, not_run, record
from volcast.registry.pointer import champion_pointer
from volcast.registry.versions import Version, read_version
from volcast.store import Store
from volcast.store.cache import get_or_fit

__all__ = ["check"]


def check(store: Store, symbol: str, as_of: date, detectors: Detectors) -> DriftReport:
    """Compare the newest sessions with the champion's training rows, and record the evidence.

    Without a champion or with too little to compare, the state is ``not-run``, with the reason.
    """
    subject = Subject(symbol, as_of)
    version = champion_pointer(store, symbol)
    if version is None:
        return not_run(store, subject, f"no champion of {symbol}")
    trained = date.fromisoformat(version.as_of)
    features = features_at_close(store, symbol, max(as_of, trained))
    labels = labels_of(store, symbol)
    rows = labelled(features, labels, as_of)
    if not len(rows) or rows["session"].iloc[-1] != as_of:
        return not_run(store, subject, f"no features of {as_of}")
    panel, subject = feature_panel(rows, trained), replace(subject, version=version.version)
    if len(panel.reference) < MIN_REFERENCE or not panel.names:
        why = f"{len(panel.reference)} complete training rows, fewer than {MIN_REFERENCE}"
        return not_run(store, subject, why)
    calibration = _calibration(store, symbol, panel)
    tests, faults = list(findings(panel, calibration, detectors)), list(data_faults(panel))
    scores = drift_scores(panel, calibration, detectors)
    report = decide_state(tests, faults, scores)
    reference, changed = _reference(store, version, labelled(features, labels, trained))
    if changed:
        report = DriftReport("data-fault", "the champion's training rows have changed since", 1.0)
    batch = (
        Finding("features", f"batch_{s.kind}", 0, 0, len(panel.reference), s.value, 1.0)
        for s in scores
    )
    series = _series(store, symbol, version, rows, detectors)
    evidence = [*tests, *faults, *series, *regime_findings(rows, trained, detectors), *batch]
    return record(store, replace(subject, reference=reference), report, evidence)


def _reference(store: Store, version: Version, training: pd.DataFrame) -> tuple[str, bool]:
    """Return the checksum of the stored training rows, and whether the data have changed since.

    Rows that another version of volcast computed are others without a fault of the data.
    """
    # Not `Lineage`, which needs a pydantic that the detectors' environment cannot have.
    data, where = read_version(store, version)["lineage.json"], f"{version.uri}lineage.json"
    lineage = parsed(json.loads, data, where)
    # Columns added to features_daily since do not count as a change.
    columns = list(lineage.get("columns") or training.columns)
    reference = frame_digest(training[columns])
    same_code = lineage.get("features_code") == code_version(FEATURE_CODE, ())
    return reference, same_code and reference != lineage.get("data_sha256", "")


def _calibration(
    store: Store, symbol: str, panel: Panel, views: tuple[View, ...] = get_args(View)
) -> Calibration:
    """Calibrate on the panel's reference, or read the earlier result for the same rows."""
    numbers = frame_digest(pd.DataFrame(panel.reference))
    key = digest(panel.names, views, code_version(("monitoring/drift/*.py",)), numbers)
    fits = get_or_fit(store, f"drift/{symbol}", [key], lambda _: [asdict(calibrate(panel, views))])
    return Calibration(**fits[key])


def _series(
    store: Store, symbol: str, version: Version, rows: pd.DataFrame, detectors: Detectors
) -> Iterator[Finding]:
    """Test the target, the forecast and features apart, where there are enough values."""
    iv = rows.set_index("session")["iv"].dropna()
    trained = date.fromisoformat(version.as_of)
    if (rows["session"] <= trained).sum() > 2 * len(iv[iv.index <= trained]):
        iv = iv.iloc[:0]
    target = _logs(rows, "rv_5d")
    ended = target[rows.loc[target.index, "label_end_session"] <= trained]
    panels = [series_panel("rv_5d", ended, target, iv)]
    for name in TESTED_ALONE:
        values = rows[["session", name]].dropna()
        panels.append(series_panel(name, values[values["session"] <= trained], values, iv))
    walked = _walk_forward_forecasts(store, version)
    if walked is not None:
        published = _logs(_published(store, symbol, rows["session"].iloc[-1]), "rv_5d_hat")
        panels.append(series_panel("rv_5d_hat", walked, published, iv))
    for panel in panels:
        if len(panel.reference) < MIN_REFERENCE or len(panel.recent) < min(WINDOWS):
            continue
        calibration = _calibration(store, symbol, panel, ("level", "given_vix"))
        results = findings(panel, calibration, detectors)
        yield from (finding for finding in results if finding.subject == panel.names[0])


def _logs(rows: pd.DataFrame, name: str) -> pd.DataFrame:
    positive = rows.loc[rows[name] > 0, ["session", name]]
    return positive.assign(**{name: np.log(positive[name].astype(float))})


def _published(store: Store, symbol: str, last: date) -> pd.DataFrame:
    return out_of_sample(official_forecasts(store, symbol, last=last))


def _walk_forward_forecasts(store: Store, version: Version) -> pd.DataFrame | None:
    """Return the logs of the champion's walk-forward forecasts; None if its run was pruned."""
    try:
        data = store.objects.get(f"runs/{version.run_id}/evaluation.parquet")
    except KeyMissing:
        return None
    rows = pq.read_table(io.BytesIO(data), columns=["session", "forecast"]).to_pandas()
    return _logs(rows.rename(columns={"forecast": "rv_5d_hat"}), "rv_5d_hat")
