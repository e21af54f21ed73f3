"""Planted personal data of known kinds and harmless texts that look like them; own, seeded."""

from __future__ import annotations

import random
from collections.abc import Callable

import phonenumbers
from stdnum import iban, luhn, verhoeff
from stdnum.br import cpf
from stdnum.de import idnr
from stdnum.es import dni
from stdnum.fr import nir
from stdnum.gb import nhs
from stdnum.it import codicefiscale
from stdnum.nl import bsn

Maker = Callable[[random.Random], str]


def _digits(rng: random.Random, size: int) -> str:
    return "".join(rng.choice("0123456789") for _ in range(size))


def _letters(rng: random.Random, size: int) -> str:
    return "".join(rng.choice("ABCDEFGHIJKLMNOPQRSTUVWXYZ") for _ in range(size))


def _word(rng: random.Random, size: int) -> str:
    return _letters(rng, size).lower()


def _token(rng: random.Random, size: int) -> str:
    return "".join(rng.choice("abcdefghijkmnpqrstuvwxyzABCDEFGH23456789") for _ in range(size))


def _until(rng: random.Random, make: Maker, valid: Callable[[str], bool]) -> str:
    while True:
        made = make(rng)
        if valid(made):
            return made


def _email(rng: random.Random) -> str:
    local = rng.choice(
        [_word(rng, 6), f"{_word(rng, 5)}.{_word(rng, 4)}+x", "jörg." + _word(rng, 4)]
    )
    return f"{local}@{rng.choice([_word(rng, 7), 'exämple', 'mail.' + _word(rng, 4)])}.{rng.choice(['com', 'de', 'co.uk', 'example'])}"


def _card(rng: random.Random) -> str:
    prefix, size = rng.choice(
        [("4", 16), ("51", 16), ("2221", 16), ("37", 15), ("6011", 16), ("36", 14)]
    )
    body = prefix + _digits(rng, size - 1 - len(prefix))
    number = body + luhn.calc_check_digit(body)
    if size != 16:
        return number
    return rng.choice(["", " ", "-", "\n"]).join(number[at : at + 4] for at in range(0, 16, 4))


def _iban(rng: random.Random) -> str:
    country, body = rng.choice(
        [
            ("DE", _digits(rng, 18)),
            ("GB", _letters(rng, 4) + _digits(rng, 14)),
            ("AT", _digits(rng, 16)),
            ("CH", _digits(rng, 17)),
        ]
    )
    number = country + iban.calc_check_digits(country + "00" + body) + body
    return rng.choice([number, " ".join(number[at : at + 4] for at in range(0, len(number), 4))])


def _national_phone(region: str) -> Maker:
    def make(rng: random.Random) -> str:
        while True:
            example = phonenumbers.example_number_for_type(
                region,
                rng.choice(
                    [phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE]
                ),
            )
            text = str(example.national_number)
            example.national_number = int(text[:-4] + _digits(rng, 4))
            if phonenumbers.is_valid_number(example):
                break
        style = rng.choice(
            [phonenumbers.PhoneNumberFormat.INTERNATIONAL, phonenumbers.PhoneNumberFormat.NATIONAL]
        )
        written = phonenumbers.format_number(example, style)
        return written if style else rng.choice(["call me on ", "my mobile is "]) + written

    return make


def _ssn(rng: random.Random) -> str:
    return f"{rng.randint(1, 665):03d}-{rng.randint(1, 99):02d}-{rng.randint(1, 9999):04d}"


def _nino(rng: random.Random) -> str:
    digits = _digits(rng, 6)
    return rng.choice([f"AB{digits}C", f"JM {digits[:2]} {digits[2:4]} {digits[4:]} A"])


def _nhs(rng: random.Random) -> str:
    number = _until(rng, lambda r: _digits(r, 10), nhs.is_valid)
    return rng.choice([f"{number[:3]} {number[3:6]} {number[6:]}", f"NHS number {number}"])


def _idnr(rng: random.Random) -> str:
    def make(each: random.Random) -> str:
        ten = [*"123456789", each.choice("123456789")]
        each.shuffle(ten)
        body = "".join(ten)
        return body + idnr.mod_11_10.calc_check_digit(body)

    return _until(rng, make, idnr.is_valid)


def _nir(rng: random.Random) -> str:
    body = f"{rng.choice('12')}{_digits(rng, 2)}{rng.randint(1, 12):02d}{rng.randint(1, 95):02d}{_digits(rng, 6)}"
    number = body + nir.calc_check_digits(body)
    return rng.choice(
        [
            number,
            f"{number[0]} {number[1:3]} {number[3:5]} {number[5:7]} {number[7:10]} {number[10:13]} {number[13:]}",
        ]
    )


