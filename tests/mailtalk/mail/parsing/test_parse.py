import base64
import unicodedata
from collections.abc import Iterator
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.shared_mails import SHARED_MAILS

from mailtalk.mail.parsing import charsets, filenames, flowed, headers, limits
from mailtalk.mail.parsing.charset_labels import LABELS
from mailtalk.mail.parsing.parse import ParsedMail, parse


def mail(head: str, body: str | bytes = "", charset: str = "utf-8") -> ParsedMail:
    data = body if isinstance(body, bytes) else body.encode(charset)
    return parse(head.strip().replace("\n", "\r\n").encode() + b"\r\n\r\n" + data)


def multipart(kind: str, *parts: str, boundary: str = "b") -> str:
    inner = "".join(f"--{boundary}\r\n{part}\r\n" for part in parts)
    return f"Content-Type: multipart/{kind}; boundary={boundary}\r\n\r\n{inner}--{boundary}--\r\n"


def part(kind: str, content: str, *more: str) -> str:
    return "\r\n".join((f"Content-Type: {kind}", *more, "", content))


def read(text: str) -> ParsedMail:
    return parse(text.encode())


class TestHeaders:
    def test_names_are_lower_case_and_values_decoded_and_unfolded(self) -> None:
        got = mail("Subject: =?utf-8?q?caf=C3=A9?=\n =?utf-8?b?IOKCrA==?= and\n\tmore\nX-A: 1\nX-A: 2")
        assert got.subject == "café € and more"
        assert got.all("X-A") == ["1", "2"]
        assert got.header("x-b") is None

    def test_a_question_mark_in_an_encoded_word(self) -> None:
        assert mail("Subject: =?utf-8?q?Are you ok??= =?utf-8?q?=21?=").subject == "Are you ok?!"

    def test_a_character_split_over_two_words_is_whole(self) -> None:
        assert mail("Subject: =?utf-8?b?4oI=?= =?UTF-8?b?rA==?=").subject == "€"

    def test_no_header_is_smuggled_in_by_an_encoded_line_end(self) -> None:
        got = mail("Subject: hi =?utf-8?q?=0D=0ABcc:_eve@example.com=00?=")
        assert got.subject == "hi Bcc: eve@example.com"
        assert got.header("bcc") is None

    @pytest.mark.parametrize(
        ("value", "expected"),
        [
            ("<a@b>", "<a@b>"),
            ("  <a@b> ", "<a@b>"),
            ("a@b", "<a@b>"),
            ("<a\n b@c>", "<ab@c>"),
            ("", None),
            ("<a@b> (added by a@b)", "<a@b>"),
            ("<>", "<<>>"),
            ("<" + "a" * 900 + ">", "<" + "a" * 499),
        ],
    )
    def test_message_id(self, value: str, expected: str | None) -> None:
        assert mail(f"Message-ID: {value}\nFrom: a@b").message_id == expected

    @pytest.mark.parametrize(
        ("value", "expected"),
        [
            ("alice@example.com", ("alice@example.com",)),
            ("Alice <alice@example.com>", ("alice@example.com",)),
            ('"eve@evil.com" <alice@example.com>', ("alice@example.com",)),
            ('"a, b <eve@evil.com>" <alice@example.com>', ("alice@example.com",)),
            ("eve@evil.com <alice@example.com>", ("alice@example.com",)),
            ("(eve@evil.com) alice@example.com", ("alice@example.com",)),
            ("Team: alice@example.com, Bob <bob@example.com>;", ("alice@example.com", "bob@example.com")),
            ("=?utf-8?q?eve=40evil.com=2C?= <alice@example.com>", ("alice@example.com",)),
            ("Alice <alice@example.com> <eve@evil.com>", ("alice@example.com", "eve@evil.com")),
            ("<>", ()),
            ("MAILER-DAEMON", ()),
            ("Alice <alice@example.com", ()),
        ],
    )
    def test_only_addr_specs_are_addresses(self, value: str, expected: tuple[str, ...]) -> None:
        assert mail(f"From: {value}").from_addresses == expected

    def test_two_from_headers_are_two_addresses(self) -> None:
        assert mail("From: a@x.org\nFrom: b@x.org").from_addresses == ("a@x.org", "b@x.org")

    @pytest.mark.parametrize(
        ("value", "expected"),
        [
            ('text/plain; charset="utf-8"', {"charset": "utf-8"}),
            ("text/plain; CHARSET = utf-8 ; format=flowed", {"charset": "utf-8", "format": "flowed"}),
            ("a/b; name*=utf-8''%e2%82%ac.txt", {"name": "€.txt"}),
            ("a/b; name*0*=utf-8''%e2%82; name*1*=%ac; name*2=.txt", {"name": "€.txt"}),
            ('a/b; name*1="b"; name*0="a;"', {"name": "a;b"}),
            (r'a/b; name="a\"b', {"name": 'a"b'}),
            ("a/b;;; =x; y", {}),
        ],
    )
    def test_parameters(self, value: str, expected: dict[str, str]) -> None:
        assert headers.parameters(value)[1] == expected

    def test_blank_lines_and_an_mbox_line_before_the_headers(self) -> None:
        assert parse(b"   \r\n\r\nSubject: a\r\n\r\nb").subject == "a"
        assert parse(b"From alice Mon Jan 1\nSubject: a\n\nb").subject == "a"
        assert parse(b"just text\n\nmore").text == "just text\n\nmore"


