import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { buffer } from 'node:stream/consumers'
import { afterAll, expect, test } from 'vitest'
import { select } from '../../../lib/checks/check.ts'
import { checks } from '../../../lib/checks/list.ts'
import {
  formatFolderName,
  formatMaintenance,
  parseMaintenance,
  renderMaintenance,
} from '../../../lib/vps/maintenance/page.ts'
import { maintenanceCommand, parseMessage } from '../../../lib/vps/maintenance/task.ts'
import { loadFileConfig } from '../../support/config.ts'
import { toSite } from '../../support/helpers.ts'

const home = mkdtempSync(path.join(tmpdir(), 'dominion-maintenance-'))
afterAll(() => rmSync(home, { recursive: true }))

const config = await loadFileConfig(`WEB_ROOT=${home}\n`)
const facts = { since: '2026-11-23T01:00:00.000Z', by: 'ann@desk', message: 'Soon <back> & "well"' }
const until = '2026-11-25T23:05:00.000Z'

test('message and end are escaped on the page and sent to programs as JSON', () => {
  const files = renderMaintenance(config, { ...facts, until })
  expect(files['index.html']).toContain('<p>Soon &lt;back&gt; &amp; &quot;well&quot;</p>')
  expect(files['index.html']).toContain(`<time datetime="${until}">25 Nov 2026, 23:05 UTC</time>`)
  expect(files['index.html']).not.toMatch(/\{\{|src=|https?:/)
  expect(JSON.parse(files['api.json']!)).toEqual({
    ...{ error: facts.message, status: 503, maintenance: true, until },
    generator: 'codex-dominion-maintenance',
  })
  expect(renderMaintenance(config, facts)['index.html']).toContain('as soon as we can')
})

test('the name of the folder contains the end in nginx’s format', () => {
  const now = new Date('2026-11-23T02:03:04.567Z')
  expect(formatFolderName({ ...facts, until }, now)).toBe(
    '20261123T020304567Z-until-Wed-25-Nov-2026-23:05:00',
  )
  expect(formatFolderName(facts, now)).toBe('20261123T020304567Z-open')
})

test('the marker is read back; a damaged one still counts', () => {
  const read = (value: object) => parseMaintenance(`on ${JSON.stringify(value)}`)
  expect(read({ ...facts, until })).toEqual({ ...facts, until })
  expect(read({ ...facts, until: 'never' })).toEqual(facts)
  expect(parseMaintenance('')).toBeUndefined()
  expect(parseMaintenance('on {"since":')).toEqual({ since: '', by: '', message: '' })
  expect(formatMaintenance(facts)).toBe('planned maintenance since 2026-11-23T01:00:00.000Z by ann@desk')
  expect(formatMaintenance({ ...facts, until: '2020-01-01T00:00:00.000Z' })).toMatch(/\(overdue\)$/)
})

test('invalid messages are refused', () => {
  expect(parseMessage(' Soon. ')).toBe('Soon.')
  for (const wrong of ['', '  ', 'a\nb', 'x'.repeat(501)])
    expect(() => parseMessage(wrong)).toThrow('--message')
})

/** Runs the command's script here, on a temporary folder. */
async function perform(command: ReturnType<typeof maintenanceCommand>, cut = 0): Promise<void> {
  const input = await buffer((command.stdin as () => NodeJS.ReadableStream)())
  const [program, ...rest] = command.argv as string[]
  execFileSync(program!, rest, { input: input.subarray(0, input.length - cut), stdio: 'pipe' })
}

test('on, new message, off: one rename each, releases untouched, nothing half-written goes live', async () => {
  const site = path.join(home, 'codexdominion.app')
  mkdirSync(path.join(site, 'releases', 'one'), { recursive: true })
  const page = path.join(site, 'maintenance', 'index.html')
  await perform(maintenanceCommand(toSite(config), facts))
  expect(readFileSync(page, 'utf8')).toContain('Soon &lt;back&gt;')
  const first = realpathSync(path.join(site, 'maintenance'))

  await expect(
    perform(maintenanceCommand(toSite(config), { ...facts, message: 'half' }), 20),
  ).rejects.toThrow('did not arrive complete')
  expect(realpathSync(path.join(site, 'maintenance'))).toBe(first)

  await perform(maintenanceCommand(toSite(config), { ...facts, message: 'Other words', until }))
  expect(readFileSync(page, 'utf8')).toContain('Other words')
  expect(realpathSync(path.join(site, 'maintenance'))).toMatch(/-until-Wed-25-Nov-2026-23:05:00$/)
  expect(existsSync(first)).toBe(false)

  await perform(maintenanceCommand(toSite(config), undefined))
  expect(existsSync(page)).toBe(false)
  expect(readdirSync(site).sort()).toEqual(['maintenance.d', 'releases'])
  await perform(maintenanceCommand(toSite(config), undefined))
})

test('maintenance mode hides exactly the checks that request pages and the API', () => {
  const hidden = select(checks, 'verify').filter(({ hiddenByMaintenance }) => hiddenByMaintenance)
  expect(hidden.map(({ id }) => id)).toEqual([
    ...['site-https', 'api-ai', 'api-treasury', 'api-workflows', 'api-councils', 'api-agents'],
    ...['ipv6', 'not-found', 'pages'],
  ])
})
