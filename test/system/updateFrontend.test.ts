import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createWorkFolder, smallDashboard } from '../support/system/applications.ts'
import { readReceipts } from '../support/system/records.ts'
import { type Rehearsal, startRehearsal } from '../support/system/rehearsal.ts'
import { createVisitor, ssh } from '../support/system/site.ts'
import { startVisitors } from '../support/system/visitors.ts'

/* Pages are updated while visitors read them, and are rolled back automatically when the new ones are incomplete. */

const work = createWorkFolder('dominion-update-frontend')
const pages = ['/', '/page-1', '/page-30', '/page-58']
let clouds: Rehearsal
let environment: string
let dashboard: string
let get: ReturnType<typeof createVisitor>

beforeAll(async () => {
  clouds = await startRehearsal('sys-frontend')
  get = createVisitor(clouds)
  dashboard = smallDashboard(work.folder)
  environment = clouds.variant('small', { DASHBOARD_DIR: dashboard })
  for (const script of ['setup-server', 'issue-certificate', 'publish-frontend']) {
    const done = await clouds.dominion([script], { environment })
    expect(done.code, done.stderr).toBe(0)
  }
})
afterAll(async () => {
  await clouds?.down()
  work.remove()
})

const update = (...flags: string[]) => clouds.dominion(['update-frontend', ...flags], { environment })
const live = async () => (await ssh(clouds, 'readlink /var/www/codexdominion.app/current')).trim()
const served = async () => JSON.parse((await get('/_dominion/release.json')).body).id as string
const marks = async () =>
  (await ssh(clouds, 'ls /var/lib/codex-dominion/bad/frontend 2>/dev/null || true'))
    .split('\n')
    .filter(Boolean)

/** Other sources: `edit` changes the code that writes a page. */
function edit(from: string, to: string): void {
  const file = path.join(dashboard, 'build.mjs')
  const before = readFileSync(file, 'utf8')
  const after = before.replaceAll(from, to)
  if (after === before) throw new Error(`${from} is not there`)
  writeFileSync(file, after)
}

async function underLoad(...flags: string[]) {
  const readers = startVisitors(clouds, pages, 6)
  const result = await update(...flags)
  const seen = await readers.stop()
  const { pages: read, assets, longestMs } = seen
  console.log(`update-frontend: ${read + assets} requests, the longest ${longestMs} ms`)
  return { ...result, seen }
}

test('nothing new: nothing is changed, but the served pages are still verified', async () => {
  const { code, stdout, stderr } = await update()
  expect(code, stderr).toBe(0)
  expect(stdout).toMatch(/^Nothing to do/)
  expect(stderr).toMatch(/Verify what is served: ok, release \S+, 4 checks/)
})

test('a plan shows the lines and changes nothing; the update is seen, and no request fails', async () => {
  edit('<h1>', '<h1>New ')
  const before = await live()
  const plan = await update('--dry-run', '--detailed-exitcode')
  expect(plan.code, plan.stderr).toBe(2)
  expect(plan.stdout).toContain('$ (in ')
  expect(plan.stdout).toContain('Verify what is served: checked after the switch')
  expect(await live()).toBe(before)

  const { code, stderr, seen } = await underLoad()
  expect(code, stderr).toBe(0)
  expect(seen.failures).toEqual([])
  expect(seen.pages).toBeGreaterThan(100)
  expect(await live()).not.toBe(before)
  expect(`releases/${await served()}`).toBe(await live())
  expect((await get('/page-1')).body).toContain('<h1>New ')
})

test('pages that miss an asset: the previous release is restored, the new one marked, the failure named', async () => {
  const good = await live()
  edit('site.js"></script>', 'site.js"></script><script src="/_next/static/gone.js"></script>')
  const { code, stderr } = await update()
  expect(code).toBe(1)
  expect(stderr).toMatch(/Release (\S+) fails its checks; release \S+ is live again and passes them/)
  expect(stderr).toMatch(/│ pages: missing: \/_next\/static\/gone\.js/)
  expect(await live()).toBe(good)
  expect(`releases/${await served()}`).toBe(good)
  const bad = /Release (\S+) fails its checks/.exec(stderr)![1]!
  expect(await marks()).toEqual([bad])
  const mark = JSON.parse(await ssh(clouds, `cat /var/lib/codex-dominion/bad/frontend/${bad}`))
  expect(mark.why).toContain('gone.js')
  expect(readReceipts(clouds, environment).at(-1)!.receipt.result).toBe('failed')
})

test('a run cut off between switch and verification: the same command verifies and still rolls back', async () => {
  const good = await live()
  const [bad] = await marks()
  // publish-frontend stops where such a run is interrupted: it switches, but does not verify.
  const cut = await clouds.dominion(['publish-frontend'], { environment })
  expect(cut.code, cut.stderr).toBe(0)
  expect(await live()).toBe(`releases/${bad}`)
  const { code, stderr } = await update()
  expect(code).toBe(1)
  expect(stderr).toContain(
    `Release ${bad} fails its checks; ${good.replace('releases/', 'release ')} is live again and passes them`,
  )
  expect(await live()).toBe(good)
})

test('a release that passes after all loses its mark', async () => {
  const [bad] = await marks()
  // The missing files arrive by another way: the very same release is complete now.
  await ssh(clouds, `printf 1 > /var/www/codexdominion.app/releases/${bad}/_next/static/gone.js`)
  const { code, stderr } = await update()
  expect(code, stderr).toBe(0)
  expect(await live()).toBe(`releases/${bad}`)
  expect(await marks()).toEqual([])
})

test('two rollbacks in a row: pages opened on either abandoned release keep their assets', async () => {
  const released: { id: string; asset: string }[] = []
  for (const [before, word] of [
    ['gone', 'one'],
    ['one', 'two'],
    ['two', 'three'],
  ] as const) {
    edit(`${before}.js"`, `${word}.js"`)
    edit("console.log('60", `writeFileSync('out/_next/static/${word}.js', '${word}')\nconsole.log('60`)
    if (before !== 'gone') edit(`writeFileSync('out/_next/static/${before}.js', '${before}')\n`, '')
    const { code, stderr } = await update()
    expect(code, stderr).toBe(0)
    released.push({ id: await served(), asset: `/_next/static/${word}.js` })
  }
  const [oldest, middle, newest] = released
  const readers = startVisitors(clouds, pages, 6)
  for (const target of [middle!, oldest!]) {
    const back = await clouds.dominion(['rollback', 'frontend', '--to', target.id], { environment })
    expect(back.code, back.stderr).toBe(0)
    for (const { asset } of [newest!, target]) expect((await get(asset)).status, asset).toBe(200)
  }
  const { failures } = await readers.stop()
  expect(failures).toEqual([])
  for (const { asset } of released) expect((await get(asset)).status, asset).toBe(200)
  // Carried-over files are in the manifest: nothing looks changed by hand, and the next release keeps them.
  edit('<h1>', '<h1>And ')
  const { code, stderr } = await update()
  expect(code, stderr).toBe(0)
  expect(stderr).not.toContain('changed by hand')
  for (const { asset } of released) expect((await get(asset)).status, asset).toBe(200)
})

test('a silent VPS: exit 3 with its name, and nothing is changed', async () => {
  const silent = clouds.variant('silent', { DASHBOARD_DIR: dashboard, IONOS_PORT: '2' })
  const before = await live()
  const { code, stderr } = await clouds.dominion(['update-frontend'], { environment: silent })
  expect(code).toBe(3)
  expect(stderr).toContain(clouds.state.vps)
  expect(await live()).toBe(before)
})
