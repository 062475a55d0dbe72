"""Unit files: where they are and what they contain."""
import glob
import os
import re

UNIT_PATH = ['/etc/systemd/system', '/run/systemd/system', '/usr/local/lib/systemd/system', '/lib/systemd/system']


def full_name(name):
    return name if re.search(r'\.(service|timer|socket|target|path|mount)$', name) else name + '.service'


def find(name):
    """The unit's file; '/dev/null' when masked; None when there is none. Follows aliases."""
    for folder in UNIT_PATH:
        path = os.path.join(folder, name)
        if os.path.lexists(path):
            real = os.path.realpath(path)
            return real if os.path.exists(real) else None
    return None


def load(name):
    """Sections of a unit with its drop-ins: {section: {key: [values]}}. An empty assignment clears a list."""
    path = find(name)
    if path is None or path == '/dev/null':
        return None
    sections = {'Unit': {}, 'Service': {}, 'Timer': {}, 'Install': {}}
    real = os.path.basename(path)
    drop_ins = [f for folder in UNIT_PATH for f in glob.glob(f'{folder}/{real}.d/*.conf')]
    for file in [path] + sorted(drop_ins, key=os.path.basename):
        with open(file) as text:
            read_into(sections, text.read())
    return {'name': real, 'path': path, **sections}


def read_into(sections, text):
    section = {}
    for line in re.sub(r'\\\n', ' ', text).splitlines():
        line = line.strip()
        if not line or line[0] in '#;':
            continue
        if line.startswith('['):
            section = sections.setdefault(line.strip('[]'), {})
            continue
        key, _, value = line.partition('=')
        if value.strip():
            section.setdefault(key.strip(), []).append(value.strip())
        else:
            section[key.strip()] = []


def one(unit, section, key, default=''):
    values = unit[section].get(key) or [default]
    return values[-1]
