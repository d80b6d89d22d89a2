"""Settings, read once at the edge; everything below takes plain arguments."""

import re
from collections.abc import Mapping
from datetime import date
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_core import from_json
from pydantic_settings import BaseSettings, SettingsConfigDict

from volcast.core.errors import ConfigError, ContractError
from volcast.core.names import VOLATILITY
from volcast.core.online_store import read_online_store

__all__ = [
    "EXAMPLE_UNIVERSES",
    "SAMPLE_SPAN",
    "SAMPLE_UNIVERSE",
    "SYNTHETIC_UNIVERSE",
    "Settings",
    "SourceName",
    "Universe",
    "csv_files",
    "parse_day",
    "read_settings",
]

SourceName = Literal["sample", "csv", "yfinance", "synthetic"]

_TABLE_FILE = re.compile(r"(.+?)\.(?:csv|csv\.gz|parquet|xlsx?|ods)", re.IGNORECASE)
_SYMBOL = re.compile(r"[\w.^=&-]+")
_NINE_DAYS = {("VIX", "VIX3M"): "VIX9D", ("SYNVIX", "SYNVIX3M"): "SYNVIX9D"}


class Universe(BaseModel):
    """Which symbols play which part.

    A symbol left empty, or absent from the data, gives null features and never a failure;
    only the target must be there.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    target: str = Field("SPY", min_length=1, description="the symbol that is forecast")
    iv: str = Field("VIX", description="its 30-day implied volatility index, in points")
    iv_3m: str = Field("VIX3M", description="its 3-month implied volatility index, in points")
    iv_9d: str = Field(
        "VIX9D",
        description="its 9-day implied volatility index, in points; absent: VIX9D next to VIX "
        "and VIX3M, else none",
    )
    bond: str = Field("TLT", description="the government-bond symbol")
    credit: str = Field("HYG", description="the high-yield credit symbol")
    other_indices: tuple[str, ...] = Field(
        (),
        description="volatility indices, in points, that volcast does not know by name: they get "
        "no features and no labels",
    )

    @model_validator(mode="before")
    @classmethod
    def _nine_days_of_the_same_index(cls, fields: object) -> object:
        # A universe may have been stored, or written by hand, before there was the field.
        if not isinstance(fields, dict) or "iv_9d" in fields:
            return fields
        others = tuple(fields.get(name, cls.model_fields[name].default) for name in ("iv", "iv_3m"))
        return fields | {"iv_9d": _NINE_DAYS.get(others, "")}

    @property
    def indices(self) -> frozenset[str]:
        """Symbols that are quoted in volatility points and are no asset."""
        named = {*self.implied, *self.other_indices}
        return frozenset(named | (VOLATILITY - {self.target}))

    @property
    def implied(self) -> tuple[str, ...]:
        """The target's indices of implied volatility, by 30 days, 3 months and 9 days."""
        return tuple(symbol for symbol in (self.iv, self.iv_3m, self.iv_9d) if symbol)

    @property
    def symbols(self) -> tuple[str, ...]:
        """All symbols in use, the target first, without repeats."""
        named = (self.target, self.iv, self.iv_3m, self.bond, self.credit, self.iv_9d)
        return tuple(dict.fromkeys(symbol for symbol in named if symbol))


SAMPLE_UNIVERSE = Universe(target="SPX", iv="VIX", iv_3m="", bond="", credit="")
"""The embedded sample is the index itself, with its implied volatility only."""

SAMPLE_SPAN = date(1999, 1, 4), date(2018, 12, 31)
"""The first and last session of its target; known without reading it."""

SYNTHETIC_UNIVERSE = Universe(
    target="SYN", iv="SYNVIX", iv_3m="SYNVIX3M", iv_9d="SYNVIX9D", bond="SYNBOND",
    credit="SYNCREDIT",
)  # fmt: skip
"""Made-up symbols are named so that none can be taken for a real one."""


def parse_day(text: str) -> date | None:
    """Return the day of ``YYYY-MM-DD``, None of an empty text; ValueError for any other format."""
    if not text.strip():
        return None
    # fromisoformat would take a week date, pydantic the seconds since 1970.
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
        raise ValueError(f"{text!r} is no day as YYYY-MM-DD")
    return date.fromisoformat(text)


EXAMPLE_UNIVERSES = {"sample": SAMPLE_UNIVERSE, "synthetic": SYNTHETIC_UNIVERSE}
"""Sources that are examples, with their symbols: their rows are stored with those of no other."""