def _dni(rng: random.Random) -> str:
    body = _digits(rng, 8)
    return body + rng.choice(["", "-"]) + dni.calc_check_digit(body)


def _cf(rng: random.Random) -> str:
    body = f"{_letters(rng, 6)}{rng.randint(40, 99)}{rng.choice('ABCDEHLMPRST')}{rng.randint(1, 28):02d}H{rng.randint(100, 999)}"
    return body + codicefiscale.calc_check_digit(body)


def _bsn(rng: random.Random) -> str:
    return "BSN " + _until(rng, lambda r: _digits(r, 9), bsn.is_valid)


def _aadhaar(rng: random.Random) -> str:
    body = rng.choice("23456789") + _digits(rng, 10)
    number = body + verhoeff.calc_check_digit(body)
    return f"{number[:4]} {number[4:8]} {number[8:]}"


def _pan(rng: random.Random) -> str:
    return f"{_letters(rng, 3)}P{_letters(rng, 1)}{_digits(rng, 4)}{_letters(rng, 1)}"


def _cpf(rng: random.Random) -> str:
    number = _until(rng, lambda r: _digits(r, 9), lambda n: len(set(n)) > 1)
    number += cpf._calc_check_digits(number)
    return rng.choice([number, f"{number[:3]}.{number[3:6]}.{number[6:9]}-{number[9:]}"])


def _ipv4(rng: random.Random) -> str:
    return ".".join(str(rng.randint(1, 254)) for _ in range(4))


def _ipv6(rng: random.Random) -> str:
    return f"2001:db8:{rng.randint(1, 65535):x}::{rng.randint(1, 65535):x}"


def _api_key(rng: random.Random) -> str:
    return rng.choice(
        [
            "sk-" + _token(rng, 24),
            "AKIA" + _letters(rng, 16),
            "ghp_" + _token(rng, 36),
            "sk_live_" + _token(rng, 20),
            "xoxb-" + _digits(rng, 12),
        ]
    )


def _upi(rng: random.Random) -> str:
    return f"{_word(rng, 6)}{_digits(rng, 2)}@{rng.choice(['okaxis', 'ybl', 'paytm', 'upi'])}"


def _birth(rng: random.Random) -> str:
    day, month, year = rng.randint(1, 28), rng.randint(1, 12), rng.randint(1930, 2008)
    cue = rng.choice(
        ["born on ", "DOB: ", "date of birth ", "geboren am ", "fecha de nacimiento: "]
    )
    return cue + rng.choice(
        [
            f"{day:02d}/{month:02d}/{year}",
            f"{year}-{month:02d}-{day:02d}",
            f"{day}.{month}.{year}",
            f"{day} March {year}",
        ]
    )


def _address(rng: random.Random) -> str:
    number = rng.randint(1, 220)
    return rng.choice(
        [
            f"{number} Maple Street",
            f"{number} Old Mill Road, Springfield, IL 62704",
            f"Lindenstraße {number}, 10969 Berlin",
            f"Calle Mayor {number}",
            f"{number} rue de la Paix",
        ]
    )


def _coordinates(rng: random.Random) -> str:
    return f"{rng.uniform(-89, 89):.5f}, {rng.uniform(-179, 179):.5f}"


# Kind of the placeholder expected, and a maker. All have a checksum or a fixed form.
FIXED: dict[str, tuple[str, Maker]] = {
    "email": ("EMAIL", _email),
    "card": ("CARD", _card),
    "iban": ("IBAN", _iban),
    "phone_us": ("PHONE", _national_phone("US")),
    "phone_gb": ("PHONE", _national_phone("GB")),
    "phone_de": ("PHONE", _national_phone("DE")),
    "phone_fr": ("PHONE", _national_phone("FR")),
    "phone_in": ("PHONE", _national_phone("IN")),
    "us_ssn": ("NATIONAL_ID", _ssn),
    "gb_nino": ("NATIONAL_ID", _nino),
    "gb_nhs": ("NATIONAL_ID", _nhs),
    "de_idnr": ("NATIONAL_ID", _idnr),
    "fr_nir": ("NATIONAL_ID", _nir),
    "es_dni": ("NATIONAL_ID", _dni),
    "it_cf": ("NATIONAL_ID", _cf),
    "nl_bsn": ("NATIONAL_ID", _bsn),
    "in_aadhaar": ("NATIONAL_ID", _aadhaar),
    "in_pan": ("NATIONAL_ID", _pan),
    "br_cpf": ("NATIONAL_ID", _cpf),
    "ipv4": ("IP", _ipv4),
    "ipv6": ("IP", _ipv6),
    "api_key": ("API_KEY", _api_key),
    "bearer": ("TOKEN", lambda rng: "Authorization: Bearer " + _token(rng, 32)),
    "jwt": ("JWT", lambda rng: f"eyJ{_token(rng, 20)}.{_token(rng, 30)}.{_token(rng, 20)}"),
    "private_key": ("PRIVATE_KEY", lambda rng: f"-----BEGIN RSA PRIVATE KEY-----\n{_token(rng, 60)}\n-----END RSA PRIVATE KEY-----"),
    "url_token": ("URL_SECRET", lambda rng: f"https://shop.example/reset?token={_token(rng, 20)}"),
    "url_login": ("URL_SECRET", lambda rng: f"ftp://{_word(rng, 5)}:{_token(rng, 9)}@files.example/a"),
    "password": ("PASSWORD", lambda rng: rng.choice(["my password is ", "Passwort: ", "PIN is 48", "pwd="]) + _digits(rng, 2) + _digits(rng, 2)),
    "upi": ("UPI", _upi),
    "coordinates": ("COORDINATES", _coordinates),
    "birth_date": ("BIRTH_DATE", _birth),
    "passport": ("PASSPORT", lambda rng: f"passport number {_letters(rng, 1)}{_digits(rng, 7)}"),
    "address": ("ADDRESS", _address),
}  # fmt: skip

