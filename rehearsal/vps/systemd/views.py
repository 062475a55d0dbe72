"""What systemctl shows of units."""
import sys
import time

from links import enabled_state
from state import ACTIVE, FAILED, INACTIVE, read_state, status_of
from units import find, load, one


def is_active(name, quiet):
    unit = load(name)
    state = status_of(unit)[0] if unit else INACTIVE
    if not quiet:
        print(state)
    return 0 if state == ACTIVE else 3


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
        'CanReload': 'yes' if unit and unit['Service'].get('ExecReload') else 'no',
    }
    for key in wanted or properties:
        if key in properties:
            print(properties[key] if bare else f'{key}={properties[key]}')
    return 0


def stamp(seconds):
    return time.strftime('%a %Y-%m-%d %H:%M:%S UTC', time.gmtime(seconds))
