"""Passages that answer nothing asked of the material, to find the right ones among.

Half are made from sentences about banks, funds and companies that the material does not name, of
years before any it speaks of. The other half is English that people wrote: the docstrings of
installed packages, read from their source files when asked for; none of them is imported.
"""

import importlib.util
import random
import re
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import chain, zip_longest
from pathlib import Path

from volcast.brief.corpus import Passage

__all__ = ["BANKS", "FIRMS", "HOUSES", "PEOPLE", "distractors"]

PACKAGES = ("arch", "numpy", "pandas", "scipy", "sklearn", "statsmodels")
FIRST_DAY, DAYS = date(1991, 1, 7), 5000
LONGEST = 400  # characters a sentence

PLACES = ("Ostrel", "Camberon", "Pelleas", "Marisca", "Drovany", "Hvitland", "Saravel", "Zembra")
BANKS = tuple(
    f"{style} of {place}" for place in PLACES for style in ("Bank", "Central Bank", "Reserve Bank")
)
NAMES = ("Aldergate", "Birchmoor", "Carrow", "Dovecote", "Elmsworth", "Kestrel", "Nettlefold")
HOUSES = tuple(f"{name} {kind}" for name in NAMES for kind in ("Advisers", "Investors", "Partners"))
TRADES = ("Cement", "Glass", "Airways", "Oil", "Dairies")
FIRMS = tuple(f"{name} {trade}" for name in ("Bellhaven", "Crosby", "Lomax") for trade in TRADES)
PEOPLE = tuple(
    f"{first} {last}"
    for first in ("Edda", "Oswin", "Priya", "Gustav", "Noemi")
    for last in ("Marsh", "Quigley", "Farrow", "Wexler")
)

# [one|other] is a choice; {bank}, {house}, {firm}, {person}, {pct}, {small}, {count}, {sum},
# {month} before the day, {later} after it and {vol} are filled in.
STATEMENT = (
    "The {bank} [left|kept|held] its policy rate at {pct} per cent in {month}.",
    "The {bank} [raised|lowered] its policy rate to {pct} per cent, effective from {month}.",
    "The board of the {bank} [voted|decided by vote], with {person} against, for a rate of {pct} "
    "per cent.",
    "At the {bank} the [staff|economists] put consumer price inflation at {pct} per cent for "
    "{month}.",
    "The {bank} [saw|found] [no sign|few signs] that inflation expectations were moving.",
    "According to the {bank}, unemployment [fell|rose] by {small} points to {pct} per cent.",
    "Growth in the area of the {bank} [slowed|picked up] to {pct} per cent.",
    "The governor of the {bank}, {person}, [warned of|pointed to] [weak exports|a bad harvest|high "
    "pay claims|an empty treasury].",
    "The exchange rate was [stable|under pressure], and the {bank} [bought|sold] {sum} million in "
    "foreign money in {month}.",
    "The {bank} will [publish new projections|meet again|review its forecast] in {later}.",
    "Lending to households in the area of the {bank} [grew|shrank] by {pct} per cent.",
    "The {bank} [narrowed|widened] its corridor by {small} points.",
)
VOLATILITY = (
    "{house} [noted|reported] that implied volatility [rose|fell] to {vol} per cent in {month}.",
    "Realized volatility over a month was {vol} per cent, [said|wrote] {person} of {house}.",
    "The options desk of {house} [bought|sold] calls on {firm} at a volatility of {vol}.",
    "{house} [expected|feared] that the calm would [last until|end in] {later}.",
    "The forecast of {house} [missed|overshot] the outcome by {small} points.",
    "Turnover in options on {firm} [doubled|halved], as {house} [observed|had foreseen].",
    "{house} [closed|cut|enlarged] its short position in warrants of {firm}.",
    "A [jump|fall] in {firm} of {pct} per cent [surprised|cost] {house} in {month}.",
    "{person} of {house} [prefers|recommends] collars to outright puts on {firm}.",
    "The slope of the curve was [flat|steep], {house} [said|found], and rolling [cost|earned] "
    "{small} points.",
)
RISK = (
    "Value at risk at {house} was {pct} per cent of capital in {month}.",
    "{house} [exceeded|kept within] its limit on [currencies|small companies|single sectors].",
    "The risk officer of {house}, {person}, [asked for|was granted] {count} more lines with "
    "dealers.",
    "A loss of {sum} thousand on {firm} was [booked|recovered] by {house} in {month}.",
    "{house} [tested|retested] its portfolio against a fall of {vol} per cent in {firm}.",
    "The auditors of {house} [raised|closed] {count} points, [all minor|two of them serious].",
    "{house} [renewed|cancelled] its insurance against [fraud|fire|failures of systems].",
    "Cash at {house} [covered|fell short of] redemptions for {count} days in {month}.",
    "{person} [joined|left] the risk committee of {house} in {month}.",
)
COMPANY = (
    "{firm} [earned|lost] {sum} million in the year to {month}.",
    "Sales of {firm} [rose|fell] by {pct} per cent, [helped|hurt] by the exchange rate.",
    "{firm} [opened|closed] {count} plants, said its chairman, {person}.",
    "Analysts at {house} [raised|cut] their estimate for {firm} by {pct} per cent.",
    "{firm} [issued|redeemed] notes of {sum} million with a coupon of {pct} per cent.",
    "The finance director of {firm}, {person}, [expects|denies] a [merger|new issue] by {later}.",
    "Stocks of finished goods at {firm} are [high|low], [wrote|reported] {house}.",
    "{firm} [hired|dismissed] {count} hundred people in {month}.",
)
MACRO = (
    "{house} [expects|expected] the {bank} to [wait|act] until {later}.",
    "Retail sales [rose|fell] by {small} per cent in {month}, {house} [wrote|reported].",
    "{person} of {house} [blames|credits] [tariffs|the weather|a strike of dockers|cheap oil] for "
    "the turn in trade.",
    "In the view of {house} output will [grow|shrink] by {pct} per cent before the {bank} "
    "[moves|changes course].",
    "Bond yields [rose|fell] by {small} points after {person} spoke for the {bank}.",
    "{house} [doubts|believes] the official figures for {month} that the {bank} relies on.",
    "Wages at {firm} rose by {pct} per cent, which {house} takes as a sign for the whole trade.",
    "Imports [exceeded|fell below] exports by {sum} million in {month}, according to the {bank}.",
)
KINDS = (
    ("{bank}: statement on monetary policy of {day}", STATEMENT),
    ("{house}: note on options, {day}", VOLATILITY),
    ("{house}: report on risk, {day}", RISK),
    ("{firm}: results, {day}", COMPANY),
    ("{house}: the economy, {day}", MACRO),
)


