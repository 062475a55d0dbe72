import { homedir, userInfo } from 'node:os'
import path from 'node:path'
import { expect, test } from 'vitest'
import { display } from '../../../lib/shell/command.ts'
import { nothingAhead } from '../../../lib/tasks/task.ts'
import { certbotCommand, parseAcmeErrors } from '../../../lib/vps/certificate.ts'
import { createPatchRequest } from '../../../lib/vps/dns/ionosApi.ts'
import { expandIpv6, findFaults } from '../../../lib/vps/dns/records.ts'
import { getBuildCommands } from '../../../lib/vps/frontend/build.ts'
import { switchReleaseCommand } from '../../../lib/vps/frontend/switch.ts'
import { getSetupCommands, serverTask } from '../../../lib/vps/packages.ts'
import { remoteScript, vps } from '../../../lib/vps/remote/vps.ts'
import { parseServerState } from '../../../lib/vps/serverState.ts'
import { parseSshSettings, settingsCommand } from '../../../lib/vps/ssh/settings.ts'
import { loadFileConfig } from '../../support/config.ts'
import { getFailure, openRunner, toSite } from '../../support/helpers.ts'

const config = await loadFileConfig()

const bare = [
  'server-state\t1',
  'os.ID\tdebian',
  'os.VERSION_ID\t12',
  'systemd\tyes',
  'nameserver\t9.9.9.9',
  'end\tserver-state',
]
const bareState = parseServerState(bare.join('\n'), 'vps')

test('certbot: webroot, fixed lineage, both names', () => {
  expect(display(certbotCommand(toSite(config), false))).toBe(
    'vps: certbot certonly --non-interactive --agree-tos --register-unsafely-without-email --server https://acme-v02.api.letsencrypt.org/directory --webroot --webroot-path /var/www/_acme --cert-name codexdominion.app --domain codexdominion.app --domain www.codexdominion.app --renew-with-new-domains --key-type ecdsa --keep-until-expiring',
  )
})

test('certbot: an address and a forced renewal on request', async () => {
  const line = display(certbotCommand(toSite(await loadFileConfig('ACME_EMAIL=ops@example.org')), true))
  expect(line).toMatch(/ --email ops@example\.org .* --force-renewal$/)
})

test('a bare server gets everything, a complete one nothing', () => {
  expect(getSetupCommands(toSite(config), bareState, ['nginx', 'certbot']).map(display)).toEqual([
    'vps: env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=120 -q update',
    'vps: env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=120 -q install -y --no-install-recommends nginx certbot',
    'vps: install -d -m 755 /var/www/codexdominion.app/releases /var/www/_acme/.well-known/acme-challenge',
    'vps: systemctl enable nginx',
    'vps: systemctl enable --now certbot.timer',
  ])
  const complete = parseServerState(
    [
      ...bare.slice(0, -1),
      'units.active\tactive active',
      'units.enabled\tenabled enabled',
      'web.releases\tyes',
      'web.acme\tyes',
      'end\tserver-state',
    ].join('\n'),
    'vps',
  )
  expect(getSetupCommands(toSite(config), complete, [])).toEqual([])
})

test('another program on a port of nginx is named before anything is installed', async () => {
  const state = (...lines: string[]) => [...bare.slice(0, -1), ...lines, 'end\tserver-state'].join('\n')
  const inspect = (stdout: string) => {
    const run = async () => ({ code: 0, stdout, stderr: '', timedOut: false })
    return serverTask({ ...toSite(config), runner: { ...openRunner(), run } }).inspect(nothingAhead)
  }
  const taken = ['port\t443\tapache2\t12', 'port\t80\tapache2\t12', 'port\t80\tnginx\t7']
  expect(await getFailure(inspect(state(...taken)))).toMatchObject({
    what: `nginx needs the ports 80 and 443 of ${config.servers[0].address}, but port 443 is taken by apache2 (process 12), port 80 is taken by apache2 (process 12)`,
    next: expect.stringContaining('systemctl status 12'),
  })
  expect(await inspect(state('port\t80\tnginx\t7'))).toMatchObject({ state: 'create' })
})