FRAMES = (
    "{}", "hi, {}", "please note {} thanks", "Es ist {} bitte", "({})", "here you go: {}.", "aquí: {}", "yes, {}, is that fine?",
)  # fmt: skip


def _stamp(rng: random.Random) -> str:
    return f"{rng.randint(2019, 2027)}-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d}T{rng.randint(0, 23):02d}:{rng.randint(0, 59):02d}:00Z"


HARMLESS: dict[str, Maker] = {
    "order_number": lambda rng: rng.choice(
        [f"order {_digits(rng, rng.choice([5, 6, 8, 9, 10, 11, 12]))}", f"Order #{_digits(rng, 10)} is late", f"order number is {_digits(rng, 9)}",
         f"my order no. {_digits(rng, 16)}", f"Bestellnummer {_digits(rng, 11)}", f"pedido {_digits(rng, 9)}", f"It is {_digits(rng, 5)}.",
         f"invoice INV-{_digits(rng, 4)}-{_digits(rng, 6)}", f"order 1{_digits(rng, 2)}-{_digits(rng, 7)}-{_digits(rng, 7)}"]),
    "version": lambda rng: rng.choice(
        [f"version {rng.randint(1, 30)}.{rng.randint(0, 30)}.{rng.randint(0, 30)}.{rng.randint(0, 250)}", f"v{rng.randint(1, 9)}.{rng.randint(0, 99)}.{rng.randint(0, 99)}",
         f"build 10.0.{_digits(rng, 5)}.{_digits(rng, 4)}", f"firmware {rng.randint(1, 9)}.{rng.randint(0, 9)}.{rng.randint(0, 9)}.{rng.randint(0, 9)}"]),
    "ticket": lambda rng: rng.choice(
        [f"ticket {_digits(rng, 3)}-{_digits(rng, 2)}-{_digits(rng, 4)}A", f"ticket #{_digits(rng, 8)}", f"case SR-2026-{_digits(rng, 7)}",
         f"JIRA-{_digits(rng, 6)}", f"reference {_letters(rng, 3)}{_digits(rng, 6)}", f"tracking 1Z{_letters(rng, 3)}{_digits(rng, 13)}", f"tracking number {_digits(rng, 12)}"]),
    "price": lambda rng: rng.choice(
        [f"${rng.randint(1, 999)},{_digits(rng, 3)},{_digits(rng, 3)}.{_digits(rng, 2)}", f"{rng.randint(1, 999)}.{_digits(rng, 3)}.{_digits(rng, 3)},00 EUR", f"paid {rng.randint(1, 9999)}.99", f"1 {_digits(rng, 3)} {_digits(rng, 3)} kr"]),
    "date": lambda rng: rng.choice(
        [_stamp(rng), f"on {rng.randint(1, 28):02d}/{rng.randint(1, 12):02d}/2026", f"2024 - 2025 season, {rng.randint(1, 12)}:30", f"{rng.randint(1, 28)}.{rng.randint(1, 12)}.2026 um 14:30:00", "since 2019-2020"]),
    "words": lambda rng: rng.choice(
        ["my password is not working", "my password is wrong again", "the PIN is incorrect", "password is expired", "I was born ready", "three of them, one or two more", "my name is spelled wrong on it", "I waited 3 days on the road",
         "2 more times this way", "you have one more try", "passport photos page 2", "dial 911? no", "call me at 5", "it takes 24 hours or 48 hours", "A1 B2 grade steel", "chapter 12.4, 13.5"]),
}  # fmt: skip
