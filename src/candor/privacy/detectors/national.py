"""National numbers by country: identity, tax, health and social security, with their checksums.

Only numbers that ``python-stdnum`` accepts (or whose fixed form is unmistakable) are found. Where
a checksum lets through more than about one number in fifty, the number must also be announced or
be written in its country's grouping, or an order number would be masked by chance.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import stdnum.br.cpf
import stdnum.ca.sin
import stdnum.ch.ssn
import stdnum.de.idnr
import stdnum.es.dni
import stdnum.es.nie
import stdnum.fr.nir
import stdnum.gb.nhs
import stdnum.in_.aadhaar
import stdnum.it.codicefiscale
import stdnum.nl.bsn
import stdnum.pl.pesel
import stdnum.pt.nif
import stdnum.se.personnummer

from candor.privacy.detectors import cues
from candor.privacy.detectors.span import Detector, Span, compact

Check = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Number:
    """One national number.

    Attributes:
        bare, grouped: its forms, as patterns that Python and RE2 both know; ``grouped`` is the
            country's own grouping, "" when there is none.
        check: whether the compacted number is valid.
        cue: words that announce it, None when none are looked for.
        needs_cue: whether the bare form must be announced.
    """

    bare: str
    grouped: str
    check: Check
    cue: re.Pattern[str] | None = None
    needs_cue: bool = False


def _words(words: str) -> re.Pattern[str]:
    return re.compile(rf"(?:\b|_)(?:{words})\b[^\d\n]{{0,24}}$", re.IGNORECASE)


def _us_ssn(number: str) -> bool:
    """Area not 000, 666 or 9xx, group not 00, serial not 0000 (rules of the issuing agency)."""
    area, group, serial = number[:3], number[3:5], number[5:]
    return area not in ("000", "666") and area < "900" and group != "00" and serial != "0000"


def _anything(_: str) -> bool:
    return True


def _gb_nino(number: str) -> bool:
    return number[:2] not in _GB_NO_PREFIX


_GB_NO_PREFIX = frozenset({"BG", "GB", "KN", "NK", "NT", "TN", "ZZ"})
_IT_DIGIT = "[0-9LMNP-V]"
_NUMBERS: dict[str, tuple[Number, ...]] = {
    "US": (
        Number(r"\d{9}", r"\d{3}-\d{2}-\d{4}|\d{3} \d{2} \d{4}", _us_ssn,
               _words(r"ssn|social security(?: number)?|social"), needs_cue=True),
        Number(r"9\d{8}", r"9\d{2}-[5-9]\d-\d{4}", _anything,
               _words(r"itin|taxpayer id\w*(?: number)?"), needs_cue=True),
    ),
    "GB": (
        Number(r"(?i:[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z]) ?\d{2} ?\d{2} ?\d{2} ?[A-Da-d]", "",
               _gb_nino),
        Number(r"\d{10}", r"\d{3}[ \-]\d{3}[ \-]\d{4}", stdnum.gb.nhs.is_valid,
               _words(r"nhs(?: number| no)?"), needs_cue=True),
    ),
    "DE": (
        Number(r"\d{11}", r"\d{2} \d{3} \d{3} \d{3}", stdnum.de.idnr.is_valid,
               _words(r"steuer\w*(?:[ -]?id\w*)?|id-?nr|idnr|tin|tax id\w*")),
    ),
    "FR": (
        Number(r"[12378]\d{4}(?:\d|[AB])\d{9}",
               r"[12378][ .]\d{2}[ .]\d{2}[ .](?:\d{2}|2[AB])[ .]\d{3}[ .]\d{3}[ .\-]{1,3}\d{2}",
               stdnum.fr.nir.is_valid),
    ),
    "ES": (
        Number(r"\d{8}[ \-]?[A-HJ-NP-TV-Za-hj-np-tv-z]", "", stdnum.es.dni.is_valid),
        Number(r"[XYZxyz][ \-]?\d{7}[ \-]?[A-HJ-NP-TV-Za-hj-np-tv-z]", "", stdnum.es.nie.is_valid),
    ),
    "IT": (
        Number(rf"(?i:[A-Z]{{6}}{_IT_DIGIT}{{2}}[A-EHLMPRST]{_IT_DIGIT}{{2}}[A-Z]{_IT_DIGIT}{{3}}"
               r"[A-Z]|[A-Z]{3} [A-Z]{3} \d{2}[A-EHLMPRST]\d{2} [A-Z]\d{3}[A-Z])", "",
               stdnum.it.codicefiscale.is_valid),
    ),
    "NL": (
        Number(r"\d{9}", r"\d{4}\.\d{2}\.\d{3}|\d{3} \d{3} \d{3}", stdnum.nl.bsn.is_valid,
               _words(r"bsn|burgerservicenummer|sofinummer|citizen service number"),
               needs_cue=True),
    ),
    "IN": (
        Number(r"[2-9]\d{11}", r"[2-9]\d{3}[ \-]\d{4}[ \-]\d{4}", stdnum.in_.aadhaar.is_valid,
               _words(r"aadhaa?r(?: card)?(?: number| no)?|adhaa?r|uid|uidai|आधार"),
               needs_cue=True),
        Number(r"(?:[A-Z]{5}\d{4}[A-Z]|[a-z]{3}[abcfghjlpt][a-z]\d{4}[a-z])", "", _anything),
    ),
    "BR": (
        Number(r"\d{11}", r"\d{3}\.\d{3}\.\d{3}[\-/]\d{2}|\d{3} \d{3} \d{3} \d{2}",
               stdnum.br.cpf.is_valid, _words(r"cpf")),
    ),
    "CA": (
        Number(r"\d{9}", r"\d{3}[ \-]\d{3}[ \-]\d{3}", stdnum.ca.sin.is_valid,
               _words(r"sin|social insurance(?: number)?"), needs_cue=True),
    ),
    "CH": (
        Number(r"756\d{10}", r"756[. ]\d{4}[. ]\d{4}[. ]\d{2}", stdnum.ch.ssn.is_valid),
    ),
    "PL": (Number(r"\d{11}", "", stdnum.pl.pesel.is_valid, _words("pesel"), needs_cue=True),),
    "PT": (
        Number(r"[1-35-9]\d{8}", r"[1-35-9]\d{2} \d{3} \d{3}", stdnum.pt.nif.is_valid,
               _words(r"nif|contribuinte"), needs_cue=True),
    ),
    "SE": (Number(r"(?:\d{2})?\d{6}[\-+]\d{4}", "", stdnum.se.personnummer.is_valid),),
}  # fmt: skip
COUNTRIES = tuple(_NUMBERS)


def detectors(regions: Sequence[str]) -> tuple[Detector, ...]:
    """Finders of the national numbers of the configured countries.

    Args:
        regions: ISO 3166 codes in upper case; countries without a table are passed over.
    """
    return tuple(
        _detector(f"national_id {region} {place}", number)
        for region in regions
        for place, number in enumerate(_NUMBERS.get(region, ()), start=1)
    )


def _detector(name: str, number: Number) -> Detector:
    forms = "|".join(form for form in (number.grouped, number.bare) if form)
    pattern = re.compile(
        rf"(?<![\w.\-/])(?:(?P<grouped>{number.grouped or '(?!)'})|{number.bare})(?![\w\-/]|\.\d)"
    )

    def find(text: str) -> Iterator[Span]:
        for match in pattern.finditer(text):
            if _accepts(number, match, text):
                yield Span(*match.span(), "national_id", compact(match[0]))

    return Detector(name, rf"(?:^|[^0-9A-Za-z])(?:{forms})(?:$|[^0-9A-Za-z])", find)


def _accepts(number: Number, match: re.Match[str], text: str) -> bool:
    if not number.check(compact(match[0])):
        return False
    if match["grouped"]:
        return True
    if number.cue is not None and number.cue.search(cues.before(text, match.start())):
        return True
    return not number.needs_cue and not cues.is_reference(text, match.start())
