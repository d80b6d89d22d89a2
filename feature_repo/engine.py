"""The DuckDB engine of the offline store, told to read columns from files alone."""

from functools import lru_cache, partial

import ibis

__all__ = ["use_plain_parquet"]


@lru_cache(maxsize=1)
def use_plain_parquet() -> None:
    """Make Feast's duckdb offline store take no column from a folder's name.

    The files lie in ``symbol=.../year=...`` and hold their own symbol. Left alone, DuckDB lets the
    folder's value win and guesses its type: 600519 or 000001 would come back as integers and join
    with nothing. Feast reads through whatever engine ibis has, and gives no way to say so.
    """
    engine = ibis.duckdb.connect()
    engine.read_parquet = partial(engine.read_parquet, hive_partitioning=False)
    ibis.set_backend(engine)
