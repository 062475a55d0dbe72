"""Reading a visitor's input; every error is an ApiError 400 that names the field."""

from flask import request

from dominion.errors import ApiError

MAX_BODY = 64 * 1024  # bytes
MAX_ID = 2**63 - 1  # bigint


def json_object():
    """The request body as a dictionary."""
    # Flask's MAX_CONTENT_LENGTH covers JSON only from Werkzeug 2.3 on, and a chunked body never.
    if request.content_length is None:
        raise ApiError(411, 'Send the body as JSON, with its Content-Length')
    if request.content_length > MAX_BODY:
        raise ApiError(413, f'The body has {request.content_length} bytes; at most {MAX_BODY} are allowed')
    try:
        body = request.get_json()
    except RecursionError:
        raise ApiError(400, 'The body is nested too deeply') from None
    if not isinstance(body, dict):
        raise ApiError(400, 'The body must be a JSON object')
    return body


def text_field(body, name, longest):
    """A non-empty string of at most `longest` characters."""
    value = body.get(name)
    if not isinstance(value, str) or not value.strip():
        raise ApiError(400, f'"{name}" must be a non-empty string')
    if len(value) > longest:
        raise ApiError(400, f'"{name}" has {len(value)} characters; at most {longest} are allowed')
    # PostgreSQL's text type holds neither; JSON can name half a character, as \ud800.
    if '\0' in value:
        raise ApiError(400, f'"{name}" contains a NUL character')
    if any('\ud800' <= character <= '\udfff' for character in value):
        raise ApiError(400, f'"{name}" contains half a surrogate pair')
    return value.strip()


def whole_number(name, default, lowest, highest):
    """A query parameter in an inclusive range."""
    raw = request.args.get(name)
    if raw is None:
        return default
    if not raw.isascii() or not raw.isdigit() or len(raw) > 18 or not lowest <= int(raw) <= highest:
        raise ApiError(400, f'"{name}" must be a whole number from {lowest} to {highest}')
    return int(raw)


def lookup_key(raw):
    """The last part of a URL as (id or None, slug or name), the parameters of a query."""
    if '\0' in raw:
        raise ApiError(404, 'No resource has this address')
    numeric = raw.isascii() and raw.isdigit() and len(raw) <= 19 and int(raw) <= MAX_ID
    return (int(raw) if numeric else None, raw)


def found(row, what, key):
    """The row, or a 404 that names what is missing."""
    if row is None:
        raise ApiError(404, f'There is no {what} {key[:80]}')
    return row
