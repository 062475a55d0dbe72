"""What was started is recorded below /run, so it disappears with the machine."""
import json
import os
import time

from units import one

STATE = '/run/systemd/rehearsal'
ACTIVE, INACTIVE, FAILED = 'active', 'inactive', 'failed'


def read_state(name):
    try:
        with open(f'{STATE}/{name}.json') as file:
            return json.load(file)
    except (OSError, ValueError):
        return {}


def write_state(name, **values):
    os.makedirs(STATE, exist_ok=True)
    partial = f'{STATE}/{name}.json.{os.getpid()}'
    with open(partial, 'w') as file:
        json.dump({'since': time.time(), **values}, file)
    os.replace(partial, f'{STATE}/{name}.json')


def started(pid):
    """Start time of a running process in clock ticks, else None."""
    try:
        with open(f'/proc/{pid}/stat') as file:
            fields = file.read().rpartition(')')[2].split()
        return None if fields[0] == 'Z' else int(fields[19])
    except (OSError, ValueError):
        return None


def status_of(unit):
    """(ActiveState, SubState, MainPID)"""
    state = read_state(unit['name'])
    if state.get('state') == FAILED:
        return FAILED, FAILED, 0
    if state.get('state') in ('waiting', 'exited'):
        return ACTIVE, state['state'], 0
    pid = state.get('pid')
    if pid and started(pid) == state.get('started'):
        return ACTIVE, 'running', pid
    # a forking daemon may have replaced its main process (nginx -s upgrade): read the pid file
    pid = pid_from_file(unit) if state.get('pid') else None
    if pid:
        return ACTIVE, 'running', pid
    return (FAILED, FAILED, 0) if state.get('pid') else (INACTIVE, 'dead', 0)


def pid_from_file(unit):
    path = one(unit, 'Service', 'PIDFile')
    try:
        with open(path) as file:
            pid = int(file.read().strip())
        return pid if started(pid) else None
    except (OSError, ValueError):
        return None
