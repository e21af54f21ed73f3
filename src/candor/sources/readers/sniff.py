"""What a file really is, by its first bytes: the name and its ending are only a claim.

Only recognises; refusing is the caller's business. Text formats have no magic bytes, so "text" means
that nothing else was recognised.
"""

from __future__ import annotations

_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"\x1f\x8b", "gzip"),
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),
    (b"PK\x07\x08", "zip"),
    (b"PAR1", "parquet"),
    (b"PARE", "encrypted parquet"),
    (b"\x89PNG", "png"),
    (b"\xff\xd8\xff", "jpeg"),
    (b"GIF8", "gif"),
    (b"%PDF-", "pdf"),
    (b"{\\rtf", "rtf"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "legacy office"),
    (b"SQLite format 3\x00", "sqlite"),
    (b"7z\xbc\xaf\x27\x1c", "7z"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"BZh", "bzip2"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"Rar!\x1a\x07", "rar"),
    (b"\x7fELF", "program"),
    (b"ARROW1\x00\x00", "arrow"),
    (b"Obj\x01", "avro"),
    (b"ORC", "orc"),
)
ARCHIVES = frozenset({"gzip", "zip", "7z", "xz", "bzip2", "zstd", "rar", "tar"})
_MARKUP = (b"<!doctype", b"<html", b"<head", b"<body", b"<?xml", b"<svg", b"<script")
_TAR_MARK = slice(257, 262)
_BZIP_BLOCK = b"1AY&SY"


def kind_of(head: bytes) -> str:
    """Name of the kind of content that ``head`` (≥ 512 bytes or the whole file) begins."""
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            if kind == "bzip2" and head[4:10] != _BZIP_BLOCK:
                continue
            if kind == "orc" and head[3:4].isascii() and head[3:4].isalnum():
                continue
            return kind
    if head[_TAR_MARK] == b"ustar":
        return "tar"
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()[:16].lower()
    if start.startswith(_MARKUP):
        return "html or xml"
    return "text"
