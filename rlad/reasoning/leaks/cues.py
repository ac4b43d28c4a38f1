r"""The gate's vocabulary: words around a number that say what it is.

A list of phrases is texts with ``;`` between them; a blank stands for white space, the rest is a regular expression.
"""

from __future__ import annotations

import re

from rlad.reasoning.leaks.wording import ARROW, BOX


def phrases(*texts: str) -> str:
    """The pattern of whole words or phrases.

    >>> phrases("at (?:most|least); up to")
    '\\\\b(?:at\\\\s+(?:most|least)|up\\\\s+to)\\\\b'
    """
    found = [phrase.strip().replace(" ", r"\s+") for text in texts for phrase in text.split(";") if phrase.strip()]
    return rf"\b(?:{'|'.join(found)})\b"


def before(pattern: str) -> re.Pattern[str]:
    """A pattern that ends where the number begins."""
    return re.compile(rf"(?:{pattern})$", re.IGNORECASE)


def behind(pattern: str) -> re.Pattern[str]:
    """A pattern that begins where the number ends; use `match`."""
    return re.compile(pattern, re.IGNORECASE)


_FILLER_WORDS = phrases(
    "a; an; the; about; approximately; around; roughly; exactly; just; only; simply; precisely; indeed; now",
    "still; then",
    "be; being; equal; to; value; number; amount; that; here; total; sum; of; namely; therefore; thus; hence; so",
    "actually; in fact; nothing but; out; clearly; obviously; evidently; at; as; again; always; together; worth; also",
    "already; all; fully; yet; even",
)
FILLER = rf"(?:(?:{_FILLER_WORDS}|[:=,\"'(\[]|{ARROW}|{BOX}|-(?=\s))\s*)*"
"""What may stand between a cue and its number."""

