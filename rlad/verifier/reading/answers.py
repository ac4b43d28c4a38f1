"""From the text of one answer to its tree: relations, set operations, lists with "and"/"or", units, labels, plain
words.
"""

from __future__ import annotations

import re
from fractions import Fraction

from rlad.verifier.budget import OperationBudget, ParseError, TooLarge
from rlad.verifier.grammar import nodes as N
from rlad.verifier.grammar.counting import number_from_words, scale_of
from rlad.verifier.grammar.lexer import EOF
from rlad.verifier.grammar.nodes import Node, free_symbols
from rlad.verifier.grammar.primaries import number
from rlad.verifier.grammar.relations import Relations
from rlad.verifier.grammar.units import is_unit_word, is_upright_unit
from rlad.verifier.grammar.words import PROSE
from rlad.verifier.reading.conditions import at_domain_tail, is_condition, is_introduction, split_conditions
from rlad.verifier.reading.denials import bounds
from rlad.verifier.reading.normalize import normalize
from rlad.verifier.reading.numerals import MONEY_LETTERS, bases, digit_groups, money, repeating_decimals, scale_words
from rlad.verifier.reading.times import parse_date, parse_time
from rlad.verifier.reading.wordings import in_notation
from rlad.verifier.types import VerifyOptions

_PLAIN = re.compile(r"[-+]?\d{1,300}(?:\.\d{1,300})?")
_SIMPLE_FRACTION = re.compile(
    r"(-?)\s*\\frac\s*\{\s*(-?\d{1,300})\s*\}\s*\{\s*(\d{1,300})\s*\}|(-?)(\d{1,300})/(\d{1,300})"
)
_WHOLE_TEXT = re.compile(r"\\(?:text|mbox|textbf|mathrm|textrm|textnormal|mathbf|textit)\s*\{([^{}]*)\}[.,]?")
_GLUED = re.compile(r"(?<=[\d)\]}])\s*(or|and)\s*(?=[A-Z(\[\\\d-]|[a-z]\s*[=<>(])")
_TRIM = " \t\n.,;:*"
_LEADING_POINT = re.compile(r"[\s,;:*]*(?=\.\d)")
_UNIT_TEXT = re.compile(r"^[\s$¢]*[^\W\d]+[^=<>+\\]{0,60}$|^\s*[$¢%]\s*$")
_LEAD_IN = re.compile(r"^\\(?:text|mbox|textbf|textrm)\s*\{[^{}]{0,80}\b(?:is|are|equals)\s*:?\s*\}\s*(?=.)")
_WORDED_RATIO = re.compile(r"(\d{1,30})\s+to\s+(\d{1,30})")
_JOINER = re.compile(r"^\s*(?:and|or)\s+(?=\S)")
_PAREN_CONDITION = re.compile(
    r"\s*[,;]?\s*\(\s*(?:\\(?:text|mbox)\s*\{\s*(?:for|where|with)\s*\}\s*|(?:for|where|with)\s+)?"
    r"((?:\\?[a-zA-Z]+(?:_\w)?\s*,?\s*){1,4}(?:\\in|\\geq?(?:slant)?|\\leq?(?:slant)?|\\neq?|[<>]=?)[^()]*)\)\s*$"
)
_APPROX = re.compile(r"^\s*(?:approximately|approx\.?|about|around|roughly)\s+", re.I)
_MONEY_IN_WORDS = re.compile(r"\\?\$\s*(?=\d)|(?<=\d),(?=\d{3})")
_ONLY = re.compile(
    r"^\\(?:text|mbox|textrm|mathrm)\s*\{\s*(?:only|both|exactly|just|precisely)\s*\}\s*(?=\S)"
    r"|^\s*(?:only|both|exactly|just|precisely)\s+(?=[-\d\\(\[{])|\s*(?:\\(?:text|mbox|textrm)\s*\{\s*only\s*\}|\s\bonly)\s*$",
    re.IGNORECASE,
)


