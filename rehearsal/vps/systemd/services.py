"""Starting and stopping one unit; each verb returns an exit code."""
import os
import re
import signal
import socket
import sys
import time

from programs import conditions_hold, environment, log_of, run_all, start_program
from state import ACTIVE, FAILED, INACTIVE, STATE, pid_from_file, read_state, started, status_of, write_state
from units import find, load, one


def need(name):
    unit = load(name)
    if unit is None and find(name) == '/dev/null':
        sys.exit(f'Failed to start {name}: Unit {name} is masked.')
    return unit


def start(name, verb='start'):
    unit = need(name)
    if unit is None:
        print(f'Failed to {verb} {name}: Unit {name} not found.', file=sys.stderr)
        return 5
    name = unit['name']
    if status_of(unit)[0] == ACTIVE:
        return 0
    if not conditions_hold(unit):
        write_state(name, state=INACTIVE)
        return 0
    if name.endswith('.timer'):
        write_state(name, state='waiting')
        return 0
    if not name.endswith('.service'):
        write_state(name, state='exited')
        return 0
    for folder in one(unit, 'Service', 'RuntimeDirectory').split():
        os.makedirs(f'/run/{folder}', mode=int(one(unit, 'Service', 'RuntimeDirectoryMode', '755'), 8), exist_ok=True)
    env = environment(unit)
    if run_all(unit, 'ExecStartPre', env) and start_main(unit, env) and run_all(unit, 'ExecStartPost', env):
        return 0
    stop_processes(unit)
    write_state(name, state=FAILED, result='exit-code')
    print(f'Job for {name} failed because the control process exited with error code.\n'
          f'See "systemctl status {name}" and "journalctl -xeu {name}" for details.', file=sys.stderr)
    return 1


def start_main(unit, env):
    kind = one(unit, 'Service', 'Type', 'simple')
    if kind == 'oneshot':
        done = run_all(unit, 'ExecStart', env)
        if done:
            write_state(unit['name'], state='exited' if one(unit, 'Service', 'RemainAfterExit') == 'yes' else INACTIVE)
        return done
    if kind == 'forking':
        if not run_all(unit, 'ExecStart', env):
            return False
        pid = wait_for(lambda: pid_from_file(unit), 10)
    elif kind == 'notify':
        pid = start_and_listen(unit, env)
    else:
        process = start_program(unit, one(unit, 'Service', 'ExecStart'), env)
        time.sleep(0.1)
        pid = process.pid if process.poll() is None else None
    if pid:
        write_state(unit['name'], state=ACTIVE, pid=pid, started=started(pid))
    return bool(pid)


def start_and_listen(unit, env):
    """Type=notify, see sd_notify(3): the program sends READY=1 to a datagram socket."""
    os.makedirs(STATE, exist_ok=True)
    path = f'{STATE}/notify-{os.getpid()}'
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as inbox:
        inbox.bind(path)
        os.chmod(path, 0o666)  # the service may run as another user
        inbox.settimeout(0.1)
        process = start_program(unit, one(unit, 'Service', 'ExecStart'), {**env, 'NOTIFY_SOCKET': path})
        until = time.time() + 30
        try:
            while time.time() < until and process.poll() is None:
                try:
                    if b'READY=1' in inbox.recv(4096).splitlines():
                        return process.pid
                except socket.timeout:
                    pass
        finally:
            os.unlink(path)
        if process.poll() is None:
            process.kill()
    return None


def wait_for(condition, seconds):
    until = time.time() + seconds
    while True:
        result = condition()
        if result or time.time() > until:
            return result
        time.sleep(0.02)


def seconds_of(text):
    found = re.fullmatch(r'(\d+)(s|sec|min|ms)?', text)
    return int(found[1]) * {'min': 60, 'ms': 0.001}.get(found[2] or 's', 1) if found else 90


def stop_processes(unit):
    pid = status_of(unit)[2] or pid_from_file(unit)
    if not pid:
        return
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return
        if wait_for(lambda: started(pid) is None, min(seconds_of(one(unit, 'Service', 'TimeoutStopSec', '90')), 90)):
            return


def stop(name):
    unit = load(name)
    if unit is None:
        print(f'Failed to stop {name}: Unit {name} not loaded.', file=sys.stderr)
        return 5
    active, _, pid = status_of(unit)
    if pid:
        run_all(unit, 'ExecStop', {**environment(unit), 'MAINPID': str(pid)})
        stop_processes(unit)
        run_all(unit, 'ExecStopPost', environment(unit))
    if active == ACTIVE:
        write_state(unit['name'], state=INACTIVE)
    return 0


def restart(name):
    if load(name) is not None:
        stop(name)
    return start(name, 'restart')


def try_restart(name):
    unit = load(name)
    return restart(name) if unit and status_of(unit)[0] == ACTIVE else 0


def reload(name):
    unit = need(name)
    if unit is None:
        print(f'Failed to reload {name}: Unit {name} not found.', file=sys.stderr)
        return 5
    active, _, pid = status_of(unit)
    if active != ACTIVE:
        print(f"{unit['name']} is not active, cannot reload.", file=sys.stderr)
        return 1
    if not unit['Service'].get('ExecReload'):
        print(f"Failed to reload {unit['name']}: Job type reload is not applicable for unit {unit['name']}.", file=sys.stderr)
        return 1
    if run_all(unit, 'ExecReload', {**environment(unit), 'MAINPID': str(pid)}):
        return 0
    print(f'Job for {unit["name"]} failed.\nSee "systemctl status {unit["name"]}" and "journalctl -xeu {unit["name"]}" '
          'for details.', file=sys.stderr)
    return 1
