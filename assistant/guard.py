"""The guard: what stands between the chat page and other machines, other pages and other readers.

An ASGI layer that knows nothing of the page.  It answers to this machine's names only (or, behind
a password, to any), refuses what another web page sends, lets pages load from this server alone,
and gives each browser the secret by which its conversations are known.
"""

import re
import secrets
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import Any

COOKIE = "assistant_reader"
"""Name of the cookie that holds a browser's secret; no script can read it."""

Send = Callable[[Any], Awaitable[None]]


class Guard:
    """ASGI layer; `anywhere` answers to any name (where a password is asked for), `most_bytes` bounds a request."""

    def __init__(self, app: Callable[..., Awaitable[None]], *, anywhere: bool, most_bytes: int) -> None:
        self.app = app
        self.anywhere = anywhere
        self.most_bytes = most_bytes

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        host = headers.get("host", "")
        if not self.anywhere and re.sub(r":\d+$", "", host) not in ("127.0.0.1", "localhost", "[::1]"):
            # A page elsewhere whose name was made to point at this machine (DNS rebinding).
            await _refuse(send, 421, "This page serves its own machine only.")
        elif _is_from_elsewhere(headers.get("origin", ""), host):
            # Another page in the same browser; it would hear no answer, but what it asks for would be done.
            await _refuse(send, 403, "Another page may not ask this one for anything.")
        elif not headers.get("content-length", "0").isdigit() or (
            int(headers.get("content-length", "0")) > self.most_bytes
        ):
            await _refuse(send, 413, f"At most {self.most_bytes:,} bytes are taken at once.")
        else:
            secret = reader(_cookies(headers.get("cookie", "")))
            bounded = _bounded(receive, self.most_bytes)
            await self.app(scope, bounded, _guarded(send, None if secret else secrets.token_urlsafe(24)))


def reader(cookies: Mapping[str, str]) -> str | None:
    """The browser's secret from its cookies; None where it has none that this server could have given."""
    value = cookies.get(COOKIE, "")
    return value if re.fullmatch(r"[\w-]{32}", value, re.ASCII) else None


def _cookies(header: str) -> dict[str, str]:
    try:
        return {name: morsel.value for name, morsel in SimpleCookie(header).items()}
    except CookieError:
        return {}


def _is_from_elsewhere(origin: str, host: str) -> bool:
    return bool(origin) and origin.partition("://")[2] != host


def _bounded(receive: Callable[[], Awaitable[Any]], most_bytes: int) -> Callable[[], Awaitable[Any]]:
    """Receive that hangs up on a request which is longer than it may be and did not say so."""
    taken = 0

    async def bounded() -> Any:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        return {"type": "http.disconnect"} if taken > most_bytes else message

    return bounded


async def _refuse(send: Send, status: int, words: str) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": f"{words}\n".encode()})


def _guarded(send: Send, fresh: str | None) -> Send:
    """Send with a content policy; scripts of the page itself are known by a nonce, so that handlers in text are not.

    A browser without a secret gets `fresh` with its first page.
    """
    nonce = secrets.token_urlsafe(16)
    held: list[Any] = []

    async def guarded(message: Any) -> None:
        if message["type"] == "http.response.start":
            headers = [(name, value) for name, value in message["headers"] if name.lower() != b"content-length"]
            policy = CONTENT_POLICY.replace("NONCE", nonce)
            extra = {"content-security-policy": policy, **PLAIN_HEADERS}
            is_page = any(name.lower() == b"content-type" and b"text/html" in value for name, value in headers)
            if is_page and fresh:
                extra["set-cookie"] = f"{COOKIE}={fresh}; HttpOnly; SameSite=Strict; Path=/; Max-Age={COOKIE_SECONDS}"
            kept = headers if is_page else message["headers"]
            start = {**message, "headers": [*kept, *((k.encode(), v.encode()) for k, v in extra.items())]}
            if is_page:
                held.append(start)
            else:
                await send(start)
        elif held:
            held.append(message.get("body", b""))
            if not message.get("more_body"):
                body = b"".join(held[1:]).replace(b"<script", f'<script nonce="{nonce}"'.encode())
                await send(held[0])
                await send({"type": "http.response.body", "body": body})
        else:
            await send(message)

    return guarded


COOKIE_SECONDS = 400 * 24 * 3600
"""As long as browsers keep a cookie at most."""

CONTENT_POLICY = (
    # Gradio compiles its templates at run time, hence 'unsafe-eval'.
    "default-src 'self'; script-src 'self' 'nonce-NONCE' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; "
    "object-src 'none'; frame-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
)
PLAIN_HEADERS = {"x-content-type-options": "nosniff", "referrer-policy": "no-referrer"}
