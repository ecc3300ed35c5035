"""Charset labels and the codec of each: the labels of the WHATWG Encoding Standard, and those of Windows and DOS.

People mean the superset that their program uses: GB 18030 by GB2312, windows-1252 by ASCII, code page 949 by KS C 5601.
"""

import re

_NOT_ALPHANUMERIC = re.compile(r"[^a-z0-9]+")
_NAMES = {
    "cp1252": "ascii usascii ansix341968 ansix341986 iso646us ansi cp819 ibm819 isoir100 iso88591 iso885911987 l1"
    " latin1 csisolatin1",
    "iso8859_2": "iso88592 iso885921987 isoir101 l2 latin2 csisolatin2",
    "iso8859_3": "iso88593 iso885931988 isoir109 l3 latin3 csisolatin3",
    "iso8859_4": "iso88594 iso885941988 isoir110 l4 latin4 csisolatin4",
    "iso8859_5": "iso88595 iso885951988 isoir144 cyrillic csisolatincyrillic",
    "iso8859_6": "iso88596 iso885961987 iso88596e iso88596i isoir127 arabic asmo708 ecma114 csisolatinarabic"
    " csiso88596e csiso88596i",
    "iso8859_7": "iso88597 iso885971987 isoir126 greek greek8 ecma118 elot928 suneugreek csisolatingreek",
    "cp1255": "iso88598 iso885981988 iso88598e iso88598i isoir138 hebrew visual logical csisolatinhebrew csiso88598e"
    " csiso88598i",
    "cp1254": "iso88599 iso885991989 isoir148 l5 latin5 csisolatin5",
    "iso8859_10": "iso885910 isoir157 l6 latin6 csisolatin6",
    "iso8859_13": "iso885913",
    "iso8859_14": "iso885914",
    "iso8859_15": "iso885915 l9 latin9 csisolatin9",
    "iso8859_16": "iso885916",
    "cp874": "windows874 cp874 dos874 iso885911 tis620",
    "koi8_r": "koi8r koi8 koi cskoi8r",
    "koi8_u": "koi8u koi8ru",
    "mac_roman": "macintosh mac macroman csmacintosh",
    "mac_cyrillic": "maccyrillic macukrainian",
    "cp1258": "viscii",
    "cp437": "cp437 ibm437 437",
    "cp850": "cp850 ibm850 850",
    "cp852": "cp852 ibm852 852",
    "cp858": "cp858 ibm858 ibm00858",
    "cp862": "cp862 ibm862 dos862",
    "cp866": "cp866 ibm866 866 csibm866",
    "gb18030": "gb18030 gb2312 gbk gb231280 chinese csgb2312 csiso58gb231280 isoir58 euccn cp936 ms936 windows936",
    "hz": "hzgb2312 hz",
    "cp950": "big5 big5hkscs cnbig5 csbig5 xbig5 big5eten cp950 ms950 windows950",
    "cp949": "euckr cseuckr ksc5601 ksc56011987 ksc56011989 csksc56011987 isoir149 korean cp949 ms949 windows949 uhc",
    "johab": "johab cp1361",
    "iso2022_kr": "iso2022kr csiso2022kr",
    "iso2022_jp": "iso2022jp csiso2022jp iso2022jpms iso2022jp1 iso2022jp2 iso2022jp3 iso2022jp2004 csiso2022jp2"
    " cp50220 cp50221 cp50222 windowsiso2022jp jis7 jis",
    "cp932": "shiftjis sjis csshiftjis mskanji ms932 cp932 windows31j cswindows31j windows932",
    "euc_jp": "eucjp cseucpkdfmtjapanese eucjpms cp51932",
    "utf_8": "utf8 utf8sig utf8mac unicode11utf8 unicode20utf8",
    "utf_16": "utf16 unicode ucs2 iso10646ucs2 csunicode",
    "utf_16_le": "utf16le unicodefeff",
    "utf_16_be": "utf16be unicodefffe",
    "utf_32": "utf32 ucs4 iso10646ucs4",
    "utf_32_le": "utf32le",
    "utf_32_be": "utf32be",
}
LABELS = {label: codec for codec, labels in _NAMES.items() for label in labels.split()}
LABELS |= {f"{prefix}125{n}": f"cp125{n}" for n in range(9) for prefix in ("windows", "cp", "win", "ms")}


def codec(label: str | None) -> str | None:
    """Codec of a label, or None; case, punctuation and a leading "x-" are ignored."""
    key = _NOT_ALPHANUMERIC.sub("", (label or "").lower()[:60])
    return LABELS.get(key) or LABELS.get(key.lstrip("x"))
