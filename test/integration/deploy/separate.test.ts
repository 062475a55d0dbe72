import { existsSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { home, temporaryFolder } from '../../support/helpers.ts'
import { start } from '../../support/runScript.ts'

/*
 * Scripts that change something refuse an environment that would share a resource with another one, before they touch
 * anything.
 */

const launcher = path.join(home, 'bin', 'dominion.js')

/** Nothing that they could reach answers: whatever continues past the check fails at its first request. */
const nowhere = 'IONOS_HOST=127.0.0.1\nIONOS_PORT=1\nHTTPS_PROXY=http://127.0.0.1:1\nDNS_SERVER=127.0.0.1:1\n'

function write(files: Record<string, string>): string {
  const folder = temporaryFolder()
  for (const [name, text] of Object.entries(files)) writeFileSync(path.join(folder, name), text)
  return folder
}

const dominion = (cwd: string, line: string) => start([launcher, ...line.split(' ')], { cwd }).ended

const classic = { '.env': nowhere, '.env.staging': 'DOMAIN=staging.codexdominion.app\n' }

const changing = [
  'deploy-complete',
  'deploy-complete --dry-run',
  'provision',
  'build-image',
  'release-containers',
  'setup-server',
  'publish-frontend',
  'configure-nginx',
  'issue-certificate',
  'point-dns',
  'update-frontend',
  'update-backend',
  'rollback backend',
  'scale backend --cpu 4 --yes',
  'restart-containers',
  'maintenance-mode on',
  'status-page',
  'remove',
  'remove --confirm=staging.codexdominion.app',
  'remove --dry-run',
]

test.each(changing)('%s --env staging, with nothing but DOMAIN in its file, is refused', async (line) => {
  const folder = write(classic)
  const { code, stdout, stderr } = await dominion(folder, `${line} --env staging`)
  expect(code, stderr).toBe(2)
  expect(stdout).toBe('')
  for (const words of [
    '.env.staging and .env name the same resources:',
    'PostgreSQL server codexdominion-db (POSTGRES_SERVER)',
    'database codexdb on it (POSTGRES_DATABASE)',
    'Redis codexdominion-redis (REDIS_NAME)',
    'container registry codexacr1216 (ACR_NAME)',
    'containers in the resource group codexdominion-prod (AZURE_RESOURCE_GROUP)',
    'DNS label codex-api in eastus (BACKEND_DNS_LABEL)',
    'VPS 127.0.0.1 with its nginx, deploy lock, receipts and marks of bad releases (IONOS_HOST, IONOS_PUBLIC_IP, IONOS_PUBLIC_IPV6)',
    'Set different names in .env.staging. If both are meant to share them, add to it: SHARES=containers,dns-label,postgres,database,redis,registry,vps',
    'BASE_ONLY=yes in .env',
  ])
    expect(stderr).toContain(words)
  expect(stderr).not.toContain('Resume with')
  expect(existsSync(path.join(folder, '.dominion'))).toBe(false)
})

test.each(['cost --offline', 'history', 'schedule'])('%s is read-only and continues', async (line) => {
  const { stderr, stdout } = await dominion(write(classic), `${line} --env staging`)
  expect(stderr + stdout).not.toContain('and .env name the same')
})

test('--json prints one document, with the file to change', async () => {
  const { code, stdout } = await dominion(write(classic), 'provision --env staging --json')
  expect(code).toBe(2)
  const { error } = JSON.parse(stdout) as { error: { what: string; next: string } }
  expect(error.what).toContain('database codexdb on it')
  expect(error.next).toContain('.env.staging')
})

/** The line continues: it fails later, because nothing answers. */
async function goesOn(files: Record<string, string>, line: string): Promise<string> {
  const { code, stderr } = await dominion(write(files), line)
  expect(stderr).not.toContain('name the same')
  expect([1, 3, 4], stderr).toContain(code)
  return stderr
}

const all = 'SHARES=containers,dns-label,postgres,database,redis,registry,vps\n'

test('either file can declare what is meant to be shared', async () => {
  const staging = { ...classic, '.env.staging': `${classic['.env.staging']}${all}` }
  await goesOn(staging, 'configure-nginx --env staging')
  await goesOn(staging, 'configure-nginx')
  const part = { ...classic, '.env.staging': `${classic['.env.staging']}SHARES=registry,redis\n` }
  const { code, stderr } = await dominion(write(part), 'configure-nginx --env staging')
  expect(code).toBe(2)
  expect(stderr).toContain('PostgreSQL server codexdominion-db')
  expect(stderr).not.toContain('codexacr1216')
})

test('the other one is refused, too, because nobody knows which was first', async () => {
  const { code, stderr } = await dominion(write(classic), 'configure-nginx')
  expect(code).toBe(2)
  expect(stderr).toContain('.env and .env.staging name the same resources:')
  expect(stderr).toContain('in .env.staging')
  expect(stderr).toContain('If .env.staging is only a copy and not an environment, move it to another folder')
})

test('an .env that holds only common values is not an environment', async () => {
  const files = {
    '.env': `BASE_ONLY=yes\n${nowhere}`,
    '.env.staging': 'DOMAIN=staging.codexdominion.app\n',
  }
  await goesOn(files, 'configure-nginx --env staging')
  const { code, stderr } = await dominion(write(files), 'configure-nginx')
  expect(code).toBe(2)
  expect(stderr).toContain('.env holds only what the environments have in common')
  expect(stderr).toContain('--env staging')
})

test('a file that cannot be read as an environment is named and blocks only remove', async () => {
  const files = {
    '.env': nowhere,
    '.env.broken': 'DOMAN=x.app\n',
    '.env.example': 'DOMAIN=codexdominion.app\n',
  }
  expect(await goesOn(files, 'configure-nginx')).toContain('.env.broken cannot be read')
  for (const flags of ['--confirm=codexdominion.app', '--dry-run']) {
    const { code, stdout, stderr } = await dominion(write(files), `remove ${flags}`)
    expect([code, stdout], stderr).toEqual([2, ''])
    expect(stderr).toContain('.env.broken')
  }
})
