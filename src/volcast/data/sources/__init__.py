"""Sources: where market and macro rows come from."""

from volcast.core.settings import Settings
from volcast.data.sources.csv_folder import CsvFolderSource
from volcast.data.sources.fred import FredMacro
from volcast.data.sources.sample import SampleSource
from volcast.data.sources.source import Composed, Fetched, Source
from volcast.data.sources.synthetic import SyntheticSource
from volcast.data.sources.yahoo import YahooSource

__all__ = [
    "Composed", "CsvFolderSource", "Fetched", "FredMacro", "SampleSource", "Source",
    "SyntheticSource", "YahooSource", "open_source",
]  # fmt: skip


def open_source(settings: Settings) -> Source:
    """Return the source that the settings name, with FRED's macro rows if its key is set.

    Raises
    ------
    ConfigError
        If the csv source has no folder.
    """
    match settings.source:
        case "sample":
            return SampleSource()
        case "synthetic":
            return SyntheticSource(seed=settings.seed)
        case "yfinance":
            yahoo = YahooSource(seed=settings.seed)
            if not settings.fred_api_key:
                return yahoo
            return Composed(yahoo, FredMacro(settings.fred_api_key, seed=settings.seed).macro)
        case "csv":
            return CsvFolderSource(settings.source_path)
