import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { rootCertificates } from 'node:tls'
import { expect, test } from 'vitest'
import { isTarget } from '../../../lib/azure/containers/actions.ts'
import { type Check, pass, type QuickContext } from '../../../lib/checks/check.ts'
import { perServer } from '../../../lib/checks/perServer.ts'
import { createQuickContext, runCheck } from '../../../lib/checks/run.ts'
import { servedPages } from '../../../lib/checks/site/servedRelease.ts'
import type { CommonFlags, Run } from '../../../lib/cli/defineScript.ts'
import type { Config, Server } from '../../../lib/config/config.ts'
import { rollbackTasks } from '../../../lib/deploy/rollback/tasks.ts'
import type { HttpRequest } from '../../../lib/net/http.ts'
import type { Command } from '../../../lib/shell/command.ts'
import { executeTasks } from '../../../lib/tasks/engine.ts'
import { nothingAhead, onEachServer, type VpsContext } from '../../../lib/tasks/task.ts'
import { unknownError } from '../../../lib/util/errors.ts'
import { expandIpv6, findFaults, getPublicIpv4 } from '../../../lib/vps/dns/records.ts'
import { compareZone, dnsTask } from '../../../lib/vps/dns/task.ts'
import { getSourceHash } from '../../../lib/vps/frontend/sources.ts'
import { uploadTask } from '../../../lib/vps/frontend/upload.ts'
import { renderNginx } from '../../../lib/vps/nginx/render.ts'
import { nginxUpstream } from '../../../lib/vps/nginx/upstream.ts'
import { createLoginError, createSocketError } from '../../../lib/vps/ssh/errors.ts'
import { findLogins } from '../../../lib/vps/ssh/keys.ts'
import { parseSshSettings } from '../../../lib/vps/ssh/settings.ts'
import { getFailure, loadTestConfig, openRunner, toSite } from '../../support/helpers.ts'
import { createTask, engine } from '../../support/tasks.ts'

/* What serves one site from two servers, a.example and b.example. */

type Reply = { code?: number; stdout?: string; stderr?: string }

/** Two servers that report these facts; `answer` replies to other commands, by their script or program. */
async function openTwo(
  facts: (address: string) => string[],
  answer: (address: string, argv: readonly string[]) => Reply = () => ({}),
) {
  const one = await loadTestConfig('DOMAIN=a.app', 'IONOS_HOST=a.example', 'IONOS_PUBLIC_IP=192.0.2.1')
  mkdirSync(one.stateDir, { recursive: true })
  const [first] = one.servers
  const second: Server = { ...first, name: 'vps2', address: 'b.example', publicIp: '192.0.2.2' }
  const config: Config = { ...one, servers: [first, second] }
  const run = async (command: Command) => {
    const { on, argv } = command as Command & { on: Server; argv: string[] }
    const state = ['server-state\t1', ...facts(on.address), 'end\tserver-state'].join('\n')
    const reply = argv.includes('server-state') ? { stdout: state } : answer(on.address, argv)
    const { code = 0, stdout = '', stderr = '' } = reply
    if (!(command.accept ?? [0]).includes(code)) throw new Error(`${on.address}: ${stderr}`)
    return { code, stdout, stderr, timedOut: false }
  }
  const context: VpsContext = { ...toSite(config), runner: { ...openRunner(), run } }
  return { context, alone: { ...context, config: one } }
}

test('DNS: each name has the addresses of all servers', () => {
  const own = ['20010db8000000000000000000000001', '20010db8000000000000000000000002']
  const wanted = ['2001:db8::1', '2001:db8::2']
  const find = (ipv4: string[], ipv6: string[]) =>
    findFaults([{ name: 'a.app', ipv4, ipv6 }], '192.0.2.1, 192.0.2.2', own, wanted).map(
      ({ message }) => message,
    )
  expect(find(['192.0.2.1', '192.0.2.2'], wanted)).toEqual([])
  expect(find(['192.0.2.1'], ['2001:db8::1', '2001:db8::9'])).toEqual([
    'a.app has A 192.0.2.1, wanted: A 192.0.2.1, 192.0.2.2',
    'a.app has AAAA 2001:db8::9, which does not belong to the VPS: delete it',
    'a.app has no AAAA 2001:db8::2, the configured address',
  ])
})

