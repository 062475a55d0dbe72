import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { findDifferences, getSetName, renderNginx } from '../../../lib/vps/nginx/render.ts'
import { nginxCommand } from '../../../lib/vps/nginx/tasks.ts'
import { parseServerState } from '../../../lib/vps/serverState.ts'
import { renderTemplate } from '../../../lib/vps/template.ts'
import { loadFileConfig } from '../../support/config.ts'
import { temporaryFolder, toSite } from '../../support/helpers.ts'
import { runInNamespaces } from '../../support/namespaces.ts'

const config = await loadFileConfig()
const facts = {
  version: '1.22.1',
  ipv6: true,
  nameservers: ['10.0.0.2', 'fe80::1%eth0', '2001:db8::53', 'junk;'],
  backend: 'codex-api.eastus.azurecontainer.io',
}
const files = renderNginx(toSite(config), 'https', facts)

test('every placeholder has a value, and every value a placeholder', () => {
  for (const text of Object.values(files)) expect(text).not.toMatch(/\{\{|\}\}\w|undefined/)
  expect(Object.keys(files).sort()).toEqual([
    ...['api-headers.conf', 'backend.conf', 'compression.conf', 'headers.conf', 'proxy.conf', 'site.conf'],
    ...['timeouts.conf', 'tls.conf'],
  ])
  expect(() => renderTemplate('backend.conf', { backend: 'x' })).toThrow('{{port}} has no value')
  expect(() => renderTemplate('headers.conf', { extra: 'x' })).toThrow('has no placeholder for extra')
})

test('the backend is resolved by name at run time, with no URI after the port', () => {
  expect(files['backend.conf']).toBe(
    'set $backend codex-api.eastus.azurecontainer.io;\nproxy_pass http://$backend:5000;\n',
  )
  expect(files['proxy.conf']).toContain('resolver 10.0.0.2 [2001:db8::53] valid=10s ipv6=off;')
})

test('a host name that would break out of its line is refused', () => {
  for (const backend of ['a;b', 'a b', '', 'a{', '-a', '$x', 'a\nb']) {
    expect(() => renderNginx(toSite(config), 'https', { ...facts, backend })).toThrow('is not a host name')
  }
})

test('name servers get the time for a resend, and dead ones are left out', () => {
  // ngx_resolver.c: resend_timeout is 5 s.
  const [, seconds] = /^resolver_timeout (\d+)s;$/m.exec(files['proxy.conf']!)!
  expect(Number(seconds)).toBeGreaterThan(2 * 5)
  const read = (...lines: string[]) =>
    parseServerState(['server-state\t1', ...lines, 'end\tserver-state'].join('\n'), 'vps')
  const both = ['nameserver\t192.0.2.1', 'nameserver\t9.9.9.9']
  expect(read(...both, 'nameserver.dead\t192.0.2.1').nameservers).toEqual(['9.9.9.9'])
  const dead = [...both, 'nameserver.dead\t192.0.2.1', 'nameserver.dead\t9.9.9.9']
  expect(read(...dead).nameservers, 'none answers').toEqual(['192.0.2.1', '9.9.9.9'])
})

test('a machine without name servers is refused', () => {
  expect(() => renderNginx(toSite(config), 'https', { ...facts, nameservers: [] })).toThrow(
    'has no name server',
  )
})

test('http2 and unknown names, by version', () => {
  const site = (version: string) =>
    renderNginx(toSite(config), 'https', { ...facts, version, ipv6: false })['site.conf']!
  expect(site('1.22.1')).toContain('listen 443 ssl http2 default_server;')
  expect(site('1.22.1')).not.toContain('http2 on;')
  expect(site('1.25.1')).toContain('    listen 443 ssl;\n    http2 on;')
  expect(site('1.18.0')).not.toContain('ssl_reject_handshake')
  expect(site('1.22.1')).toContain('ssl_reject_handshake on;')
  expect(site('1.22.1')).not.toContain('[::]')
  expect(files['site.conf']).toContain('listen [::]:443 ssl http2;')
})

test('before there is a certificate nothing refers to one, and the challenge comes first', () => {
  const first = renderNginx(toSite(config), 'http', facts)
  expect(Object.keys(first)).toEqual(['site.conf'])
  expect(first['site.conf']).not.toContain('ssl')
  for (const text of [first['site.conf']!, files['site.conf']!]) {
    expect(text.indexOf('acme-challenge')).toBeLessThan(text.indexOf('location / {'))
  }
})

test('every location that sets headers includes the security headers again', () => {
  const locations = files['site.conf']!.split(/\n {4}location /).slice(1)
  const withHeaders = locations.filter((text) => text.includes('add_header'))
  expect(withHeaders.length).toBeGreaterThan(5)
  for (const text of withHeaders) expect(text).toContain('headers.conf')
  // Only hashed assets.
  expect(files['site.conf']!.match(/immutable/g)).toHaveLength(1)
})

