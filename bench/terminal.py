"""Picture the terminal of a day on the embedded sample: ``python -m bench.terminal``."""

import io
import re
from pathlib import Path
from tempfile import TemporaryDirectory

from volcast.cli.arguments import console
from volcast.cli.steps import run
from volcast.steps import progress

_PICTURE = Path(__file__).parents[1] / "docs" / "pictures" / "terminal.svg"


def main() -> None:
    """Run the day in a store of its own, and write what it printed."""
    console.file, console.record, console.width = io.StringIO(), True, 80
    progress.REPORT_SECONDS = 3600.0  # a terminal has a clock instead
    with TemporaryDirectory() as folder:
        run(source="sample", store=f"{folder}/store")
        text = console.export_svg(title="volcast run", unique_id="terminal")
    _PICTURE.write_text(_without_places(text, folder), encoding="utf-8")


def _without_places(svg: str, folder: str) -> str:
    """Show the store at its default address, with the width of that, and load no fonts."""
    shown = svg.replace(f"{folder}/store", "var/store")
    shown = re.sub(r' textLength="[^"]*"(?=[^>]*>[^<]*var/store)', "", shown)
    return re.sub(r"@font-face \{[^}]*\}\s*", "", shown)


if __name__ == "__main__":
    main()
