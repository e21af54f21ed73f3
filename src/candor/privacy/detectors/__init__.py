"""The detectors of personal data, built for a list of countries.

Only finds; replacing is ``redaction``'s work. Each module holds one family.
"""

from __future__ import annotations

from collections.abc import Sequence

from candor.privacy.detectors import contact, credentials, national, payment, people, phone, places
from candor.privacy.detectors.span import Detector


def build(locales: Sequence[str]) -> tuple[Detector, ...]:
    """All detectors.

    Args:
        locales: ISO 3166 country codes in any case, for telephone and national numbers.
    """
    regions = tuple(dict.fromkeys(locale.upper() for locale in locales))
    return (
        *credentials.DETECTORS,
        *contact.DETECTORS,
        *payment.DETECTORS,
        *national.detectors(regions),
        phone.detector(regions),
        *places.DETECTORS,
        *people.DETECTORS,
    )
