"""What a workflow can measure: one SQL query per name, one number as the result."""

LEDGER = """SELECT coalesce(sum(CASE name WHEN 'treasury.inflow' THEN value ELSE -value END), 0)
            FROM metrics WHERE name IN ('treasury.inflow', 'treasury.outflow') AND unit = 'USD'"""

# name of the metric -> (unit, query)
MEASURES = {
    'agents.active': ('agents', "SELECT count(*) FROM agents WHERE status = 'active'"),
    'agents.standby': ('agents', "SELECT count(*) FROM agents WHERE status = 'standby'"),
    'capsules.count': ('capsules', 'SELECT count(*) FROM capsules'),
    'capsules.words': (
        'words',
        "SELECT coalesce(sum(array_length(regexp_split_to_array(btrim(body), '\\s+'), 1)), 0) FROM capsules",
    ),
    'metrics.rows': ('rows', 'SELECT count(*) FROM metrics'),
    'treasury.balance': ('USD', LEDGER),
    'treasury.net_30d': ('USD', f"{LEDGER} AND recorded_at > now() - interval '30 days'"),
    'workflows.failed': ('workflows', "SELECT count(*) FROM workflows WHERE status = 'failed'"),
    'workflows.runs': ('runs', 'SELECT coalesce(sum(runs), 0) FROM workflows'),
}


def measure(connection, name):
    """(value, unit) now; KeyError for an unknown name. The value is a Decimal or an int."""
    unit, query = MEASURES[name]
    (value,) = connection.execute(query).fetchone().values()
    return value, unit
