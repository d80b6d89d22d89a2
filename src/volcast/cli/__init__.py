"""The command line: parse, call the library, print; time and the environment enter here."""

from volcast.cli.main import app, main

__all__ = ["app", "main"]
