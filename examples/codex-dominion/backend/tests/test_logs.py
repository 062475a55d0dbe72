import logging
import re
import sys
import unittest

from dominion.database import explain
from dominion.logs import LineFormatter
from dominion.workflow_queue import last_line


class LogsTest(unittest.TestCase):
    def line(self, message, *args, exc_info=None):
        record = logging.LogRecord('x.y', logging.INFO, __file__, 1, message, args, exc_info)
        return LineFormatter().format(record)

    def test_line_starts_with_utc_time(self):
        self.assertRegex(
            self.line('path=%s', '/'),
            r'^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z level=info logger=x\.y path=/$',
        )

    def test_visitor_cannot_forge_lines(self):
        line = self.line('path=%s', '/a\n2026-01-01T00:00:00.000Z level=error forged\x1b[2J\u2028')
        self.assertEqual(len(line.splitlines()), 1)
        self.assertNotIn('\x1b', line)

    def test_traceback_stays_on_one_line(self):
        try:
            raise ValueError('why')
        except ValueError:
            line = self.line('failed', exc_info=sys.exc_info())
        self.assertEqual(len(line.splitlines()), 1)
        self.assertIn('ValueError: why', line)


class ReasonsTest(unittest.TestCase):
    def test_libpq_error_without_address_or_user(self):
        text = (
            'connection failed: connection to server at "10.0.0.4", port 5432 failed: '
            'FATAL:  password authentication failed for user "dominion"\n'
        )
        self.assertEqual(explain(Exception(text)), 'password authentication failed for user "…"')

    def test_last_line_of_a_traceback(self):
        self.assertEqual(last_line('Traceback:\n  File "x"\nValueError: no\n\n'), 'ValueError: no')
        self.assertTrue(re.search('stopped', last_line(None)))
