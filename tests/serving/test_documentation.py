"""What a newcomer meets: /docs in a browser, and the requests that the documentation shows."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.dashboard.browser import chromium
from tests.monitoring.monitored import ROOT
from tests.serving.live import SYMBOL, Running, Served

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
REQUEST = re.compile(r"^ *(curl .*?(?:localhost|127\.0\.0\.1):8080.*)$", re.MULTILINE)


def requests(page: Path) -> list[str]:
    """Return the requests to the model server that a page shows, in order."""
    blocks = re.findall(r"^```\w*\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in REQUEST.findall(block.replace("\\\n", " "))]


@pytest.mark.parametrize(
    "page", [page for page in PAGES if requests(page)], ids=lambda page: page.stem
)
def test_every_request_of_the_documentation_is_answered(
    server: Running, served: Served, tmp_path: Path, page: Path
):
    """As copied, but for the port, and the symbol and the day, which are of another store."""
    (tmp_path / "var/kind").mkdir(parents=True)
    (tmp_path / "var/kind/tokens").write_text("token\n")
    day = served.predictions[0]["session"]
    for line in requests(page):
        ours = re.sub(r"\bSP[XY]\b", SYMBOL, re.sub(r"(as_of\W+)[\d-]{10}", rf"\g<1>{day}", line))
        ours = re.sub(r"(localhost|127\.0\.0\.1):8080", server.address, ours)
        failing = f'curl() {{ command curl --fail-with-body "$@"; }}\n{ours}'
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c", failing],
            cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, (line, done.stdout, done.stderr)


def test_the_readme_shows_a_request():
    assert requests(ROOT / "README.md")


def test_the_page_loads_only_files_of_this_server_which_it_allows_alone(server: Running):
    page = server.http.get("/docs")
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "//" not in policy
    files = [one for one in re.findall(r'(?:src|href)="([^"]*)"', page.text) if one != "data:,"]
    assert len(files) == 3
    for file in files:
        assert server.http.get(f"/{file}").status_code == 200


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_request_can_be_sent_from_the_page_in_a_browser(server: Running, scheme: str):
    faults: list[str] = []
    with chromium() as browser:
        page = browser.new_page(color_scheme=scheme)
        page.set_default_timeout(120_000)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda line: faults.append(line.text) if line.type == "error" else None)
        page.goto(f"http://{server.address}/docs")
        page.click("#operations-predict-predict .opblock-summary-control")
        page.click("#operations-predict-predict button.execute")
        status = page.inner_text("#operations-predict-predict .live-responses-table tbody tr td")
        dark = page.evaluate("document.documentElement.classList.contains('dark-mode')")
    assert (status.split()[0], dark, faults) == ("200", scheme == "dark", [])
