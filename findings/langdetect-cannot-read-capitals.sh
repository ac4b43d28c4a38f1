#!/usr/bin/env bash
# langdetect 1.0.9, the language check of IFEval: of a word in capitals it looks at the first letter only, so French
# in capitals is English with certainty .99999, and some English in capitals is German or Somali.
#
# Expected: letters are compared without regard to case, or capitals are refused.
# Seen: 39 short sentences in eight languages, the seed set (DetectorFactory.seed = 0):
#       written as                     lower case   Capitalised   CAPITALS
#       language found                 37           38            12
#       not English and called "en"    0            0             8
#       English and called "en"        6 of 6       6 of 6        4 of 6
#       Six French sentences in one text: lower case fr 0.99999, CAPITALS en 0.99999. HELLO WORLD is Somali.
#       An English sentence of 12 words, 5 of them in capitals, is still English.
# Why it matters: IFEval has the instruction "in English, and in all capital letters", and checks it with isupper() and
# detect() == "en" (lm-eval's ifeval task, and a reward that is made like it). A model that obeys fails a part of the
# time, with a verdict that other words would change; one that answers in the French of its prompt is paid. A reward against
# mixing languages sees the same in an answer in capitals. Lower the text before asking.
# Said where: nowhere; its page warns of other things, such as results that differ without a seed. From the second
# capital letter on nothing of a word is counted (langdetect/utils/ngram.py), which leaves the first letters.
set -euo pipefail
export PIP_DISABLE_PIP_VERSION_CHECK=1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
nice "$work/venv/bin/pip" install -qq --no-compile langdetect==1.0.9
nice "$work/venv/bin/python" - <<'PY'
from importlib.metadata import version
from langdetect import DetectorFactory, detect, detect_langs

DetectorFactory.seed = 0
texts = {
    "en": """the weather is nice today and we go for a walk|please write your whole answer in capital letters
she sells sea shells on the shore|machine learning models need a lot of data
this is how we solve the equation step by step|what a wonderful world it is""",
    "fr": """bonjour tout le monde, il fait beau aujourd'hui|nous allons résoudre cette équation pas à pas
les enfants jouent dans le jardin|je ne sais pas ce que tu veux dire
la réponse est donc égale à douze|il faut écrire toute la réponse en majuscules""",
    "de": """das wetter ist heute schön und wir gehen spazieren|bitte schreibe die ganze antwort in großbuchstaben
die kinder spielen im garten|ich weiß nicht was du meinst
so lösen wir die gleichung schritt für schritt|die antwort ist also zwölf""",
    "es": """hoy hace buen tiempo y vamos a pasear|los niños juegan en el jardín|no sé lo que quieres decir
así resolvemos la ecuación paso a paso|la respuesta es por lo tanto doce|escribe toda la respuesta en mayúsculas""",
    "it": """oggi il tempo è bello e andiamo a passeggiare|i bambini giocano nel giardino|non so cosa vuoi dire
così risolviamo l'equazione passo dopo passo|la risposta è quindi dodici|scrivi tutta la risposta in maiuscolo""",
    "pl": "dzisiaj jest ładna pogoda i idziemy na spacer|dzieci bawią się w ogrodzie|nie wiem co masz na myśli",
    "pt": "hoje o tempo está bom e vamos passear|as crianças brincam no jardim|não sei o que você quer dizer",
    "nl": "het weer is mooi vandaag en we gaan wandelen|de kinderen spelen in de tuin|ik weet niet wat je bedoelt",
}
rows = [(language, row) for language, text in texts.items() for row in text.replace("\n", "|").split("|")]
print("langdetect", version("langdetect"), len(rows), "sentences; expected the same in every row")
found = {}
for write in (str.lower, str.capitalize, str.upper):
    got = [(language, detect(write(row))) for language, row in rows]
    right = sum(language == guess for language, guess in got)
    taken = sum(language != "en" == guess for language, guess in got)
    english = sum(language == "en" == guess for language, guess in got)
    found[write.__name__] = right, taken, english
    print(f"{write.__name__:11} right {right}, called English but not {taken}, English {english} of 6")
french = " ".join(row for language, row in rows if language == "fr")
small, large = detect_langs(french), detect_langs(french.upper())
print("six French sentences:", small, "in capitals:", large, "| HELLO WORLD:", detect("HELLO WORLD"))
mixed = detect("please write your WHOLE ANSWER in CAPITAL LETTERS and nothing ELSE now")
print("some words in capitals:", mixed)
kept = found["lower"][0] > 35 and found["lower"][1] == 0 and found["upper"][0] < 16 and found["upper"][1] > 4
raise SystemExit(0 if kept and small[0].lang == "fr" and large[0].lang == "en" and mixed == "en" else 1)
PY
