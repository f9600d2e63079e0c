"""Secrets that are known by their shape or place: options, headers, netrc lines, signed URLs, tokens, private keys.

As in `redact`, every pattern takes time in proportion to the text: a match begins with letters that a search
can skip to, and a run that was read is not read again.
"""

from __future__ import annotations

import re
from collections.abc import Callable

MASK = "***"

_GAP = r"""(?P<gap>["']?(?:,[ \t]*+|[ \t]++)["']?)"""
_OPTION = re.compile(
    rf"""--(?<![\w-]--)(?P<name>[A-Za-z][\w.-]*+){_GAP}(?P<value>(?<=")[^"\n]++|(?<=')[^'\n]++|(?!--)[^\s"']++)"""
)
_PASS = re.compile(
    rf"""(?P<head>--(?<![\w-]--)[A-Za-z][\w.-]*+(?<=[-_.][Pp][Aa][Ss][Ss])(?:{_GAP}|=["']?))"""
    r"""(?:(?<=")[^"\n]++|(?<=')[^'\n]++|(?!--)[^\s"']++)"""
)
_SHORT = re.compile(rf"""-(?<![\w-]-)p{_GAP}(?P<value>(?<=")[^"\n]++|(?<=')[^'\n]++|[^\s"'-][^\s"']*+)""")
_USER = re.compile(
    r"""(?P<head>-(?<![\w-]-)(?:u|-user)(?:["']?(?:,[ \t]*+|[ \t]++)|=)["']?[^\s:"'@/]++:)(?P<value>[^\s"']++)"""
)
_COOKIE = re.compile(r"""(?P<head>[Cc](?i:ookie)2?\\*+["']?[ \t]*+[:=][ \t]*+\\*+["']?)[^\r\n"']++""")
_NETRC = re.compile(
    r"""(?P<head>\b(?:machine|login|account)[ \t]++\S++\s++(?:(?:login|account)[ \t]++\S++\s++)?password[ \t]++)\S++"""
)
_NETRC_LINE = re.compile(r"^(?P<head>[ \t]*+(?:default[ \t]++)?password[ \t]++)\S++(?=[ \t]*+$)", re.MULTILINE)
_SIGNED = re.compile(r"(?P<head>[Ss](?i:ig(?:nature)?)=)[^\s&;,\"'<>]++")
_ENCODED = re.compile(r"(?<![\w.%-])(?=[\w.-]*+%)(?P<name>[\w.%-]++)(?P<sign>[=:])(?P<value>[^\s&;,\"'<>]++)")
_ESCAPED = re.compile(r"%([0-9A-Fa-f]{2})")
_JWT = re.compile(r"eyJ(?<![\w-]eyJ)[\w-]{5,}+\.[\w-]{5,}+(?:\.[\w*-]*+){1,3}+")
_VENDOR = re.compile(r"gh[oprsu]_(?<!\w....)[A-Za-z0-9]{20,}+|xox(?<!\w...)[abeoprs]-[\w-]{10,}+")
_KEY = re.compile(
    r"(?P<head>-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----)(?:\\[nr]|[A-Za-z0-9+/=* \t])*+", re.DOTALL
)
_KEY_LINE = re.compile(r"\s*(?:[A-Za-z0-9+/]++={0,2}|[A-Z][A-Za-z-]*+: .*|\*\*\*)\s*\Z")


def masked(text: str, secret: Callable[[str], bool]) -> str:
    """`text` with the values of these shapes masked. `secret`: whether a name is one of a secret."""
    text = _OPTION.sub(lambda found: _after(found, f"--{found['name']}{found['gap']}", secret), text)
    text = _PASS.sub(_kept, text)
    text = _SHORT.sub(lambda found: f"-p{found['gap']}{MASK}", text)
    text = _USER.sub(_kept, text)
    text = _COOKIE.sub(_kept, text)
    text = _NETRC_LINE.sub(_kept, _NETRC.sub(_kept, text))
    text = _SIGNED.sub(_kept, text)
    if "%" in text:
        text = _ENCODED.sub(lambda found: _after(found, f"{found['name']}{found['sign']}", secret), text)
    return _VENDOR.sub(MASK, _JWT.sub(MASK, text))


def _after(found: re.Match[str], kept: str, secret: Callable[[str], bool]) -> str:
    name = _ESCAPED.sub(lambda hexed: chr(int(hexed[1], 16)), found["name"])
    return kept + MASK if secret(name) or _SIGNED.search(f"{name}=x") else found[0]


def _kept(found: re.Match[str]) -> str:
    return found["head"] + MASK


def without_private_keys(text: str, inside: bool = False) -> tuple[str, bool]:
    """`text` with the body of every PEM block of a private key masked, line by line.

    `inside`: whether a block began before; the same for what follows is the second value. A line that is
    neither base64 nor a block's header ends it, so that a lone first line hides no more than it must.
    """
    if not inside and "PRIVATE KEY" not in text:
        return text, False
    lines = []
    for line in text.splitlines(keepends=True):
        if inside and _KEY_LINE.match(line):
            lines.append(MASK + line[len(line.rstrip("\r\n")) :])
            continue
        inside = inside and not line.strip()
        lines.append(_KEY.sub(_kept_key, line))
        begun = line.rfind("-----BEGIN ")
        if begun >= 0 and _KEY.search(line, begun) and line.find("-----END ", begun) < 0:
            inside = True
    return "".join(lines), inside


def _kept_key(found: re.Match[str]) -> str:
    return found[0] if not found[0][len(found["head"]) :].strip() else found["head"] + MASK
