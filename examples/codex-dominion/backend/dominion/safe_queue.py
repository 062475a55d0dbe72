"""How jobs are written to Redis and read from it: as JSON, and with one function only.

RQ's default is pickle, and reading a pickle runs what its author wants. JSON alone would still let the author name any
Python function, so the worker runs nothing but RUN_WORKFLOW and calls no hooks.
"""

from rq import Queue
from rq.exceptions import DeserializationError
from rq.job import Job
from rq.serializers import JSONSerializer

NAME = 'workflows'
RUN_WORKFLOW = 'dominion.jobs.run_workflow'


class ForbiddenJob(Exception):
    """A job names a function that is not this application's."""


class WorkflowJob(Job):
    """A job that can only be a run of a workflow."""

    # RQ calls these hooks by the names stored in Redis; this application has none.
    success_callback = None
    failure_callback = None
    stopped_callback = None  # of RQ 1.16

    def __init__(self, id=None, connection=None, serializer=None):
        # Whatever the caller passes: not every part of RQ passes the queue's serializer on.
        super().__init__(id, connection, JSONSerializer)

    @property
    def func(self):
        if self.instance is not None or self.func_name != RUN_WORKFLOW:
            raise ForbiddenJob(f'the worker runs {RUN_WORKFLOW} and nothing else')
        return super().func


def open_queue(redis):
    """The queue `workflows`."""
    return Queue(NAME, connection=redis, job_class=WorkflowJob, serializer=JSONSerializer)


def was_unreadable(trace):
    """Whether a run failed because its job was not written as JSON (or, for an older worker, not as a pickle)."""
    return DeserializationError.__name__ in (trace or '').strip().rpartition('\n')[2]
