"""/api/councils"""

from flask import Blueprint, current_app

from dominion.validation import found, lookup_key

blueprint = Blueprint('councils', __name__, url_prefix='/api/councils')


@blueprint.get('')
def list_councils():
    """{"councils": [{id, slug, name, purpose, agents}]}; retired agents do not count."""
    councils = current_app.database.rows(
        """SELECT c.id, c.slug, c.name, c.purpose, count(a.id) AS agents
           FROM councils c LEFT JOIN agents a ON a.council_id = c.id AND a.status <> 'retired'
           GROUP BY c.id ORDER BY c.name"""
    )
    return {'councils': councils}


@blueprint.get('/<key>')
def show_council(key):
    """One council by id or slug, with its agents and workflows as lists."""
    database = current_app.database
    council = found(
        database.row(
            'SELECT id, slug, name, purpose, created_at FROM councils WHERE id = %s OR slug = %s',
            lookup_key(key),
        ),
        'council',
        key,
    )
    agents = database.rows(
        'SELECT id, slug, name, role, status FROM agents WHERE council_id = %s ORDER BY name',
        (council['id'],),
    )
    workflows = database.rows(
        'SELECT id, name, status, runs FROM workflows WHERE council_id = %s ORDER BY name', (council['id'],)
    )
    return {**council, 'agents': agents, 'workflows': workflows}
