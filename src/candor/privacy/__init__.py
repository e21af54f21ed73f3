"""Personal data: what is masked in text, and how identifiers become keyed pseudonyms.

Only this package sees raw identifiers and unredacted text; nothing here stores or logs either.
"""
