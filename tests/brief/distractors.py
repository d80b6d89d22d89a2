"""Passages unrelated to every question, among which the right ones are searched.

Half are made from sentences about banks and funds that the material does not name; the other half
is English that people wrote: docstrings of installed packages, none of which is imported.
"""

import importlib.util
import random
import re
from datetime import date, timedelta
from pathlib import Path

from volcast.brief.corpus.index import Passage

__all__ = ["distractors"]

PACKAGES = ("arch", "pandas", "scipy", "sklearn", "statsmodels")
BANKS = ("Bank of Ostrel", "Reserve Bank of Camberon", "Central Bank of Pelleas", "Bank of Drovany")
FUNDS = ("Aldergate Advisers", "Birchmoor Investors", "Carrow Partners", "Kestrel Partners")
PEOPLE = ("Edda Marsh", "Oswin Quigley", "Priya Farrow", "Noemi Wexler")
PLAIN = re.compile(r"[A-Z][\w ,;'()-]{20,300}[.?!]")
STATEMENT = (
    "The {bank} left its policy rate at {pct} per cent in {month}.",
    "The board of the {bank} voted, with {person} against, for a rate of {pct} per cent.",
    "At the {bank} the staff put consumer price inflation at {pct} per cent for {month}.",
    "According to the {bank}, unemployment fell by {small} points to {pct} per cent.",
    "The governor of the {bank}, {person}, warned of weak exports and high pay claims.",
    "The {bank} bought {sum} million in foreign money in {month}.",
    "Lending to households in the area of the {bank} grew by {pct} per cent.",
)
RISK = (
    "{fund} reported that implied volatility rose to {vol} per cent in {month}.",
    "The options desk of {fund} sold calls at a volatility of {vol}.",
    "The forecast of {fund} missed the outcome by {small} points.",
    "Value at risk at {fund} was {pct} per cent of capital in {month}.",
    "The risk officer of {fund}, {person}, asked for {sum} more lines with dealers.",
    "{fund} tested its portfolio against a fall of {vol} per cent.",
    "{person} joined the risk committee of {fund} in {month}.",
)
KINDS = (("{bank}: statement of {day}", STATEMENT), ("{fund}: report on risk, {day}", RISK))


def distractors(n: int, seed: int = 7) -> list[Passage]:
    """Return n passages, half made and half from docstrings; a seed gives one list."""
    rng = random.Random(seed)
    made = [_made(rng) for _ in range(n // 2)]
    prose = sorted(_prose())
    rng.shuffle(prose)
    texts = [
        *made,
        *((f"{package} manual", text, None) for package, text in prose[: n - len(made)]),
    ]
    return [
        Passage(f"documents/distractor-{k}.txt@{'0' * 12}#1", title, sentences, day)
        for k, (title, sentences, day) in enumerate(texts, 1)
    ]


def _made(rng: random.Random) -> tuple[str, tuple[str, ...], date]:
    day = date(1991, 1, 7) + timedelta(days=rng.randrange(5000))
    title, templates = rng.choice(KINDS)
    values = {
        "bank": rng.choice(BANKS), "fund": rng.choice(FUNDS), "person": rng.choice(PEOPLE),
        "day": f"{day.day} {day:%B %Y}", "month": f"{day:%B %Y}",
        "pct": f"{rng.uniform(1, 12):.1f}", "small": f"{rng.uniform(0.1, 3):.2f}",
        "vol": f"{rng.uniform(8, 45):.1f}", "sum": rng.randint(20, 990),
    }  # fmt: skip
    chosen = rng.sample(templates, rng.randint(2, 5))
    return title.format(**values), tuple(one.format(**values) for one in chosen), day


def _prose() -> set[tuple[str, tuple[str, ...]]]:
    """Return docstring paragraphs of two to five plain sentences, with their package."""
    paragraphs = set()
    for package in PACKAGES:
        spec = importlib.util.find_spec(package)
        folder = Path(spec.origin).parent if spec and spec.origin else Path("/nowhere")
        for path in sorted(folder.glob("*/*.py")):
            source = path.read_text(encoding="utf-8")
            for text in re.findall(r'"""(.*?)"""', source, re.DOTALL):
                for paragraph in re.split(r"\n\s*\n", text):
                    plain = " ".join(paragraph.split())
                    sentences = tuple(re.split(r"(?<=[.?!]) (?=[A-Z])", plain))
                    if 2 <= len(sentences) <= 5 and all(map(PLAIN.fullmatch, sentences)):
                        paragraphs.add((package, sentences))
    return paragraphs