def parse_answer(text: str, options: VerifyOptions, budget: OperationBudget, thousands: bool = True) -> Node:
    """The tree of an answer's text.

    Raises ``ParseError`` when it is neither mathematics nor a short text, ``TooLarge`` and ``BudgetExceeded`` by limit.

    >>> from rlad.verifier.types import DEFAULT
    >>> parse_answer(r"x \\in [-2, \\tfrac12)", DEFAULT, OperationBudget(10000))
    x in [-2, 1/2)
    """
    text = text.strip()
    if _PLAIN.fullmatch(text):
        return number(text[1:]) if text[0] == "+" else N.neg(number(text[1:])) if text[0] == "-" else number(text)
    if m := _SIMPLE_FRACTION.fullmatch(text):
        s1, a1, b1, s2, a2, b2 = m.groups()
        a, b = int(a1 or a2), int(b1 or b2)
        if b:
            return N.num(Fraction(-a if s1 or s2 else a, b))
    if len(text) > options.max_answer_chars:
        raise TooLarge("answer too long")
    if "\0" in text:
        raise ParseError("NUL in the answer")
    return _parse_text(text, options, budget, thousands)


def _parse_text(text: str, options: VerifyOptions, budget: OperationBudget, thousands: bool) -> Node:
    clean = _trimmed(_GLUED.sub(r" \1 ", repeating_decimals(normalize(money(text)))))
    clean = in_notation(_ONLY.sub("", _APPROX.sub("", _LEAD_IN.sub("", clean))))
    if m := _WORDED_RATIO.fullmatch(clean):
        clean = f"{m[1]}:{m[2]}"
    while (m := _WHOLE_TEXT.fullmatch(clean)) is not None:
        clean = _trimmed(m.group(1))
        if clean.isalpha() and len(clean) > 1 and number_from_words(clean) is None and clean not in ("pi", "and", "or"):
            return text_answer(clean, ParseError("no word"))
    clean = bases(scale_words(digit_groups(clean.rstrip("\\ ") if clean.endswith("\\") else clean)))
    if not clean:
        raise ParseError("empty answer")
    if (
        (":" in clean or "m" in clean[-3:].lower())
        and clean[:1] in "0123456789\\"
        and (found := parse_time(clean)) is not None
    ):
        return found
    if clean[0].isalnum() and (found := parse_date(clean)) is not None:
        return found
    if clean[0].isalpha() and (value := number_from_words(clean)) is not None:
        return N.num(value)
    if clean.endswith(")"):
        clean = _PAREN_CONDITION.sub(r", \1", clean)
    try:
        parser = AnswerParser(clean, options, budget, thousands)
        return parser.whole()
    except ParseError as error:
        return text_answer(clean, error)


def _trimmed(text: str) -> str:
    """Without the punctuation around it; the point of ``.185`` is no punctuation."""
    return text.rstrip(_TRIM)[m.end() :] if (m := _LEADING_POINT.match(text)) else text.strip(_TRIM)


def text_answer(clean: str, error: ParseError) -> Node:
    """The answer as words, when it holds a word and its braces balance; otherwise the parse error stands."""
    depth = 0
    for c in clean:
        depth += (c == "{") - (c == "}")
        if depth < 0:
            raise error
    if depth or not re.search(r"[^\W\d_]{2}", re.sub(r"\\[a-zA-Z]+", "", clean)):
        raise error
    words = re.sub(r"\\(?:text|mbox|textbf|mathrm|textrm|textnormal|textit)\s*\{([^{}]*)\}", r"\1", clean)
    words = _MONEY_IN_WORDS.sub("", re.sub(r"(?<=\w)-(?=\w)", " ", words.casefold()))
    words = " ".join(words.replace("{", " ").replace("}", " ").strip("\"'` .,;:!").split())
    return Node("text", (), re.sub(r"^(?:the|an?)\s+", "", words))


