"""The RQ queue `workflows`, as the API sees it."""

import re
from datetime import datetime, timezone

from rq import Queue, Worker
from rq.exceptions import NoSuchJobError
from rq.job import Job

NAME = 'workflows'
JOB = 'dominion.jobs.run_workflow'
JOB_TIMEOUT = 300  # seconds
RESULT_TTL = 24 * 3600
FAILURE_TTL = 7 * 24 * 3600
# A public button must not be able to fill the cache.
MAX_DEPTH = 500


class QueueFull(Exception):
    """MAX_DEPTH jobs are waiting."""


def enqueue(redis, workflow):
    """Queue one run of the workflow; returns the job's id."""
    queue = Queue(NAME, connection=redis)
    if queue.count >= MAX_DEPTH:
        raise QueueFull
    job = queue.enqueue(
        JOB,
        workflow,
        job_timeout=JOB_TIMEOUT,
        result_ttl=RESULT_TTL,
        failure_ttl=FAILURE_TTL,
        description=f'run {workflow}',
    )
    return job.id


def find_job(redis, job_id):
    """{"id", "status", "result", "error", "workflow", "enqueued_at", "ended_at"} or None.

    status: queued, started, finished, failed, deferred, scheduled, stopped or canceled.
    """
    if not re.fullmatch(r'[0-9a-f-]{36}', job_id):
        return None
    try:
        job = Job.fetch(job_id, connection=redis)
        status = str(getattr(job.get_status(), 'value', job.get_status()))
    except NoSuchJobError:
        return None
    latest = job.latest_result()
    return {
        'id': job.id,
        'status': status,
        'workflow': job.args[0] if job.args else None,
        'result': job.return_value(),
        'error': last_line(latest.exc_string if latest else None) if status == 'failed' else None,
        'enqueued_at': _utc(job.enqueued_at),
        'ended_at': _utc(job.ended_at),
    }


def describe(redis):
    """{"name", "depth", "running", "oldest_seconds", "workers"}; oldest_seconds is null when empty."""
    queue = Queue(NAME, connection=redis)
    waiting = queue.get_job_ids(0, 1)
    oldest = Job.fetch_many(waiting, connection=redis)[0] if waiting else None
    enqueued_at = _utc(oldest.enqueued_at) if oldest else None
    age = (datetime.now(timezone.utc) - enqueued_at).total_seconds() if enqueued_at else None
    return {
        'name': NAME,
        'depth': queue.count,
        'running': queue.started_job_registry.count,
        'oldest_seconds': None if age is None else max(0, round(age, 1)),
        # all() leaves out workers whose heartbeat has expired; count() would not.
        'workers': len(Worker.all(queue=queue)),
    }


def last_line(trace):
    """The sentence at the end of a Python traceback."""
    lines = [line for line in (trace or '').splitlines() if line.strip()]
    return lines[-1] if lines else 'the worker was stopped while it ran this job'


def _utc(moment):
    # RQ keeps UTC without saying so.
    return moment.replace(tzinfo=timezone.utc) if moment and moment.tzinfo is None else moment
