"""How good the forecast is: losses, tests, walk-forward, tables and reports."""
