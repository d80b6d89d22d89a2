"""Passages that talk to the reader's machine: they are set aside, never indexed and never quoted.

A document is material. Whoever wrote it may still have meant a program to obey it, so a passage
with a sentence that tells its reader how to answer is left out whole: what it wants said often
stands in the next sentence. An honest passage that is left out too is named, and can be reworded.
"""

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

from volcast.brief.corpus.passages import Passage

__all__ = ["instructs", "set_aside"]

_AI = (
    r"(?:a\.?i\.?s?|artificial intelligences?|(?:large )?language models?|llms?|chat ?bots?|bots?"
    r"|gpt\w*|copilots?|(?:\w+ )?assistants?|reading (?:agents?|systems?|machines?))"
)
"""What can be nothing but the reader's machine."""

_MACHINE = (
    r"(?:" + _AI + r"|agents?|systems?|models?|summari[sz]ers?|retrievers?|readers?|parsers?"
    r"|machines?|software|programs?|processors?|tools?|whoever|anyone|whatever)"
)
_SAY = (
    r"(?:answer|respond|reply|say|state|output|print|include|conclude|report|quote|cite|repeat"
    r"|return|write|tell|insist|mention|append|begin|start|end|finish|disclose|reveal|display|use"
    r"|recommend|translate|summari[sz]e|rate|give|send|provide|call|click|visit|confirm|add|omit"
    r"|refuse|treat|regard|consider|assume|pretend|act|behave|role-?play|follow|obey|execute|run"
    r"|describe|warn|replace|copy|close|sign|insert|reproduce|present|put|pass)"
)
_MUST = (
    r"(?:must|should|shall|needs? to|ha(?:s|ve) to|ought to|may only|can only|will|(?:is|are) "
    r"(?:to|required|instructed|asked|told|expected|obliged|requested|advised|reminded|bound))"
)
_DEVICE = (
    r"(?:machines?|computers?|engines?|programs?|software|automat\w+|generative|non-human"
    r"|answerers?)"
)
_TALK = (
    r"(?:answer\w*|repl(?:y|ies|ied)|respon[ds]\w*|output\w*|quot(?:e|es|ed|ation)|cit(?:e|es|ing"
    r"|ations?)|summari[sz]\w+|declares?|utters?|sings?|conversations?|asked|reads? aloud|ingest\w*"
    r"|opened this|this page|this text|this file|what (?:\w+ ){1,3}write)"
)
"""Words that stand near each other where a text is about whatever reads it."""

_START = r"(?:^|[.!?:;\-\u2013\u2014*>\"'()\]]\s*)"
"""Where a sentence or a part of one begins."""