test('every server has the time-outs, because those before the Host header apply to the default server', () => {
  const servers = files['site.conf']!.split(/^server \{/m).slice(1)
  expect(servers).toHaveLength(5)
  for (const text of servers) expect(text).toContain('timeouts.conf;')
})

test('two sites on one VPS share no limit', async () => {
  const zones = async (domain: string) =>
    [
      ...renderNginx(toSite(await loadFileConfig(`DOMAIN=${domain}`)), 'https', facts)['site.conf']!.matchAll(
        /zone=([^:; ]+):/g,
      ),
    ].map((match) => match[1]!)
  const [one, two] = [await zones('one.app'), await zones('two.app')]
  expect(one).toHaveLength(4)
  expect(one.filter((zone) => two.includes(zone))).toEqual([])
})

test('answers of a backend pass through one set of headers', () => {
  const locations = files['site.conf']!.split(/\n {4}location /).filter((text) =>
    text.includes('proxy.conf;'),
  )
  expect(locations).toHaveLength(2)
  for (const text of locations) expect(text).toContain('api-headers.conf;')
})

test('active: hashes, link, default site, running, loaded', () => {
  const sha = (text: string) => createHash('sha256').update(text).digest('hex')
  const rows = [
    'server-state\t1',
    'units.active\tactive active',
    `nginx.current\t${getSetName(files)}`,
    `nginx.loaded\t${getSetName(files)}`,
    'nginx.site\t/etc/nginx/dominion/codexdominion.app/current/site.conf',
    ...Object.entries(files).map(([name, text]) => `nginx.file\t${sha(text)}\t${name}`),
  ]
  const differences = (more: string[], without = '') =>
    findDifferences(
      config,
      files,
      parseServerState(
        [...rows.filter((row) => !without || !row.includes(without)), ...more, 'end\tserver-state'].join(
          '\n',
        ),
        'vps',
      ),
    )
  expect(differences([])).toEqual([])
  expect(differences(['nginx.default\tyes'])).toEqual(["Debian's default site is enabled"])
  expect(differences(['nginx.unfinished\tyes'])).toEqual(['an earlier change was interrupted'])
  expect(differences([], 'units.active')).toEqual(['nginx is not running'])
  expect(differences([], 'nginx.loaded')).toEqual(['nginx has not loaded it yet'])
  expect(differences([], 'tls.conf')).toEqual(['tls.conf is missing'])
  expect(differences([`nginx.file\t${sha('x')}\tmine.conf`])).toEqual(['mine.conf does not belong there'])
})

test('the command contains names and lengths; a rejection says what is active', () => {
  const command = nginxCommand(toSite(config), { 'site.conf': 'ä\n' })
  expect(command.argv.slice(5)).toEqual([
    'codexdominion.app',
    getSetName({ 'site.conf': 'ä\n' }),
    'site.conf',
    '3',
  ])
  expect(command.explain?.('nginx: [emerg] unknown directive "bogus"')).toMatchObject({
    what: 'nginx rejected the new configuration; the previous one was restored',
  })
  const both = command.explain?.(
    'nginx: [emerg] unknown directive "bogus"\nnginx rejects the previous configuration too:\nnginx: [emerg] unknown directive "bogus"',
  )
  expect(both?.what).toContain('nginx rejects the previous configuration too')
  expect(both?.next).toContain('before nginx restarts')
})

test('an error from elsewhere is not called a rejection, and files not restored are not called restored', () => {
  const { explain } = nginxCommand(toSite(config), {})
  expect(explain?.('another change of nginx is in progress')).toMatchObject({
    what: expect.stringContaining('nothing was changed'),
    next: expect.stringContaining('Wait'),
  })
  const half = explain?.(
    "nginx: [emerg] unknown directive\nrm: cannot remove '/etc/nginx/x': Read-only file system\nsome nginx files could not be restored",
  )
  expect(half?.what).toBe('The new nginx configuration is not active, and some files could not be restored')
})

/** Runs remote/nginx.sh on temporary file systems for /etc/nginx and /run, with this program as nginx. */
function runScript(nginx: string) {
  const folder = temporaryFolder()
  writeFileSync(path.join(folder, 'nginx'), `#!/bin/sh\n${nginx}\n`, { mode: 0o755 })
  const script = path.join(import.meta.dirname, '../../../lib/vps/remote/nginx.sh')
  const world = `mount --make-rprivate / && mount -t tmpfs none /etc && mount -t tmpfs none /run && mkdir -p /etc/nginx/sites-enabled &&
    mount -t tmpfs none /etc/nginx/sites-enabled && ln -s ../old /etc/nginx/sites-enabled/default && dash "$1" site.test set site.conf 3
    code=$?; ls -A /etc/nginx /etc/nginx/sites-enabled; exit $code`
  const env = { PATH: `${folder}:${process.env.PATH}` }
  const flags = ['--user', '--map-root-user', '--mount']
  return runInNamespaces(flags, ['sh', '-c', world, 'sh', script], { env, input: 'abc' })
}

test('a rejected change is undone, and what cannot be undone is reported', async () => {
  const refused = await runScript('echo "nginx: [emerg] no" >&2; exit 1')
  expect([refused.code, refused.stdout.trim().split('\n')]).toEqual([
    10,
    ['/etc/nginx:', 'sites-enabled', '', '/etc/nginx/sites-enabled:', 'default'],
  ])
  expect(refused.stderr).not.toContain('could not be restored')
  const stuck = await runScript(
    'echo "nginx: [emerg] no" >&2; mount -o remount,ro /etc/nginx/sites-enabled; exit 1',
  )
  expect(stuck.stderr).toMatch(/Read-only file system\nsome nginx files could not be restored\n$/)
})
