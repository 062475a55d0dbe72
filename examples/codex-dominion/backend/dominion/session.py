"""The operator's session in a browser: Flask's signed cookie, which Redis can revoke."""

import hmac
import secrets
from datetime import timedelta

from flask import current_app, request, session

from dominion.errors import ApiError

LIFETIME = timedelta(hours=12)
CSRF_HEADER = 'X-CSRF-Token'


def configure_sessions(app):
    """No script can read the cookie, and no other site or subdomain can set or send it."""
    app.config.update(
        # nginx lets only this name through. Browsers accept __Host- only with Secure, without Domain, for all paths
        # (RFC 6265bis, 4.1.3.2).
        SESSION_COOKIE_NAME='__Host-dominion',
        SESSION_COOKIE_SECURE=True,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE='Strict',
        PERMANENT_SESSION_LIFETIME=LIFETIME,
        SESSION_REFRESH_EACH_REQUEST=False,
    )


def start(name):
    """Open a session for an operator of this name."""
    session.clear()
    session.permanent = True
    session.update(id=secrets.token_hex(16), csrf=secrets.token_hex(16), name=name)


def end():
    """Close the session, also for whoever has a copy of its cookie."""
    if 'id' in session:
        current_app.redis.set(_get_key(), 1, ex=LIFETIME)
    session.clear()


def get_name():
    """The operator's name; None without a session, after it expired, and after it was closed."""
    if 'id' not in session or current_app.redis.exists(_get_key()):
        return None
    return session['name']


def describe():
    """{"signed_in", "name", "csrf"}; the last two are null without a session."""
    name = get_name()
    return {'signed_in': name is not None, 'name': name, 'csrf': session['csrf'] if name is not None else None}


def assert_csrf_token():
    """Raises ApiError 403 unless a page of this site made the request: only such a page can read "csrf"."""
    assert_same_origin()
    given = request.headers.get(CSRF_HEADER, '')
    if not hmac.compare_digest(given.encode(), session['csrf'].encode()):
        raise ApiError(403, f'The header {CSRF_HEADER} is missing or does not belong to this session')


def assert_same_origin():
    """Raises ApiError 403 when the browser says that a page of another site made the request."""
    origin = request.headers.get('Origin')
    # Not host_url, which Werkzeug decodes: browsers send the name of an international domain as xn--….
    if origin is not None and origin != f'{request.scheme}://{request.host}':
        raise ApiError(403, 'A page of another site made this request')


def _get_key():
    return f'closed-session:{session["id"]}'
