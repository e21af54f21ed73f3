"""What to do about each reason for which a record or file is not accepted, in words.

One line for every code of ``reasons``; a test compares.
"""

from __future__ import annotations

from collections.abc import Mapping

from candor.events.reasons import ReasonCode

_R = ReasonCode
_ENCODING = "save the file as UTF-8, or declare its encoding in the mapping (`encoding: cp1252`)"
_JSON = "mend the record where it is made; the others of the file are stored"
ADVICE: Mapping[ReasonCode, str] = {
    _R.ENC_INVALID: _ENCODING,
    _R.ENC_UNDECLARED: _ENCODING,
    _R.CTRL_CHAR: "remove the control characters where the export is made",
    _R.TYPE_SNIFF: "save the file as what its name says, or rename it",
    _R.EMPTY_FILE: "export it again: there is nothing in it",
    _R.ARCHIVE_DAMAGED: "download or pack it again: it is cut or damaged",
    _R.ARCHIVE_UNSAFE: "unpack it and send the files themselves",
    _R.SIZE_LIMIT: "split the file",
    _R.RESOURCE_LIMIT: "split the file: reading it took more time or memory than a file may",
    _R.FIELD_COUNT: "check the delimiter and quotes of the row; totals at the end are no records",
    _R.QUOTE_OPEN: "close the quote that was opened; everything after it was read as one field",
    _R.HEADER_DUP: "give each column a name of its own",
    _R.HEADER_EMPTY: "give each column a name",
    _R.HEADER_MISSING: "name the columns as the mapping does, or change the mapping",
    _R.FIELD_TOO_LONG: "shorten the field: it is no message that anybody wrote",
    _R.JSON_SYNTAX: _JSON,
    _R.JSON_DEPTH: "flatten the record",
    _R.JSON_DUP_KEY: "write each key once",
    _R.JSON_NONFINITE: "write null where there is no number",
    _R.JSON_SURROGATE: "write the text as whole characters",
    _R.TYPE_MISMATCH: "map another column, or say how the value is written (`cast`, `decimal`)",
    _R.ENUM_UNKNOWN: "say in the mapping what the word means (`map`)",
    _R.TS_UNPARSED: "declare how times are written (`time: {format: …}`)",
    _R.TS_AMBIGUOUS: "write the offset: that hour or abbreviation has two meanings",
    _R.TS_NO_ZONE: "declare the zone of times without offset (`time: {zone: Europe/Berlin}`)",
    _R.TS_RANGE: "check the column and the unit of numbers (`time: {unit: ms}`)",
    _R.TS_FUTURE: "check the sender's clock and zone; it is offered again by itself",
    _R.DURATION_NEGATIVE: "check which column is the beginning and which the end",
    _R.ID_MISSING: "map a column that always names the conversation or message, or a `key`; totals have none",
    _R.ID_CONFLICT: "find out why one id has two contents; the other one was kept",
    _R.ORPHAN: "send the record it belongs to; it is offered again by itself",
    _R.SUPPRESSED: "nothing: it belongs to an erased person",
}
