"""/api/treasury"""

import re

from flask import Blueprint, current_app, request

from dominion.errors import ApiError
from dominion.validation import whole_number

blueprint = Blueprint('treasury', __name__, url_prefix='/api/treasury')


@blueprint.get('/summary')
def summary():
    """{"balance", "inflow", "outflow", "currency", "days", "entries"}.

    The balance is over all time, inflow and outflow over the last `days` (default: 30). Without
    ?currency= it is the currency of the newest entry, or null for an empty ledger.
    """
    days = whole_number('days', 30, 1, 3650)
    currency = request.args.get('currency')
    if currency is not None and not re.fullmatch('[A-Z]{3}', currency):
        raise ApiError(400, '"currency" must be an ISO 4217 code such as USD')
    return current_app.database.row(
        """WITH ledger AS (
             SELECT name, value, unit, recorded_at FROM metrics
             WHERE name IN ('treasury.inflow', 'treasury.outflow')
           ), chosen AS (
             SELECT coalesce(%(currency)s::text,
                             (SELECT unit FROM ledger ORDER BY recorded_at DESC LIMIT 1)) AS currency
           ), entries AS (
             SELECT CASE name WHEN 'treasury.inflow' THEN value ELSE -value END AS amount,
                    recorded_at > now() - make_interval(days => %(days)s) AS recent
             FROM ledger JOIN chosen ON unit = currency
           )
           SELECT (SELECT currency FROM chosen) AS currency,
                  coalesce(sum(amount), 0) AS balance,
                  coalesce(sum(amount) FILTER (WHERE recent AND amount > 0), 0) AS inflow,
                  coalesce(-sum(amount) FILTER (WHERE recent AND amount < 0), 0) AS outflow,
                  count(*) AS entries,
                  %(days)s::integer AS days
           FROM entries""",
        {'currency': currency, 'days': days},
    )


@blueprint.get('/metrics')
def metrics():
    """{"metrics": [{name, value, unit, note, recorded_at}]}, newest first, at most ?limit= (100)."""
    limit = whole_number('limit', 100, 1, 1000)
    rows = current_app.database.rows(
        """SELECT name, value, unit, note, recorded_at FROM metrics
           WHERE name LIKE 'treasury.%%' ORDER BY recorded_at DESC, id DESC LIMIT %s""",
        (limit,),
    )
    return {'metrics': rows}
