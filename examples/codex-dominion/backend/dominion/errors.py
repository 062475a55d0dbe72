"""Errors below /api are JSON: {"error": "<sentence>", "status": <code>}."""

import logging

from flask import jsonify, request
from redis.exceptions import RedisError
from werkzeug.exceptions import HTTPException

from dominion.database import DatabaseUnavailable

log = logging.getLogger('dominion.errors')

SENTENCES = {
    404: 'No resource has this address',
    405: 'This address does not allow this method; the Allow header lists the allowed ones',
    415: 'Send the body as JSON with Content-Type: application/json',
    500: 'Internal error; see the log of the backend',
}


class ApiError(Exception):
    """A response other than 2xx that the application chose."""

    def __init__(self, status, message, headers=()):
        super().__init__(message)
        self.status = status
        self.headers = dict(headers)


def install_error_handlers(app):
    """Make every error under /api JSON; pages keep Werkzeug's plain HTML."""

    @app.errorhandler(ApiError)
    def api_error(error):
        return _answer(error.status, str(error), error.headers)

    @app.errorhandler(DatabaseUnavailable)
    def no_database(error):
        log.error('database unavailable: %s', error)
        return _answer(503, f'The database is not available: {error}', {'Retry-After': '5'})

    @app.errorhandler(RedisError)
    def no_redis(error):
        log.error('redis unavailable: %s', type(error).__name__, exc_info=error)
        return _answer(503, 'The queue is not available: Redis does not answer', {'Retry-After': '5'})

    @app.errorhandler(HTTPException)
    def http_error(error):
        if not request.path.startswith('/api'):
            return error
        # Werkzeug's own sentences are for people who typed an address into a browser.
        sentence = SENTENCES.get(error.code, error.description)
        methods = getattr(error, 'valid_methods', None)
        return _answer(error.code, sentence, {'Allow': ', '.join(sorted(methods))} if methods else {})

    @app.errorhandler(Exception)
    def unexpected(error):
        log.error('unexpected error on %s %s', request.method, request.path, exc_info=error)
        return _answer(500, SENTENCES[500])


def _answer(status, message, headers=()):
    response = jsonify(error=message, status=status)
    response.status_code = status
    response.headers.update(headers)
    return response
