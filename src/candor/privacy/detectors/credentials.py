"""Secrets: keys, tokens, private keys, secrets inside addresses, and passwords somebody states.

Only finds. A word after "password is" counts as a password when it looks like one (a digit, a
sign, mixed case, quotes) or when it is no ordinary predicate ("wrong", "expired", …).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from candor.privacy.detectors.span import PLACEHOLDER, Detector, Span

_PRIVATE_KEY = re.compile(
    r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----.*?"
    r"(?:-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----|\Z)",
    re.DOTALL,
)
_USERINFO = re.compile(r"(?<=://)[^\s/@:]{1,100}:[^\s/@]{1,200}(?=@)")
_PARAMETER = re.compile(
    r"(?<=[?&;#])((?:[\w\-]*(?:token|secret|passw(?:or)?d|pwd|api_?key|signature|session(?:_?id)?|"
    r"credential)|sig|key|auth|code|otp|sid|jwt|hash|reset|invite|pass)=)([^\s&;#\"'<>\])]{4,})",
    re.IGNORECASE,
)
_JWT = re.compile(r"\beyJ[\w\-]{6,}\.[\w\-]{2,}\.[\w\-]*")
_BEARER = re.compile(
    r"\b(?:bearer|(?<=authorization: )basic|(?<=authorization: )token)\s+([\w\-.~+/]{8,}=*)",
    re.IGNORECASE,
)
_API_KEY = re.compile(
    r"(?<![\w\-])(?:"
    r"sk-[\w\-]{16,}|[srp]k_(?:live|test)_\w{10,}|whsec_\w{16,}|(?:AKIA|ASIA|AROA|AIDA)[0-9A-Z]{16}|"
    r"gh[pousr]_\w{30,}|github_pat_\w{22,}|glpat-[\w\-]{20,}|xox[abeprs]-[\w\-]{10,}|"
    r"AIza[\w\-]{35}|ya29\.[\w\-]{20,}|SG\.[\w\-]{16,}\.[\w\-]{16,}|npm_\w{36}|hf_\w{30,}|"
    r"shp(?:at|ca|pa|ss)_[0-9a-f]{32}|dop_v1_[0-9a-f]{64}|key-[0-9a-f]{32}|sq0\w{3}-[\w\-]{22,}|"
    r"AC[0-9a-f]{32}|EAA[A-Za-z0-9]{60,}|pypi-[\w\-]{50,}|lin_api_\w{30,}|sntrys_[\w=]{20,}"
    r")(?![\w\-])"
)
_NAMED_KEY = re.compile(
    r"\b(?:api[ _\-]?(?:key|token|secret)|access[ _\-]?(?:key|token)|client[ _\-]?secret|"
    r"secret[ _\-]?(?:key|token)|auth[ _\-]?token|private[ _\-]?token)\s*(?:is|:|=|was)?\s*"
    r"[\"'`]?((?=[\w\-.+/=]*\d)[\w\-.+/=]{12,})",
    re.IGNORECASE,
)
_STATED = re.compile(
    r"\b(?P<what>pass ?words?|pass ?codes?|pass ?phrases?|passwd|pwd|pw|pin(?: ?code| number)?|otp|"
    r"one[- ]time (?:code|password)|(?:verification|security|login|access) code|cvv2?|cvc2?|"
    r"passwor[td]s?|kennwort|contrase(?:ñ|n)a|clave|mot de passe|wachtwoord|senha|parola d'ordine)"
    r"(?P<link>\s*(?:[:=]|->|→)+\s*|\s+(?:is|was|are|ist|war|lautet|lautete|es|era|est|è|é)"
    r"(?:\s+(?:now|set to|still|this|jetzt|ahora))?\s*:?\s+)"
    r"(?P<quote>[\"'`“”„«]?)(?P<value>[^\s\"“”«»]{3,64})",
    re.IGNORECASE,
)
# A word and a number, read out one after the other: "password is maple 4471".
_NUMBER_AFTER = re.compile(r"\s(\d{2,8})\b(?!\s*(?:times|days|hours|minutes|characters|digits))")
_PREDICATE_WORDS = """
    a about accepted active again all already also always an and any apparently asked asking
    automatically available back bad because been being blank blocked broken but case changed
    changing compromised correct correctly currently denied different disabled empty entered even
    exactly expired expiring failing fine for forgotten found from gone good grayed hacked hard
    have hidden how ignored in inactive incorrect invalid it just known locked long lost me
    mandatory mine missing my necessary needed never new no nope not nothing now of off ok okay old
    on only or out please possible protected recognised recognized refused rejected required reset
    resetting right safe same saved secure sent set short showing simple so something still strong
    stuck such supposed temporarily temporary that the there this to too unchanged unknown updated
    using valid visible wait was weak well what when where which why with without working wrong yes
    you your accepted needed requested reused stored visible written optional
    falsch richtig nicht abgelaufen gesperrt weg neu korrekt vergessen ungültig leider immer kein
    schon noch zu sehr mein das die der ein eine
    incorrecta incorrecto correcta correcto inválida errónea no muy la el mi una un caducada nueva
    bloqueada olvidada incorrect invalide perdu oublié pas expiré
    """
_PREDICATES = frozenset(_PREDICATE_WORDS.split())


def _private_keys(text: str) -> Iterator[Span]:
    for match in _PRIVATE_KEY.finditer(text):
        yield Span(*match.span(), "private_key", match[0])


def _url_secrets(text: str) -> Iterator[Span]:
    for match in _USERINFO.finditer(text):
        yield Span(*match.span(), "url_secret", match[0])
    for match in _PARAMETER.finditer(text):
        yield Span(*match.span(2), "url_secret", match[2])


def _tokens(text: str) -> Iterator[Span]:
    for match in _JWT.finditer(text):
        yield Span(*match.span(), "jwt", match[0])
    for match in _BEARER.finditer(text):
        if any(character.isdigit() for character in match[1]) or len(match[1]) >= 20:
            yield Span(*match.span(1), "token", match[1])


def _api_keys(text: str) -> Iterator[Span]:
    for match in _API_KEY.finditer(text):
        yield Span(*match.span(), "api_key", match[0])
    for match in _NAMED_KEY.finditer(text):
        yield Span(*match.span(1), "api_key", match[1])


def _is_password(value: str, *, quoted: bool, linked_by_sign: bool, is_pin: bool) -> bool:
    bare = value.strip(".,;:!?)('’")
    if len(bare) < 3 or bare.rstrip("0123456789").casefold() in _PREDICATES:
        return False
    if is_pin:
        return bare.isdigit() and 3 <= len(bare) <= 10
    if quoted or any(not character.isalpha() and character not in "'’-" for character in bare):
        return True
    if not bare.islower() and not bare.istitle():
        return True
    return linked_by_sign or (len(bare) >= 6 and not bare.endswith(("ing", "ed", "en", "ly")))


def _passwords(text: str) -> Iterator[Span]:
    for match in _STATED.finditer(text):
        value = match["value"]
        if PLACEHOLDER.match(value):
            continue
        is_pin = match["what"][:3].casefold() in ("pin", "otp", "cvv", "cvc") or match[
            "what"
        ].casefold().endswith("code")
        kept = value.rstrip(".,;:)'’") or value
        number = _NUMBER_AFTER.match(text, match.end("value")) if kept.isalpha() else None
        if _is_password(
            value + (number[1] if number else ""),
            quoted=bool(match["quote"]),
            linked_by_sign=any(sign in match["link"] for sign in ":=>→"),
            is_pin=is_pin,
        ):
            start = match.start("value")
            end = number.end() if number else start + len(kept)
            yield Span(start, end, "password", text[start:end])


DETECTORS = (
    Detector("private_key", r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY", _private_keys),
    Detector("url_secret", r"://[^\s/@:]{1,100}:|[?&;#][\w\-]{1,64}=[^\s&;#]{4}", _url_secrets),
    Detector("token", r"\beyJ[\w\-]{6}|(?i)\bbearer\s|authorization: ", _tokens),
    Detector(
        "api_key",
        r"\b(?:sk-|[srp]k_(?:live|test)_|whsec_|A(?:KIA|SIA|ROA|IDA)[0-9A-Z]|gh[pousr]_|github_pat_"
        r"|glpat-|xox[abeprs]-|AIza|ya29\.|SG\.|npm_|hf_|shp(?:at|ca|pa|ss)_|dop_v1_|key-|sq0"
        r"|AC[0-9a-f]{6}|EAA|pypi-|lin_api_|sntrys_)"
        r"|(?i)\b(?:api|access|client|secret|auth|private)[ _\-]?(?:key|token|secret)",
        _api_keys,
    ),
    Detector(
        "password",
        r"(?i)pass ?wor|pass ?code|pass ?phrase|passwd|\bpwd|\bpw\b|\bpin\b|\botp\b|one[- ]time|"
        r"(?:tion|rity|ogin|cess) code|\bcv[vc]|kennwort|contrase|\bclave\b|mot de passe|wachtwoord|"
        r"\bsenha\b|parola",
        _passwords,
    ),
)
