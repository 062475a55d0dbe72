"""/api/session: signing in and out in a browser."""

import logging

from flask import Blueprint, g

from dominion import session
from dominion.credentials import check_token, get_address
from dominion.errors import ApiError
from dominion.validation import json_object, text_field

log = logging.getLogger('dominion.session')
blueprint = Blueprint('session', __name__, url_prefix='/api/session')


@blueprint.get('')
def show():
    """{"signed_in", "name", "csrf"}; a write in this session has `csrf` in the header X-CSRF-Token."""
    return session.describe()


@blueprint.post('')
def sign_in():
    """{"token", "name"} -> as GET, and the cookie. 401 for a wrong token; the name is whatever the operator enters."""
    session.assert_same_origin()
    body = json_object()
    name = text_field(body, 'name', 40)
    if not name.isprintable():
        raise ApiError(400, '"name" contains a character that cannot be printed')
    check_token(text_field(body, 'token', 200))
    session.start(name)
    g.operator = f'operator {name}'
    log.info('%s signed in from=%s', g.operator, get_address())
    return session.describe()


@blueprint.delete('')
def sign_out():
    """-> as GET. The cookie is no longer accepted."""
    session.end()
    return session.describe()
