"""The RQ queue `workflows`, as used by the API."""

import re
import uuid
from datetime import datetime, timezone

from rq import Worker
from rq.exceptions import DeserializationError, NoSuchJobError
from rq.serializers import JSONSerializer
from rq.utils import str_to_date

from dominion.safe_queue import NAME, RUN_WORKFLOW, WorkflowJob, open_queue, was_unreadable

JOB_TIMEOUT = 300  # seconds
RESULT_TTL = 3600
FAILURE_TTL = 24 * 3600
# Nobody may fill Redis by pressing a button.
MAX_DEPTH = 500


UNREADABLE = 'another release of the backend queued this run, and the worker could not read it: start the workflow again'


class QueueFull(Exception):
    """MAX_DEPTH jobs are already waiting."""


class AlreadyWaiting(Exception):
    """A run of the workflow is waiting, and it will do the same; the text is its job's id."""


def enqueue(redis, workflow, caller):
    """Queue one run of the workflow for a caller (credentials.get_caller); returns the job's id.

    A workflow has one place among the waiting runs, however long the run waits. The place and the job are written in one
    transaction, and only a job that is in the queue holds it: whatever is killed, no workflow stays blocked.
    """
    queue = open_queue(redis)
    job = queue.create_job(
        RUN_WORKFLOW,
        args=(workflow, caller),
        job_id=str(uuid.uuid4()),
        timeout=JOB_TIMEOUT,
        result_ttl=RESULT_TTL,
        failure_ttl=FAILURE_TTL,
        description=f'run {workflow}',
    )
    place = f'waiting-run:{workflow}'

    def take(pipe):
        earlier = (pipe.get(place) or b'').decode()
        waiting = queue.get_job_ids()
        if earlier in waiting:
            raise AlreadyWaiting(earlier)
        if len(waiting) >= MAX_DEPTH:
            raise QueueFull
        pipe.multi()
        pipe.set(place, job.id)
        queue.enqueue_job(job, pipeline=pipe)

    # Repeats `take` when another request took the place meanwhile.
    redis.transaction(take, place)
    return job.id


def find_job(redis, job_id):
    """{"id", "status", "result", "error", "workflow", "enqueued_at", "ended_at"} or None.

    status: queued, started, finished, failed, deferred, scheduled, stopped or canceled.
    """
    if not re.fullmatch(r'[0-9a-f-]{36}', job_id):
        return None
    try:
        job = WorkflowJob.fetch(job_id, connection=redis)
        status = str(getattr(job.get_status(), 'value', job.get_status()))
    except (NoSuchJobError, ValueError):  # ValueError: its `meta`, which nothing here writes, is not JSON
        return None
    latest = _latest_result(job)
    return {
        'id': job.id,
        'status': status,
        'workflow': _workflow_of(job),
        'result': latest.return_value if latest else None,
        'error': _explain_failure(latest) if status == 'failed' else None,
        'enqueued_at': _utc(job.enqueued_at),
        'ended_at': _utc(job.ended_at),
    }


def describe(redis):
    """{"name", "depth", "running", "oldest_seconds", "workers"}; oldest_seconds is null when empty."""
    queue = open_queue(redis)
    enqueued_at = _oldest_moment(redis, queue)
    age = (datetime.now(timezone.utc) - enqueued_at).total_seconds() if enqueued_at else None
    return {
        'name': NAME,
        'depth': queue.count,
        'running': queue.started_job_registry.count,
        'oldest_seconds': None if age is None else max(0, round(age, 1)),
        # all() omits workers whose heartbeat has expired; count() would not.
        'workers': len(Worker.all(queue=queue, job_class=WorkflowJob, serializer=JSONSerializer)),
    }


def last_line(trace):
    """The last sentence of a Python traceback."""
    lines = [line for line in (trace or '').splitlines() if line.strip()]
    return lines[-1] if lines else 'the worker was stopped while it ran this job'


def _latest_result(job):
    try:
        return job.latest_result()
    except ValueError:  # not JSON: an older release stored it, or it is not ours
        return None


def _workflow_of(job):
    try:
        return job.args[0] if job.args else None
    except DeserializationError:
        return None


def _explain_failure(latest):
    trace = latest.exc_string if latest else None
    return UNREADABLE if was_unreadable(trace) else last_line(trace)


def _oldest_moment(redis, queue):
    """When the first waiting job was queued; None when none is waiting. Reads nothing else of the job."""
    waiting = queue.get_job_ids(0, 1)
    text = redis.hget(WorkflowJob.key_for(waiting[0]), 'enqueued_at') if waiting else None
    return _utc(str_to_date(text)) if text else None


def _utc(moment):
    # RQ stores UTC without marking it as such.
    return moment.replace(tzinfo=timezone.utc) if moment and moment.tzinfo is None else moment