def jis(text: str) -> bytes:
    """ISO-2022-JP, with ^ for its escape character."""
    return text.replace("^", "\x1b").encode("ascii")


class TestCharsets:
    @pytest.mark.parametrize(
        ("data", "declared", "expected"),
        [
            ("é€".encode("cp1252"), "iso-8859-1", "é€"),
            ("é€".encode("cp1252"), "us-ascii", "é€"),
            ("é".encode("cp1252"), None, "é"),
            ("né".encode(), "iso-8859-1", "né"),
            ("中文".encode(), "big5", "中文"),
            ("中文".encode("big5"), "big5", "中文"),
            ("中文".encode("gb18030"), "GB2312", "中文"),
            ("穆".encode("gb18030"), "gb2312", "穆"),
            ("こんにちは".encode("iso2022_jp"), "ISO-2022-JP", "こんにちは"),
            ("①".encode("cp932"), "Shift_JIS", "①"),
            ("안녕".encode("cp949"), "ks_c_5601-1987", "안녕"),
            ("привет".encode("koi8_r"), '"KOI8-R"', "привет"),
            ("ğ".encode("cp1254"), "iso-8859-9", "ğ"),
            (b"\xef\xbb\xbfa", "utf-8", "a"),
            (b"a\xff", "utf-8", "aÿ"),
            ("h€".encode("utf-16"), "utf-16", "h€"),
            (b"+ADw-script+AD4-", "utf-7", "+ADw-script+AD4-"),
            (b"\\u0041", "unicode_escape", "\\u0041"),
            (b"abc", "undefined", "abc"),
            (b"abc", "zlib", "abc"),
            (b"abc", "idna", "abc"),
            (b"abc", "x\0y", "abc"),
            (jis('^$B-!$N7o!"^(B^$B|b^$B66!A^(B^(IV[<8^(B ok'), "iso-2022-jp", "①の件、髙橋～ﾖﾛｼｸ ok"),
            (jis("^$B$3$s$K$A$O^(B"), "cp50220", "こんにちは"),
            (jis("^$B$3$s$K$A$O^(B"), "utf-8", "こんにちは"),
            (jis("^$B$3$s$K$A$O^(B"), None, "こんにちは"),
            (jis("^$B$3$s$K\nnext"), "ISO-2022-JP", "こんに\nnext"),
            (jis("^$B$3$s$K$A$O") + b"\xff" + jis("^$B$3^(B"), "iso-2022-jp", "こんにちは�こ"),
            (jis("^(J\\~^(B ^$(D0!^(B ^$A0!^(B ^$(C0!^(B"), "iso-2022-jp-2", "¥‾ 丂 啊 가"),
            ("こんにちは".encode("cp932"), "iso-2022-jp", "こんにちは"),
            (b"\xad\xa1\xc8\xd6\xfc\xe2", "euc-jp", "①番髙"),
            ("髙﨑".encode("cp932"), "x-sjis", "髙﨑"),
            ("똠방".encode("cp949"), "EUC-KR", "똠방"),
            ("안녕".encode("iso2022_kr"), "iso-2022-kr", "안녕"),
            ("朱镕基€".encode("gb18030"), "gb2312", "朱镕基€"),
            ("碁銹嘅咗".encode("big5hkscs"), "Big5", "碁銹嘅咗"),
            ("中文".encode("cp950") + b"\xff" + "中文".encode("cp950"), "big5", "中文�中文"),
            ("Привет".encode("cp1251"), "x-cp1251", "Привет"),
            ("“שלום”".encode("cp1255"), "iso-8859-8-i", "“שלום”"),
            ("naïve café – “yes”".encode() + b"\xff", "utf-8", "naïve café – “yes”�"),
            (b"hello!", "utf-16", "hello!"),
        ],
    )
    def test_the_ladder(self, data: bytes, declared: str | None, expected: str) -> None:
        assert charsets.decode(data, declared) == expected

    def test_every_label_is_a_codec_that_python_has(self) -> None:
        assert {charsets.decode(b"a", label) for label in LABELS if "16" not in label and "32" not in label}

    def test_a_subject_and_a_file_name_are_read_by_the_same_rules(self) -> None:
        word = base64.b64encode(jis("^$B-!$N7o^(B")).decode()
        name = quote(jis("^$B|b66^(B") + b".pdf")
        file = part("application/pdf", "x", f"Content-Disposition: attachment; filename*=ISO-2022-JP''{name}")
        got = read(f"Subject: =?ISO-2022-JP?B?{word}?=\n" + multipart("mixed", part("text/plain", "hi"), file))
        assert (got.subject, got.attachments[0].name) == ("①の件", "髙橋.pdf")

    def test_a_long_text_is_decoded_in_bounded_time(self) -> None:
        for data, label in ((b"\xad\xa1" * 500_000, "euc-jp"), (b"\x88\x62" * 500_000, "big5")):
            assert charsets.decode(data, label)
        lines = b"".join([jis("^$B-!$3$s$K$A$O^(B") + b"\n"] * 100_000)
        assert charsets.decode(lines, "iso-2022-jp").startswith("①こんにちは\n")

    def test_html_says_its_own_charset(self) -> None:
        page = '<html><head><meta http-equiv="x" content="text/html; charset=koi8-r"></head>да'
        assert "да" in (mail("Content-Type: text/html", page, "koi8_r").html or "")

    @given(st.binary(max_size=200), st.one_of(st.none(), st.text(max_size=20), st.sampled_from([*LABELS])))
    def test_decoding_never_raises(self, data: bytes, declared: str | None) -> None:
        assert isinstance(charsets.decode(data, declared), str)


