"""What a newcomer meets: /docs in a browser, and the requests that the documentation shows."""

import contextlib
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.dashboard.browser import chromium
from tests.loopback import QuietHandler, serving
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


@pytest.mark.parametrize("client", ["tritonclient", "kserve"])
def test_every_client_of_the_documentation_is_answered(
    server: Running, served: Served, features, tmp_path: Path, client: str
):
    rows = {"instances": [features[served.as_of]] * 2}
    (tmp_path / "rows.json").write_text(json.dumps(rows))
    text = (ROOT / "docs/serve.md").read_text()
    script = next(
        block for block in re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
        if f"from {client} " in block
    )  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", script.replace("localhost:8080", server.address)],
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    printed = map(float, re.findall(r"\d\.\d+", done.stdout))
    assert next(printed) == pytest.approx(served.predictions[-1]["rv_5d_hat"], abs=1e-6)


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


@contextlib.contextmanager
def stripping_proxy(server: Running, prefix: str) -> Iterator[str]:
    """Serve the server's paths below a prefix, as an ingress does; yield the address."""

    class Proxy(QuietHandler):
        def do_GET(self) -> None:
            if not self.path.startswith(f"{prefix}/"):
                self.answer(404, b"")
                return
            answer = server.http.get(self.path.removeprefix(prefix))
            self.answer(answer.status_code, answer.content, answer.headers["content-type"])

    with serving(Proxy) as address:
        yield address


@pytest.mark.parametrize(("scheme", "prefix"), [("light", ""), ("dark", "/desk/volcast")])
def test_a_request_can_be_sent_from_the_page_in_a_browser(
    server: Running, scheme: str, prefix: str
):
    faults: list[str] = []
    with stripping_proxy(server, prefix) as address, chromium() as browser:
        page = browser.new_page(color_scheme=scheme)
        page.set_default_timeout(120_000)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda line: faults.append(line.text) if line.type == "error" else None)
        page.goto(f"{address}{prefix}/docs")
        page.click("#operations-predict-predict .opblock-summary-control")
        page.click("#operations-predict-predict button.execute")
        status = page.inner_text("#operations-predict-predict .live-responses-table tbody tr td")
        dark = page.evaluate("document.documentElement.classList.contains('dark-mode')")
    assert (status.split()[0], dark, faults) == ("200", scheme == "dark", [])