_REPLY = r"(?:answers?|repl(?:y|ies)|responses?|outputs?|summar(?:y|ies)|digests?|abstracts?)"
_RULES = (
    # Set what was said before aside.
    r"\b(?:ignor\w*|disregard\w*|forget|overrid\w+|overrul\w+|supersed\w+|bypass\w*|discard\w*)\b"
    r".{0,60}\b(?:previous|prior|earlier|above|preceding|other|all|any|every\w*|your|these|those"
    r"|instructions?|rules?|guidelines?|prompts?|sources?|passages?|documents?|context)\b",
    r"\b(?:irrespective|regardless) of (?:other|all|any|what\w*|the (?:question|request|data))\b"
    r"|\bno matter (?:what|which|how|who)\b|\babove any request\b",
    r"\b(?:new|updated|revised|hidden|secret|special|system|following)\s+(?:instructions?|prompts?"
    r"|directives?|orders?)\b",
    r"\b(?:instructions?|prompts?|directives?|notes?|messages?|attention|notices?|memos?|words?"
    r"|letters?|requests?|tasks?)\s+(?:to|for)\s+(?:the |all |any |every |our |your )?(?:\w+ )?"
    + _MACHINE + r"\b",
    # Speak to a machine, or of what it must do.
    r"\b(?:you are|you're|you will be|act|behave|pretend)\s+(?:now\s+|as\s+|to be\s+)*"
    r"(?:an?\s+|the\s+)?(?:\w+\s+){0,2}" + _MACHINE + r"\b",
    r"\b" + _MACHINE + r"\b.{0,50}\b" + _MUST + r"\b[^.;:!?]{0,25}\b" + _SAY + r"\b",
    r"\b" + _AI + r"\b.{0,80}\b" + _MUST + r"\b",
    r"\b" + _MACHINE + r"\b.{0,20}\b(?:reading|reads?|process(?:es|ing)?|pars(?:es|ing)"
    r"|summari[sz](?:es|ing)|quot(?:es|ing)|handl(?:es|ing)|index(?:es|ing))\b.{0,12}"
    r"\b(?:this|these|it|the (?:\w+ )?(?:text|file|document|note|page|memo|passage))\b",
    r"\b(?:process(?:ed|ing)|read|pars(?:ed|ing)|summari[sz](?:ed|ing)|indexed) by (?:an? |the "
    r"|any )?(?:\w+ )?" + _MACHINE + r"\b",
    r"\b(?:hey|dear|hello|hi|attention|note|listen|memo)[,:]?\s+(?:to\s+)?(?:the |all |any )?"
    + _AI + r"\b",
    r"\b(?:if|as|since|because) you(?:'re| are)? (?:an? |the )?(?:\w+ )?" + _MACHINE + r"\b",
    r"\b(?:ai|llm|chat ?bot|language model|automated)\s+(?:system|reader|assistant|summar\w+|tool)",
    r"\b(?:require|order|instruct|command|authori[sz]e|oblige|request|ask|urge|invite|expect|want"
    r"|need|tell|beg|trust|direct)\s+(?:and \w+ )?you\s+to\b",
    # Foresee questions, and give the answers.
    r"\b(?:when(?:ever)?|if|once|should)\s+(?:(?:you|one|anyone|anybody|someone|somebody|a|the|any"
    r"|user|users|reader|readers|client|clients|people|person|is|are|be|ever|being)\s+){0,4}"
    r"(?:asked|ask|asks|queried|quer(?:y|ies)|questioned|prompted|inquir\w+|enquir\w+)\b",
    r"\b(?:any|every|all|each|the|future|such|other)\s+(?:\w+\s+){0,3}(?:questions?|quer(?:y|ies)"
    r"|prompts?|inquir\w+|enquir\w+)\s+(?:on|about|of|regarding|concerning|relating|that"
    r"|is|are|must|should|shall|will|has|have|to)\b",
    r"\b(?:the|only|one)\s+(?:\w+\s+){0,3}(?:correct|right|official|true|proper|accepted|approved"
    r"|valid|authori[sz]ed|canonical|definitive|acceptable|required|expected|final)\s+(?:\w+\s+)?"
    + _REPLY + r"\b",
    r"\bonly (?:permissible|permitted|allowed|admissible|valid|acceptable|correct|approved"
    r"|authori[sz]ed|lawful|legitimate|true)\b",
    r"\b" + _REPLY + r"\b.{0,40}\b(?:must|should|shall|has to|have to|is to be|are to be|needs? to"
    r"|is always|always|consists?|counts?|ends? (?:with|in|on|by)|begins? with|starts? with"
    r"|closes? with|is complete|are complete|is incomplete|is valid|is invalid)\b",
    r"\b(?:your|its|the model's|the assistant's|the reader's)\s+(?:\w+\s+)?(?:" + _REPLY
    + r"|instructions?|guidelines?|rules|prompt|training|account)\b",
    r"\b(?:to|must|should|shall|(?:that|asks?|request\w*) (?:it|this|they|these)) be (?:answered"
    r"|stated|said|quoted|repeated|executed|reproduced|cited|appended|added|replaced|included"
    r"|passed on|told|rendered|given)\b.{0,30}\b(?:with|by|as|in full|verbatim|exactly|word|to"
    r"|whenever|wherever|in (?:any|every|each|all))\b",
    # Order it to say something.
    _START + r"(?:please|kindly|always|never|do not|don't|only|simply"
    r"|just|instead|now|first|then|therefore)[, ]+(?:\w+ ){0,2}" + _SAY + r"\b",
    _START + r"(?:answer|respond|reply|output|print|repeat|append|disclose|reveal"
    r"|cite|pretend|role-?play|summari[sz]e|translate|copy|memori[sz]e|remember|recite)\b(?!s)",
    _START + _SAY + r"\s+(?:the|this|that|these|those|it|them|every|any|all|only"
    r"|exactly|nothing|users?|people|readers?|everyone|everybody|you|your|instead|as|in|with|twice"
    r"|thrice|once|three)\b",
    r"\b(?:you|one)\s+(?:must|should|shall|need to|have to|are to|will|can|may only|are (?:required"
    r"|instructed|asked|told|expected|obliged|requested))\b.{0,40}\b" + _SAY + r"\b",
    r"\brespond (?:only|with|by|in)\b|\banswer (?:only|with|by|that|as follows)\b",
    r"\b(?:say|state|reply|respond|write|output|print|repeat|include|insert|add|append|with|by)\b"
    r".{0,20}\b(?:exactly|verbatim|word for word|the (?:\w+ )?(?:phrase|words?|string|sentence"
    r"|text|token|code|message|formula|slogan|motto|tag|marker|label|greeting|remark))\b",
    r"\blet(?:'s| us) (?:play|pretend|imagine|agree|assume)\b"
    r"|\bdo (?:as|what) (?:they|it|i|we) s\w+"
    r"|\b(?:run|execute) (?:the|this|these|a) (?:\w+ )?(?:command|code|script|program)\b",
    r"\b(?:readers?|those|people|whoever|anyone|everyone) (?:who|that) (?:quotes?|cites?"
    r"|summari[sz]\w+|passe?s?|repeats?|uses?|reads?)\b.{0,60}\b(?:add|append|say|close|end"
    r"|include|write|phrase"
    r"|words?|customar\w+|usual\w+|always)\b",
    r"\b" + _DEVICE + r"\b.{0,60}\b" + _TALK + r"\b|\b" + _TALK + r"\b.{0,60}\b" + _DEVICE + r"\b",
    r"\bllms?\b|\bchat ?(?:bots?|clients?)\b|\blanguage (?:models?|software)\b|\bvirtual agents?\b"
    r"|\banswering (?:systems?|programs?|services?|machines?|software)\b|\bgenerative \w+",
    r"\b(?:preferred|required|expected|model|desired|suggested|intended|standard|stock|canned"
    r"|prefilled|recommended|sample|proper) " + _REPLY + r"\b|\bin (?:all|every|each|any) " + _REPLY
    + r"\b|\bquestions?\b.{0,30}\b" + _REPLY + r"\b",
    r"\bwhat (?:a|the|any) users?\b|\busers? (?:types?|asks?|asked|wants?|says?)\b"
    r"|\b(?:person|people|one|those|anyone) (?:who|that) asks?(?:ed)?\b|\bwhen they ask you\b",
    r"\b(?:legend|credit|motto|expression|literal|addendum|fallback\w*|directive|formula|line|mark"
    r"|phrase|words?)\b\W{0,4}[\"'\u201c\u2018]\w+ \w+",
    _START + r"(?:do not|don't|never (?!before|again|since)|please)\s+\w+",
    # Look like a conversation, a marker, or what is no prose.
    r"(?:^|\n|[.!?]\s+)\W*(?:system|assistant|user|human|developer|tool|ai|instructions?|prompt"
    r"|override|admin\w*|response|completion|output|reasoning|(?:\w+ )?(?:task|answer))\s*(?:\]|>|:"
    r"|\uff1a)|-{3,}\s*(?:end|begin|start)\b",
    r"<\|?/?\s*(?:im_start|im_end|system|assistant|user|inst\w*|s)\s*\|?>|\[/?(?:inst|system|sys"
    r"|user|assistant)\w*\]|<<\s*/?sys\s*>>|###\s*(?:instruction|system|assistant|response)",
    r"\b(?:begin|end|start)\s+(?:of\s+)?(?:the\s+)?(?:system|admin\w*|hidden|new|priority|override)"
    r"\b|\b(?:developer|debug|maintenance|god|admin|jailbreak\w*|dan)\s+mode\b|\bjailbreak",
    r"\b(?:prompts?|api[ -]?keys?|passwords?|credentials?|access tokens?|base64|rot13|backwards)\b",
    r"https?://|\bwww\.|\bmailto:|!\[[^\]]*\]\(|\b(?:print|echo|eval|exec|alert|log)\s*\(|\brm -",
    r"\b\w{1,60}_\w{1,60}\s*:|:\s*(?:true|false|null)\b|[{<\[]\s*[\"']?\w+[\"']?\s*[:=]\s*[\"'\[{]|</\w+>"
    r"|^\s*\w+:\s*\|?\s*$",
    r"[A-Za-z0-9+/_\-]{32,}={0,2}",
    # The same in other languages, where it is too short to be told by its words.
    r"\b(?:ignorier\w*|missacht\w*|vergiss|vergessen sie|antwort\w*|anweisung\w*|beantworte\w*"
    r"|assistent\w*|sprachmodell\w*|sage?n? sie|negeer\w*|instructies|felelj\w*|nyelvi modell"
    r"|svara?|ignorera)\b",
    r"\b(?:ignore[zr]|oublie[zr]|repond(?:s|ez|re)|instructions? precedentes?|consignes?"
    r"|assistante?s?|modele de langage|dites|affirmez|indiquez)\b",
    r"\b(?:ignor[ae]|olvid[ae]|responda|responde|respuestas?|instrucciones|asistentes?|diga"
    r"|conteste|modelo de lenguaje|ignorare|rispond\w+|istruzioni|responder|resposta|instrucoes)\b",
    r"\b(?:odpowie\w+|polecen\w*|zignoruj\w*|yanit\w*|talimat\w*|valasz\w*|utasitas\w*|jibu|puuza"
    r"|maagizo|abaikan|jawab\w*|odpov\w+|ignoruj\w*)\b",
)  # fmt: skip
_ANY = re.compile("|".join(f"(?:{rule})" for rule in _RULES), re.IGNORECASE | re.DOTALL)
_HIDDEN = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff\U000e0000-\U000e007f]")
"""Characters that are not seen and may part a word."""

