"""Immutable model versions: content-addressed files, their checksums, and the record of each.

::

    runs/<run_id>/model/*            what training wrote
    models/<sha256>/*                the same files; sha256 is that of checksums.json
    registry/versions/<n>.json       which content is version n, and the run it came from
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from volcast.core.errors import ModelError, NotFound
from volcast.core.hashing import as_json, parsed
from volcast.models.forecaster import MODEL_FILES, Forecaster
from volcast.store import Store

__all__ = [
    "CHECKSUMS",
    "NAME",
    "VERSION_FILES",
    "Champion",
    "Version",
    "claim_number",
    "content_hash",
    "find",
    "list_versions",
    "load",
    "read_run",
    "read_version",
    "write_files",
]

NAME = "volcast"
"""The registered model's name."""

VERSION_FILES = tuple(sorted((*MODEL_FILES, "lineage.json", "metrics.json")))
"""Files of every version, checksums.json next to them. All are native formats; none is a pickle."""

CHECKSUMS = "checksums.json"
_RESTORE = "Restore it from a backup, or roll back: `volcast registry rollback`."
_RECORDS = "registry/versions/"


@dataclass(frozen=True)
class Version:
    """One registered version.

    ``version`` is its number, ``sha256`` that of checksums.json and so of every file, ``uri`` the
    key prefix of its files, ``as_of`` the ISO date of the newest session that training could see,
    ``target`` the symbol it forecasts, empty if its lineage names none.
    """

    name: str
    version: str
    sha256: str
    uri: str
    run_id: str
    as_of: str
    target: str = ""

    def serves(self, symbol: str) -> bool:
        """Return whether it forecasts ``symbol``; one of before targets were recorded, any."""
        return self.target in ("", symbol)


@dataclass(frozen=True)
class Champion:
    """A version whose files were checked, and the forecaster made of them."""

    version: Version
    forecaster: Forecaster

    def refuse_another(self, symbol: str) -> None:
        """Raise ModelError if ``symbol`` is not the one that the version was trained on."""
        if not self.version.serves(symbol):
            raise ModelError(
                found=f"version {self.version.version}, trained on {self.version.target}",
                expected=f"a champion trained on {symbol}",
                where="registry",
                remedy=f"Train on {symbol} first: `volcast train`, or keep each target in a store.",
            )


def _checksums(files: Mapping[str, bytes]) -> bytes:
    return as_json({name: hashlib.sha256(files[name]).hexdigest() for name in VERSION_FILES})


def content_hash(files: Mapping[str, bytes]) -> str:
    """Return the SHA-256 that names the version made of ``files``."""
    return hashlib.sha256(_checksums(files)).hexdigest()


def read_run(store: Store, run_id: str) -> dict[str, bytes]:
    """Read the model files of a training run; ModelError if one is missing."""
    return _read(store, f"runs/{run_id}/model/", VERSION_FILES, "Train again: `volcast train`.")


def write_files(store: Store, files: Mapping[str, bytes]) -> str:
    """Write ``files`` under their content hash, once, and return the hash.

    ModelError is raised if a file of that version exists with other bytes.
    """
    sha256 = content_hash(files)
    for name, content in {**files, CHECKSUMS: _checksums(files)}.items():
        key = f"models/{sha256}/{name}"
        if not store.objects.put_if(key, content, None) and store.objects.get(key) != content:
            raise _altered(key)
    return sha256


def list_versions(store: Store) -> list[Version]:
    """Return every registered version, oldest first."""
    keys = store.objects.list(_RECORDS)

    def version(data: bytes) -> Version:
        return Version(**json.loads(data))

    versions = [parsed(version, store.objects.get(key), key, error=ModelError) for key in keys]
    return sorted(versions, key=lambda version: int(version.version))


def find(store: Store, version: str) -> Version:
    """Return the version with that number; NotFound if there is none."""
    versions = {item.version: item for item in list_versions(store)}
    if version not in versions:
        raise NotFound(
            found=f"version {version!r}",
            expected=f"one of {list(versions)}" if versions else "a version; none is registered",
            where=f"registry of {store.uri}",
            remedy="See `volcast registry list`.",
        )
    return versions[version]


def claim_number(store: Store, *, sha256: str, run_id: str, as_of: str, target: str) -> Version:
    """Record the content ``sha256`` under the next number and return its record.

    Content that has a record keeps it, so a registration that runs twice, or in two processes at
    once, makes one version.
    """
    number = 0
    while True:
        versions = list_versions(store)
        for version in versions:
            if version.sha256 == sha256:
                return version
        number = max([number, *(int(version.version) for version in versions)]) + 1
        version = Version(NAME, str(number), sha256, f"models/{sha256}/", run_id, as_of, target)
        # False if another process has claimed the number meanwhile.
        if store.objects.put_if(f"{_RECORDS}{number}.json", as_json(asdict(version)), None):
            return version


def read_version(store: Store, version: Version) -> dict[str, bytes]:
    """Read a version's files, each checked against the SHA-256 it was registered with.

    Raises
    ------
    ModelError
        If one is missing or altered; the message names it.
    """
    files = _read(store, version.uri, (*VERSION_FILES, CHECKSUMS), _RESTORE)
    if hashlib.sha256(files[CHECKSUMS]).hexdigest() != version.sha256:
        raise _altered(version.uri + CHECKSUMS)
    registered = json.loads(files[CHECKSUMS])
    for name in VERSION_FILES:
        if hashlib.sha256(files[name]).hexdigest() != registered[name]:
            raise _altered(version.uri + name)
    return files


def load(store: Store, version: Version) -> Champion:
    """Return a version ready to forecast.

    Raises
    ------
    ModelError
        If a file is missing or altered, the signature or the xgboost version is another, or the
        golden forecasts come out differently.
    """
    forecaster = Forecaster.load(read_version(store, version))
    forecaster.check_golden()
    return Champion(version, forecaster)


def _read(store: Store, prefix: str, names: tuple[str, ...], remedy: str) -> dict[str, bytes]:
    files = {}
    for name in names:
        stored = store.objects.get_or_none(prefix + name)
        if stored is None:
            raise _unusable("no such file", prefix + name, remedy)
        files[name] = stored.data
    return files


def _altered(where: str) -> ModelError:
    return _unusable("a file whose bytes were altered", where, _RESTORE)


def _unusable(found: str, where: str, remedy: str) -> ModelError:
    return ModelError(
        found=found,
        expected="all files of a model, each with the SHA-256 it was registered with",
        where=where,
        remedy=remedy,
    )
