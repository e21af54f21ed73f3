"""What the words just before a number say about it.

Only readings of the text before an offset. A number after "order" or "ticket" is a reference and
stays; a number after "call" is a telephone number even when nothing in its shape says so.
"""

from __future__ import annotations

import re

_REACH = 44
_NEAR = 34

# Words and "#"; any other sign than these separators ends the phrase.
_PIECES = re.compile(r"\w+|#|[^\s.:'\"()=\-]")
_REFERENCE_WORDS = """
    order orders ticket tickets case cases invoice invoices tracking track shipment
    shipments parcel parcels booking bookings reservation reservations reference ref refs
    confirmation transaction transactions txn serial sku item items article articles model
    models part parts product products version versions build builds release releases
    firmware app ver v imei isbn ean upc batch lot claim claims request requests incident
    incidents bug issue session device po rma # pedido pedidos factura facturas referencia
    envio envío commande commandes facture factures colis ordine fattura fiscal
"""
_REFERENCES = frozenset(_REFERENCE_WORDS.split())
_REFERENCE_STEMS = (
    "bestell", "auftrag", "rechnung", "vorgang", "sendung", "artikel", "factuur",
)  # fmt: skip
_FILLER_WORDS = """
    number numbers num no nr nummer id ids code key is was the for of n° nº número numéro
    numero ist es est lautet und and or
"""
_FILLERS = frozenset(_FILLER_WORDS.split())
_MAX_FILLERS = 4
_PHONE_WORDS = """
    phone telephone call called calling tel mobile mob cell cellphone landline whatsapp sms
    text ring dial fax contact reach teléfono telefono handy móvil movil celular ruf rufe
    rufen anrufen appelle appeler appelez portable téléphone cellulare bel ligue ligar fone
    फ़ोन फोन
"""
_PHONES = frozenset(_PHONE_WORDS.split())
_PHONE_STEMS = ("telefon", "mobil", "llám", "llam", "rück", "chiama")
_CARD = re.compile(
    r"\b(?:(?:credit|debit|bank|visa|master|amex|kredit|ec)[ -]?(?:card|karte)\w*|visa|mastercard|"
    r"amex|maestro|card (?:number|no|nr|num)|kartennummer|tarjeta\w*|carte (?:bancaire|bleue)|"
    r"carta di credito|cart[aã]o)\b[^\d\n]{0,20}$"
)


def before(text: str, start: int, reach: int = _REACH) -> str:
    """The ``reach`` characters before an offset, in lower case."""
    return text[max(0, start - reach) : start].lower()


def is_reference(text: str, start: int) -> bool:
    """Whether the number at ``start`` is announced as an order, ticket, version and the like."""
    pieces = _PIECES.findall(before(text, start))
    for piece in reversed(pieces[-1 - _MAX_FILLERS :]):
        if piece in _REFERENCES or piece.startswith(_REFERENCE_STEMS):
            return True
        if piece not in _FILLERS:
            return False
    return False


def is_phone(text: str, start: int) -> bool:
    """Whether the number at ``start`` is announced as a telephone number."""
    near = before(text, start, _NEAR).rpartition("\n")[2]
    for piece in reversed(_PIECES.findall(near)):
        if piece in _PHONES or piece.startswith(_PHONE_STEMS):
            return True
        if piece.isdigit():
            return False
    return False


def is_card(text: str, start: int) -> bool:
    """Whether the number at ``start`` is announced as a payment card's."""
    return _CARD.search(before(text, start)) is not None