test('DNS: the record of a server without IONOS_PUBLIC_IPV6 stays when that of another one is set', async () => {
  const own = { 'a.example': '2001:db8::1', 'b.example': '2001:db8::2' }
  const digits = (address: string) => expandIpv6(own[address as keyof typeof own])
  const { context } = await openTwo((address) => [`ipv6.address\t${digits(address)}`])
  const [first, second] = context.config.servers
  const servers = [{ ...first, publicIpv6: own['a.example'] }, second!] as const
  const record = { id: '1', name: 'a.app', type: 'AAAA', content: own['b.example'], ttl: 60, disabled: false }
  const zone = { id: 'z', name: 'a.app', records: [record] }
  const { requests } = await compareZone({ ...context, config: { ...context.config, servers } }, zone, [])
  const set = JSON.parse(requests.at(-1)!.body as string) as { name: string; type: string; content: string }[]
  const ipv6 = set.filter(({ name, type }) => name === 'a.app' && type === 'AAAA')
  expect(ipv6.map(({ content }) => content)).toEqual([own['a.example'], own['b.example']])
  const [fault] = findFaults(
    [{ name: 'a.app', ipv4: ['192.0.2.1'], ipv6: [own['b.example']] }],
    '192.0.2.1',
    [digits('a.example'), digits('b.example')],
    [own['a.example']],
    [digits('b.example')],
  )
  expect(fault!.field).toMatchObject({ before: own['b.example'], after: '2001:db8::1, 2001:db8::2' })
})

test('a hint names the keys of the server that it is about', async () => {
  const { context } = await openTwo(() => [])
  const [first, second] = context.config.servers
  // There is only one section of keys: these stand for those of a second server.
  const keys = { ...first.keys, address: 'DOMAIN', key: 'CA_FILE', publicIp: 'WEB_ROOT' } as const
  const its = { ...second!, key: '/nowhere', publicIp: 'b.example', keys }
  const { config } = context
  const unreachable = createSocketError(config, its, 'b.example', new Error('no answer'), false)
  expect(unreachable.failure.next).toMatch(/^Check DOMAIN and IONOS_PORT in \.env/)
  expect(createLoginError(its, new Error('no'), [], []).failure.next).toMatch(
    /IONOS_USER and CA_FILE in \.env/,
  )
  const settings = parseSshSettings('', its)
  expect(await getFailure(findLogins(its, settings))).toMatchObject({
    next: expect.stringMatching(/^Set CA_FILE in \.env to a private key/),
  })
  expect(() => getPublicIpv4({ ...config, servers: [first, its] })).toThrow(
    expect.objectContaining({
      failure: expect.objectContaining({ next: expect.stringMatching(/^Set WEB_ROOT in \.env to/) }),
    }),
  )
})

test('DNS: several servers get visitors only when nginx answers on each', async () => {
  const { context, alone } = await openTwo(() => [])
  const nginxHttp = [createTask('nginx-http'), createTask('nginx-http@b.example')]
  expect(dnsTask(context, { nginxHttp }).after).toEqual(nginxHttp)
  expect(dnsTask(alone, { nginxHttp: nginxHttp.slice(0, 1) }).after, 'one server').toEqual([])
})

test('one release id for all uploads of a run, that of an interrupted run if there is one', async () => {
  let source = ''
  const having = new Map<string, string>()
  const open = async () => {
    const { context } = await openTwo((address) => {
      const id = having.get(address)
      const json = JSON.stringify({ source, builtAt: '2026-11-26T10:00:00Z' })
      return ['disk.freeKb\t9000000', ...(id ? [`release\t${id}\t\t${json}`] : [])]
    })
    const dashboardDir = path.join(context.config.folder, 'dashboard')
    const out = path.join(dashboardDir, 'out')
    mkdirSync(out, { recursive: true })
    writeFileSync(path.join(dashboardDir, 'package.json'), '{"scripts": {"build": "true"}}')
    for (const page of ['index.html', '404.html']) writeFileSync(path.join(out, page), page)
    const here = { ...context, config: { ...context.config, dashboardDir } }
    source = await getSourceHash(here)
    const note = { source, revision: '', builtAt: '2026-11-26T10:00:00Z' }
    writeFileSync(path.join(out, '.build.json'), JSON.stringify(note))
    const uploads = onEachServer(here, (each) => uploadTask(each, { build: createTask<string>('build') }))
    const found = await Promise.all(uploads.map((upload) => upload.inspect(nothingAhead)))
    return found.map(
      (each) =>
        /release (\S+?):? /.exec('what' in each ? each.what : `${'reason' in each && each.reason}`)?.[1],
    )
  }
  const [a, b] = await open()
  expect(a).toMatch(/^\d{8}T\d{6}Z-[0-9a-f]{8}$/)
  expect(b).toBe(a)
  having.set('b.example', '20261126T100000Z-1a2b3c4d')
  expect(await open()).toEqual(['20261126T100000Z-1a2b3c4d', '20261126T100000Z-1a2b3c4d'])
})

