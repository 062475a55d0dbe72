"""How database values are represented in JSON."""

import json
from datetime import datetime, timezone
from decimal import Decimal

from flask.json.provider import DefaultJSONProvider


def utc_text(moment):
    """ISO 8601 in UTC with a Z, to the millisecond; '' for None."""
    if moment is None:
        return ''
    return moment.astimezone(timezone.utc).isoformat(timespec='milliseconds').replace('+00:00', 'Z')


def _plain(value):
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, datetime):
        return utc_text(value)
    return DefaultJSONProvider.default(value)


def to_plain_json(value):
    """The value converted to types that JSON has."""
    return json.loads(json.dumps(value, default=_plain))


class JsonFormat(DefaultJSONProvider):
    """Amounts as numbers, times in UTC, keys in the order of the query."""

    default = staticmethod(_plain)
    sort_keys = False
    ensure_ascii = False
    compact = True
