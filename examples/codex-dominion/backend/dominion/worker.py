"""What `rq worker workflows` uses: the module of RQ_CONFIG and the class of RQ_WORKER_CLASS."""

import logging
import logging.config
import sys

from rq import Worker
from rq.serializers import JSONSerializer

from dominion.logs import log_config
from dominion.safe_queue import WorkflowJob
from dominion.settings import SettingsError, load_settings

# Seconds. RQ's default of 420 leaves a dead worker listed, and a dead connection unnoticed, for
# seven minutes.
WORKER_TTL = 60

logging.config.dictConfig(log_config())

try:
    load_settings()
except SettingsError as fault:
    # A worker that takes jobs which it can only fail would empty the queue.
    logging.getLogger('dominion.worker').critical('cannot start: %s', fault)
    sys.exit(1)


class WorkflowWorker(Worker):
    """RQ's worker with a short heartbeat, for jobs as JSON only. SIGTERM lets the running job finish."""

    def __init__(self, queues, *args, **options):
        # The container's command names the serializer, too; this applies when it does not.
        safe = {'serializer': JSONSerializer, 'job_class': WorkflowJob}
        super().__init__(queues, *args, **{**options, **safe, 'default_worker_ttl': WORKER_TTL})
        for queue in self.queues:
            queue.serializer, queue.job_class = JSONSerializer, WorkflowJob