class TestBodies:
    def test_the_alternative_forms_are_both_given(self) -> None:
        got = read(multipart("alternative", part("text/plain", "hi"), part("text/html", "<p>hi")))
        assert (got.text, got.html, got.attachments) == ("hi", "<p>hi", ())

    def test_plain_text_around_an_attachment_is_one_text(self) -> None:
        file = part("image/png", "x", "Content-Disposition: inline; filename=a.png")
        got = read(multipart("mixed", part("text/plain", "before\r\n"), file, part("text/plain", "after")))
        assert got.text == "before\n\nafter"
        assert got.html is None
        assert [(item.name, item.inline) for item in got.attachments] == [("a.png", True)]

    def test_html_around_an_attachment_is_one_html_and_a_later_plain_part_is_in_it(self) -> None:
        file = part("application/pdf", "x", "Content-Disposition: attachment; filename=a.pdf")
        got = read(multipart("mixed", part("text/html", "<p>one"), file, part("text/plain", "a < b")))
        assert got.text is None
        assert got.html == "<p>one\n<pre>a &lt; b</pre>"

    def test_nested_as_outlook_does(self) -> None:
        image = part("image/png", "x", "Content-ID: <logo@x>")
        related = multipart("related", part("text/html", "<img src=cid:logo@x>"), image, boundary="r")
        inner = multipart("alternative", part("text/plain", "hi"), related, boundary="a")
        got = read(
            multipart("mixed", inner, part("text/plain", "log", "Content-Disposition: attachment; filename=l.txt"))
        )
        assert (got.text, got.html) == ("hi", "<img src=cid:logo@x>")
        assert [(item.name, item.content_id, item.inline) for item in got.attachments] == [
            ("attachment.png", "logo@x", True),
            ("l.txt", None, False),
        ]

    def test_an_image_before_the_html_of_related(self) -> None:
        got = read(multipart("related", part("image/png", "x"), part("text/html", "<p>hi")))
        assert got.html == "<p>hi"

    def test_a_blank_text_beside_html_is_none(self) -> None:
        got = read(multipart("alternative", part("text/plain", " \r\n"), part("text/html", "<p>hi")))
        assert (got.text, got.html) == (None, "<p>hi")

    def test_an_attached_message_stays_as_it_was_sent(self) -> None:
        inner = "Subject: x\r\nContent-Type: multipart/mixed; boundary=q\r\n\r\n--q\r\n\r\nsecret\r\n--q--"
        got = read(multipart("mixed", part("text/plain", "see"), part("message/rfc822", inner)))
        assert got.text == "see"
        assert [(item.name, item.content) for item in got.attachments] == [("attachment.eml", inner.encode())]

    def test_winmail_dat_is_an_attachment(self) -> None:
        tnef = part("application/ms-tnef", "eJ8=", "Content-Transfer-Encoding: base64", "X: y; name=winmail.dat")
        tnef = tnef.replace("ms-tnef", "ms-tnef; name=winmail.dat", 1)
        got = read(multipart("mixed", part("text/plain", "hi"), tnef))
        assert [(item.name, item.content) for item in got.attachments] == [("winmail.dat", b"x\x9f")]

    @pytest.mark.parametrize(
        ("encoding", "body", "expected"),
        [
            ("base64", "aGVsbG8=", "hello"),
            ("BASE64", "aGVs\r\nbG8", "hello"),
            ("base64", "aGVsbG8!?=", "hello"),
            ("base64", "aGVsbG8=aGVsbG8=", "hellohello"),
            ("base64", "aGVsbG8=\r\n____\r\nOur list", "hello"),
            ("base64", "aGVsbG8xZ", "hello1"),
            ("quoted-printable", "caf=C3=A9 =\r\nau lait=3", "café au lait=3"),
            ("x-unknown", "hello", "hello"),
        ],
    )
    def test_transfer_encodings(self, encoding: str, body: str, expected: str) -> None:
        assert mail(f"Content-Transfer-Encoding: {encoding}", body).text == expected

    def test_line_ends_and_nul(self) -> None:
        assert mail("Subject: x", "a\r\nb\rc\0d").text == "a\nb\ncd"

    @pytest.mark.parametrize(
        "head",
        [
            "Content-Type: multipart/mixed",
            "Content-Type: multipart/mixed; boundary=other",
            "Content-Type: nonsense",
            "Content-Type: text",
        ],
    )
    def test_what_cannot_be_split_is_text(self, head: str) -> None:
        assert mail(head, "--b\r\n\r\nhello\r\n").text == "--b\n\nhello\n"

    def test_a_missing_end_and_an_inner_boundary_that_begins_like_the_outer(self) -> None:
        inner = multipart("alternative", part("text/plain", "hi"), boundary="bb")
        assert parse(multipart("mixed", inner).replace("--b--", "").encode()).text == "hi"

    def test_a_digest_is_made_of_messages(self) -> None:
        got = read(multipart("digest", "\r\nSubject: one\r\n\r\nx", "\r\nSubject: two\r\n\r\ny"))
        assert [item.content_type for item in got.attachments] == ["message/rfc822"] * 2


