"""The guard: no spelling of an address of our own network lets a webhook in, nor does a name that changes its mind."""

from collections.abc import Sequence
from ipaddress import ip_address
from pathlib import Path

import pytest

from mailtalk.webhooks.ssrf import ForbiddenUrl, SsrfGuard, is_public, system

# However loopback, private and other addresses that are not the Internet's are spelt; the system's resolver reads them.
SPELLINGS = (Path(__file__).parent / "spellings.txt").read_text(encoding="ascii").split()
ODD = [
    "https://user@example.com/",
    "https://user:pass@example.com/",
    "https://example.com@127.0.0.1/",
    "https://example.com\\@127.0.0.1/",
    "https://127.0.0.1\t/",
    "https://127.0.0.1 /",
    "https://①②⑦.⓪.⓪.①/",
    "https://127。0。0。1/",
    "https://lоcalhost/",
    "https://[fe80::1%25eth0]/",
    "https://[::1/",
    "https://[127.0.0.1]/",
    "https://1.2.3.4.5/",
    "https://0x7f.0x/",
    "https://256.256.256.256/",
    "https://example.com/#x",
    "https:///hook",
    "https://",
    "https:example.com",
    "//example.com/",
    "ftp://example.com/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:70/_x",
    "unix:///run/docker.sock",
    "http://example.com/",
    "https://example.com:80/",
    "https://example.com:22/",
    "https://example.com:99999/",
    "https://example.com:0/",
    "https://example.com:x/",
    f"https://example.com/{'x' * 2_000}",
]


def is_address(text: str) -> bool:
    """Whether a resolver could answer so."""
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def named(*addresses: str) -> SsrfGuard:
    return SsrfGuard(resolve=lambda _host, _port: addresses)


@pytest.mark.parametrize("host", SPELLINGS)
def test_no_spelling_of_an_address_that_is_not_public(host: str) -> None:
    for refuse in (SsrfGuard().check, SsrfGuard().targets):
        with pytest.raises(ForbiddenUrl):
            refuse(f"https://{host}/")


def test_there_are_as_many_spellings_as_were_asked_for() -> None:
    assert len(set(SPELLINGS)) >= 60


@pytest.mark.parametrize("url", ODD)
def test_what_is_no_plain_https_url_at_443_or_8443(url: str) -> None:
    for refuse in (SsrfGuard().check, named("93.184.216.34").targets):
        with pytest.raises(ForbiddenUrl):
            refuse(url)


@pytest.mark.parametrize("host", [each.strip("[]") for each in SPELLINGS if is_address(each.strip("[]"))])
def test_a_name_that_leads_there(host: str) -> None:
    with pytest.raises(ForbiddenUrl):
        named(host).targets("https://innocent.example/")


@pytest.mark.parametrize("address", ["::ffff:0:7f00:1", "::ffff:0:10.0.0.1", "::ffff:0:93.184.216.34"])
def test_v4_translated_addresses_are_not_public(address: str) -> None:
    assert not is_public(ip_address(address))
    with pytest.raises(ForbiddenUrl):
        named(address).targets("https://innocent.example/")


def test_one_bad_address_among_good_ones_spoils_the_name() -> None:
    with pytest.raises(ForbiddenUrl):
        named("93.184.216.34", "127.0.0.1").targets("https://example.com/")


@pytest.mark.parametrize("port", [443, 8443])
def test_public_addresses(port: int) -> None:
    found = named("93.184.216.34", "2606:2800:220:1::1").targets(f"https://example.com:{port}/a?b=c")
    assert [(each.address, each.host, each.port, each.path) for each in found] == [
        ("93.184.216.34", "example.com", port, "/a?b=c"),
        ("2606:2800:220:1::1", "example.com", port, "/a?b=c"),
    ]
    assert found[0].authority == ("example.com" if port == 443 else "example.com:8443")
    assert is_public(ip_address("93.184.216.34"))


def test_a_name_without_an_address() -> None:
    with pytest.raises(ForbiddenUrl, match="does not resolve"):
        named().targets("https://example.com/")


@pytest.mark.parametrize(
    ("allowed", "url", "good"),
    [
        ("true", "http://127.0.0.1:9000/", True),
        ("10.0.0.0/8,127.0.0.0/8", "http://127.0.0.1:9000/", True),
        ("10.0.0.0/8", "http://10.9.8.7/", True),
        ("10.0.0.0/8", "https://10.9.8.7:1234/", True),
        ("10.0.0.0/8", "https://192.168.0.1/", False),
        ("10.0.0.0/8", "http://93.184.216.34/", False),
        ("10.0.0.0/8", "https://93.184.216.34/", True),
        ("10.0.0.0/8", "https://93.184.216.34:1234/", False),
        ("fd00::/8", "http://[fd00::1]/", True),
        ("true", "http://user@127.0.0.1/", False),
    ],
)
def test_private_networks_by_setting(allowed: str, url: str, *, good: bool) -> None:
    for ask in (SsrfGuard(allowed).check, SsrfGuard(allowed).targets):
        if good:
            ask(url)
        else:
            with pytest.raises(ForbiddenUrl):
                ask(url)


def test_names_are_asked_once() -> None:
    asked: list[str] = []

    def changing(host: str, _port: int) -> Sequence[str]:
        asked.append(host)
        return ["93.184.216.34"] if len(asked) == 1 else ["127.0.0.1"]

    guard = SsrfGuard(resolve=changing)
    assert [each.address for each in guard.targets("https://example.com/")] == ["93.184.216.34"]
    assert asked == ["example.com"]
    with pytest.raises(ForbiddenUrl):
        guard.targets("https://example.com/")


def test_the_system_resolves_names() -> None:
    assert set(system("localhost", 443)) <= {"127.0.0.1", "::1"}
