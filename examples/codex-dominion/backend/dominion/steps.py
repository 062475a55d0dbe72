"""The kinds of step that a workflow consists of. Each runs inside the transaction of its run."""

from decimal import Decimal, InvalidOperation

from dominion.measures import MEASURES, measure


class StepError(Exception):
    """A step is invalid; the text names the step and the error."""


def run_step(connection, workflow_id, step):
    """Run one step; returns a small JSON object that describes what it did."""
    kind = step.get('kind') if isinstance(step, dict) else None
    if kind not in KINDS:
        raise StepError(f'unknown kind of step {kind!r}; valid: {", ".join(sorted(KINDS))}')
    return {'kind': kind, **KINDS[kind](connection, workflow_id, step)}


def record_measure(connection, workflow_id, step):
    """{"measure": name}: add one row to metrics."""
    name = step.get('measure')
    if name not in MEASURES:
        raise StepError(f'unknown measure {name!r}; valid: {", ".join(sorted(MEASURES))}')
    value, unit = measure(connection, name)
    _record(connection, workflow_id, name, value, unit)
    return {'measure': name, 'value': value, 'unit': unit}


def accrue(connection, workflow_id, step):
    """{"annual_rate": "0.0425", "currency": "USD"}: book the simple interest since the last accrual.

    A second run on the same day books next to nothing, because the time since the last one counts.
    """
    rate, currency = _decimal(step, 'annual_rate'), step.get('currency', 'USD')
    if not 0 <= rate <= 1:
        raise StepError(f'"annual_rate" must be a fraction from 0 to 1, not {rate}')
    due = connection.execute(
        """WITH ledger AS (
             SELECT CASE name WHEN 'treasury.inflow' THEN value ELSE -value END AS amount, note, recorded_at
             FROM metrics WHERE name IN ('treasury.inflow', 'treasury.outflow') AND unit = %(currency)s
           ), since AS (
             SELECT coalesce(max(recorded_at) FILTER (WHERE note = 'Interest'),
                             min(recorded_at), now()) AS moment
             FROM ledger
           )
           SELECT greatest(0, coalesce(sum(amount), 0)
                    * (extract(epoch FROM now() - (SELECT moment FROM since)) / (365 * 86400))
                    * %(rate)s::numeric)::numeric(18, 4) AS amount
           FROM ledger""",
        {'currency': currency, 'rate': rate},
    ).fetchone()['amount']
    if due > 0:
        _record(connection, workflow_id, 'treasury.inflow', due, currency, 'Interest')
    return {'booked': due, 'currency': currency}


def write_dispatch(connection, workflow_id, step):
    """{"council": slug}: write today's figures as a capsule; a later run on the same day replaces it."""
    figures = connection.execute(
        """SELECT DISTINCT ON (name) name, value, unit FROM metrics
           WHERE workflow_id = %s ORDER BY name, recorded_at DESC, id DESC""",
        (workflow_id,),
    ).fetchall()
    if not figures:
        raise StepError('a dispatch needs at least one measure in an earlier step')
    lines = [f'{row["name"]} is {row["value"].normalize():f} {row["unit"]}' for row in figures]
    capsule = connection.execute(
        """INSERT INTO capsules (council_id, slug, topic, title, body)
           SELECT (SELECT id FROM councils WHERE slug = %(council)s), 'dispatch-' || day, 'dispatch',
                  'Dawn dispatch of ' || day, %(body)s
           FROM (SELECT to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS day) AS today
           ON CONFLICT (slug) DO UPDATE SET body = excluded.body
           RETURNING slug""",
        {'council': step.get('council'), 'body': 'State of the dominion: ' + '; '.join(lines) + '.'},
    ).fetchone()
    return {'capsule': capsule['slug'], 'figures': len(figures)}


def prune(connection, _workflow_id, step):
    """{"keep_days": n}: delete older measurements. The ledger is a record and is kept."""
    days = step.get('keep_days')
    if not isinstance(days, int) or not 1 <= days <= 36500:
        raise StepError(f'"keep_days" must be a whole number from 1 to 36500, not {days!r}')
    deleted = connection.execute(
        """DELETE FROM metrics WHERE recorded_at < now() - make_interval(days => %s)
           AND name NOT IN ('treasury.inflow', 'treasury.outflow')""",
        (days,),
    ).rowcount
    return {'deleted': deleted}


KINDS = {'measure': record_measure, 'accrue': accrue, 'dispatch': write_dispatch, 'prune': prune}


def _record(connection, workflow_id, name, value, unit, note=None):
    connection.execute(
        # clock_timestamp(): now() is constant within a transaction, and rows should keep their order.
        """INSERT INTO metrics (workflow_id, name, value, unit, note, recorded_at)
           VALUES (%s, %s, %s, %s, %s, clock_timestamp())""",
        (workflow_id, name, value, unit, note),
    )


def _decimal(step, field):
    try:
        return Decimal(str(step[field]))
    except (KeyError, InvalidOperation):
        raise StepError(f'"{field}" must be a decimal number, not {step.get(field)!r}') from None