class TestFlowed:
    @pytest.mark.parametrize(
        ("text", "delete_space", "expected"),
        [
            ("one \ntwo\nthree", False, "one two\nthree"),
            ("one \ntwo", True, "onetwo"),
            ("> a \n> b\n>> c \nd", False, "> a b\n>> c \nd"),
            ("hi \n-- \nAlice", False, "hi \n-- \nAlice"),
            (" From here\n >x", False, "From here\n>x"),
            ("", False, ""),
        ],
    )
    def test_soft_line_ends(self, text: str, delete_space: bool, expected: str) -> None:
        assert flowed.unflow(text, delete_space=delete_space) == expected

    def test_by_content_type(self) -> None:
        assert mail("Content-Type: text/plain; format=Flowed; DelSp=Yes", "日 \r\n本").text == "日本"

    @given(st.text(alphabet="a >-\n", max_size=200))
    def test_no_word_is_lost(self, text: str) -> None:
        assert flowed.unflow(text, delete_space=False).count("a") == text.count("a")


class TestNames:
    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            ("../../etc/cron.d/x", "x"),
            (r"C:\Users\eve\a.txt", "a.txt"),
            ("a\0.png", "a.png"),
            ("gpj\u202eexe.scr", "gpjexe.scr"),
            ("e\u0301.txt", "é.txt"),
            ("a" * 300 + ".pdf", "a" * 146 + ".pdf"),
            (".htaccess", "htaccess"),
            ("..", "attachment.pdf"),
            ("", "attachment.pdf"),
            ('a"b<c>.txt', "a_b_c_.txt"),
        ],
    )
    def test_safe(self, name: str, expected: str) -> None:
        assert filenames.safe(name, "application/pdf") == expected

    @given(st.text(max_size=400))
    def test_properties(self, name: str) -> None:
        got = filenames.safe(name, "application/x-unknown")
        assert 0 < len(got) <= 150
        assert not set("/\\") & set(got)
        assert unicodedata.normalize("NFC", got) == got
        assert not {"Cc", "Cf", "Cs"} & {unicodedata.category(c) for c in got}

    @pytest.mark.parametrize(
        "head",
        [
            "Content-Disposition: attachment; filename*=utf-8''%E2%82%AC.txt",
            "Content-Disposition: attachment; filename==?utf-8?q?=E2=82=AC.txt?=",
            'Content-Disposition: attachment; filename="=?utf-8?b?4oKsLnR4dA==?="',
            "Content-Disposition: attachment\nContent-Type: text/plain; name=€.txt",
        ],
    )
    def test_every_way_to_say_a_name(self, head: str) -> None:
        assert mail(head, "x").attachments[0].name == "€.txt"


