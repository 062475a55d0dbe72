"""PostgreSQL: the API's connection pool and the worker's own connection."""

import re
import threading

import psycopg
from psycopg.rows import dict_row
from psycopg_pool import ConnectionPool, PoolTimeout

BORROW_TIMEOUT = 2  # seconds until a visitor gets the answer that no connection is available
# The same while connecting fails: a thread that waits for a server that is down helps nobody, and soon all threads
# would wait.
OUTAGE_TIMEOUT = 0.3
STATEMENT_TIMEOUT = 5  # seconds, enforced by the server
POOL_SIZE = 4  # gunicorn's threads per process


class DatabaseUnavailable(Exception):
    """The database does not answer; the text says why and contains no secret."""


class ConnectionLost(Exception):
    """A pooled connection turned out to be dead."""


class Database:
    """Single statements, each its own transaction, over pooled connections.

    A restart of the server leaves dead connections in the pool. The first statement that meets
    one has the pool checked and is sent once more, so visitors see no error once the server is
    back. That is sound because every statement of the API may run twice.
    """

    def __init__(self, conninfo):
        self._conninfo = conninfo
        self._lock = threading.Lock()
        self._pool = None
        self._last_error = None

    def rows(self, sql, params=()):
        """All rows as dictionaries.

        Raises DatabaseUnavailable when the server does not answer or has no tables yet.
        """
        pool = self._open_pool()
        try:
            try:
                return self._fetch(pool, sql, params)
            except ConnectionLost:
                pool.check()
                return self._fetch(pool, sql, params)
        except PoolTimeout as error:
            raise DatabaseUnavailable(explain(self._last_error or error)) from error
        except ConnectionLost as error:
            raise DatabaseUnavailable('the server closed the connection') from error
        except psycopg.errors.QueryCanceled as error:
            raise DatabaseUnavailable(f'the answer took longer than {STATEMENT_TIMEOUT} s') from error
        except (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn) as error:
            raise DatabaseUnavailable('tables are missing or old: run the database migrations') from error
        except psycopg.OperationalError as error:
            raise DatabaseUnavailable(explain(error)) from error

    def row(self, sql, params=()):
        """The first row, or None. Raises as rows()."""
        return next(iter(self.rows(sql, params)), None)

    def close(self):
        """Close the connections without waiting for an attempt to connect that is under way."""
        with self._lock:
            if self._pool:
                self._pool.close(timeout=0)

    def _fetch(self, pool, sql, params):
        with pool.connection(timeout=OUTAGE_TIMEOUT if self._last_error else BORROW_TIMEOUT) as connection:
            try:
                cursor = connection.execute(sql, params)
                return cursor.fetchall() if cursor.description else []
            except psycopg.OperationalError as error:
                if connection.closed:
                    raise ConnectionLost from error
                raise

    def _open_pool(self):
        # On first use, because gunicorn forks and the pool's threads would not survive that.
        with self._lock:
            if not self._pool:
                self._pool = ConnectionPool(
                    self._conninfo,
                    connection_class=self._connection_class(),
                    kwargs={
                        'autocommit': True,  # one round trip per statement
                        'row_factory': dict_row,
                        'prepare_threshold': None,  # works behind PgBouncer too
                        'options': f'-c statement_timeout={STATEMENT_TIMEOUT}s',
                    },
                    min_size=1,
                    max_size=POOL_SIZE,
                    max_lifetime=1800,
                    # The pool doubles its pause after every failure. A short limit makes the next
                    # visitor start afresh, so recovery never lags behind the server by minutes.
                    reconnect_timeout=0.5,
                    open=True,
                )
            return self._pool

    def _connection_class(self):
        """The pool only logs why it cannot connect; /health has to say it."""
        database = self

        class RememberingConnection(psycopg.Connection):
            @classmethod
            def connect(cls, *args, **options):
                try:
                    connection = super().connect(*args, **options)
                except psycopg.Error as error:
                    database._last_error = error
                    raise
                database._last_error = None
                return connection

        return RememberingConnection


def connect(conninfo):
    """The worker's connection: one per job, in a process that was forked for it."""
    return psycopg.connect(conninfo, row_factory=dict_row, options='-c statement_timeout=60s')


def explain(error):
    """The cause in libpq's words, without host, user or address in it."""
    if isinstance(error, PoolTimeout):
        return 'no connection became free in time'
    text = str(error).strip()
    # 'connection to server at "h" (::1), port 5432 failed: FATAL:  reason\n\thint', once per address
    causes = re.findall(r'(?m)^.*failed: (?:FATAL: +)?(.*)$', text) or text.splitlines()[:1] or ['unknown']
    return re.sub(r'"[^"]*"', '"…"', causes[-1])
