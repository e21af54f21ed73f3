"""Where somebody is: IP addresses, coordinates, postal addresses and postcodes.

Only unmistakable forms. Addresses are found by number and street word (English, German, Spanish,
French, Italian, Dutch), postcodes alone only in the British form or when announced.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator

from candor.privacy.detectors import cues
from candor.privacy.detectors.span import Detector, Span, compact

_IPV4 = re.compile(r"(?<![\w.\-])\d{1,3}(?:\.\d{1,3}){3}(?![\w\-]|\.\d)")
_IPV6 = re.compile(
    r"(?<![\w:.])(?=[0-9A-Fa-f]{0,4}:[0-9A-Fa-f:]*)[0-9A-Fa-f:]{2,39}(?:(?<=:)\d{1,3}(?:\.\d{1,3}){3})?"
    r"(?:%\w{1,15})?(?![\w:])"
)
_DECIMAL_PAIR = re.compile(
    r"(?<![\w.])(?P<lat>[+-]?\d{1,2}\.\d{2,15})\s?°?\s?(?P<ns>[NSns]?)\b\s{0,2}[,;/ ]\s{0,3}"
    r"(?P<lon>[+-]?\d{1,3}\.\d{2,15})\s?°?\s?(?P<ew>[EWOewo]?)(?![\w]|\.\d)"
)
_DEGREES = re.compile(
    r"\d{1,2}\s?°\s?\d{1,2}(?:\.\d+)?\s?['′’]\s?(?:\d{1,2}(?:\.\d+)?\s?[\"″”]\s?)?[NS]"
    r"[\s,;]{0,3}\d{1,3}\s?°\s?\d{1,2}(?:\.\d+)?\s?['′’]\s?(?:\d{1,2}(?:\.\d+)?\s?[\"″”]\s?)?[EWO]"
)
_CAP = r"[A-ZÀ-ÖØ-Þ][\w'’.\-]*"
_STREET = (
    r"(?:Street|St|Avenue|Ave|Road|Rd|Lane|Ln|Drive|Dr|Boulevard|Blvd|Court|Ct|Way|Place|Pl|Square|"
    r"Sq|Terrace|Ter|Close|Crescent|Cres|Parkway|Pkwy|Highway|Hwy|Gardens|Grove|Mews|Row|Trail|"
    r"Circle|Cir|Marg|Nagar)"
)
_STATE = (
    r"(?:A[KLRZ]|C[AOT]|D[CE]|FL|GA|HI|I[ADLN]|K[SY]|LA|M[ADEINOST]|N[CDEHJMVY]|O[HKR]|PA|RI|S[CD]|"
    r"T[NX]|UT|V[AT]|W[AIVY])"
)
_GB_AREA = (
    r"(?:A[BL]|B[ABDHLNRST]?|C[ABFHMORTVW]|D[ADEGHLNTY]|E[CHNX]?|F[KY]|G[LUY]?|H[ADGPRSUX]|I[GMPV]|"
    r"JE|K[ATWY]|L[ADELNSU]?|M[EKL]?|N[EGNPRW]?|O[LX]|P[AEHLOR]|R[GHM]|S[AEGKLMNOPRSTWY]?|"
    r"T[ADFNQRSW]|UB|W[ACDFNRSV]?|YO|ZE)"
)
_GB_POSTCODE = rf"{_GB_AREA}\d[A-Z\d]?\s?\d[ABD-HJLNP-UW-Z]{{2}}"
_TAIL = (
    rf"(?:,?\s{{1,2}}(?:(?:Apt|Apartment|Suite|Unit|Flat|Floor|#)\.?\s?\w{{1,6}}))?"
    rf"(?:,?\s{{1,2}}{_CAP}(?:\s{_CAP}){{0,3}})?"
    rf"(?:,?\s{{1,2}}(?:{_GB_POSTCODE}|{_STATE}(?:\s\d{{5}}(?:-\d{{4}})?)?|\d{{5,6}}))?"
)
_ENGLISH = re.compile(
    rf"(?<![\w.\-/])\d{{1,5}}[A-Za-z]?,?\s(?:[NSEW]\.?\s)?(?:(?:{_CAP}|\d{{1,3}}(?:st|nd|rd|th))\s)"
    rf"{{1,4}}{_STREET}\b\.?{_TAIL}"
)
_LOWER = re.compile(
    r"(?<![\w.\-/$€£])\d{1,5}[a-z]?,?\s(?!(?:the|a|an|my|on|in|of|at|and|or|to|for|from|main|days?|"
    r"hours?|times?|minutes?|people|items?|more|other|different)\s)[a-z]{3,20}\s(?:[a-z]{3,20}\s)?"
    r"(?:street|avenue|boulevard|lane|blvd)\b(?:,?\s(?!and\b|or\b|is\b|in\b)[a-z]{3,20})?"
    r"(?:,?\s(?:[a-z]{2}\s)?\d{5})?",
    re.IGNORECASE,
)
_GERMAN = re.compile(
    rf"\b(?:{_CAP}\s){{0,2}}[A-ZÄÖÜ][\wäöüß\-]*(?:straße|strasse|str\.|weg|platz|allee|gasse|ufer|damm)"
    rf"\s\d{{1,4}}\s?[a-z]?\b(?:,?\s\d{{5}}\s{_CAP})?"
    rf"|\b(?:[A-ZÄÖÜ][\wäöüß\-]+\s)(?:Straße|Strasse|Str\.|Weg|Platz|Allee)\s\d{{1,4}}\s?[a-z]?\b"
    rf"(?:,?\s\d{{5}}\s{_CAP})?"
)
_ROMANCE = re.compile(
    rf"\b(?:Calle|C/|Avda\.?|Avenida|Plaza|Paseo|Carrer|Rua|Via|Viale|Piazza|Corso)\s"
    rf"(?:(?:de|del|la|las|los|da|do|di|della|dei)\s){{0,2}}{_CAP}(?:\s{_CAP}){{0,3}},?\s"
    rf"(?:n[ºo°.]{{0,2}}\s?)?\d{{1,5}}\b(?:,\s\d{{5}}(?:\s{_CAP})?)?"
    rf"|(?<![\w.])\d{{1,4}}(?:\s(?:bis|ter))?,?\s(?:rue|avenue|boulevard|place|allée|chemin|impasse|quai)\s"
    rf"(?:(?:de la|de l['’]|des|du|de|d['’])\s?)?{_CAP}(?:[\s\-]{_CAP}){{0,3}}(?:,?\s\d{{5}}(?:\s{_CAP})?)?"
)
_DUTCH = re.compile(
    rf"\b[A-Z][\w\-]*(?:straat|laan|plein|gracht|kade|dijk)\s\d{{1,4}}\s?[a-zA-Z]?\b"
    rf"(?:,?\s\d{{4}}\s?[A-Z]{{2}}\b(?:\s{_CAP})?)?"
)
_BOX = re.compile(
    r"\b(?:P\.?\s?O\.?\s?Box|Postfach|Apartado(?: de correos)?)\s\d{1,6}\b", re.IGNORECASE
)
_POSTCODE = re.compile(rf"(?<![\w\-/]){_GB_POSTCODE}(?![\w\-])")
_STATED_POSTCODE = re.compile(
    r"\b(?:zip(?:[ -]?code)?|post ?code|postal code|postleitzahl|plz|c[oó]digo postal|code postal|"
    r"pin ?code|pincode|cap|cep)\b[\s:=]*(?:(?:is|ist|es|est)\s)?(?P<code>\d{5}-\d{3,4}|\d{3} \d{3}|"
    r"\d{4}\s?[A-Z]{2}\b|\d{4,6}|[A-Z]{1,2}\d[A-Z\d]?\s?\d[A-Z]{2}|[A-Z]\d[A-Z]\s?\d[A-Z]\d)\b",
    re.IGNORECASE,
)


def _addresses_of_machines(text: str) -> Iterator[Span]:
    for match in _IPV4.finditer(text):
        if _is_ip(match[0]) and not cues.is_reference(text, match.start()):
            yield Span(*match.span(), "ip", match[0])
    for match in _IPV6.finditer(text):
        found = match[0]
        if found.count(":") >= 2 and found.strip(":") and _is_ip(found.split("%")[0]):
            yield Span(*match.span(), "ip", str(ipaddress.ip_address(found.split("%")[0])))


def _is_ip(found: str) -> bool:
    try:
        ipaddress.ip_address(found)
    except ValueError:
        return False
    return True


def _coordinates(text: str) -> Iterator[Span]:
    for match in _DECIMAL_PAIR.finditer(text):
        if abs(float(match["lat"])) > 90 or abs(float(match["lon"])) > 180:
            continue
        places = min(len(match[name].split(".")[1]) for name in ("lat", "lon"))
        if (match["ns"] and match["ew"]) or places >= 4:
            yield Span(*match.span(), "coordinates", compact(match[0]))
    for match in _DEGREES.finditer(text):
        yield Span(*match.span(), "coordinates", compact(match[0]))


def _address(form: re.Pattern[str]) -> Callable[[str], Iterator[Span]]:
    def find(text: str) -> Iterator[Span]:
        for match in form.finditer(text):
            if not cues.is_reference(text, match.start()):
                yield Span(*match.span(), "address", compact(match[0]))

    return find


def _postcodes(text: str) -> Iterator[Span]:
    for match in _POSTCODE.finditer(text):
        if not cues.is_reference(text, match.start()):
            yield Span(*match.span(), "postcode", compact(match[0]))


def _stated_postcodes(text: str) -> Iterator[Span]:
    for match in _STATED_POSTCODE.finditer(text):
        yield Span(*match.span("code"), "postcode", compact(match["code"]))


DETECTORS = (
    Detector(
        "ip",
        r"\d\.\d{1,3}\.\d{1,3}\.\d|[0-9A-Fa-f]:[0-9A-Fa-f]{0,4}:|::[0-9A-Fa-f]",
        _addresses_of_machines,
    ),
    Detector(
        "coordinates",
        r"\d\.\d{2,}\s?°?\s?[NSns]?\s{0,2}[,;/ ]\s{0,3}[+-]?\d{1,3}\.\d{2}|\d\s?°",
        _coordinates,
    ),
    Detector("address, English", rf"\s{_STREET}(?:$|[^A-Za-z])", _address(_ENGLISH)),
    Detector(
        "address, lower case",
        r"(?i)[a-z]\s(?:street|avenue|boulevard|lane|blvd)\b",
        _address(_LOWER),
    ),
    Detector(
        "address, German",
        r"(?:[sS]tra(?:ß|ss)e|[sS]tr\.|[wW]eg|[pP]latz|[aA]llee|gasse|ufer|damm)\s\d",
        _address(_GERMAN),
    ),
    Detector(
        "address, Romance",
        r"\b(?:Calle|C/|Avda\.?|Avenida|Plaza|Paseo|Carrer|Rua|Via|Viale|Piazza|Corso)\s"
        r"|\d(?:\s(?:bis|ter))?,?\s(?:rue|avenue|boulevard|place|allée|chemin|impasse|quai)\s",
        _address(_ROMANCE),
    ),
    Detector("address, Dutch", r"(?:straat|laan|plein|gracht|kade|dijk)\s\d", _address(_DUTCH)),
    Detector("address, box", r"(?i)box\s\d|postfach\s\d|apartado\s", _address(_BOX)),
    Detector("postcode", r"[A-Z]\d[A-Z\d]?\s?\d[A-Z]{2}", _postcodes),
    Detector(
        "postcode, stated",
        r"(?i)\b(?:zip|post ?code|postal code|postleitzahl|plz|c[oó]digo postal|code postal|"
        r"pin ?code|cap|cep)\b",
        _stated_postcodes,
    ),
)
