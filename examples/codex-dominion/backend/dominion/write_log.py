"""The table write_log: what operators changed, and from where."""

import logging

import psycopg
from flask import current_app, g, request

from dominion.credentials import get_caller
from dominion.database import DatabaseUnavailable
from dominion.logs import CONTROL

log = logging.getLogger('dominion.write_log')


def record_write(response):
    """The `after_request` of the whole application: one row for each write of an operator, whatever its answer.

    A failure is logged and does not change the answer: `update-backend` does not migrate, so the table may be missing.
    """
    if 'operator' in g:
        caller = get_caller()
        row = (caller['by'], caller['from'], request.method, request.path.translate(CONTROL)[:200],
               g.get('workflow'), response.status_code)  # fmt: skip
        try:
            current_app.database.rows(
                """INSERT INTO write_log (by, from_address, method, path, workflow, status)
                   VALUES (%s, %s, %s, %s, %s, %s)""",
                row,
            )
        except (DatabaseUnavailable, psycopg.Error) as error:
            log.error('cannot record by=%s from=%s %s %s: %s', *row[:4], error)
    return response
