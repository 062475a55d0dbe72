"""Who may write: whoever has the token that belongs to SECRET_KEY, or a session that the token opened."""

import hashlib
import hmac
import ipaddress

from flask import current_app, g, request
from redis.exceptions import RedisError

from dominion import guesses, session
from dominion.errors import ApiError

# The toolbox derives the same token (lib/config/secret.ts); tests/api_tokens.json keeps the two in step.
LABEL = b'codex-dominion api token v1'
# RFC 9110, 9.2.1, without TRACE. Every other method needs the operator, so that a new route cannot forget it.
SAFE_METHODS = frozenset({'GET', 'HEAD', 'OPTIONS'})
# Signing in checks the token in its body; probes and the toolbox have to reach /health.
ALWAYS_OPEN = frozenset({'session.sign_in', 'session.show', 'health.health'})
CHALLENGE = 'Bearer realm="codex-dominion"'


def derive_token(secret_key):
    """The token as 64 hexadecimal digits. It reveals nothing about the key."""
    return hmac.new(secret_key.encode(), LABEL, hashlib.sha256).hexdigest()


def guard_request():
    """The `before_request` of the whole application: it runs before a body is read.

    Raises ApiError as require_operator() for a request that may write, and with PUBLIC_READS=no for one that reads; 403 for
    a write that a page of another site may have sent: a browser adds the cookie to that, too, but not Authorization.
    """
    is_reading = request.method in SAFE_METHODS
    if request.endpoint in ALWAYS_OPEN or (is_reading and current_app.settings.public_reads):
        return
    operator = require_operator()
    if is_reading:
        return
    if 'Authorization' not in request.headers:
        session.assert_csrf_token()
    g.operator = operator


def require_operator():
    """Who the operator is: "operator", or "operator NAME" in a session.

    Raises ApiError 401 (RFC 6750, section 3) without a valid token or session, and 429 as check_token().
    """
    if 'Authorization' in request.headers:
        scheme, _, given = request.headers['Authorization'].partition(' ')
        check_token(given.strip() if scheme.lower() == 'bearer' else '')
        return 'operator'
    name = session.get_name()
    if name is None:
        raise ApiError(
            401, "Only the operator may do this: send the operator's token or sign in", {'WWW-Authenticate': CHALLENGE}
        )
    return f'operator {name}'


def is_operator():
    """Whether the operator makes this request. Reading goes on as a visitor where that cannot be found out."""
    try:
        return bool(require_operator())
    except (ApiError, RedisError):
        return False


def check_token(given):
    """Returns for the valid token only. Raises ApiError 401 for another, which is counted, and 429 after too many."""
    sender = guesses.name_sender(_get_peer(), get_address())
    guesses.assert_few(current_app.redis, sender)
    # compare_digest accepts only ASCII text, and a header may hold any byte.
    expected = derive_token(current_app.settings.secret_key)
    if not hmac.compare_digest(given.encode(), expected.encode()):
        guesses.count(current_app.redis, sender)
        raise ApiError(
            401, 'This token is not valid', {'WWW-Authenticate': f'{CHALLENGE}, error="invalid_token"'}
        )


def get_address():
    """The address of the sender as text, None when it is not a valid one."""
    try:
        return str(ipaddress.ip_address(request.remote_addr or ''))
    except ValueError:
        return None


def _get_peer():
    """The address of the connection itself: the proxy's, or that of a sender who goes round it."""
    return request.environ.get('werkzeug.proxy_fix.orig', request.environ).get('REMOTE_ADDR')


def get_caller():
    """Who makes this request and from where: {"by", "from"}. "from" is None without a valid address."""
    return {'by': g.get('operator', 'visitor'), 'from': get_address()}
