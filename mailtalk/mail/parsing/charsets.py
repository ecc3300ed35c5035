"""Bytes to text, whatever a mail says about itself: an allow-list of charsets, and valid UTF-8 wins."""

import re

# What people mean by a label is the superset that their program uses.
_ALIASES = {
    "ascii": "cp1252", "us-ascii": "cp1252", "ansi-x3.4-1968": "cp1252", "iso-8859-1": "cp1252", "latin1": "cp1252",
    "latin-1": "cp1252", "iso8859-1": "cp1252", "ansi": "cp1252", "x-ansi": "cp1252", "macintosh": "mac_roman",
    "x-mac-roman": "mac_roman", "iso-8859-9": "cp1254", "iso-8859-11": "cp874", "tis-620": "cp874",
    "gb2312": "gb18030", "gbk": "gb18030", "gb18030": "gb18030", "cp936": "gb18030", "x-gbk": "gb18030",
    "gb-2312-80": "gb18030", "hz-gb-2312": "hz", "big5": "cp950", "big5-hkscs": "big5hkscs", "x-big5": "cp950",
    "euc-kr": "cp949", "ks-c-5601-1987": "cp949", "ks-c-5601": "cp949", "ksc5601": "cp949", "cp949": "cp949",
    "iso-2022-kr": "iso2022_kr", "iso-2022-jp": "iso2022_jp_ext", "iso-2022-jp-1": "iso2022_jp_ext",
    "iso-2022-jp-2": "iso2022_jp_2", "iso-2022-jp-3": "iso2022_jp_3", "cp50220": "iso2022_jp_ext",
    "shift-jis": "cp932", "shift_jis": "cp932", "sjis": "cp932", "x-sjis": "cp932", "cp932": "cp932",
    "windows-31j": "cp932", "euc-jp": "euc_jp", "x-euc-jp": "euc_jp", "euc-cn": "gb18030",
    "koi8-r": "koi8_r", "koi8-u": "koi8_u", "koi8": "koi8_r", "iso-8859-8-i": "cp1255", "iso-8859-8": "cp1255",
    "utf-8": "utf_8", "utf8": "utf_8", "utf-8-sig": "utf_8", "unicode-1-1-utf-8": "utf_8", "utf-16": "utf_16",
    "utf-16le": "utf_16_le", "utf-16be": "utf_16_be", "utf-32": "utf_32", "utf-32le": "utf_32_le",
    "utf-32be": "utf_32_be", "cp437": "cp437", "ibm437": "cp437", "cp850": "cp850", "ibm850": "cp850",
    "cp852": "cp852", "ibm852": "cp852", "cp866": "cp866", "ibm866": "cp866", "windows-874": "cp874",
    "viscii": "cp1258", "johab": "johab",
}  # fmt: skip
_ALIASES |= {f"iso-8859-{n}": f"iso8859_{n}" for n in (2, 3, 4, 5, 6, 7, 10, 13, 14, 15, 16)}
_ALIASES |= {f"{prefix}125{n}": f"cp125{n}" for n in range(9) for prefix in ("windows-", "cp", "cp-", "x-cp", "win")}
# Escape sequences in seven bits: such text is ASCII to look at.
_SHIFTING = {"iso2022_jp_ext", "iso2022_jp_2", "iso2022_jp_3", "iso2022_kr", "hz"}
_WIDE = {"utf_16", "utf_16_le", "utf_16_be", "utf_32", "utf_32_le", "utf_32_be"}
_CJK = {"gb18030", "cp950", "big5hkscs", "cp949", "cp932", "euc_jp", "johab"}
_FIRST_CJK = "\u1100"
_BOM = "\ufeff"
_META = re.compile(rb"<meta[^>]{0,200}?charset\s{0,9}=\s{0,9}[\"']?([\w.:-]{2,40})", re.IGNORECASE)


def decode(data: bytes, declared: str | None) -> str:
    """The text of these bytes; never raises. Unknown, wrong and unsafe labels fall back to UTF-8 or windows-1252."""
    codec = _codec(declared)
    text = None
    if codec in _SHIFTING or codec in _WIDE:
        text = _strict(data, codec)
    if text is None:
        text = _utf8_unless_cjk(data, codec)
    if text is None:
        text = data.decode(codec if codec and codec != "utf_8" else "cp1252", "replace")
    return text.removeprefix(_BOM)


def of_html(data: bytes) -> str | None:
    """The charset that an HTML document names in a meta element of its first kilobytes."""
    found = _META.search(data[:4096])
    return found[1].decode("ascii") if found else None


def _codec(declared: str | None) -> str | None:
    label = (declared or "").strip(" \t\"';").lower().replace("_", "-")
    return _ALIASES.get(label)


def _strict(data: bytes, codec: str) -> str | None:
    try:
        return data.decode(codec)
    except UnicodeError:
        return None


def _utf8_unless_cjk(data: bytes, codec: str | None) -> str | None:
    """Valid UTF-8 wins, but for a short CJK text that is valid UTF-8 by accident: that has no CJK letter in UTF-8."""
    text = _strict(data, "utf_8")
    if text is None or codec not in _CJK or text.isascii() or max(text) >= _FIRST_CJK:
        return text
    return _strict(data, codec) or text
