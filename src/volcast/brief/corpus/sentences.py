"""Running text to sentences."""

import re

__all__ = ["sentences"]

_END = re.compile(r"""(?<![.!?…])[.!?…]++["'”’»)\]]*+\s+(?=["'“‘«(\[]*[^\W_a-zß-öø-ÿ])""")
"""An end, if nothing speaks against it: a mark, a space, and what is no small letter."""

_BEFORE_A_NAME = frozenset(
    "mr mrs ms messrs dr prof st sr jr hon rev gov gen sen rep vs cf viz e.g i.e approx".split()  # noqa: SIM905
)
_BEFORE_A_NUMBER = frozenset(
    "no nos fig figs eq eqs sec ch vol p pp art para approx ca c "  # noqa: SIM905
    "jan feb mar apr jun jul aug sep sept oct nov dec".split()
)
_ANYWHERE = frozenset("inc ltd co corp plc etc al u.s u.k e.u u.n a.m p.m dept est bros".split())  # noqa: SIM905
_OPENERS = frozenset(
    "a after all although an and as at both but by each for from had has he her his how however if "  # noqa: SIM905
    "in it its many most no nor of on one our several she since so some such than that the their "
    "then there these they this those thus to two under until we what when where which while who "
    "with yet you".split()
)
"""Words that no name begins with, so an abbreviation or initial before one has ended a sentence."""

_NEAR = 40
"""Characters on each side of a mark that say whether it ends a sentence."""
_NUMBERING = re.compile(r"[(\[]?(?:\d{1,3}|[a-z]|[ivx]{1,5})", re.IGNORECASE)


def sentences(text: str) -> list[str]:
    """Return the sentences of ``text``, one paragraph, heading or item of a list.

    Abbreviations, initials, decimals and the numbers of a list end none.
    """
    plain = " ".join(text.split())
    found, start = [], 0
    for match in _END.finditer(plain):
        before = plain[max(start, match.start() - _NEAR) : match.start()]
        if _ends(before, match[0].strip(), plain[match.end() : match.end() + _NEAR]):
            found.append(plain[start : match.end()].strip())
            start = match.end()
    return [each for each in (*found, plain[start:].strip()) if each]


def _ends(before: str, mark: str, after: str) -> bool:
    if mark[0] != "." or mark.startswith(".."):
        return True
    if _NUMBERING.fullmatch(before):
        return False
    word = before.rsplit(maxsplit=1)[-1].lstrip("\"'“‘«([") if before else ""
    low = word.lower()
    following = re.match(r"""["'“‘«(\[]*(\w+)""", after)
    opener = following is not None and following[1].lower() in _OPENERS
    numbered = following is not None and following[1][0].isdigit()
    if low in _BEFORE_A_NAME:
        return False
    if low in _BEFORE_A_NUMBER and numbered:
        return False
    if low in _ANYWHERE or re.fullmatch(r"[A-Z]|(?:[A-Za-z]\.)+[A-Za-z]", word):
        return opener
    return True
