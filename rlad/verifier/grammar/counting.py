"""Numbers in words: English numerals, and the words that scale a number of digits, in the languages answers come in."""

from __future__ import annotations

from fractions import Fraction

_UNITS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
)
NUMBER_WORDS = {w: i for i, w in enumerate(_UNITS.split())}
_TENS = {
    w: 10 * i
    for i, w in enumerate(["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"], start=2)
}
_SCALES = {"hundred": 100, "thousand": 1_000, "million": 10**6, "billion": 10**9, "trillion": 10**12, "dozen": 12}
_NTHS = (
    "third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth sixteenth "
    "seventeenth eighteenth nineteenth twentieth"
)
_PARTS = {w: Fraction(1, n) for n, w in enumerate(_NTHS.split(), start=3)}
_PARTS |= {"hundredth": Fraction(1, 100), "thousandth": Fraction(1, 1000), "millionth": Fraction(1, 10**6)}
_PARTS |= {"quarter": Fraction(1, 4)}
_PARTS |= {w + "s": v for w, v in _PARTS.items()} | {"half": Fraction(1, 2), "halves": Fraction(1, 2)}

_WORDS = {
    100: "hundred hundreds सौ",
    1000: (
        "thousand thousands k tausend tsd duizend mille millier milliers mil mila tusen tusind tuhat "
        "tuhatta tysiąc tysiące tysięcy tys tisíc tisíce tisíců ezer mii ribu nghìn ngàn тысяча тысячи "
        "тысяч тыс тисяча тисячі тисяч тис χιλιάδες χίλια हज़ार हजार ألف آلاف אלף אלפים 千 천 พัน"
    ),
    10**4: "万 萬 만 หมื่น",
    10**5: "lakh lakhs lac lacs लाख แสน",
    10**6: (
        "million millions mio mln millionen miljoen miljoenen millón millones milhão milhões milione "
        "milioni miljon miljoner millioner milion miliony milionów milionů milioane millió milyon juta "
        "triệu миллион миллиона миллионов млн мільйон мільйони мільйонів εκατομμύριο εκατομμύρια मिलियन "
        "مليون ملايين מיליון 百万 백만 ล้าน miljoona miljoonaa"
    ),
    10**7: "crore crores करोड़ 千万",
    10**8: "亿 億 억",
    10**9: (
        "billion billions bn milliard milliards milliarde milliarden mrd miliardo miliardi miljard "
        "miljarder miljarden milliarder miliard miliardy miliardów miliarda miliarde milliárd milyar "
        "miliar tỷ tỉ bilhão bilhões миллиард миллиарда миллиардов млрд мільярд мільярди мільярдів "
        "δισεκατομμύριο δισεκατομμύρια अरब مليار مليارات מיליארד miljardi miljardia"
    ),
    10**12: "trillion trillions billionen billón billones biljoen biljoner triliun трлн 兆 조",
    12: "dozen dozens dutzend douzaine douzaines docena docenas dúzia dúzias дюжина дюжины дюжин",
}
SCALES: dict[str, Fraction] = {w: Fraction(scale) for scale, words in _WORDS.items() for w in words.split()}
"""Word behind a number of digits, without capitals -> what it multiplies the number by. Billions are the short scale's.

Halves and quarters are left out: behind digits they are more often things (coins, halves of a game) than parts."""
SCALES |= {w: v for w, v in _PARTS.items() if w.endswith("s") and w not in ("halves", "quarters")}


def scale_of(word: str) -> Fraction | None:
    """What a word behind a number multiplies it by; None for any other word.

    >>> scale_of("Mio."), scale_of("thousandths"), scale_of("apples")
    (Fraction(1000000, 1), Fraction(1, 1000), None)
    """
    return SCALES.get(word.casefold().rstrip("."))


def number_from_words(text: str) -> Fraction | None:
    """``"twenty-three"``, ``"one hundred and five"``, ``"two thirds"``, ``"half a million"``; None for other texts.

    >>> [str(number_from_words(t)) for t in ("twenty-three", "one and a half", "two dozen", "two three", "half of")]
    ['23', '3/2', '24', 'None', 'None']
    """
    words = text.lower().replace("-", " ").split()
    if not words or len(words) > 14 or words[-1] in ("a", "of"):
        return None
    if words[0] in ("minus", "negative") and len(words) > 1:
        value = _unsigned(words[1:])
        return None if value is None else -value
    return _unsigned(words)


def _unsigned(words: list[str]) -> Fraction | None:
    if words[0] == "half" and len(words) > 1 and words[1] in ("a", "of"):  # half a million
        rest = _unsigned(words[1:] if words[1] == "a" else words[2:])
        return None if rest is None else rest / 2
    if words[-1] in _PARTS:
        return _with_part(words[:-1], _PARTS[words[-1]])
    if words[0] in ("a", "an") and len(words) > 1 and words[1] in _SCALES:
        words = ["one", *words[1:]]
    return _cardinal(words)


def _with_part(words: list[str], part: Fraction) -> Fraction | None:
    """``two`` thirds, a half, ``one and a`` half, ``two and three`` quarters."""
    if words in ([], ["a"], ["an"], ["one"]):
        return part if words or part == Fraction(1, 2) else None
    if "and" in words:
        cut = len(words) - 1 - words[::-1].index("and")
        whole, count = _cardinal(words[:cut]), _with_part(words[cut + 1 :], part) if words[cut + 1 :] else None
        return None if whole is None or count is None or count >= 1 else whole + count
    count = _cardinal(words)
    return None if count is None or count < 2 or count > 20 else count * part


def _cardinal(words: list[str]) -> Fraction | None:
    total = current = 0
    seen = False
    for w in words:
        if w in NUMBER_WORDS:
            current += NUMBER_WORDS[w]
        elif w in _TENS:
            current += _TENS[w]
        elif w in ("hundred", "dozen") and seen:
            current *= _SCALES[w]
        elif w in _SCALES and seen:
            total += current * _SCALES[w]
            current = 0
        elif w == "and" and seen:
            continue
        else:
            return None
        seen = True
    # "two three" is no number: the words read must give the words back in value order
    return Fraction(total + current) if seen and _well_formed(words) else None


def _well_formed(words: list[str]) -> bool:
    last = None
    for w in words:
        kind = "unit" if w in NUMBER_WORDS else "ten" if w in _TENS else "scale" if w in _SCALES else "and"
        if kind == "unit" and (last == "unit" or (last == "ten" and not 0 < NUMBER_WORDS[w] < 10)):
            return False
        if kind == "ten" and last in ("unit", "ten"):
            return False
        last = kind
    return last != "and"