test('the backend is reachable from all servers before the first one is switched; a refusal puts back the others', async () => {
  const [old, fresh] = ['old.example', 'new.example']
  const backends = new Map<string, string>()
  const events: string[] = []
  let [unreachable, refusing, isBroken, silent, mute] = ['', '', false, '', '']
  const pem = rootCertificates[0]!.replaceAll(/-----.*-----|\n/g, '')
  const { context } = await openTwo(
    (address) => [
      ...['nameserver\t9.9.9.9', 'nginx.version\t1.22.1', `certificate.pem\t${pem}`],
      `nginx.backend\t${backends.get(address)}`,
    ],
    (address, argv) => {
      if (argv.includes('python3')) {
        events.push(`asked ${address}`)
        return address === unreachable ? { code: 7, stderr: 'no ssh' } : { stdout: '{"release": "r"}' }
      }
      if (address === refusing) return { code: 10, stderr: 'nginx rejects it' }
      const host = backends.get(address) === fresh ? old : fresh
      if (address === mute && host === old) return { code: 7, stderr: 'no ssh' }
      backends.set(address, host)
      events.push(`${address} to ${host}`)
      if (address === silent && host === fresh) throw unknownError('the connection was lost')
      return {}
    },
  )
  const open = () =>
    nginxUpstream({ ...context, runner: { ...context.runner } }, async () => {
      if (isBroken) throw new Error('the site does not work')
      return 'it works'
    })
  const attempt = async () => {
    for (const address of ['a.example', 'b.example']) backends.set(address, old)
    events.length = 0
    const lines: string[] = []
    const to = { group: 'codex-backend', host: fresh, release: 'r' }
    const failure = await open()
      .switchTo(to, (line) => void lines.push(line))
      .then(
        () => '',
        (thrown) => String(thrown),
      )
    return { failure, lines, target: await open().target() }
  }
  const switched = ['a.example', 'b.example'].map((name) => `nginx sends /api/ to ${fresh} (${name})`)

  expect(await attempt()).toEqual({ failure: '', lines: [...switched, 'it works'], target: fresh })
  expect(events.slice(0, 2)).toEqual(['asked a.example', 'asked b.example'])

  unreachable = 'b.example'
  expect(await attempt()).toMatchObject({ failure: 'Error: b.example: no ssh', lines: [] })
  expect(events).toEqual(['asked a.example', 'asked b.example'])

  ;[unreachable, refusing] = ['', 'b.example']
  expect(await attempt()).toEqual({
    failure: 'Error: b.example: nginx rejects it',
    lines: [switched[0], `nginx sends /api/ to ${old} again (a.example)`],
    target: old,
  })

  ;[refusing, isBroken] = ['', true]
  expect(await attempt()).toMatchObject({ failure: 'Error: the site does not work', target: old })
  expect(events.filter((event) => event.endsWith(old)).sort()).toEqual([
    `a.example to ${old}`,
    `b.example to ${old}`,
  ])

  mute = 'b.example'
  expect(await attempt()).toEqual({
    failure: `OpsError: the site does not work. nginx may still send /api/ to ${fresh} where it could not be switched back`,
    lines: [...switched, `nginx sends /api/ to ${old} again (a.example)`],
    target: `${old}, ${fresh}`,
  })

  ;[mute, isBroken, silent] = ['', false, 'b.example']
  const cut = await attempt()
  expect(cut, 'switched, but no answer').toMatchObject({ target: old })
  expect(cut.failure).toBe('OpsError: the connection was lost')

  backends.set('b.example', fresh)
  expect(await open().target()).toBe(`${old}, ${fresh}`)
  expect(await Promise.all([old, fresh, 'other.example'].map((host) => isTarget(open(), host)))).toEqual([
    ...[true, true, false],
  ])
})