test('an interrupted dpkg is set right before anything is installed', () => {
  const state = parseServerState(
    [...bare.slice(0, -1), 'dpkg.interrupted\tyes', 'end\tserver-state'].join('\n'),
    'vps',
  )
  const [finish, ...rest] = getSetupCommands(toSite(config), state, ['nginx'])
  expect(display(finish!)).toBe(
    'vps: env DEBIAN_FRONTEND=noninteractive dpkg --force-confdef --force-confold --configure -a',
  )
  expect(finish!.accept).toEqual([0, 1])
  expect(rest.slice(0, 3).map(({ argv }) => argv.slice(6).join(' '))).toEqual([
    'update',
    'install -y --fix-broken',
    'install -y --no-install-recommends nginx',
  ])
})

test('a user other than root uses sudo without a prompt', async () => {
  const [deploy] = (await loadFileConfig('IONOS_USER=deploy')).servers
  expect(vps(deploy).sudo`id`.argv).toEqual(['sudo', '-n', '--', 'env', 'LC_ALL=C', 'id'])
  expect(vps(deploy)`id`.argv).toEqual(['id'])
  expect(vps(config.servers[0]).sudo.change`id`).toMatchObject({
    argv: ['id'],
    on: { name: 'vps' },
    effect: 'change',
  })
  const command = remoteScript(deploy, 'read', 'manifest', ['/var/www/x', 'id', 'quick'])
  const refusals = [
    ...['sudo: a password is required\n', 'deploy is not in the sudoers file.\n'],
    // sudo-rs: src/common/error.rs, src/pam/error.rs
    ...['sudo: interactive authentication is required\n', 'sudo: A terminal is required to authenticate\n'],
    ...[
      "sudo: I'm sorry deploy. I'm afraid I can't do that\n",
      'Sorry, user deploy may not run id on host.\n',
    ],
  ]
  for (const said of refusals)
    expect(command.explain?.(said)?.what, said).toBe(
      'deploy may not use sudo without a password on 74.208.123.158',
    )
  expect(command.explain?.('sudo: sorry, you must have a tty to run sudo\n')).toMatchObject({
    next: expect.stringContaining('Defaults:deploy !requiretty'),
  })
  expect(command.explain?.('sudo: a password is required\n')).toMatchObject({
    what: 'deploy may not use sudo without a password on 74.208.123.158',
  })
})

test('the build', async () => {
  const commands = getBuildCommands(await loadFileConfig('DASHBOARD_DIR=/nowhere'), 'abc')
  expect(commands.map(display)).toEqual([
    '(in /nowhere) npm install --include=dev --ignore-scripts --no-audit --no-fund',
    '(in /nowhere) npm run build',
  ])
  expect(commands[1]?.env).toEqual({ BUILD_ID: 'abc', NEXT_TELEMETRY_DISABLED: '1' })
})

test('the switch lists the releases to remove', () => {
  const ids = ['20260101T000000Z-aaaaaaaa', '20260102T000000Z-aaaaaaaa', '20260103T000000Z-aaaaaaaa']
  const rows = ids.map((id) => `release\t${id}\t\t{"id":"${id}","source":"s","builtAt":"t"}`)
  const state = parseServerState(
    [...bare.slice(0, -1), `live\t${ids[1]}`, ...rows, 'end\tserver-state'].join('\n'),
    'vps',
  )
  const command = switchReleaseCommand(
    toSite({ ...config, ionos: { ...config.ionos, keepReleases: 2 } }),
    state,
    ids[2]!,
    new Map(),
  )
  expect(command.argv.slice(5)).toEqual(['/var/www/codexdominion.app', ids[2], ids[0]])
})

