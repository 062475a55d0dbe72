"""Wrong tokens, counted in Redis for each sender, so that nobody can try a list of keys."""

import ipaddress

from dominion.errors import ApiError

LIMIT = 10
WINDOW = 900  # seconds from the first wrong token


def name_sender(peer, address):
    """Who is counted: an address, as seen through one peer.

    Whoever goes round nginx claims any address, also the operator's; with the peer, that does not count for the operator.
    """
    return f'{_get_network(peer)}:{_get_network(address)}'


def assert_few(redis, sender):
    """Raises ApiError 429 when LIMIT wrong tokens came from this sender, for the valid token, too."""
    key = _get_key(sender)
    if int(redis.get(key) or 0) >= LIMIT:
        wait = max(1, redis.ttl(key))
        raise ApiError(429, 'Too many wrong tokens came from this address', {'Retry-After': str(wait)})


def count(redis, sender):
    """Count a wrong token."""
    key = _get_key(sender)
    # Together, so that no count stays for ever.
    redis.pipeline().set(key, 0, ex=WINDOW, nx=True).incr(key).execute()


def _get_key(sender):
    return f'wrong-tokens:{sender}'


def _get_network(address):
    # Whoever has one IPv6 address has the whole /64 (RFC 6177).
    if address and ':' in address:
        return ipaddress.ip_network(f'{address.partition("%")[0]}/64', strict=False)
    return address
