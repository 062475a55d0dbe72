"""What systemctl shows of units."""
import calendar
import glob
import os
import re
import sys
import time

from links import enabled_state
from state import ACTIVE, FAILED, INACTIVE, STATE, read_state, status_of
from units import UNIT_PATH, find, load, one


def is_active(name, quiet):
    unit = load(name)
    state = status_of(unit)[0] if unit else INACTIVE
    if not quiet:
        print(state)
    return 0 if state == ACTIVE else 3


def is_failed(name, quiet):
    unit = load(name)
    state = status_of(unit)[0] if unit else INACTIVE
    if not quiet:
        print(state)
    return 0 if state == FAILED else 1


def is_enabled(name, quiet):
    state = enabled_state(name)
    if state is None:
        print(f'Failed to get unit file state for {name}: No such file or directory', file=sys.stderr)
        return 1
    if not quiet:
        print(state)
    return 0 if state in ('enabled', 'static') else 1


def status(name):
    unit = load(name)
    if unit is None:
        print(f'Unit {name} could not be found.', file=sys.stderr)
        return 4
    active, sub, pid = status_of(unit)
    mark = {ACTIVE: '●', FAILED: '×'}.get(active, '○')
    print(f"{mark} {unit['name']} - {one(unit, 'Unit', 'Description')}")
    print(f"     Loaded: loaded ({unit['path']}; {enabled_state(name)}; preset: enabled)")
    since = read_state(unit['name']).get('since')
    print(f"     Active: {active} ({sub})" + (f' since {stamp(since)}' if since else ''))
    if pid:
        print(f'   Main PID: {pid}')
    try:
        with open(f"/var/log/journal-of-units/{unit['name']}.log", errors='replace') as file:
            lines = file.read().splitlines()[-10:]
        print('\n' + '\n'.join(lines) if lines else '')
    except OSError:
        pass
    return 0 if active == ACTIVE else 3


def show(name, wanted, bare):
    unit = load(name)
    active, sub, pid = status_of(unit) if unit else (INACTIVE, 'dead', 0)
    state = read_state(unit['name']) if unit else {}
    properties = {
        'Id': unit['name'] if unit else name,
        'Names': name,
        'Description': one(unit, 'Unit', 'Description', name) if unit else name,
        'LoadState': 'loaded' if unit else 'masked' if find(name) == '/dev/null' else 'not-found',
        'ActiveState': active,
        'SubState': sub,
        'UnitFileState': enabled_state(name) or '',
        'FragmentPath': unit['path'] if unit else '',
        'MainPID': str(pid),
        'Result': state.get('result', 'success'),
        'ActiveEnterTimestamp': stamp(state['since']) if state.get('since') and active == ACTIVE else '',
        'NextElapseUSecRealtime': stamp(next_elapse(unit)) if unit and sub == 'waiting' and next_elapse(unit) else '',
    }
    for key in wanted or properties:
        if key in properties:
            print(properties[key] if bare else f'{key}={properties[key]}')
    return 0


def stamp(seconds):
    return time.strftime('%a %Y-%m-%d %H:%M:%S UTC', time.gmtime(seconds))


def next_elapse(unit):
    """Next time of an OnCalendar= that names hours of every day; None for richer expressions of systemd.time(7)."""
    times = []
    for text in unit['Timer'].get('OnCalendar', []):
        text = {'hourly': '*-*-* *:00:00', 'daily': '*-*-* 00:00:00'}.get(text, text)
        found = re.fullmatch(r'(?:\*-\*-\* )?([\d,]+|\*):(\d+)(?::(\d+))?', text)
        if not found:
            return None
        hours = range(24) if found[1] == '*' else map(int, found[1].split(','))
        today = time.gmtime()
        for hour in hours:
            at = calendar.timegm((today.tm_year, today.tm_mon, today.tm_mday, hour, int(found[2]), int(found[3] or 0)))
            times.append(at if at > time.time() else at + 86400)
    return min(times) if times else None


def list_timers(names, legend):
    timers = sorted({os.path.basename(path) for folder in UNIT_PATH for path in glob.glob(f'{folder}/*.timer')})
    rows = []
    for name in timers:
        unit = load(name)
        if unit and status_of(unit)[1] == 'waiting' and (not names or name in names):
            at = next_elapse(unit)
            left = f'{int(at - time.time()) // 3600}h {int(at - time.time()) % 3600 // 60}min left' if at else '-'
            runs = one(unit, 'Timer', 'Unit', name.replace('.timer', '.service'))
            rows.append((stamp(at) if at else '-', left, '-', '-', name, runs))
    if legend:
        rows.insert(0, ('NEXT', 'LEFT', 'LAST', 'PASSED', 'UNIT', 'ACTIVATES'))
    if rows:
        widths = [max(len(row[column]) for row in rows) for column in range(6)]
        for row in rows:
            print(' '.join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())
    if legend:
        print(f'\n{len(rows) - 1} timers listed.')
    return 0


def list_units(names, legend):
    for file in sorted(glob.glob(f'{STATE}/*.json')):
        name = os.path.basename(file)[:-5]
        unit = load(name)
        if unit and (not names or name in names):
            active, sub, _ = status_of(unit)
            print(f"{name} loaded {active} {sub} {one(unit, 'Unit', 'Description')}")
    return 0


def cat(name):
    unit = load(name)
    if unit is None:
        print(f'No files found for {name}.', file=sys.stderr)
        return 1
    with open(unit['path']) as file:
        print(f"# {unit['path']}\n{file.read()}", end='')
    return 0
