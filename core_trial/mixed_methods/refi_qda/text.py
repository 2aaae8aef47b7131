"""Text files of a project."""

from __future__ import annotations

import codecs


def decode(content: bytes | None) -> str | None:
    """The text of a file in UTF-8, or in UTF-16 with a byte order mark; None for another, or for no file."""
    if content is None:
        return None
    utf16 = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        return content.decode("utf-16" if utf16 else "utf-8-sig")
    except UnicodeDecodeError:
        return None
