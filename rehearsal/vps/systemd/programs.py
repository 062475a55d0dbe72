"""Runs the programs of a unit's Exec lines as systemd would."""
import os
import re
import shlex
import subprocess

from units import one


def environment(unit):
    env = {'PATH': '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'LANG': 'C.UTF-8'}
    for line in unit['Service'].get('Environment', []):
        env.update(word.split('=', 1) for word in shlex.split(line) if '=' in word)
    for path in unit['Service'].get('EnvironmentFile', []):
        try:
            with open(path.lstrip('-')) as file:
                for line in file.read().splitlines():
                    if '=' in line and line.strip()[:1] not in ('#', ';'):
                        key, _, value = line.strip().partition('=')
                        env[key] = ' '.join(shlex.split(value))
        except OSError:
            if not path.startswith('-'):
                raise
    return env


def expand(line, env):
    """systemd's rules: ${X} expands inside a word, $X as a separate word is split; of %-specifiers only %%."""
    words = []
    for word in shlex.split(line.replace('%%', '%')):
        if re.fullmatch(r'\$\w+', word):
            words += env.get(word[1:], '').split()
        else:
            words.append(re.sub(r'\$\{(\w+)\}', lambda found: env.get(found[1], ''), word))
    return words


def log_of(unit):
    os.makedirs('/var/log/journal-of-units', exist_ok=True)
    return open(f"/var/log/journal-of-units/{unit['name']}.log", 'ab')


def start_program(unit, line, env, **more):
    argv = expand(line.lstrip('-+!@:'), env)
    cwd = one(unit, 'Service', 'WorkingDirectory', '/').lstrip('-')
    with log_of(unit) as log:
        return subprocess.Popen(argv, env=env, cwd=cwd, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                start_new_session=True, **more)


def run_all(unit, key, env):
    """Runs every line of e.g. ExecStartPre in order; False at the first failure without the prefix '-'."""
    for line in unit['Service'].get(key, []):
        try:
            code = start_program(unit, line, env).wait()
        except OSError as error:
            with log_of(unit) as log:
                log.write(f'{error}\n'.encode())
            code = 203
        if code != 0 and not line.startswith('-'):
            return False
    return True


def conditions_hold(unit):
    for wanted in unit['Unit'].get('ConditionPathExists', []):
        negated = wanted.startswith('!')
        if os.path.exists(wanted.lstrip('!|')) == negated:
            return False
    return True
