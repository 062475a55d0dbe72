"""The environment, read and validated once. All errors are reported together, without any values."""

import os
import ssl
from dataclasses import dataclass
from urllib.parse import urlsplit

from psycopg import ProgrammingError, conninfo

MIN_SECRET = 16


class SettingsError(Exception):
    """The environment is invalid; the text names every wrong variable."""


@dataclass(frozen=True)
class Settings:
    database: str  # libpq connection string, TLS options included
    redis_url: str
    secret_key: str
    release: str
    production: bool
    public_reads: bool


def load_settings(environ=os.environ):
    """Read DATABASE_URL, REDIS_URL (or RQ_REDIS_URL), SECRET_KEY, APP_ENV, RELEASE and PUBLIC_READS.

    Raises SettingsError that names every missing or malformed variable.
    """
    production = environ.get('APP_ENV', environ.get('FLASK_ENV', 'production')) == 'production'
    faults = []
    settings = Settings(
        database=_collect(faults, database_conninfo, environ, production),
        redis_url=_collect(faults, redis_url, environ, production),
        secret_key=_collect(faults, _secret_key, environ, production),
        release=environ.get('RELEASE') or 'unknown',
        production=production,
        public_reads=_collect(faults, _public_reads, environ, production),
    )
    if faults:
        raise SettingsError('; '.join(faults))
    return settings


def database_conninfo(environ, production=True):
    """DATABASE_URL as a libpq connection string.

    PGSSLMODE and PGSSLROOTCERT override the address: libpq older than 16 does not know
    `sslrootcert=system`, so the deployment names the file with the CA certificates instead.
    """
    address = environ.get('DATABASE_URL')
    if not address:
        raise SettingsError('DATABASE_URL is not set (postgresql://user:password@host:5432/codexdb)')
    try:
        options = conninfo.conninfo_to_dict(address)
    except ProgrammingError:
        # libpq's own text repeats the address, and with it the password.
        raise SettingsError('DATABASE_URL is not a PostgreSQL address') from None
    if not options.get('host') or not options.get('dbname'):
        raise SettingsError('DATABASE_URL names no host or no database')
    mode = environ.get('PGSSLMODE') or options.get('sslmode') or 'verify-full'
    if production and mode != 'verify-full':
        raise SettingsError(f'PGSSLMODE is {mode}: in production only verify-full is accepted')
    options['sslmode'] = mode
    root = environ.get('PGSSLROOTCERT') or options.get('sslrootcert') or 'system'
    options['sslrootcert'] = _system_authorities(environ) if root == 'system' else root
    if mode.startswith('verify') and not os.path.isfile(options['sslrootcert']):
        raise SettingsError(f'PGSSLROOTCERT: there is no file {options["sslrootcert"]}')
    options.setdefault('application_name', 'codex-dominion')
    # A database that disappears without closing the connection is noticed in seconds, not hours.
    options |= {
        'connect_timeout': 3,
        'keepalives_idle': 15,
        'keepalives_interval': 5,
        'keepalives_count': 3,
        'tcp_user_timeout': 4_000,
    }
    return conninfo.make_conninfo(**options)


def redis_url(environ, production=True):
    """REDIS_URL, or RQ_REDIS_URL: in production only with TLS (rediss://)."""
    name = 'REDIS_URL' if environ.get('REDIS_URL') else 'RQ_REDIS_URL'
    address = environ.get(name)
    if not address:
        raise SettingsError('REDIS_URL is not set (rediss://:key@host:10000/0)')
    try:
        parts = urlsplit(address)
        usable = parts.scheme in ('redis', 'rediss') and parts.hostname and (parts.port is None or parts.port)
    except ValueError:
        usable = False
    if not usable:
        raise SettingsError(f'{name} is not a Redis address (rediss://:key@host:10000/0)')
    if production and parts.scheme != 'rediss':
        raise SettingsError(f'{name} has no TLS: in production it must start with rediss://')
    return address


def _secret_key(environ, production):
    key = environ.get('SECRET_KEY', '')
    if production and len(key) < MIN_SECRET:
        raise SettingsError(f'SECRET_KEY is missing or shorter than {MIN_SECRET} characters')
    return key or 'development only'


def _public_reads(environ, _production):
    choice = environ.get('PUBLIC_READS') or 'yes'
    if choice not in ('yes', 'no'):
        raise SettingsError('PUBLIC_READS is neither yes nor no')
    return choice == 'yes'


def _system_authorities(environ):
    paths = ssl.get_default_verify_paths()
    candidates = [environ.get('SSL_CERT_FILE'), paths.cafile, '/etc/ssl/certs/ca-certificates.crt']
    return next((path for path in candidates if path and os.path.isfile(path)), 'system')


def _collect(faults, read, environ, production):
    try:
        return read(environ, production)
    except SettingsError as fault:
        faults.append(str(fault))
        return ''
