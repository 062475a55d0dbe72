"""The jobs of the RQ queue `workflows`."""

import logging
import os
import time

import psycopg

from dominion.database import connect, explain
from dominion.json_format import to_plain_json
from dominion.settings import database_conninfo
from dominion.steps import run_step

log = logging.getLogger('dominion.jobs')

# Seconds between attempts to reach the database: a restart or failover must not fail the run.
CONNECT_PAUSES = (1, 2, 4, 8)


class WorkflowFailed(Exception):
    """A run that was rolled back except for its error."""


def run_workflow(name, caller=None):
    """Run all steps of a workflow and record the run and its caller, in one transaction.

    Returns {"workflow", "runs", "duration_ms", "steps": [what each step did]} as plain JSON. When a step fails,
    its transaction is rolled back, the error is recorded in the workflow's row and raised.
    """
    began = time.monotonic()
    with _connect() as connection:
        try:
            with connection.transaction():
                result = _run(connection, name, caller, began)
        except Exception as error:
            reason = explain(error) if isinstance(error, psycopg.OperationalError) else str(error)
            log.error('workflow=%s failed: %s', name, reason)
            _record_failure(connection, name, reason, caller, began)
            raise WorkflowFailed(f'{name}: {reason}') from error
    log.info('workflow=%s runs=%d ms=%d done', name, result['runs'], result['duration_ms'])
    return to_plain_json(result)


def _run(connection, name, caller, began):
    # The lock makes two runs of one workflow follow each other; other workflows continue.
    workflow = connection.execute(
        'SELECT id, steps FROM workflows WHERE name = %s FOR UPDATE', (name,)
    ).fetchone()
    if workflow is None:
        raise WorkflowFailed(f'there is no workflow {name}')
    done = [run_step(connection, workflow['id'], step) for step in workflow['steps']]
    duration = _milliseconds(began)
    row = connection.execute(
        """UPDATE workflows SET runs = runs + 1, status = 'succeeded', last_run_at = now(),
                  last_duration_ms = %s, last_error = NULL
           WHERE id = %s RETURNING runs""",
        (duration, workflow['id']),
    ).fetchone()
    _record_caller(connection, name, caller)
    return {'workflow': name, 'runs': row['runs'], 'duration_ms': duration, 'steps': done}


def _record_failure(connection, name, reason, caller, began):
    try:
        if connection.closed:
            connection = _connect()
        with connection.transaction():
            connection.execute(
                """UPDATE workflows SET runs = runs + 1, status = 'failed', last_run_at = now(),
                          last_duration_ms = %s, last_error = %s WHERE name = %s""",
                (_milliseconds(began), reason[:500], name),
            )
            _record_caller(connection, name, caller)
    except psycopg.Error as error:
        # The job's own error, which RQ keeps, is the one to report.
        log.error('workflow=%s cannot record its failure: %s', name, explain(error))


def _record_caller(connection, name, caller):
    """Store who started the latest run. `update-backend` does not migrate the tables, so the columns may still be missing."""
    caller = caller or {}
    try:
        with connection.transaction():
            connection.execute(
                'UPDATE workflows SET last_run_by = %s, last_run_from = %s WHERE name = %s',
                (caller.get('by'), caller.get('from'), name),
            )
    except psycopg.errors.UndefinedColumn:
        log.warning('workflow=%s cannot record its caller: run the database migrations', name)


def _connect():
    conninfo = database_conninfo(os.environ, os.environ.get('APP_ENV', 'production') == 'production')
    for pause in CONNECT_PAUSES:
        try:
            return connect(conninfo)
        except psycopg.OperationalError as error:
            log.warning('database unavailable: %s; next attempt in %d s', explain(error), pause)
            time.sleep(pause)
    return connect(conninfo)


def _milliseconds(began):
    return round((time.monotonic() - began) * 1000)