WORDS = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"]), min_size=1, max_size=60
).filter(str.strip)


@given(
    subject=WORDS,
    text=st.lists(WORDS, min_size=1, max_size=5).map("\n".join),
    page=WORDS,
    encoding=st.sampled_from(["base64", "quoted-printable", "8bit"]),
    name=st.from_regex(r"[a-zà-öа-я日本 ]{1,40}[a-z]\.pdf", fullmatch=True),
    content=st.binary(max_size=300),
)
def test_what_the_standard_library_writes_we_read(  # noqa: PLR0913 - they are what a mail is made of
    *, subject: str, text: str, page: str, encoding: str, name: str, content: bytes
) -> None:
    sent = EmailMessage()
    sent["Subject"] = subject
    sent.set_content(text, cte=encoding)
    sent.add_alternative(page, subtype="html", cte=encoding)
    sent.add_attachment(content, maintype="application", subtype="pdf", filename=name)
    got = parse(sent.as_bytes(policy=SMTP))
    assert got.subject == headers.clean(subject)
    assert got.text == f"{text}\n"
    assert got.html == f"{page}\n"
    assert [(item.name, item.content_type, item.content) for item in got.attachments] == [
        (filenames.safe(name, ""), "application/pdf", content)
    ]


def lines() -> st.SearchStrategy[bytes]:
    pieces = [
        b"Content-Type: multipart/mixed; boundary=b",
        b"Content-Type: multipart/alternative; boundary=c",
        b"Content-Type: text/html; charset=utf-16",
        b"Content-Type: text/plain; format=flowed; name*0*=x'",
        b"Content-Transfer-Encoding: base64",
        b"Content-Transfer-Encoding: quoted-printable",
        b"Content-Disposition: attachment; filename*=%ff",
        b'From: <<"a@b, (c',
        b"Subject: =?utf-8?b?=?= =?x?q?=ff?=",
        b"--b",
        b"--c",
        b"--b--",
        b"",
        b" ",
        b"=?",
        b"\xff\xfe\0=",
    ]
    return st.lists(st.one_of(st.sampled_from(pieces), st.binary(max_size=20)), max_size=40).map(b"\r\n".join)


@given(st.one_of(st.binary(max_size=500), lines()))
def test_parse_raises_nothing_but_too_much(raw: bytes) -> None:
    try:
        got = parse(raw)
    except limits.LimitExceeded:
        return
    for name, value in got.headers:
        assert name == name.lower()
        assert not any(unicodedata.category(c) in {"Cc", "Cs"} for c in value)
    assert "\0" not in (got.text or "") + (got.html or "")
    assert "\r" not in (got.text or "")


def files() -> Iterator[Path]:
    return (path for folder in ("hostile", "machine") for path in sorted((SHARED_MAILS / folder).glob("*")))


@pytest.mark.skipif(not SHARED_MAILS.exists(), reason="the public mails are not here")
def test_every_public_mail_has_an_end() -> None:
    ends = {True: 0, False: 0}
    for path in files():
        try:
            parse(path.read_bytes())
            ends[True] += 1
        except limits.LimitExceeded:
            ends[False] += 1
    assert ends[True] > 100 * ends[False]
