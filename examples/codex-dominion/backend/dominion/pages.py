"""/: a dashboard for the operator, served by the backend itself."""

from flask import Blueprint, current_app, render_template

from dominion import workflow_queue
from dominion.credentials import require_operator

blueprint = Blueprint('pages', __name__)


@blueprint.get('/')
def dashboard():
    """Counts of the five tables, the queue and the last runs with their errors, for the operator."""
    require_operator()
    database = current_app.database
    counts = database.row(
        """SELECT (SELECT count(*) FROM councils) AS councils, (SELECT count(*) FROM agents) AS agents,
                  (SELECT count(*) FROM workflows) AS workflows, (SELECT count(*) FROM metrics) AS metrics,
                  (SELECT count(*) FROM capsules) AS capsules"""
    )
    workflows = database.rows(
        """SELECT name, status, runs, last_run_at, last_error FROM workflows
           ORDER BY last_run_at DESC NULLS LAST, name"""
    )
    release = current_app.settings.release
    queue = workflow_queue.describe(current_app.redis)
    return render_template('dashboard.html', counts=counts, workflows=workflows, queue=queue, release=release)
