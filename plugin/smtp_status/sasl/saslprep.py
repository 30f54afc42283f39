"""SASLprep: user names and passwords as SCRAM wants them (RFC 4013)."""

from __future__ import annotations


def saslprep(text: str, what: str) -> str:
    """``text`` prepared as a query string (RFC 4013): mapped, normalized and checked.

    Raises ValueError, which names ``what`` and not the text, for what the profile prohibits.  Code points
    newer than Unicode 3.2 pass unchanged, as RFC 3454 section 7 allows in queries.
    """
    if text.isascii() and text.isprintable():
        return text
    import stringprep  # noqa: PLC0415 - big tables, only for names and passwords beyond ASCII
    from unicodedata import ucd_3_2_0  # noqa: PLC0415 - as stringprep

    spaced = (" " if stringprep.in_table_c12(char) else char for char in text)
    mapped = "".join(char for char in spaced if not stringprep.in_table_b1(char))
    prepared = ucd_3_2_0.normalize("NFKC", mapped)
    prohibited = (
        stringprep.in_table_c12,
        stringprep.in_table_c21_c22,
        stringprep.in_table_c3,
        stringprep.in_table_c4,
        stringprep.in_table_c5,
        stringprep.in_table_c6,
        stringprep.in_table_c7,
        stringprep.in_table_c8,
        stringprep.in_table_c9,
    )
    if any(table(char) for char in prepared for table in prohibited):
        raise ValueError(f"{what} holds a character that SASLprep (RFC 4013) prohibits")
    # RFC 3454 section 6: with any right-to-left letter, both ends are such and none is left-to-right.
    if any(map(stringprep.in_table_d1, prepared)) and (
        any(map(stringprep.in_table_d2, prepared))
        or not (stringprep.in_table_d1(prepared[0]) and stringprep.in_table_d1(prepared[-1]))
    ):
        raise ValueError(f"{what} mixes writing directions in a way that SASLprep (RFC 4013) prohibits")
    return prepared
