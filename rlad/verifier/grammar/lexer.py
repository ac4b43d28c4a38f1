"""The tokenizer: one pass over normalised text, with every limit checked before a token is made."""

from __future__ import annotations

import re
from typing import NamedTuple

from rlad.verifier.budget import OperationBudget, ParseError, TooLarge


class Token(NamedTuple):
    """``kind`` is num, word, cmd, text, begin, end, op or eof; ``spaced`` tells whether white space came before."""

    kind: str
    text: str
    spaced: bool


EOF = Token("eof", "", False)

_TOKEN = re.compile(
    r"""(?P<space>\s+)
      | (?P<num>(?:\d+(?:\.(?!\.)\d*)?|\.\d+)(?:[eE][+-]?\d{1,6}(?![\w.]))?)
      | (?P<textcmd>\\(?:text|mbox|textbf|textrm|textit|textnormal|textsc|texttt|hbox|
            mathrm|mathbf|mathit|mathsf|mathcal|mathtt|boldsymbol|
            bm|operatorname\*?|vec|emph|underline|mathbb)\s*\{)
      | (?P<env>\\(?:begin|end)\s*\{\s*[a-zA-Z]{1,20}\*?\s*\})
      | (?P<cmd>\\(?:[a-zA-Z]+|.))
      | (?P<word>[A-Za-z]+)
      | (?P<op><=|>=|!=|==|:=|\*\*|->|\+-|[-+*/^_!'"%()\[\]{}|<>=,;:&.?\#@`$~])
    """,
    re.VERBOSE | re.DOTALL,
)
_THOUSANDS = re.compile(r"[1-9]\d{0,2}(?:,\d{3})+(?!\d|,\d)(?:\.\d+)?")
_OPENING = frozenset("([")
_CLOSING = frozenset(")]")


def tokenize(text: str, budget: OperationBudget, max_tokens: int, thousands: bool = True) -> list[Token]:
    """Tokens of ``text``, closed by ``EOF``.

    ``thousands``: outside brackets ``1,234`` is one number. Inside brackets it is a pair, as in ``(1,234)``.
    """
    tokens: list[Token] = []
    pos, depth, spaced, n = 0, 0, False, len(text)
    while pos < n:
        budget.spend(2)
        if len(tokens) > max_tokens:
            raise TooLarge("too many tokens")
        if (
            thousands
            and depth <= 0
            and text[pos] in "123456789"
            and (m := _THOUSANDS.match(text, pos))
            and not (tokens and tokens[-1].text == "," and not spaced)
        ):
            tokens.append(Token("num", m.group().replace(",", ""), spaced))
            pos, spaced = m.end(), False
            continue
        m = _TOKEN.match(text, pos)
        if m is None:
            raise ParseError(f"unexpected character {text[pos]!r}")
        kind, piece = m.lastgroup, m.group()
        pos = m.end()
        if kind == "space":
            spaced = True
            continue
        if kind == "num" and len(piece) > budget.max_digits:
            raise TooLarge("number with too many digits")
        if kind == "textcmd":
            content, pos = _braced(text, pos)
            name = piece[1:].split("{")[0].strip()
            tokens.append(
                Token(
                    "mathbb"
                    if name == "mathbb"
                    else "math"
                    if name.startswith(("math", "operator", "bold", "bm", "vec"))
                    else "text",
                    content,
                    spaced,
                )
            )
        elif kind == "env":
            tokens.append(
                Token(piece[1:].split("{")[0].strip(), piece.split("{")[1].rstrip("} ").strip().rstrip("*"), spaced)
            )
        else:
            if kind == "op":
                depth += (piece in _OPENING) - (piece in _CLOSING)
            elif kind == "cmd" and piece in ("\\{", "\\}", "\\lbrace", "\\rbrace"):
                depth += 1 if piece in ("\\{", "\\lbrace") else -1
            tokens.append(Token(kind, piece, spaced))
        spaced = False
    tokens.append(EOF)
    return tokens


def _braced(text: str, pos: int) -> tuple[str, int]:
    """The raw content up to the brace that closes the one before ``pos``."""
    depth, start = 1, pos
    for pos in range(start, len(text)):
        c = text[pos]
        if c == "{":
            depth += 1
        elif c == "}":
            depth -= 1
            if depth == 0:
                return text[start:pos], pos + 1
    raise ParseError("unbalanced braces")