_FOREIGN = re.compile(
    "[\u0370-\u03ff]{3,}"
    "|[\u0400-\u1dff\u2e80-\ua7ff\ua840-\ufdff\ufe70-\uffef\U00010000-\U0001efff]{2,}"
)
"""Words of other scripts; one Greek letter is of a formula."""

_LEET = str.maketrans("0134578@$", "oieastbas")
_MIXED = re.compile(r"\b(?=\w{0,99}[^\W\d_])(?=\w{0,99}\d)[\w@$]{1,200}")

_ENGLISH_WORDS = (
    "the of and that with by from its this which their has have had were are been would will "
    "not but than they our is for to it at or be was in on as an a after against between more "
    "no who while them what us we when where all some most many other each both into over per "
    "less about such only also there he she his her you your can may could should if yet then "
    "under since "
)
_ENGLISH = frozenset(_ENGLISH_WORDS.split())
"""Words of which every longer English sentence has some, and one of another language few."""

_LONG = 8
"""Words without a capital in a sentence, from which on it must have two of them."""


@lru_cache(maxsize=50_000)
def instructs(text: str) -> bool:
    """Say whether ``text`` tells a machine that reads it what to do, or cannot be judged.

    Parameters
    ----------
    text : str
        A passage, its title before it.
    """
    seen = unicodedata.normalize("NFKD", _HIDDEN.sub("", text))
    plain = "".join(letter for letter in seen if not unicodedata.combining(letter))
    if _ANY.search(plain) or _HIDDEN.search(text) or _FOREIGN.search(plain):
        return True
    # Figures for letters, as in 1gn0re.
    spelled = _MIXED.sub(lambda word: word[0].translate(_LEET), plain)
    if spelled != plain and _ANY.search(spelled):
        return True
    return any(map(_not_english, re.split(r"(?<=[.!?])\s+|\n", plain)))


def _not_english(sentence: str) -> bool:
    # Lists of names are of no language.
    words = re.findall(r"\b[a-z]+\b", sentence)
    known = sum(word in _ENGLISH for word in re.findall(r"[a-z]+", sentence.lower()))
    return len(words) >= _LONG and known < 2


def set_aside(passages: Iterable[Passage]) -> tuple[list[Passage], list[Passage]]:
    """Part passages in those that may be quoted and those that instruct; rows are all ours."""
    kept: list[Passage] = []
    aside: list[Passage] = []
    for passage in passages:
        own = passage.source == "row" or not instructs(f"{passage.title}\n{passage.text}")
        (kept if own else aside).append(passage)
    return kept, aside
