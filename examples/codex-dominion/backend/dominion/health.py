"""/health: queries the database and Redis in parallel, and waits for neither longer than TIMEOUT."""

import logging
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout

from flask import Blueprint, current_app
from redis.exceptions import AuthenticationError, RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeout

blueprint = Blueprint('health', __name__)
log = logging.getLogger('dominion.health')

TIMEOUT = 2.5  # seconds; probes give up after 5


@blueprint.get('/health')
def health():
    """200 {"status": "ok", "checks": {"database": {"ok", "ms"}, "redis": {…}}, "release"}, or 503
    with "status": "unhealthy" and an "error" in the check that failed."""
    app = current_app._get_current_object()
    questions = {
        'database': lambda: app.database.row('SELECT 1 AS one'),
        'redis': lambda: _write_and_read(app.redis),
    }
    checks = _ask_all(questions)
    healthy = all(check['ok'] for check in checks.values())
    for name, check in checks.items():
        if not check['ok']:
            log.error('check=%s failed: %s', name, check['error'])
    body = {'status': 'ok' if healthy else 'unhealthy', 'checks': checks, 'release': app.settings.release}
    return body, 200 if healthy else 503


def _write_and_read(redis):
    """A Redis that is full or only a copy still answers PING."""
    key = f'health:{socket.gethostname()}'
    redis.set(key, 'written', ex=60)
    if redis.get(key) is None:
        raise RuntimeError('what was just written is missing')


def _ask_all(questions):
    # Not a `with` block: its exit would wait for a query that hangs.
    threads = ThreadPoolExecutor(len(questions))
    began = time.monotonic()
    futures = {name: threads.submit(_ask, question) for name, question in questions.items()}
    checks = {}
    for name, future in futures.items():
        try:
            checks[name] = future.result(timeout=max(0, began + TIMEOUT - time.monotonic()))
        except FutureTimeout:
            checks[name] = {'ok': False, 'ms': TIMEOUT * 1000, 'error': f'no answer within {TIMEOUT} s'}
    threads.shutdown(wait=False)
    return checks


def _ask(question):
    began = time.monotonic()
    error = None
    try:
        question()
    except Exception as fault:  # any exception: the check has failed and has to say so
        error = _reason(fault)
    check = {'ok': error is None, 'ms': round((time.monotonic() - began) * 1000, 1)}
    return check if error is None else {**check, 'error': error}


def _reason(fault):
    if isinstance(fault, AuthenticationError):
        return 'the access key is refused'
    if isinstance(fault, RedisTimeout):
        return 'no answer in time'
    if isinstance(fault, ResponseError):
        return f'refuses to write ({fault})'
    if isinstance(fault, RedisError):
        text = str(fault)
        cause = 'the certificate cannot be verified' if 'CERTIFICATE_VERIFY' in text else 'cannot connect'
        return f'{cause} ({type(fault).__name__})'
    return str(fault)
