"""The feature store: Feast over the contract tables, which it reads and never writes.

`feature_repo.rows`, which the server looks up features with, needs no Feast: its import costs
seconds and 110 MB.
"""

__all__: list[str] = []