# --- no result -----------------------------------------------------------------------------------------------------
_THAN = (
    "(?:less|more|fewer|greater|larger|smaller|bigger|higher|lower|older|younger|longer|shorter|further|farther|other|"
    "rather|better)"
)
_BOUNDS = phrases(
    f"{_THAN} than(?: or equal to)?; at (?:most|least); up to; below; above; beyond; exceeds?; within; no more than",
    "between; until; past; reaching",
)
BOUND = before(rf"(?:{_BOUNDS}|[<>])\s*")
RANGE_END = before(r"\b(?:between|from)\s+\S{1,12}(?:\s+\w+)?\s+(?:and|to|through|up\s+to|until)\s*")
RANGE_BEGIN = before(r"\bfrom\s*")
_DENIALS = phrases(
    "not; never; cannot; without; avoid; instead of; rather than; no longer; neither; nor; ignore; beware of; forget"
)
DENIED = before(
    rf"(?:{_DENIALS}|n't)\s+"
    r"(?:(?:just|simply|the|be|equal|to|a|about|use|using|say|write|answer(?:ing)?|with|computing|compute)\s+)*"
)
_LABELS = phrases(
    "steps?; cases?; parts?; methods?; problems?; questions?; theorem; lemma; rules?; figure; table; chapter",
    "sections?",
    "lines?; equations?; eqs?; examples?; exercises?; hints?; tips?; levels?; phases?; stages?; insights?; strategy",
    "strategies; abstraction; approach; ideas?; principles?; property; law; pages?; items?; version; grade",
    "class; formula",
)
LABEL = before(rf"{_LABELS}\.?\s*[#(]?\s*|#\s*")
_OPERATIONS = phrases(
    "by; mod; modulo; base; degree; power; powers of; exponent; radix; multiples? of; factors? of; divisors? of",
    "cartons? of",
    "steps? of; groups? of; blocks? of; sets? of; batches of; chunks of; bundles of; units of; rows of; packs? of",
    "pairs? of; piles? of; plus; minus; times; over; per; every; add; adding; adds; subtract; subtracting; multiply",
    "multiplying; divide; dividing; double; doubling; remove; removing; another; root of; half of; third of; twice",
    "sum of; product of; difference (?:of|between); split; between; among; amongst; across",
)
OPERATED = before(rf"(?:{_OPERATIONS}|[+*/^_|]|(?<! )-)\s*(?:\bthe\s+)?")
_USES = "first; last; next; previous; these; those; both; any; such; fix"
USED = before(phrases(_USES, "into; in; through; using; with; via; on; after; for; before") + r"\s*")
TAKEN_TOGETHER = before(
    phrases("(?:sum|product|difference|ratio|quotient|average|mean|total|gcd|lcm) (?:of|between)") + r"\s*"
)
OPERAND_BEHIND = behind(r"(?:\s+\w+)?\s+(?:and|with)\b")
SCALED = behind(r"\s*(?:times|fold|-fold)\b")
COMPARED = behind(
    rf"\s+(?:\w+\s+)?(?:{_THAN}|taller|wider|heavier|faster|slower|cheaper|extra|additional)\b(?!\s*(?:[.,;!]|$))"
)
ORDINAL = behind(r"(?:st|nd|rd|th)\b")
ATTRIBUTE = behind(r"\s?-\s?[a-z]{2,}")
FORMULA_BEHIND = behind(
    r"[a-zA-Z](?![a-zA-Z])|\s?[*/^]\s?(?:[a-zA-Z](?![a-zA-Z])|\()|\s[-+]\s?[a-zA-Z(](?![a-zA-Z])"
    r"|\s[a-z](?=\s?[-+*/^=<>])|\s?\("
)
FORMULA_BEFORE = before(r"(?:\b[a-zA-Z]|\))\s?[-+*/^]\s?|[*/^_]\s?|\b[a-zA-Z]\(|[a-zA-Z]\([^()]*,\s?")
LISTED_BEFORE = before(r"\d\s*(?:,|,?\s+(?:and|or|then))\s*")
LISTED_BEHIND = behind(r"\s*(?:,|,?\s+(?:and|or))\s*(?:\d|\.\.\.|…)")
SIGN_OF_TERM = before(r"(?:\d[a-zA-Z]?|\b[b-zB-Z]|\))\s?")
"""What a minus sign subtracts from."""
PRONOUN = before(
    phrases(
        "this; that; which; each; every; any; the; larger; smaller; first; last; next; other; right; wrong; same",
        "only; no",
        "another; correct; from; by; at; with; as; for; \\w+er; \\w+est; original; unknown; new; old; big; small",
        "single",
    )
    + r"\s+"
)
ONE_OF = behind(
    r"\s+"
    + phrases(
        "of; can; could; should; must; has; needs; may; might; gets?; way; idea; approach; by; at; another; side",
        "who; that",
        "which; or; to; more; less; after; thing; time; would; will; works?; uses?; sees?; knows?; and; quantity",
        "unknown; is",
        "step; term; part; piece; single; condition",
    )
)
PART_OF = behind(r"\s+(?:of|as|the|that|an?)\b")
PARTS = ("half", "a half", "one half", "a third", "one third", "a quarter", "one quarter")
_METHOD_NOUNS = phrases(
    "steps?; cases?; equations?; unknowns?; variables?; terms?; factors?; parts?; groups?; methods?",
    "approach(?:es)?; ways?",
    "options?; digits?; places?; sides?; conditions?; constraints?; quantit(?:y|ies); stages?; phases?; ideas?",
    "things?",
    "numbers?; integers?; values?; operations?; formulas?; rules?; facts?; events?; possibilit(?:y|ies)",
    "scenarios?; rows?",
    "columns?; lines?; points?; pass(?:es)?; rounds?; hal(?:f|ves); sums?; pairs?; kinds?; types?; categor(?:y|ies)",
    "questions?; pieces?; amounts?; slices?; choices?; orders?; expressions?; sets?; subproblems?; thirds",
    "quarters; times",
    "percentages?; rates?; prices?; costs?; totals?; differences?; results?; answers?; solutions?; candidates?",
    "squares?",
    "triangles?; angles?; edges?; faces?; vertices; moves?; blanks?; slots?; positions?; levels?; layers?; periods?",
    "segments?; sections?; intervals?; legs?; trips?; people; persons?; roots?",
)
METHOD = behind(rf"\s+(?:(?!of\b|and\b|or\b|in\b|from\b|is\b|are\b|was\b)[\w-]+\s+){{0,2}}?{_METHOD_NOUNS}")

