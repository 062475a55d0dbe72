"""What `rq worker workflows` uses: the module of RQ_CONFIG and the class of RQ_WORKER_CLASS."""

import logging
import logging.config
import sys

from rq import Worker

from dominion.logs import log_config
from dominion.settings import SettingsError, load_settings

# Seconds. RQ's default of 420 leaves a dead worker listed, and a dead connection unnoticed, for
# seven minutes.
WORKER_TTL = 60

logging.config.dictConfig(log_config())

try:
    load_settings()
except SettingsError as fault:
    # A worker that took jobs it can only fail would empty the queue.
    logging.getLogger('dominion.worker').critical('cannot start: %s', fault)
    sys.exit(1)


class WorkflowWorker(Worker):
    """RQ's worker with a short heartbeat. SIGTERM lets the running job finish."""

    def __init__(self, *args, **options):
        super().__init__(*args, **{**options, 'default_worker_ttl': WORKER_TTL})
