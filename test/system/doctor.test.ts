import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Examined } from '../../lib/doctor/doctor.ts'
import { smallDashboard, workFolder } from './applications.ts'
import { onVps } from './face.ts'
import { changesAskedOfAzure, forgetRequests } from './records.ts'
import { type Rehearsed, startRehearsal } from './rehearsed.ts'

/* doctor: says what is not as it must be, before and after a deploy, and never changes anything. */

const work = workFolder('dominion-doctor')
let clouds: Rehearsed
let environment: string

beforeAll(async () => {
  clouds = await startRehearsal('sys-doctor')
  environment = clouds.variant('small', { DASHBOARD_DIR: smallDashboard(work.folder) })
})
afterAll(async () => {
  await clouds?.down()
  work.remove()
})

async function examine(flags: string[] = [], env = environment) {
  const done = await clouds.dominion(['doctor', '--json', ...flags], { environment: env })
  const { findings } = JSON.parse(done.stdout) as { findings: Examined[] }
  const by = (id: string) => findings.find((each) => each.id === id)
  const not = findings.filter(({ verdict }) => verdict !== 'OK').map(({ id }) => id)
  return { code: done.code, findings, by, not }
}

test('before the first deploy: tools, logins, rights and names are looked at, what is missing is named', async () => {
  const { code, by, not, findings } = await examine()
  expect(code).toBe(1)
  expect(not.sort()).toEqual([
    'backend-port',
    'certificate',
    'certificate-lifetime',
    'served-certificate',
    'site-ports',
    'vps-services',
  ])
  expect(by('azure-permissions')?.detail).toMatch(/all \d+ that a deploy needs/)
  expect(by('container-cores')?.detail).toBe('10 of 10 for us; 3 needed, 5 while a release runs')
  expect(by('vps-services')).toMatchObject({ verdict: 'CRITICAL', detail: 'is not installed' })
  expect(
    findings.filter(({ verdict, next }) => (verdict === 'WARNING' || verdict === 'CRITICAL') && !next),
  ).toEqual([])
  expect(await changesAskedOfAzure(clouds)).toEqual([])
  expect(
    await onVps(clouds, 'ls /run/lock/codex-dominion.lock /var/lib/codex-dominion 2>&1 || true'),
  ).toMatch(/No such file[\s\S]*No such file/)
})

test('after it all is well; what a fault changes is found, with what to do', async () => {
  const deployed = await clouds.dominion(['deploy-complete'], { environment })
  expect(deployed.code, deployed.stderr).toBe(0)
  await forgetRequests(clouds)
  const well = await examine()
  expect(well.not, JSON.stringify(well.findings)).toEqual([])
  expect(well.code).toBe(0)

  await clouds.control('/faults', { name: 'few-cores', cores: 4 })
  await clouds.control('/providers', { namespace: 'Microsoft.Cache', state: 'NotRegistered' })
  const quota = await examine(['--only', 'quota'])
  expect(quota.code).toBe(1)
  expect(quota.by('container-cores')).toMatchObject({ verdict: 'WARNING' })
  expect(quota.by('azure-providers')).toMatchObject({
    verdict: 'CRITICAL',
    next: 'az provider register --namespace Microsoft.Cache --wait',
  })
  expect(quota.findings).toHaveLength(2)

  await onVps(clouds, 'systemctl disable --now certbot.timer && systemctl stop nginx')
  const face = await examine(['--only', 'vps,certificate,ports'])
  expect(face.by('certificate')?.detail).toMatch(/certbot.timer does not run/)
  expect(face.by('vps-services')?.detail).toMatch(/does not run/)
  expect(face.by('site-ports')?.detail).toMatch(/80 refuses connections; 443 refuses connections/)
  expect(face.by('served-certificate')?.verdict).toBe('UNKNOWN')
  expect(await changesAskedOfAzure(clouds)).toEqual([])
})

test('what cannot be asked is unknown, and the rest is shown', async () => {
  const cut = clouds.variant('cut', {
    IONOS_PORT: '1',
    DNS_SERVER: '127.0.0.1:1',
    HTTPS_PROXY: 'http://127.0.0.1:1',
  })
  const { by, findings } = await examine(['--only', 'tools,login,vps,ports,dns'], cut)
  expect(by('vps-login')?.verdict).toBe('UNKNOWN')
  expect(by('vps-disk')?.verdict).toBe('UNKNOWN')
  expect(by('azure-permissions')?.verdict).toBe('UNKNOWN')
  expect(by('site-ports')?.verdict).toBe('UNKNOWN')
  expect(by('dns-records')?.verdict).toBe('UNKNOWN')
  expect(by('node')?.verdict).toBe('OK')
  expect(findings).toHaveLength(12)
  const { code, stderr } = await clouds.dominion(['doctor', '--only', 'quotas'], { environment })
  expect(code).toBe(2)
  expect(stderr).toContain('--only quotas is no category; did you mean quota?')
})
