"""An OpenID Connect provider on a real socket, whose person is whoever the test says, and logs in at once."""

import json
import threading
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from mailtalk import clock

CLIENT, SECRET = "mailtalk-console", "a client's secret"


@dataclass
class OidcProvider:
    """Claims of the next ID token, beside those of its request; `key` signs it, and its public part is published."""

    issuer: str = ""
    claims: dict[str, Any] = field(default_factory=lambda: {"email": "ops@example.com", "email_verified": True})
    key: Any = field(default_factory=lambda: rsa.generate_private_key(65537, 2048))
    published: Any = None
    requests: dict[str, dict[str, str]] = field(default_factory=dict)  # by code

    def answer(self, path: str, query: dict[str, str], form: dict[str, str]) -> tuple[int, dict[str, str], Any]:
        """Status, headers and JSON of a request."""
        if path == "/.well-known/openid-configuration":
            ends = {f"{name}_endpoint": f"{self.issuer}/{name}" for name in ("authorization", "token")}
            return 200, {}, {"issuer": self.issuer, "jwks_uri": f"{self.issuer}/jwks", **ends}
        if path == "/jwks":
            public = jwt.algorithms.RSAAlgorithm.to_jwk((self.published or self.key).public_key(), as_dict=True)
            return 200, {}, {"keys": [{**public, "kid": "k1", "alg": "RS256", "use": "sig"}]}
        if path == "/authorization":
            self.requests["a-code"] = query
            back = urlencode({"code": "a-code", "state": query["state"]})
            return 302, {"Location": f"{query['redirect_uri']}?{back}"}, {}
        return self._token(form)

    def _token(self, form: dict[str, str]) -> tuple[int, dict[str, str], Any]:
        asked = self.requests.pop(form["code"], None)
        challenge = urlsafe_b64encode(sha256(form["code_verifier"].encode()).digest()).rstrip(b"=").decode()
        if asked is None or form["client_secret"] != SECRET or asked["code_challenge"] != challenge:
            return 400, {}, {"error": "invalid_grant"}
        now = int(clock.now().timestamp())
        own = {"iss": self.issuer, "aud": CLIENT, "sub": "1", "iat": now, "exp": now + 60, "nonce": asked["nonce"]}
        token = jwt.encode({**own, **self.claims}, self.key, "RS256", headers={"kid": "k1"})
        return 200, {}, {"id_token": token, "token_type": "Bearer"}


@contextmanager
def oidc_provider() -> Iterator[OidcProvider]:
    provider = OidcProvider()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer({})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            self._answer({name: values[0] for name, values in parse_qs(body).items()})

        def _answer(self, form: dict[str, str]) -> None:
            parts = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            status, headers, content = provider.answer(parts.path, query, form)
            raw = json.dumps(content).encode()
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(raw))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, *_: Any) -> None:
            """Write nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider.issuer = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