class Settings(BaseSettings):
    """All that can be set from outside, as ``VOLCAST_*`` environment variables or arguments."""

    model_config = SettingsConfigDict(
        env_prefix="VOLCAST_",
        frozen=True,
        extra="ignore",
        env_nested_delimiter="__",
        hide_input_in_errors=True,  # a wrong setting may be a secret
    )

    store: str = Field("var/store", description="a local folder or s3://bucket/prefix")
    online_store: SecretStr | None = Field(
        None, description="redis://, rediss:// or dynamodb://; unset: an SQLite file"
    )
    source: SourceName = Field("sample", description="sample, csv, yfinance or synthetic")
    source_path: Path | None = Field(None, description="the folder of the csv source")
    fred_api_key: SecretStr | None = Field(
        None, description="brings FRED's macro series to the yfinance source"
    )
    universe: Universe | None = Field(
        None, description="default: the sample's for the sample, else SPY's"
    )
    as_of: date | None = Field(None, description="empty: the last closed session")
    auth_token_file: Path | None = Field(
        None, description="a mounted secret, one bearer token a line; unset: the server is open"
    )
    auth_jwks: str | None = Field(
        None, description="a file or URL of the JSON Web Keys that OIDC tokens are signed by"
    )
    auth_audience: str | None = Field(None, description="what such a token's aud must name")
    auth_issuer: str | None = Field(None, description="what its iss must be, if that is checked")
    brief_index: SecretStr | None = Field(
        None, description="where passages are indexed: a file, or postgresql://; unset: a file"
    )
    seed: int = Field(7, description="of all that is random")

    @field_validator("universe", mode="before")
    @classmethod
    def _from_json(cls, value: object) -> object:
        # The environment delivers parsed JSON, a pipeline's argument text.
        return from_json(value) if isinstance(value, str) else value

    @field_validator("as_of", mode="before")
    @classmethod
    def _iso(cls, value: object) -> object:
        return parse_day(value) if isinstance(value, str) else value

    @field_validator("online_store")
    @classmethod
    def _supported(cls, url: SecretStr | None) -> SecretStr | None:
        if url is not None:
            read_online_store(url.get_secret_value())
        return url

    @property
    def resolved_universe(self) -> Universe:
        """The universe in force for the chosen source."""
        if self.universe is not None:
            return self.universe
        return EXAMPLE_UNIVERSES.get(self.source, Universe())


def read_settings(**arguments: object) -> Settings:
    """Read the settings; arguments that are not None win over the environment.

    Raises
    ------
    ConfigError
        Listing every wrong setting at once.
    """
    try:
        return Settings(**{name: value for name, value in arguments.items() if value is not None})  # type: ignore[arg-type]
    except ValidationError as error:
        faults = "; ".join(_fault(item) for item in error.errors())
        raise ConfigError(
            found=faults,
            expected="valid settings",
            where="environment VOLCAST_* and arguments",
            remedy="Correct each setting named here.",
        ) from error


def csv_files(folder: Path | None, kind: str = "market") -> dict[str, Path]:
    """Return the files of the csv source by the symbol or series that each is named after.

    Hidden files, and those whose name ends otherwise than a table's, are passed over.

    Raises
    ------
    ConfigError
        If there is no folder of prices.
    ContractError
        If a file is named after no symbol, or two after one.
    """
    if folder is None or not (folder / "market").is_dir():
        raise ConfigError(
            found="no source_path" if folder is None else f"no folder {folder / 'market'}",
            expected="a folder with market/SYMBOL.csv", where="csv source",
            remedy="Name the folder that contains market and macro: --path DIR, or SOURCE_PATH=DIR "
            "with make.",
            field="source_path",
        )  # fmt: skip
    files: dict[str, Path] = {}
    for path in sorted((folder / kind).glob("[!.~]*")):
        match = _TABLE_FILE.fullmatch(path.name)
        if match is None:
            continue
        twin = files.setdefault(match[1].upper(), path)
        if twin != path or not _SYMBOL.fullmatch(match[1]):
            raise ContractError(
                found=" and ".join(sorted({twin.name, path.name})),
                expected="one file for each symbol, named SYMBOL.csv", where=str(folder / kind),
                remedy="Rename one of the files, or remove it.",
            )  # fmt: skip
    return {str(_TABLE_FILE.sub(r"\1", path.name)): path for path in files.values()}


def _fault(item: Mapping[str, Any]) -> str:
    name = ".".join(map(str, item["loc"])) or "settings"
    message = item["msg"].removeprefix("Value error, ")
    if name == "source":
        value = str(item["input"])
        near = ["yfinance"] if "yahoo" in value else get_close_matches(value, get_args(SourceName))
        message = f"{value!r} is none of {', '.join(get_args(SourceName))}"
        message += f"; did you mean {near[0]}?" if near else ""
    return f"{name}: {message}"