test('a check of a server runs on each; the first one keeps its id and figures', async () => {
  const { context, alone } = await openTwo(() => [])
  const asked: (string | undefined)[] = []
  const ssh: Check = {
    ...{ id: 'disk', title: 'Disk', tags: ['health'], needs: 'ssh' },
    async run({ context: { server } }) {
      return { ...pass(server.address), figures: [{ name: 'disk', value: 1, unit: '%' }] }
    },
  }
  const site: Check = {
    id: 'api',
    title: 'API',
    tags: ['health'],
    needs: 'nothing',
    run: async () => pass(''),
  }
  const id = '20261126T100000Z-1a2b3c4d'
  const request = async ({ address }: HttpRequest) => {
    asked.push(address)
    return { status: 200, headers: {}, body: JSON.stringify({ id }), phases: { total: 1 } }
  }
  const checks = [ssh, site, servedPages(id) as Check]
  expect(perServer(alone, checks)).toEqual(checks)
  const found = perServer(context, checks)
  expect(found.map((each) => [each.id, each.title])).toEqual([
    ['disk', 'Disk (a.example)'],
    ['disk@b.example', 'Disk (b.example)'],
    ['api', 'API'],
    ['served-pages', 'Release of the pages (a.example)'],
    ['served-pages@b.example', 'Release of the pages (b.example)'],
  ])
  const checking: QuickContext = createQuickContext({ ...context, runner: { ...context.runner, request } })
  const results = await Promise.all(found.map((check) => runCheck(check as Check<QuickContext>, checking)))
  expect(results.map(({ verdict, figures }) => [verdict, figures?.[0]?.name])).toEqual([
    ...[
      ['OK', 'disk'],
      ['OK', 'disk@b.example'],
      ['OK', undefined],
    ],
    ...[
      ['OK', undefined],
      ['OK', undefined],
    ],
  ])
  expect(asked).toEqual(['192.0.2.1', '192.0.2.2'])
})

test('a challenge of the CA that a server lacks is on another one', async () => {
  const { context, alone } = await openTwo(() => [])
  const facts = { version: '1.22.1', ipv6: true, nameservers: ['9.9.9.9'], backend: 'x.example' }
  for (const phase of ['http', 'https'] as const) {
    const text = renderNginx(context, phase, facts)['site.conf']!
    expect(text).toContain('\n\nupstream a.app-others {\n    server 192.0.2.2;\n}\n')
    expect(text).toContain('try_files $uri @others;\n    }\n\n    # The CA')
    expect(text).toContain('proxy_pass http://a.app-others;\n    }\n\n    location / {')
    const single = renderNginx(alone, phase, facts)['site.conf']!
    expect(single).toContain('try_files $uri =404;\n    }\n\n    location / {')
    expect(single).not.toContain('others')
  }
})

test('rollback frontend selects a release that every server has, and switches all of them', async () => {
  const [live, before, onlyOfFirst] = ['03', '01', '02'].map((day) => `202611${day}T100000Z-1a2b3c4d`)
  const switched: string[] = []
  const { context } = await openTwo(
    (address) => [
      `live\t${live}`,
      ...[live, before, ...(address === 'a.example' ? [onlyOfFirst] : [])].map(
        (id) => `release\t${id}\t\t${JSON.stringify({ source: id, builtAt: '' })}`,
      ),
    ],
    (address, argv) => {
      if (argv.includes('marks')) return { stdout: 'end\n' }
      if (argv.includes('switch')) switched.push(`${address} to ${argv.at(-1)}`)
      return {}
    },
  )
  const run = (to: string) =>
    ({ flags: { to }, resumeCommand: 'npx dominion rollback' }) as unknown as Run<CommonFlags>
  const perform = async (to: string) => {
    const { tasks } = rollbackTasks(run(to), context, 'frontend')
    const first = tasks.slice(0, 3)
    return executeTasks(first, engine({ runner: context.runner }))
  }
  const [refused] = await perform(onlyOfFirst!)
  expect(await getFailure(Promise.reject(refused!.error))).toMatchObject({
    what: `No frontend release ${onlyOfFirst} found; nothing was changed`,
  })
  await perform(before!)
  expect(switched).toEqual([`a.example to ${before}`, `b.example to ${before}`])
})
