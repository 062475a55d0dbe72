"""Redis connections. TLS is verified fully: the chain and the host name."""

from redis import Redis

# Seconds. Redis answers in milliseconds or not at all.
TIMEOUT = 2


def tls_options(url):
    """redis-py checks the chain by default, but not (before version 6) the host name."""
    return {'ssl_cert_reqs': 'required', 'ssl_check_hostname': True} if url.startswith('rediss://') else {}


class VerifiedRedis(Redis):
    """The connection class of `rq worker` (RQ_CONNECTION_CLASS); CA certificates are the system's
    or those of SSL_CERT_FILE."""

    @classmethod
    def from_url(cls, url, **options):
        # The load balancer of a managed Redis drops idle connections: keep them in use.
        return super().from_url(
            url, **{'socket_keepalive': True, 'health_check_interval': 30, **tls_options(url), **options}
        )


def connect(url):
    """A client for the API; it opens its connections on first use.

    retry_on_timeout stays off: a visitor waits once, not twice.
    """
    return VerifiedRedis.from_url(url, socket_timeout=TIMEOUT, socket_connect_timeout=TIMEOUT)