# --- announced -----------------------------------------------------------------------------------------------------
_LINKS = phrases(
    "is; are; was; were; be; equals?; to; as; of; becomes?; gives?; yields?; makes?; reads?; says?; being; at",
    "namely; has",
)
_LINK = rf"(?:{_LINKS}|[:=]|{ARROW})"
_ANSWER = phrases(
    "answers?; results?; final (?:value|number|amount|count|total|figure|price); solution(?: set)?",
    "value(?= ?[:=]); correct (?:value|number|choice|option); what (?:we|you) (?:want|need|are looking for)",
)
ANSWER = before(rf"{_ANSWER}(?:[^.;!?]{{0,60}}?)\s*{_LINK}\s*{FILLER}|{_ANSWER}\s*{FILLER}|{BOX}\s*\(?")
FOUND_BY = re.compile(
    rf"{_ANSWER}\s[^.;!?]*"
    + phrases("found; obtained; given; reached; got; computed; calculated; derived; one of; follows; comes from"),
    re.IGNORECASE,
)
IS_ANSWER = behind(
    r"\s*(?:[a-z]+\s+)?(?:\)\s*)?(?:(?:is|are|must\s+be|will\s+be|would\s+be|becomes)\s+"
    r"(?:indeed\s+|therefore\s+|thus\s+|exactly\s+)?(?:the|your|our|my|what|correct|right)?\s*"
    r"(?:final\s+|correct\s+|right\s+|desired\s+)?"
    r"(?:answer|result|solution|total|correct|right|we\s+want|you\s+(?:want|need)|it\b)"
    r"|as\s+(?:the|your|our)\s+(?:final\s+)?(?:answer|result))\b"
)
SUBJECT_IS = (
    r"[^.;!?]{0,40}?\s*(?:"
    + phrases("is; are; was; equals?; becomes?; comes to; will be; must be; of")
    + rf"|[:=])\s*{FILLER}"
)
COUNT_IS = rf"\s*(?:[:=]|{phrases('is; are; equals?; must be; will be')})\s*{FILLER}"
NAMED = r"\s*(?:number|no\.|#)?\s*"
"""What stands between the word for a numbered thing and its number: ``floor number 8``."""
PLACED = before(
    phrases("(?:finish|rank|place)(?:es|s|ed|d)?; came; comes; arriv(?:es|ed); ends?; ended", "will be")
    + r"\s*(?:in\s+)?"
)
FITS = behind(
    r"\s*(?:indeed\s+)?" + phrases("works?(?! out)(?! with); satisfies; solves; checks out; fits; does the job")
)
VARIABLE_IS = rf"\s*(?:=|{phrases('is; equals; must be; comes to; to be; becomes')})\s*{FILLER}"

# --- concluded -----------------------------------------------------------------------------------------------------
_WILL = (
    r"(?:will|would|should|must|shall|can) (?:(?:then|now|still|only|finally) )*(?:have|be|get|need|pay|cost|own|keep|"
    r"receive|earn|see|find|make|reach|equal|arrive at|end up(?: (?:with|at|having))?|come (?:out )?(?:to|as|at)|"
    r"turn out(?: to be)?)"
)
_CONCLUSIONS = phrases(
    f"{_WILL}; (?:end(?:s|ed|ing)?|wind(?:s|ing)?|wound|finish(?:es|ed)?|left) (?:up )?(?:with|at|having|on)",
    "leaving; leaves?",
    "remain(?:s|ing)?; left (?:is|are); total(?:s|ing|ling|led)?(?: (?:is|of|are|to|will be|comes to))?",
    "sums?(?: (?:is|to|of))?",
    "altogether; together; in (?:total|all)",
    "(?:mak|giv|yield|gett|bring|total|equal)(?:es?|ing|s)(?: (?:it|him|her|them|us|you))?",
    "makes?; gives?; yields?; equals?; get(?:s|ting)?; got; obtain(?:s|ed|ing)?; produc(?:es|ing)",
    "com(?:es|ing) (?:out )?(?:to|as|at)",
    "amounts? to; adds? up to; adding up to; works? out (?:to|as|at); turns? out to be; arrives? at",
    "reach(?:es)?; results? in",
    "resulting in; ends? in; (?:is|are) (?:given|filled|represented|answered) by; boils? down to; simplif(?:y|ies) to",
    "reduces? to; evaluates? to; converges? to; tends? to",
    "goes (?:up|down) to; (?:rises?|drops?|falls?|grows?|shrinks?) to",
    "for a total of; namely",
    "that is; which (?:is|are|makes?|gives?|means); and that's; that's; so; therefore; thus; hence; finally",
    "consequently",
)
CONCLUDED = before(rf"(?:{_CONCLUSIONS},?|\bi\.e\.,?|{ARROW}|=)\s*{FILLER}")
OF_THEM = behind(r"\s+(?:of (?:them|these|those)|in number)\b")
ENDS = behind(
    r"\s*(?:[\w%'-]+\s+){0,3}?"
    + phrases(
        "left; remain(?:s|ing)?; in total; altogether; in all; all together; overall; in the end; at the end",
        "still left",
        "to go; stay",
    )
)
SUPPOSED = before(
    phrases(
        "let; suppose; assume; imagine; pretend; say; try; set; with; if; when; for; for example; for instance",
        "as an example",
        "similar(?:ly)?; like; unless; once; whenever; put; substitute; plug(?:ging)?; guess; where",
    )
    + r"(?![^.;!?]*\b(?:so|thus|hence|therefore)\b)[^.;!?]{0,60}"
)
EXAMPLE = before(
    r"(?:\be\.g\.|"
    + phrases(
        "for example; for instance; as an (?:example|illustration|analogy); suppose; imagine; analogous(?:ly)?",
        "similar problem; simpler; smaller case; if (?:a|an|there were|you had|someone|instead|we had)",
        "compare (?:this )?with",
        "pretend",
    )
    + r")[^;]{0,200}"
)
ASSIGNED = before(r"(?:^|[^a-zA-Z0-9])([a-zA-Z])(?:_\w+)?\s*=\s*")
GIVEN = before(rf"[a-zA-Z]\s*(?:=|\b(?:is|are|equals|becomes|gives|makes))\s*{FILLER}")
"""A quantity in words that is said to be what follows; not a step of a computation (``= 27 = ``)."""
COMPUTED = before(r"[\d)%]\s*(?:[a-zA-Z]+\s*)?=\s*")

