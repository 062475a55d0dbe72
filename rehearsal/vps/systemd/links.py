"""Enabling: creates the same symbolic links as systemd and deb-systemd-helper."""
import os
import sys

from units import find, load


def links(unit):
    made = []
    for key, suffix in (('WantedBy', 'wants'), ('RequiredBy', 'requires')):
        for target in ' '.join(unit['Install'].get(key, [])).split():
            made.append(f"/etc/systemd/system/{target}.{suffix}/{unit['name']}")
    made += [f'/etc/systemd/system/{alias}' for alias in ' '.join(unit['Install'].get('Alias', [])).split()]
    return made


def enabled_state(name):
    path = find(name)
    if path is None:
        return None
    if path == '/dev/null':
        return 'masked'
    unit = load(name)
    if not links(unit):
        return 'static'
    return 'enabled' if any(os.path.islink(link) for link in links(unit)) else 'disabled'


def enable(name):
    unit = load(name)
    if unit is None:
        print(f'Failed to enable unit: Unit file {name} does not exist.', file=sys.stderr)
        return 1
    for link in links(unit):
        if not os.path.islink(link):
            os.makedirs(os.path.dirname(link), exist_ok=True)
            os.symlink(unit['path'], link)
            print(f"Created symlink {link} → {unit['path']}.", file=sys.stderr)
    return 0


def disable(name):
    unit = load(name)
    if unit is None:
        print(f'Failed to disable unit: Unit file {name} does not exist.', file=sys.stderr)
        return 1
    for link in links(unit):
        if os.path.islink(link):
            os.unlink(link)
            print(f'Removed "{link}".', file=sys.stderr)
    return 0
