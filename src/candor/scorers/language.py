"""A cheap guess of a message's language from its function words: en, de, es, other or unclear.

Only routes texts to lexicons; it is no language identification. Unclear (null) means too little to
say, as in "ok" or an order number. A text mostly in another script, or with function words of
another language, is ``other``.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from candor.scorers.tokens import Array, Flattener, Tokens, WordTable, cut

LANGUAGES = ("en", "de", "es", "other")
UNCLEAR = -1
_LONG_ENOUGH = 8
_THIN_SHARE = 0.12
_HITS_ABROAD = 2  # One function word alone may be a name or an article code.

_WORDS = {
    "en": """
        the a an and or but if then is are was were be been am i you he she it we they my your his
        her its our their this that these those there here what which who when where why how do does
        did done have has had can could will would shall should may might must not don't didn't
        doesn't isn't can't won't i'm i've it's that's to of in on at for from with by about as into
        out up down off over again please thanks thank hello hi hey yes yeah no ok okay need want
        help get got know just like any some all still now me him us them so very more
        bye thx sorry great good order account card phone email number name password
        """,
    "de": """
        der die das den dem des ein eine einen einem einer und oder aber wenn dann ist sind war waren
        bin bist sein ich du er sie es wir ihr mein meine meinen meinem meiner dein deine ihre ihren
        ihrem dieser diese dieses was welche wer wann wo warum wie habe hast hat haben hatte kann
        kannst kein keine keinen nicht nichts auch noch nur schon mit von zu zum zur bei nach aus auf
        im am an in vor seit bitte danke hallo guten tag ja nein mir mich dir dich uns ihnen sehr mal
        wird werden wurde immer jetzt wieder vielen dank leider gibt geht funktioniert alles mensch
        mitarbeiter rechnung bestellung konto sprechen echten einem
        """,
    "es": """
        el la los las un una unos unas y o pero si entonces es son era fue soy eres ser estar esta
        estoy yo usted ella nosotros ellos mi mis tu tus su sus este esto ese eso que quien cuando
        donde como porque por para con sin de del al en a no ya muy hay he ha han tengo tiene puedo
        puede quiero necesito hola gracias buenos buenas dias tardes favor me te se lo le les nos
        todo nada algo ahora cuenta pedido tarjeta hacer saber muchas sigue persona hablar agente
        funciona ayuda perfecto adios hasta luego
        """,
    "other": """
        le la les des du et ou mais est sont je tu il elle nous vous ils mon ma mes votre vos notre ce
        cette qui que quand pas ne avec pour dans sur au aux j'ai c'est n'est bonjour merci oui non
        commande compte suis avez
        il lo gli i uno di che non sono ho ha con per del della nel una mio mia questo questa come
        quando ciao grazie buongiorno ordine conto perche sei abbiamo
        o os as um uma e ou mas nao eu voce meu minha com para da do dos das no na em obrigado
        obrigada ola pedido por que isso esta muito sim
        de het een en of maar ik je jij hij zij wij jullie mijn jouw dit dat die wat wie waar hoe niet
        geen ook nog met van voor naar bij uit op aan heb hebt heeft kan bent ben graag dank hallo
        bestelling
        jest nie tak czy mam moje moj prosze dzien dobry dziekuje ze na do sie co jak
        och att det som inte jag du vi har kan min mitt till med hej tack ar
        bir ve bu ne icin ben sen degil var yok merhaba tesekkurler siparis
        """,
}
# Words of several languages count for each; a tie leaves the text unclear.


class _FunctionWords:
    def __init__(self) -> None:
        spoken: dict[str, set[int]] = {}
        for number, language in enumerate(LANGUAGES):
            for word in _WORDS[language].split():
                spoken.setdefault(word, set()).add(number)
        words = sorted(spoken)
        self.table = WordTable(words)
        self.counts = np.zeros((len(LANGUAGES), len(words) + 1), dtype=np.int64)
        for index, word in enumerate(words, start=1):
            self.counts[sorted(spoken[word]), index] = 1
        self.flattener = Flattener()


@lru_cache(maxsize=1)
def _function_words() -> _FunctionWords:
    return _FunctionWords()


def of_tokens(tokens: Tokens) -> Array:
    """Language of each row by its tokens alone: int8 index into ``LANGUAGES``, -1 unclear."""
    words = _function_words()
    found = words.table.find(tokens)
    if tokens.kernels is not None:
        hits = tokens.kernels.votes(tokens.first, found, words.counts)
    else:
        hits = np.stack([tokens.sum_by_row(each[found]) for each in words.counts])
    best = hits.argmax(axis=0)
    most = hits.max(axis=0)
    length = np.diff(tokens.first)
    alone = (hits == most).sum(axis=0) == 1
    sure = alone & ((best == 0) | (most >= _HITS_ABROAD))
    guess = np.where(sure, best, UNCLEAR)
    thin = (length >= _LONG_ENOUGH) & (most < _THIN_SHARE * length)
    return np.where(thin, LANGUAGES.index("other"), guess).astype(np.int8)


def refine(texts: pa.Array, guess: Array, flat: pa.Array | None = None) -> Array:
    """Languages of rows whose text goes beyond ASCII: scripts, and no words read into emoji.

    Args:
        texts: string array.
        guess: int8 from ``of_tokens`` over the same rows.
        flat: the texts as they were cut, where words may stand for emoji.

    Returns:
        int8 like ``guess``.
    """
    characters = pc.utf8_length(texts)
    foreign = _rows(pc.greater(pc.binary_length(texts), characters))
    if not len(foreign):
        return guess
    guess = guess.copy()
    if flat is not None:
        # Every character is one byte there, but where words were inserted.
        rows = _rows(pc.greater(pc.binary_length(flat), characters))
        if len(rows):
            some = _function_words().flattener.flatten(texts.take(pa.array(rows)))
            guess[rows] = np.concatenate([of_tokens(tokens) for tokens in cut(some)])
    some = texts.take(pa.array(foreign))
    strange = _rows(pc.match_substring_regex(some, r"[^\P{L}\p{Latin}]"))
    if len(strange):
        some = some.take(pa.array(strange))
        letters = pc.count_substring_regex(some, r"\pL").to_numpy()
        latin = pc.count_substring_regex(some, r"\p{Latin}").to_numpy()
        guess[foreign[strange[2 * latin < letters]]] = LANGUAGES.index("other")
    return guess


def _rows(found: pa.Array) -> Array:
    """Indices of what is true; null is not."""
    return np.flatnonzero(pc.fill_null(found, False).to_numpy(zero_copy_only=False))


def guess_languages(texts: pa.Array) -> Array:
    """Language of each text: int8 index into ``LANGUAGES``, -1 when unclear or null."""
    parts = [of_tokens(tokens) for tokens in cut(_function_words().flattener.flatten(texts))]
    return refine(texts, np.concatenate(parts) if parts else np.zeros(0, np.int8))