test('the state of a bare server, and of one that answers something else', () => {
  expect(bareState).toMatchObject({
    os: { id: 'debian', version: '12' },
    live: '',
    releases: [],
    nginx: { active: false },
  })
  expect(() => parseServerState('Welcome to Ubuntu\n', 'vps')).toThrow('vps did not report its state')
  expect(() => parseServerState(bare.slice(0, -1).join('\n'), 'vps')).toThrow('vps did not report its state')
})

test('records that point elsewhere are named', () => {
  const own = [expandIpv6('2001:db8::1')]
  expect(own).toEqual(['20010db8000000000000000000000001'])
  const records = [
    { name: 'a.app', ipv4: ['192.0.2.1'], ipv6: ['2001:DB8:0::1'] },
    { name: 'www.a.app', ipv4: [], ipv6: ['2001:db8::2'] },
  ]
  expect(findFaults(records, '192.0.2.1', own).map(({ message }) => message)).toEqual([
    'www.a.app has no A record, wanted: A 192.0.2.1',
    'www.a.app has AAAA 2001:db8::2, which does not belong to the VPS: delete it',
  ])
})

test('the IONOS API: only the two A records, by PATCH', () => {
  const records = [config.domain, `www.${config.domain}`].map((name) => ({
    name,
    type: 'A',
    content: '192.0.2.1',
  }))
  const request = createPatchRequest(config, 'zone 1', records, 'prefix.secret')
  expect(request.method).toBe('PATCH')
  expect(request.url).toBe('https://api.hosting.ionos.com/dns/v1/zones/zone%201')
  expect(JSON.parse(request.body!)).toEqual([
    { name: 'codexdominion.app', type: 'A', content: '192.0.2.1', ttl: 3600, prio: 0, disabled: false },
    { name: 'www.codexdominion.app', type: 'A', content: '192.0.2.1', ttl: 3600, prio: 0, disabled: false },
  ])
  expect(display(request)).not.toContain('secret')
})

test("the CA's message is found in certbot's log", () => {
  const log =
    '{"type":"x","detail":"JWS has an invalid anti-replay nonce"}\n"detail": "Cannot issue for \\"a.app\\": blocked",\n'
  expect(parseAcmeErrors(log)).toEqual(['Cannot issue for "a.app": blocked'])
})

test('the output of ssh -G', async () => {
  const { servers } = await loadFileConfig('IONOS_HOST=vps.example\nIONOS_PORT=2222')
  const asked = settingsCommand(servers[0])
  expect([display(asked), asked.effect]).toEqual(['ssh -G -p 2222 -l root -- vps.example', 'read'])
  const output =
    'hostname 10.0.0.9\nidentitiesonly yes\nidentityfile /k/one\nidentityfile /k/two words\nproxyjump none\nidentityagent none\n'
  const alias = { address: 'alias', port: 22, user: 'root' }
  expect(parseSshSettings(output, alias)).toEqual({
    ...{ hostname: '10.0.0.9', port: 22, user: 'root', hostKeyAlias: '' },
    identityFiles: ['/k/one', '/k/two words'],
    identitiesOnly: true,
    agent: '',
    knownHosts: [path.join(homedir(), '.ssh', 'known_hosts')],
    revokedHostKeys: [],
    jumps: [],
    proxyCommand: '',
  })
  const through = 'proxyjump one,op@two:2222\nproxycommand nc %h %p\nuser deploy\nport 2200\n'
  const files = `identityfile %d/%r@%h-%n-%p-%u-100%%\nuserknownhostsfile ~/a /b/%r\nglobalknownhostsfile none\n`
  expect(parseSshSettings(`${through}hostname vps.example\n${files}`, alias)).toMatchObject({
    ...{ jumps: ['one', 'op@two:2222'], proxyCommand: 'nc %h %p', port: 2200, user: 'deploy' },
    identityFiles: [`${homedir()}/deploy@vps.example-alias-2200-${userInfo().username}-100%`],
    knownHosts: [`${homedir()}/a`, '/b/deploy'],
  })
})
