"""/api/workflows"""

import logging

from flask import Blueprint, current_app, g, url_for

from dominion import workflow_queue
from dominion.credentials import get_caller, is_operator, require_operator
from dominion.errors import ApiError
from dominion.validation import found, json_object, lookup_key, text_field

log = logging.getLogger('dominion.workflows')
blueprint = Blueprint('workflows', __name__, url_prefix='/api/workflows')

COLUMNS = 'id, name, description, status, runs, last_run_at, last_duration_ms, council_id'


@blueprint.get('')
def list_workflows():
    """{"workflows": [{id, name, description, status, runs, last_run_at, …}]}"""
    return {'workflows': current_app.database.rows(f'SELECT {COLUMNS} FROM workflows ORDER BY name')}


@blueprint.post('/run')
def run_workflow():
    """{"name"} -> 202 {"job_id", "workflow", "status_url"}.

    404 for an unknown name, 409 while a run of the workflow is waiting, 429 for a full queue.
    """
    name = text_field(json_object(), 'name', 63)
    found(current_app.database.row('SELECT id FROM workflows WHERE name = %s', (name,)), 'workflow', name)
    g.workflow = name
    caller = get_caller()
    try:
        job_id = workflow_queue.enqueue(current_app.redis, name, caller)
    except workflow_queue.AlreadyWaiting as job:
        raise ApiError(409, f'A run of {name} is already waiting: job {job}') from None
    except workflow_queue.QueueFull:
        waiting = f'{workflow_queue.MAX_DEPTH} runs are already waiting; try again later'
        raise ApiError(429, waiting, {'Retry-After': '30'}) from None
    log.info('workflow=%s queued job=%s by=%s from=%s', name, job_id, caller['by'], caller['from'])
    return {'job_id': job_id, 'workflow': name, 'status_url': url_for('.show_job', job_id=job_id)}, 202


@blueprint.get('/queue')
def show_queue():
    """{"name", "depth", "running", "oldest_seconds", "workers"}"""
    return workflow_queue.describe(current_app.redis)


@blueprint.get('/runs')
def list_runs():
    """{"runs": [{workflow, at, by, from_address}]}: the last 50 runs that were queued, for the operator."""
    require_operator()
    rows = current_app.database.rows(
        """SELECT workflow, at, by, from_address FROM write_log
           WHERE workflow IS NOT NULL AND status = 202 ORDER BY at DESC, id DESC LIMIT 50"""
    )
    return {'runs': rows}


@blueprint.get('/jobs/<job_id>')
def show_job(job_id):
    """{"id", "status", "result", "error", "workflow", "enqueued_at", "ended_at"}, for the operator."""
    require_operator()
    return found(workflow_queue.find_job(current_app.redis, job_id), 'job', job_id)


@blueprint.get('/<key>')
def show_workflow(key):
    """One workflow by id or name, with its newest measurements.

    The operator also sees its steps, the last error, and who started the latest run and from where.
    """
    database = current_app.database
    # As JSON, so that a column that a pending migration adds is null instead of an error.
    caller = "to_jsonb(w) ->> 'last_run_by' AS last_run_by, to_jsonb(w) ->> 'last_run_from' AS last_run_from"
    columns = f'{COLUMNS}, created_at' + (f', steps, last_error, {caller}' if is_operator() else '')
    workflow = found(
        database.row(f'SELECT {columns} FROM workflows w WHERE id = %s OR name = %s', lookup_key(key)),
        'workflow',
        key,
    )
    metrics = database.rows(
        """SELECT name, value, unit, recorded_at FROM metrics
           WHERE workflow_id = %s ORDER BY recorded_at DESC, id DESC LIMIT 20""",
        (workflow['id'],),
    )
    return {**workflow, 'metrics': metrics}
