"""Japanese text as Windows and browsers read it: ISO-2022-JP and EUC-JP with NEC's and IBM's characters (cp932)."""

import codecs
import re

_DESIGNATION = re.compile(rb"\x1b(\$[@AB]|\$\([A-DO-Q]|\([A-Z]|\.[AF]|N.)|\n|\x0e|\x0f", re.DOTALL)
_HIGH = bytes(byte | 0x80 if 0x21 <= byte <= 0x7E else byte for byte in range(256))  # noqa: PLR2004  GL to GR
_PAIR = re.compile(rb"[\xa1-\xfe]{2}")
# cp932 maps these of JIS X 0208 to other characters than Python's euc_jp, and people's programs use cp932.
_MICROSOFT = str.maketrans("\u2014\u2016\u2212\u301c\u00a2\u00a3\u00ac", "\u2015\u2225\uff0d\uff5e\uffe0\uffe1\uffe2")
_ROMAN = str.maketrans("\\~", "\u00a5\u203e")
_TWO_BYTES = {b"(I": "cp932", b"$A": "gb18030", b"$(C": "cp949", b"$(O": "euc_jis_2004", b"$(Q": "euc_jis_2004"}
_SUPPLEMENTS = {b"$(D": "euc_jp", b"$(P": "euc_jis_2004"}  # in EUC behind a single shift
_CLOSELY = 300_000  # bytes of a text; the end of a longer one is decoded without NEC's and IBM's characters


def decode(data: bytes) -> str:
    """Decode ISO-2022-JP and its extensions; an invalid character becomes U+FFFD and never affects the rest."""
    data, rest = split(data)
    pieces, charset, start = [], b"(B", 0
    for escape in _DESIGNATION.finditer(data):
        pieces.append(_segment(data[start : escape.start()], charset))
        start = escape.end()
        charset = escape[1] or _shifted(escape[0], charset)
        pieces.append("\n" if escape[0] == b"\n" else "")
    pieces += (_segment(data[start:], charset), rest.decode("iso2022_jp_ext", "replace"))
    return "".join(pieces)


def decode_euc(data: bytes) -> str:
    """Decode EUC-JP; a character that only cp932 has is taken from there."""
    data, rest = split(data)
    text = data.decode("euc_jp", "mailtalk-cp932") + rest.decode("euc_jp", "replace")
    return text.translate(_MICROSOFT)


def split(data: bytes) -> tuple[bytes, bytes]:
    """Lines for exact decoding, and the rest of a text that is too long for it."""
    end = data.find(b"\n", _CLOSELY)
    return (data, b"") if len(data) <= _CLOSELY else (data[:end], data[end:]) if end >= 0 else (b"", data)


def _shifted(control: bytes, charset: bytes) -> bytes:
    """A line ends in ASCII (RFC 1468); shift out is half-width kana (cp50222), shift in ends it."""
    return {b"\n": b"(B", b"\x0e": b"(I", b"\x0f": b"(B"}.get(control, charset)


def _segment(data: bytes, charset: bytes) -> str:
    """Text between two escape sequences."""
    high = data.translate(_HIGH)
    if charset in _TWO_BYTES:
        return high.decode(_TWO_BYTES[charset], "replace")
    if charset in _SUPPLEMENTS:
        return _PAIR.sub(b"\x8f\\g<0>", high).decode(_SUPPLEMENTS[charset], "replace")
    if charset[:1] == b"$":
        return decode_euc(high)
    text = data.decode("cp932", "replace")
    return text.translate(_ROMAN) if charset == b"(J" else text


def _from_cp932(error: UnicodeError) -> tuple[str, int]:
    """The error handler of `decode_euc`: one character by way of Shift_JIS."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    pair = error.object[error.start : error.start + 2]
    if not _PAIR.fullmatch(pair):
        return "\ufffd", error.start + 1
    return _shift_jis(pair).decode("cp932", "replace")[:1], error.start + 2


def _shift_jis(pair: bytes) -> bytes:
    """A pair of EUC as Shift_JIS (JIS X 0208, appendix 1)."""
    row, cell = pair[0] - 0xA1, pair[1] - 0xA1
    lead = row // 2 + (0x81 if row < 62 else 0xC1)  # noqa: PLR2004  where half-width kana interrupt the rows
    trail = cell + 0x9F if row % 2 else cell + 0x40 + (cell >= 63)  # noqa: PLR2004  0x7F is left out
    return bytes((lead, trail))


codecs.register_error("mailtalk-cp932", _from_cp932)
