import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { home, temporaryFolder } from '../../../support/helpers.ts'
import { start } from '../../../support/runScript.ts'
import { createHistory } from '../../../support/statusPageFixtures.ts'

test('--quiet prints nothing that cron would mail; --json prints one document', async () => {
  const folder = temporaryFolder()
  const settings = {
    ...{ POSTGRES_PASSWORD: 'not-a-secret-0', APP_SECRET_KEY: '0'.repeat(32) },
    ...{ IONOS_HOST: '127.0.0.1', DOMAIN: 'shop.example' },
  }
  const text = Object.entries(settings).reduce(
    (lines, [key, value]) => lines.replace(new RegExp(`^${key}=.*$`, 'm'), `${key}=${value}`),
    readFileSync(path.join(home, '.env.example'), 'utf8'),
  )
  writeFileSync(path.join(folder, '.env'), text, { mode: 0o600 })
  const now = Date.now()
  await createHistory(path.join(folder, '.dominion', 'default', 'health.sqlite'), {
    ...{ from: now - 3_600_000, to: now - 60_000, every: () => 300_000 },
  })
  const page = (...flags: string[]) =>
    start([path.join(home, 'bin', 'dominion.js'), 'status-page', ...flags], { cwd: folder }).ended

  const quiet = await page('--out', 'quiet.html', '--quiet')
  expect(quiet).toMatchObject({ code: 0, stdout: '', stderr: '' })
  expect(readFileSync(path.join(folder, 'quiet.html'), 'utf8')).toContain('Everything works')
  const told = await page('--out', 'told.html')
  expect(told).toMatchObject({ code: 0, stdout: '' })
  expect(told.stderr).toMatch(/Done in /)
  expect(told.stderr).not.toContain('Longest chain')
  const json = await page('--out', 'json.html', '--json', '--quiet')
  expect(JSON.parse(json.stdout)).toMatchObject({ ok: true, changed: true })
  // Stored separately: so many would displace those of deploys.
  expect(readdirSync(path.join(folder, '.dominion', 'default', 'transcripts-status-page'))).toHaveLength(3)
  const failed = await page('--out', 'none/quiet.html', '--quiet')
  expect(failed.code).toBe(2)
  expect(failed.stderr).toContain('✖')
}, 60_000)
