import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import { createServer } from 'node:tls'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createCertificate } from '../support/certificate.ts'
import { createWorkFolder, smallDashboard } from '../support/system/applications.ts'
import { pollHealth, runHealth } from '../support/system/checks.ts'
import { stateFolder } from '../support/system/records.ts'
import { type Rehearsal, startRehearsal } from '../support/system/rehearsal.ts'
import { ssh } from '../support/system/site.ts'

/* What could mislead a health check: a third party that answers in place of others, a run that changed nothing. */

const work = createWorkFolder('dominion-misleading')
let clouds: Rehearsal
let values: Record<string, string>
let plain: string

beforeAll(async () => {
  clouds = await startRehearsal('sys-misleading')
  values = {
    DASHBOARD_DIR: smallDashboard(work.folder),
    HEALTH_STATIC_MS: '8000,9000',
    HEALTH_API_MS: '8000,9000',
  }
  plain = clouds.variant('plain', values)
  const done = await clouds.dominion(['deploy-complete'], { environment: plain })
  expect(done.code, done.stderr).toBe(0)
})
afterAll(async () => {
  await clouds?.down()
  work.remove()
})

const atOnce = ['--fail-after', '1', '--recover-after', '1']
const look = (environment: string, ...args: string[]) => runHealth(clouds, environment, [...args, ...atOnce])
const control = async (route: string, body?: object) => {
  const { status } = await clouds.control(route, body)
  expect(status).toBeLessThan(300)
}

test('a captive portal accepts every connection: this network is down, and nothing is known of the site', async () => {
  const portal = createServer(createCertificate(work.folder, ['portal.test', 'localhost', '127.0.0.1']))
  portal.on('tlsClientError', () => {})
  portal.listen(0, '127.0.0.1')
  await once(portal, 'listening')
  const { port } = portal.address() as AddressInfo
  const targets = (scheme: string) => `${scheme}127.0.0.1:${port},${scheme}localhost:${port}`
  const behind = clouds.variant('behind', { ...values, HEALTH_NEUTRAL_TARGETS: targets('') })
  const trusting = clouds.variant('trusting', { ...values, HEALTH_NEUTRAL_TARGETS: targets('tcp://') })
  await control('/network', { cut: true })
  try {
    const seen = await look(behind, '--quick')
    expect(seen).toMatchObject({ exitCode: 3, verdict: 'UNKNOWN', excluded: 'network' })
    expect(seen.line).toMatch(/^UNKNOWN - this machine's own network is down \(.*self-signed certificate/)
    // A target that only needs a connection gets one.
    expect(await look(trusting, '--quick')).toMatchObject({ exitCode: 2, verdict: 'CRITICAL' })
  } finally {
    await control('/network', { cut: false })
    portal.close()
  }
})

test('the neutral targets show their certificates: an outage is one', async () => {
  await pollHealth(
    () => look(plain, '--quick'),
    ({ exitCode }) => exitCode === 0,
  )
  await ssh(clouds, 'systemctl stop nginx')
  try {
    const seen = await look(plain, '--quick', '--only', 'static')
    expect(seen.line).toMatch(/^CRITICAL - .*\bstatic\b.*ECONNREFUSED/)
    expect(seen).toMatchObject({ exitCode: 2, news: 'problem' })
    const transcripts = path.join(stateFolder(clouds, plain), 'transcripts-health')
    const last = readdirSync(transcripts).sort().at(-1)!
    const dials = readFileSync(path.join(transcripts, last), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { kind: string; line: string; error?: string })
      .filter(({ kind }) => kind === 'dial')
    expect(dials.map(({ line, error }) => [line, error]).sort()).toEqual(
      clouds.config.health.neutralTargets.map((target) => [`tls://${target}`, undefined]).sort(),
    )
  } finally {
    await ssh(clouds, 'systemctl start nginx')
  }
  await pollHealth(
    () => look(plain, '--quick'),
    ({ exitCode }) => exitCode === 0,
  )
})

test('a run that failed before it changed anything hides no outage', async () => {
  // Receipts are read from the state folder of the environment that runs the check.
  const lost = clouds.variant('lost', {
    ...values,
    IONOS_PUBLIC_IP: '192.0.2.7',
    IONOS_DNS_KEY: 'public.secret',
    IONOS_DNS_API: 'http://127.0.0.1:9/dns',
  })
  await control('/containers/codex-backend/stop')
  try {
    const failed = await clouds.dominion(['point-dns'], { environment: lost })
    expect(failed.code, failed.stderr).not.toBe(0)
    expect(failed.stderr).toContain('127.0.0.1:9')
    const receipts = path.join(stateFolder(clouds, lost), 'receipts')
    expect(readdirSync(receipts)).toEqual([expect.stringContaining('-point-dns-')])
    const seen = await look(lost, '--quick', '--only', 'api')
    expect(seen.line).toMatch(/^CRITICAL - .*\bapi\b/)
    expect(seen).toMatchObject({ exitCode: 2, news: 'problem' })
    expect(seen.excluded).toBeUndefined()
  } finally {
    await control('/containers/codex-backend/start')
  }
})
