"""Wrong tokens, counted in Redis for each address, so that nobody can try a list of keys."""

import ipaddress

from dominion.errors import ApiError

LIMIT = 10
WINDOW = 900  # seconds from the first wrong token


def assert_few(redis, address):
    """Raises ApiError 429 when LIMIT wrong tokens came from this address, for the valid token, too."""
    key = _get_key(address)
    if int(redis.get(key) or 0) >= LIMIT:
        wait = max(1, redis.ttl(key))
        raise ApiError(429, 'Too many wrong tokens came from this address', {'Retry-After': str(wait)})


def count(redis, address):
    """Count a wrong token."""
    key = _get_key(address)
    # Together, so that no count stays for ever.
    redis.pipeline().set(key, 0, ex=WINDOW, nx=True).incr(key).execute()


def _get_key(address):
    # Whoever has one IPv6 address has the whole /64 (RFC 6177).
    if address and ':' in address:
        address = ipaddress.ip_network(f'{address.partition("%")[0]}/64', strict=False)
    return f'wrong-tokens:{address}'
