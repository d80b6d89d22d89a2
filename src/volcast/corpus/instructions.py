"""Passages that talk to the reader's machine: they are set aside, never indexed and never quoted.

A document is material. Whoever wrote it may still have meant a program to obey it, so a passage
with a sentence that tells its reader how to answer is left out whole: what it wants said often
stands in the next sentence. An honest passage that is left out too is named, and can be reworded.
"""

import re
import unicodedata
from collections.abc import Iterable

from volcast.corpus.passages import Passage

__all__ = ["instructs", "set_aside"]

_MACHINE = (
    r"(?:assistants?|a\.?i\.?s?|artificial intelligence|(?:language )?models?|llms?|chat ?bots?"
    r"|bots?|agents?|systems?|gpt|copilots?|summari[sz]ers?|retrievers?|readers?|parsers?|machines?)"
)
_SAY = (
    r"(?:answer|respond|reply|say|state|output|print|include|conclude|report|quote|cite|repeat"
    r"|return|write|tell|insist|mention|append|begin|start|end|finish|disclose|reveal|display|use"
    r"|recommend|translate|summari[sz]e|rate|give|send|provide|call|click|visit|confirm|add|omit"
    r"|refuse|treat|regard|consider|assume|pretend|act|behave|role-?play|follow|obey|execute|run)"
)
_RULES = (
    # Set what was said before aside.
    r"\b(?:ignor\w*|disregard\w*|forget|overrid\w+|overrul\w+|supersed\w+|bypass\w*|discard\w*)\b"
    r".{0,60}\b(?:previous|prior|earlier|above|preceding|other|all|any|every\w*|your|these|those"
    r"|instructions?|rules?|guidelines?|prompts?|sources?|passages?|documents?|context)\b",
    r"\b(?:new|updated|revised|hidden|secret|special|system|following)\s+(?:instructions?|prompts?"
    r"|directives?|orders?)\b",
    r"\b(?:instructions?|prompts?|directives?|notes?|messages?|attention|notices?|memos?)\s+"
    r"(?:to|for)\s+(?:the |all |any |every |our |your )?(?:\w+ )?" + _MACHINE + r"\b",
    # Speak to a machine, or of what it must do.
    r"\b(?:you are|you're|you will be|act|behave|pretend)\s+(?:now\s+|as\s+|to be\s+)*"
    r"(?:an?\s+|the\s+)?(?:\w+\s+){0,2}" + _MACHINE + r"\b",
    r"\b" + _MACHINE + r"\b.{0,50}\b(?:must|should|shall|needs? to|ha(?:s|ve) to|ought to"
    r"|(?:is|are) (?:to|required|instructed|asked|told|expected|obliged|requested|advised)|may only"
    r"|will)\b"
    r".{0,40}\b" + _SAY + r"\b",
    r"\b(?:hey|dear|hello|hi|attention|note|listen|memo)[,:]?\s+(?:to\s+)?(?:the |all |any )?"
    + _MACHINE
    + r"\b",
    r"\b(?:if|as|since|because) you(?:'re| are)? (?:an? |the )?(?:\w+ )?" + _MACHINE + r"\b",
    r"\b(?:ai|llm|chat ?bot|language model|automated)\s+(?:system|reader|assistant|summar\w+|tool)",
    # Foresee questions, and give the answers.
    r"\b(?:when(?:ever)?|if|once|should)\s+(?:(?:you|one|anyone|anybody|someone|somebody|a|the|any"
    r"|user|users|reader|readers|client|clients|people|person|is|are|be|ever|being)\s+){0,4}"
    r"(?:asked|ask|asks|queried|quer(?:y|ies)|questioned|prompted|inquir\w+|enquir\w+)\b",
    r"\b(?:any|every|all|each|the|future|such|other)\s+(?:\w+\s+){0,3}(?:questions?|quer(?:y|ies)"
    r"|prompts?|inquir\w+|enquir\w+)\s+(?:on|about|of|regarding|concerning|relating|that"
    r"|is|are|must|should|shall|will|has|have|to)\b",
    r"\b(?:the|only|one)\s+(?:\w+\s+){0,2}(?:correct|right|official|true|proper|accepted|approved"
    r"|valid|authori[sz]ed|canonical|definitive|acceptable|required|expected|final)\s+(?:\w+\s+)?"
    r"(?:answer|reply|response|citation|conclusion)\b",
    r"\b(?:answer|reply|response|output|summary)\b.{0,30}\b(?:must|should|shall|has to|is to be"
    r"|needs? to|is always|always)\b",
    r"\b(?:your|its|the model's|the assistant's)\s+(?:\w+\s+)?(?:answers?|repl(?:y|ies)|responses?"
    r"|output|summary|instructions?|guidelines?|rules|prompt|training)\b",
    # Order it to say something.
    r"(?:^|[.!?:;\-\u2013\u2014*>\"'(]\s*)(?:please|kindly|always|never|do not|don't|only|simply"
    r"|just|instead|now|first|then|therefore)[, ]+(?:\w+ ){0,2}" + _SAY + r"\b",
    r"(?:^|[.!?:;*>\"'(]\s*)(?:answer|respond|reply|output|print|repeat|append|disclose|reveal"
    r"|cite|pretend|role-?play)\b(?!s)",
    r"\b(?:you|one)\s+(?:must|should|shall|need to|have to|are to|will|can|may only|are (?:required"
    r"|instructed|asked|told|expected|obliged|requested))\b.{0,40}\b" + _SAY + r"\b",
    r"\brespond (?:only|with|by|in)\b|\banswer (?:only|with|by|that|as follows)\b",
    r"\b(?:say|state|reply|respond|write|output|print|repeat|include|insert)\b.{0,20}"
    r"\b(?:exactly|verbatim|word for word|the (?:phrase|words?|string|sentence|text|token|code))\b",
    # Look like a conversation, a marker, or what is no prose.
    r"^\W*(?:system|assistant|user|human|developer|tool|ai|instruction|prompt|override|admin\w*)"
    r"\s*(?:\]|>|:|\uff1a)",
    r"<\|?/?\s*(?:im_start|im_end|system|assistant|user|inst\w*|s)\s*\|?>|\[/?(?:inst|system|sys"
    r"|user|assistant)\w*\]|<<\s*/?sys\s*>>|###\s*(?:instruction|system|assistant|response)",
    r"\b(?:begin|end|start)\s+(?:of\s+)?(?:the\s+)?(?:system|admin\w*|hidden|new|priority|override)"
    r"\b|\b(?:developer|debug|maintenance|god|admin|jailbreak\w*|dan)\s+mode\b|\bjailbreak",
    r"\b(?:prompts?|api[ -]?keys?|passwords?|credentials?|access tokens?|base64|rot13)\b",
    r"https?://|\bwww\.|\bmailto:|!\[[^\]]*\]\(",
    r"[A-Za-z0-9+/_\-]{32,}={0,2}",
    # The same in other languages.
    r"\b(?:ignorier\w*|missacht\w*|vergiss|vergessen sie|antworte\w*|anweisung\w*|beantworte\w*"
    r"|assistent\w*|sprachmodell\w*|sage?n? sie)\b",
    r"\b(?:ignore[zr]|oublie[zr]|repond(?:s|ez|re)|instructions? precedentes?|consignes?"
    r"|assistante?s?|modele de langage|dites|affirmez|indiquez)\b",
    r"\b(?:ignor[ae]|olvid[ae]|responda|responde|respuestas?|instrucciones|asistentes?|diga|conteste"
    r"|modelo de lenguaje|ignorare|rispond\w+|istruzioni|responder|instrucoes)\b",
)
_ANY = re.compile("|".join(f"(?:{rule})" for rule in _RULES), re.IGNORECASE | re.DOTALL)
_HIDDEN = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff\U000e0000-\U000e007f]")
"""Characters that are not seen and may part a word."""

_OTHER_SCRIPT = 0.2
"""Share of letters that are of no European script, from which on a passage is not judged by these
rules, and so not trusted."""


def instructs(text: str) -> bool:
    """Say whether ``text`` tells a machine that reads it what to do, or cannot be judged.

    Parameters
    ----------
    text : str
        A passage, its title before it.
    """
    seen = unicodedata.normalize("NFKD", _HIDDEN.sub("", text))
    plain = "".join(letter for letter in seen if not unicodedata.combining(letter))
    if _ANY.search(plain) or _HIDDEN.search(text):
        return True
    letters = [letter for letter in plain if letter.isalpha()]
    foreign = sum(ord(letter) > 0x24F for letter in letters)
    return foreign > _OTHER_SCRIPT * len(letters)


def set_aside(passages: Iterable[Passage]) -> tuple[list[Passage], list[Passage]]:
    """Part passages in those that may be quoted and those that instruct; rows are all ours."""
    kept: list[Passage] = []
    aside: list[Passage] = []
    for passage in passages:
        own = passage.source == "row" or not instructs(f"{passage.title}\n{passage.text}")
        (kept if own else aside).append(passage)
    return kept, aside