# --- who acts ------------------------------------------------------------------------------------------------------
_OPENINGS = phrases(
    "first; then; next; now; second; finally; and; so; also; instead; here; just; simply; please; step; hint; strategy",
    "insight; idea; key \\w+",
)
_IMPERATIVES = phrases(
    "add; align; apply; ask; assign; avoid; begin; break; build; calculate; cancel; check; choose; combine",
    "compare; complete",
    "compute; consider; convert; count; cross; cut; decide; deduct; define; determine; differentiate; distribute",
    "divide; do",
    "double; draw; eliminate; enumerate; estimate; evaluate; examine; expand; express; factor; figure; find; fix",
    "focus",
    "follow; form; group; guess; identify; ignore; imagine; increase; introduce; isolate; keep; label; lay; let",
    "line; list",
    "locate; look; make; mark; match; multiply; name; note; notice; observe; order; organize; organise; pair",
    "partition; pick",
    "picture; place; plug; predict; pretend; put; read; rearrange; recall; recognize; reduce; remember; remove",
    "replace",
    "rewrite; round; search; see; separate; set; simplify; sketch; solve; sort; split; square; start; state; subtract",
    "substitute; sum; suppose; swap; take; test; think; track; translate; treat; try; undo; use; view; visualize",
    "walk; watch",
    "work; write; go; give; don't; never; always; let's; first; then",
)
CHECKED = re.compile(
    r"\b(?:check|verify|confirm)\s+(?:that\s+|whether\s+|with\s+)?(?:[a-z]\s*(?:=|is|equals)\s*)?$", re.IGNORECASE
)
IMPERATIVE = re.compile(rf"\W*(?:(?:{_OPENINGS}|to\s+\w+[^,]*,|once[^,]*,)[,:]?\s+)*{_IMPERATIVES}", re.IGNORECASE)
CLAUSE = re.compile(
    r"\(|,\s*(?:so|then|which|and|but|because|since|as|where|thus|hence)\b|[,:;]\s|\band\s+(?:then\s+)?(?=\w+\s)"
    r"|\bto\s+(?=get|obtain|find)"
)
DECLARES = before(
    phrases(
        "is; are; was; were; has; have; had; costs?; pays?; paid; spends?; spent; earns?; makes?; made; needs?",
        "takes?; took",
        "keeps?; kept; owns?; eats?; ate; gets?; got; receives?; sells?; sold; buys?; bought; reads?; runs?; ran",
        "travels?",
        "walks?; holds?; contains?; fits?; weighs?; measures?; lasts?; saves?; finds?; found; stays?; remains?",
        "scores?; gives?",
        "gave; leaves?; wins?; won; shows?; becomes?; equals?; collects?; bakes?; uses?; [a-z]{3,}(?:ed|s)",
    )
    + r"\s+(?:(?:a|an|the|about|exactly|only|just|now|still|then|up|out|of|at|to|for|in|roughly|around|approximately|"
    r"all|him|her|them|it|back|on|away|home|total)\s+)*"
)
LABELLED = before(r"(?:^|[,;:])\s*[a-zA-Z][a-zA-Z' ]{0,30}:\s*")
"""A label with nothing but the number: ``Cows: 8``."""
WHOLE = before(
    r"^\s*(?:so |thus |hence )?(?:(?:it|this|that)(?:'s| is| equals| was| comes to| makes)|(?:they|both|all) [a-z]+)\s+"
    + FILLER
)
SUBJECTED = behind(
    r"\s*(?:[\w'-]+\s+){0,4}" + phrases("are; is; were; was; remain; stay; fit; will; would; have; has; can")
)
