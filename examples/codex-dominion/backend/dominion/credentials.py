"""Who may write: whoever has the token that belongs to SECRET_KEY. Reading needs no credential."""

import hashlib
import hmac
import ipaddress

from flask import current_app, request

from dominion.errors import ApiError

# The toolbox derives the same token (lib/config/apiToken.ts); tests/api_tokens.json keeps the two in step.
LABEL = b'codex-dominion api token v1'
# RFC 9110, 9.2.1, without TRACE. Every other method needs the token, so that a new route cannot forget it.
SAFE_METHODS = frozenset({'GET', 'HEAD', 'OPTIONS'})
CHALLENGE = 'Bearer realm="codex-dominion"'


def derive_token(secret_key):
    """The token as 64 hexadecimal digits. It reveals nothing about the key."""
    return hmac.new(secret_key.encode(), LABEL, hashlib.sha256).hexdigest()


def require_token():
    """The `before_request` of the whole application: it runs before routing and before a body is read.

    Raises ApiError 401 (RFC 6750, section 3) for a request that may write and carries no valid token.
    """
    if request.method in SAFE_METHODS or is_operator():
        return
    if 'Authorization' in request.headers:
        raise ApiError(
            401, 'This token is not valid', {'WWW-Authenticate': f'{CHALLENGE}, error="invalid_token"'}
        )
    raise ApiError(401, "Writing needs the operator's token", {'WWW-Authenticate': CHALLENGE})


def is_operator():
    """Whether the request carries the valid token."""
    scheme, _, given = request.headers.get('Authorization', '').partition(' ')
    expected = derive_token(current_app.settings.secret_key)
    # compare_digest accepts only ASCII text, and a header may hold any byte.
    is_equal = hmac.compare_digest(given.strip().encode(), expected.encode())
    return scheme.lower() == 'bearer' and is_equal


def get_caller():
    """Who makes this request and from where: {"by", "from"}. "from" is None without a valid address."""
    try:
        address = str(ipaddress.ip_address(request.remote_addr or ''))
    except ValueError:
        address = None
    return {'by': 'operator' if is_operator() else 'visitor', 'from': address}
