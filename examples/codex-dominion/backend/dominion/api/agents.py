"""/api/agents"""

from flask import Blueprint, current_app

from dominion.validation import found, lookup_key

blueprint = Blueprint('agents', __name__, url_prefix='/api/agents')

COLUMNS = 'a.id, a.slug, a.name, a.role, a.status, a.council_id, c.name AS council'
SOURCE = 'FROM agents a JOIN councils c ON c.id = a.council_id'


@blueprint.get('')
def list_agents():
    """{"agents": [{id, slug, name, role, status, council_id, council}]}"""
    return {'agents': current_app.database.rows(f'SELECT {COLUMNS} {SOURCE} ORDER BY a.name')}


@blueprint.get('/<key>')
def show_agent(key):
    """One agent by id or slug."""
    agent = current_app.database.row(
        f'SELECT {COLUMNS}, a.created_at {SOURCE} WHERE a.id = %s OR a.slug = %s', lookup_key(key)
    )
    return found(agent, 'agent', key)
