"""One line per event on stdout: a UTC time stamp first, then level, logger and message."""

import logging
import time

# Everything that would end a line or move a terminal's cursor.
CONTROL = {code: f'\\x{code:02x}' for code in [*range(32), *range(127, 160), 0x2028, 0x2029]}
CONTROL |= {ord('\n'): '\\n', ord('\r'): '\\r', ord('\t'): '\\t'}


class LineFormatter(logging.Formatter):
    """`2026-11-22T05:00:00.123Z level=info logger=x message`; a traceback follows as `trace=`."""

    def format(self, record):
        stamp = time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(record.created))
        line = (
            f'{stamp}.{int(record.msecs):03d}Z level={record.levelname.lower()}'
            f' logger={record.name} {record.getMessage()}'
        )
        if record.exc_info:
            line += f' trace={self.formatException(record.exc_info)}'
        # A visitor chooses the path that is logged: without this, it could forge log lines.
        return line.translate(CONTROL)


def log_config():
    """The `logging.config.dictConfig` of API and worker."""
    handler = {'class': 'logging.StreamHandler', 'stream': 'ext://sys.stdout', 'formatter': 'line'}
    own = {'handlers': ['stdout'], 'level': 'INFO', 'propagate': False}
    return {
        'version': 1,
        'disable_existing_loggers': False,
        'formatters': {'line': {'()': 'dominion.logs.LineFormatter'}},
        'handlers': {'stdout': handler},
        'root': {'handlers': ['stdout'], 'level': 'INFO'},
        'loggers': {
            'gunicorn.access': own,
            'gunicorn.error': own,
            # It logs every connection that is borrowed and returned.
            'psycopg.pool': {'level': 'WARNING'},
        },
    }
