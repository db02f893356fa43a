"""The guard: who is answered, what a page may load, and what a request may bring."""

import asyncio

import pytest

from assistant.guard import COOKIE, Guard, reader


def through(headers=(), *, body=(b"",), anywhere=False, kind=b"text/html", page=b"<script>x</script>"):
    """What a browser gets: status, headers and body; and what the application was given."""
    sent, heard = [], []

    async def app(scope, receive, send):
        while True:
            message = await receive()
            heard.append(message)
            if not message.get("more_body"):
                break
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", kind)]})
        await send({"type": "http.response.body", "body": page})

    pending = [
        {"type": "http.request", "body": part, "more_body": place + 1 < len(body)} for place, part in enumerate(body)
    ]

    async def receive():
        return pending.pop(0)

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "headers": [(b"host", b"127.0.0.1:7860"), *headers]}
    named = dict(headers)
    if b"host" in named:
        scope["headers"] = list(headers)
    asyncio.run(Guard(app, anywhere=anywhere, most_bytes=100)(scope, receive, send))
    return sent[0]["status"], dict(sent[0]["headers"]), sent[1]["body"], heard


@pytest.mark.parametrize("host", [b"127.0.0.1:7860", b"localhost", b"[::1]:80"])
def test_this_machine_is_answered(host):
    assert through([(b"host", host)])[0] == 200


@pytest.mark.parametrize("host", [b"evil.example", b"127.0.0.1.evil.example", b"localhost.evil.example:7860", b""])
def test_a_stranger_name_is_not_answered_unless_a_password_is_asked_for(host):
    assert through([(b"host", host)])[0] == 421
    assert through([(b"host", host)], anywhere=True)[0] == 200


@pytest.mark.parametrize(
    "origin", [b"http://evil.example", b"null", b"http://127.0.0.1:8000", b"http://localhost:7860"]
)
def test_another_page_may_not_ask(origin):
    status, _, _, heard = through([(b"origin", origin)])
    assert (status, heard) == (403, [])
    assert through([(b"origin", b"http://127.0.0.1:7860")])[0] == 200


@pytest.mark.parametrize("length", [b"101", b"-1", b"many"])
def test_a_request_that_says_it_is_too_long_is_refused(length):
    assert through([(b"content-length", length)])[0] == 413


def test_a_request_that_does_not_say_so_is_hung_up_on():
    heard = through(body=[b"x" * 60, b"x" * 60, b"x"])[3]
    assert [message["type"] for message in heard] == ["http.request", "http.disconnect"]


def test_scripts_of_the_page_alone_carry_the_nonce_of_the_policy():
    _, headers, body, _ = through()
    nonce = body.split(b'"')[1]
    assert b"'nonce-" + nonce + b"'" in headers[b"content-security-policy"]
    assert nonce != through()[2].split(b'"')[1]


def test_a_browser_gets_a_secret_once_that_no_script_can_read():
    given = through()[1][b"set-cookie"].decode()
    assert "HttpOnly" in given and "SameSite=Strict" in given
    secret = given.split(";")[0].partition("=")[2]
    assert reader({COOKIE: secret}) == secret
    assert b"set-cookie" not in through([(b"cookie", f"{COOKIE}={secret}".encode())])[1]
    assert b"set-cookie" not in through(kind=b"application/json")[1]


@pytest.mark.parametrize("value", ["", "short", "x" * 33, "x" * 31 + "/", "é" * 32])
def test_what_this_server_cannot_have_given_is_no_secret(value):
    assert reader({COOKIE: value}) is None