def distractors(n: int, seed: int = 7) -> list[Passage]:
    """Return n distinct passages, half made and half from docstrings; a seed gives one list.

    Parameters
    ----------
    n : int
    seed : int

    Returns
    -------
    list of Passage
        With ids ``documents/distractor-K.txt@000000000000#1``, K from 1.
    """
    rng = random.Random(seed)
    prose = list(_prose().items())
    rng.shuffle(prose)
    bodies: dict[tuple[str, ...], tuple[str, date | None]] = {
        sentences: (title, None) for sentences, title in prose[: n - n // 2]
    }
    while len(bodies) < n:
        title, sentences, day = _made(rng)
        bodies.setdefault(sentences, (title, day))
    order = list(bodies.items())
    rng.shuffle(order)
    return [
        Passage(f"documents/distractor-{k}.txt@{'0' * 12}#1", "document", title, sentences, day)
        for k, (sentences, (title, day)) in enumerate(order, start=1)
    ]


def _made(rng: random.Random) -> tuple[str, tuple[str, ...], date]:
    """Return title, sentences and day of one made passage."""
    day = FIRST_DAY + timedelta(days=rng.randrange(DAYS))
    named = {
        "month": f"{day - timedelta(days=rng.randrange(15, 300)):%B %Y}",
        "later": f"{day + timedelta(days=rng.randrange(15, 300)):%B %Y}",
        "bank": rng.choice(BANKS),
        "house": rng.choice(HOUSES),
        "firm": rng.choice(FIRMS),
        "day": f"{day.day} {day:%B %Y}",
    }
    title, templates = rng.choice(KINDS)
    chosen = rng.sample(templates, rng.randint(2, 5))
    return title.format(**named), tuple(_filled(t, named, rng) for t in chosen), day


def _filled(template: str, named: dict[str, str], rng: random.Random) -> str:
    """Return the sentence with its choices made and its places filled."""
    worded = re.sub(r"\[([^]]+)\]", lambda m: rng.choice(m[1].split("|")), template)
    sentence = worded.format(
        **named,
        person=rng.choice(PEOPLE),
        pct=f"{rng.uniform(1, 12):.1f}",
        small=f"{rng.uniform(0.1, 3):.2f}",
        vol=f"{rng.uniform(8, 45):.1f}",
        count=rng.randint(2, 19),
        sum=rng.randint(20, 990),
    )
    return sentence[0].upper() + sentence[1:]


def _prose() -> dict[tuple[str, ...], str]:
    """Return docstring paragraphs as sentences, with titles, the packages taking turns."""
    turns = zip_longest(*(_paragraphs(package) for package in PACKAGES))
    return {found[0]: found[1] for found in chain.from_iterable(turns) if found is not None}


def _paragraphs(package: str) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield the paragraphs of a package's docstrings that are two to five sentences of prose."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        return
    root = Path(spec.origin).parent
    for path in sorted(root.rglob("*.py")):
        if not {"tests", "_examples", "examples"}.intersection(path.relative_to(root).parts):
            title = f"{package}: {path.stem.strip('_').replace('_', ' ')}"
            # To parse thousands of files takes half a minute; pairs of quotes do as well.
            for text in re.findall(r'"""(.*?)"""', path.read_text(encoding="utf-8"), re.DOTALL):
                for paragraph in re.split(r"\n\s*\n", text):
                    if sentences := _sentences(paragraph):
                        yield sentences, title


def _sentences(paragraph: str) -> tuple[str, ...]:
    """Return a paragraph's two to five sentences, or nothing where it is not plain prose."""
    text = re.sub(r"`+([^`]*)`+_?", r"\1", " ".join(paragraph.split()))
    if re.search(r">>>|::|\.\.|[|\\{}\[\]<>=*%]|--|:\w+:|^\W", text) or not text.endswith("."):
        return ()
    sentences = tuple(re.split(r"(?<=[a-z)][.])\s+(?=[A-Z])", text))
    plain = all(len(s.split()) >= 6 and len(s) <= LONGEST and s[0].isupper() for s in sentences)
    return sentences if plain and 2 <= len(sentences) <= 5 else ()
