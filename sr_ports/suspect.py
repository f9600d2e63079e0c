"""Whether a text may hold a secret: quick, so that most text costs no more. What is a secret, `redact` tells."""

from __future__ import annotations

import re

# What some secret's pattern needs in lower case: without any of these in it, and without ``%`` before two hex digits, a
# text has none.
_WORDS = (
    *(
        "-pass",
        "_pass",
        ".pass",
        "passw",
        "secret",
        "token",
        "authorization",
        "credential",
        "dsn",
        "bearer",
        "basic",
        "akia",
        "asia",
    ),
    *("eyj", "cookie", "private key", "signature", "sig=", "--user", "passphrase", "pwd"),
    *("-p ", "-p'", '-p"', "-p\t", "-u ", "-u\t", "-u'", '-u"', "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "xox"),
)
# Not compiled before a text needs them, which few do.
_ENCODED = r"%[0-9A-Fa-f]{2}"
_COLOUR = r"\x1b(?:\[[0-?]*+[ -/]*+[@-~]|\][^\x07\x1b\n]*+(?:\x07|\x1b\\)?|[@-Z\\^_-])?"


def without_colours(text: str) -> str:
    """`text` without the escape sequences of a terminal: colours, titles and links."""
    return re.sub(_COLOUR, "", text)


def suspect(text: str) -> bool:
    """Whether anything in `text` may be a secret: never wrong when it says no."""
    if "\x1b" in text:  # colours may part a name
        text = without_colours(text)
    low = text.lower()
    return (
        ("%" in text and re.search(_ENCODED, text) is not None)
        or any(map(low.__contains__, _WORDS))
        or ("@" in text and "://" in text)
        or ("key" in low and ("api" in low or "private" in low or "access" in low))
    )
