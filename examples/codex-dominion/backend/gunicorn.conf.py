"""Settings that gunicorn reads from the working folder; the command line overrides them."""

import os
import sys

from dominion.logs import log_config
from dominion.settings import SettingsError, load_settings

# BIND=127.0.0.1 where a proxy in the same container group is the only way in.
host = os.environ.get('BIND', '0.0.0.0')
bind = f'{host}:{os.environ.get("PORT", "5000")}'
# gthread: a slow database blocks one thread, not the process that also answers /health.
worker_class = 'gthread'
# Shorter than the 30 s that a container gets between SIGTERM and SIGKILL.
graceful_timeout = 20
timeout = 30
# Longer than nginx keeps an idle upstream connection, so that nginx is the side that closes it.
keepalive = 75
# A heartbeat file on a disk can block a worker; one in memory cannot.
worker_tmp_dir = '/dev/shm'
# Without BIND, nginx and the container network sit between the visitor and this process.
forwarded_allow_ips = '127.0.0.1' if host == '127.0.0.1' else '*'
# %(U)s is the path without the query, which may contain a visitor's words.
access_log_format = 'method=%(m)s path=%(U)s status=%(s)s bytes=%(B)s ms=%(M)s peer=%(h)s'
logconfig_dict = log_config()


def on_starting(server):
    """Check the environment once, before workers exist: when several workers refuse to start,
    gunicorn 20 does not end reliably, and its exit code varies."""
    try:
        load_settings()
    except SettingsError as fault:
        server.log.critical('codex-backend cannot start: %s', fault)
        sys.exit(1)