class AnswerParser(Relations):
    """The whole answer: groups of items of relations of set expressions of sums."""

    def __init__(self, text: str, options: VerifyOptions, budget: OperationBudget, thousands: bool = True) -> None:
        super().__init__(text, options, budget, thousands)
        self.tail_conditions: list[Node] = []

    def whole(self) -> Node:
        """Everything up to the end of the text."""
        groups = [self.group()]
        while self.accept(";", "\\\\"):
            if self.token.kind != "eof":
                groups.append(self.group())
        if self.token.kind != "eof":
            raise ParseError(f"unexpected {self.token.text!r}")
        if len(groups) == 1:
            return groups[0]
        if all(g.kind not in ("list",) for g in groups):
            return Node("list", tuple(groups), ",")
        return Node("list", tuple(Node("tuple", g.args) if g.kind == "list" else g for g in groups), ",")

    def group(self) -> Node:
        """Items separated by commas, "and", "or"; integer-parameter declarations are dropped from the list."""
        items, joiners = [self.answer_item()], set()
        while True:
            comma = self.accept(",", "&", "\\&")
            joiner = self.connective()
            if not comma and joiner is None:
                break
            if joiner:
                joiners.add(joiner)
            if self.token.kind == "eof" or self.token.text in (";", "\\\\"):
                break
            if self.domain_tail(items):
                continue
            items.append(self.answer_item())
        kept, conditions = split_conditions(items)
        conditions, self.tail_conditions = [*conditions, *self.tail_conditions], []
        joiner = "or" if joiners == {"or"} else "and" if joiners == {"and"} else ","
        node = kept[0] if len(kept) == 1 else Node("list", tuple(kept), joiner)
        return Node("where", (node, *conditions)) if conditions else node

    def answer_item(self) -> Node:
        """One item: an optional worded label, a relation, an optional unit."""
        t = self.token
        if t.kind == "text":
            nxt = self.ahead()
            if nxt.kind == "op" and nxt.text in ("=", ":"):
                self.i += 2
                value = self.quantity(self.relation())
                return Node("rel", (Node("text", (), t.text.strip().lower()), value), ("=",))
            if nxt.kind == "eof" or nxt.text in (",", ";") or nxt.kind == "text":
                self.i += 1
                return Node("text", (), " ".join(_JOINER.sub("", t.text.casefold()).split()))
            if nxt.text == "_":
                return self.worded_base(t.text)
            if _APPROX.match(t.text + " ") or t.text.strip().lower() in ("or", "and", ""):
                self.i += 1
                return self.answer_item()
            raise ParseError("text before mathematics")
        if t.text == "\\forall":
            raise ParseError("quantifier")
        if t.text in ("\\approx", "\\therefore", "\\Rightarrow", "\\implies") and t.kind == "cmd":
            self.i += 1
        if t.kind == "word" and t.text.lower() in ("approximately", "about", "approx"):
            self.i += 1
        return self.quantity(self.relation())

    def worded_base(self, digits: str) -> Node:
        """``\\text{A5}_{11}``."""
        self.i += 2
        digits = digits.strip()
        if not digits.isalnum() or len(digits) > 60:
            raise ParseError("not a numeral")
        return self.numeral(digits)

    def quantity(self, node: Node) -> Node:
        """Attach a unit that follows, skip ordinals' nouns and domain tails."""
        while True:
            t = self.token
            if t.kind == "text":
                content = t.text.strip()
                lowered = content.lower().strip(",. ")
                if lowered in ("and", "or", "", "&"):
                    if lowered:
                        return node
                    self.i += 1
                    continue
                if self.domain_tail([node]):
                    return node
                if (
                    bounds("", " " + content)
                    or not _UNIT_TEXT.match(content)
                    or lowered.split()[0] in ("if", "when", "such", "unless", "only")
                ):
                    raise ParseError("text after mathematics")
                self.i += 1
                node = self.with_unit(node, content.strip(" .,()"))
            elif t.kind == "math" and is_upright_unit(t.text):
                self.i += 1
                node = self.with_unit(node, t.text.strip())
            elif t.kind == "word":
                if t.text.lower() in ("and", "or"):
                    return node
                if self.domain_tail([node]):
                    return node
                if node.kind == "sym" and not is_unit_word(t.text):
                    raise ParseError("word after a name")
                node = self.with_unit(node, self.unit_words())
            elif t.text == "\\forall" and t.kind == "cmd" and self.domain_tail([node]):
                return node
            elif t.text == "\\$" and t.kind == "cmd":
                self.i += 1
                node = self.with_unit(node, "$")
            else:
                return node

    def unit_words(self) -> str:
        """Plain words after a number: at most five, none of them prose."""
        words: list[str] = []
        while (t := self.token).kind == "word" and t.text.lower() not in ("and", "or"):
            if (t.text.lower() in PROSE and not (words or t.text == "in")) or len(words) >= 5:
                raise ParseError("prose")
            words.append(self.take().text)
            while self.token.text in (".", "/") and self.token.kind == "op":
                words.append(self.take().text)
        return " ".join(words)

    def with_unit(self, node: Node, unit: str) -> Node:
        """``node`` with a unit, whose exponent may follow as ``^2``; inside a relation the last member gets it."""
        if self.token.text == "^" and self.token.kind == "op":
            self.i += 1
            exponent = self.script()
            if exponent.kind != "num":
                raise ParseError("exponent of a unit")
            unit = f"{unit}^{exponent.value}"
        first, _, rest = unit.partition(" ")
        if node.kind == "quantity" and str(node.value).startswith("$"):
            first = MONEY_LETTERS.get(first, first)
        if (scale := scale_of(first)) is not None and node.kind in ("num", "mul", "quantity"):
            inner = node.args[0] if node.kind == "quantity" else node
            scaled = N.num(inner.value * scale) if inner.kind == "num" else N.mul(inner, N.num(scale))
            node = Node("quantity", (scaled,), node.value) if node.kind == "quantity" else scaled
            return self.with_unit(node, rest) if rest else node
        if node.kind == "rel":
            return Node("rel", (*node.args[:-1], Node("quantity", (node.args[-1],), unit)), node.value)
        if node.kind == "quantity":
            return Node("quantity", node.args, f"{node.value} {unit}")
        return Node("quantity", (node,), unit)

    def domain_tail(self, answers: list[Node]) -> bool:
        """Pass over "for all x in ...", which names the domain of the answers before it and is no part of them.

        An inequality in it is kept as a condition. Raises ``ParseError`` where the tail is more than that: a second
        case, a condition on something else, or names that occur in no answer.
        """
        if not at_domain_tail(self.tokens, self.i):
            return False
        where = self.token.text.strip(" ,").lower().startswith("where")
        start = self.i
        self.i += 1
        if (condition := self.tail_condition()) is not None:
            if not is_condition(condition, answers):
                raise ParseError("a condition on something else")
            self.tail_conditions.append(condition)
        while (t := self.token).kind != "eof" and t.text != ";":
            after = self.ahead() if self.ahead(2).kind in ("text", "word") else EOF
            joins = t.kind in ("text", "word") and t.text.strip(" ,.").lower() in ("and", "or")
            if joins and not all(len(x) == 1 and x.isalpha() for x in (self.tokens[self.i - 1].text, after.text)):
                break  # but "where a and b are real"
            if self.tokens[self.i - 1].text == "," and is_introduction(t):
                raise ParseError("cases in words")
            self.i += 1
        named = {t.text for t in self.tokens[start : self.i] if t.kind == "word" and len(t.text) == 1}
        if where and named and not any(named & free_symbols(a) for a in answers):
            raise ParseError("names that occur in no answer")
        return True

    def tail_condition(self) -> Node | None:
        """The inequality in a domain tail, when one follows its words."""
        mark = self.i
        while self.token.kind in ("text", "word") and (len(self.token.text.strip()) != 1):
            self.i += 1
        start, depth = self.i, self.depth
        try:
            node = self.relation() if self.token.kind != "eof" else None
        except ParseError:
            node, self.depth = None, depth
        if node is not None and node.kind == "rel" and all(op in ("<", "<=", ">", ">=", "!=") for op in node.value):
            return node
        self.i = mark if node is None else start
        return None
