import { spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Relay, startRelay } from '../../rehearsal/relay.ts'
import { type Rehearsal, startRehearsal } from '../support/system/rehearsal.ts'
import { createContent, createVisitor, smallDashboard, ssh, writeContent } from '../support/system/site.ts'
import { startVisitors } from '../support/system/visitors.ts'

const site = '/var/www/codexdominion.app'
// As many as the check of the served pages requires.
const names = Array.from({ length: 52 }, (_, index) => (index === 0 ? '/' : `/p${index}`))

let clouds: Rehearsal
let relay: Relay
let hook: Server
let environment: string
let dashboard: string
let get: ReturnType<typeof createVisitor>
const purged: { url: string; body: { domain: string; release: string; changed: string[] } }[] = []
let purgeStatus = 200
let whenPurged: (() => void) | undefined

beforeAll(async () => {
  clouds = await startRehearsal('test-publish')
  get = createVisitor(clouds)
  relay = await startRelay({ host: clouds.state.vps, port: 22 })
  hook = createServer(async (request, response) => {
    purged.push({ url: request.url ?? '', body: JSON.parse(String(Buffer.concat(await request.toArray()))) })
    if (whenPurged) return whenPurged()
    response.writeHead(purgeStatus).end('so be it')
  })
  hook.listen(0, '127.0.0.1')
  await once(hook, 'listening')
  const knownHosts = path.join(clouds.folder, 'known_hosts_relay')
  const keys = readFileSync(path.join(clouds.folder, 'known_hosts'), 'utf8')
  writeFileSync(knownHosts, keys.replaceAll(/^\S+/gm, `[127.0.0.1]:${relay.port}`))
  dashboard = smallDashboard(createContent(names.length, 'one'))
  const places = names.map((name) => `<url><loc>https://codexdominion.app${name}</loc></url>`)
  writeFileSync(path.join(dashboard, 'public', 'sitemap.xml'), `<urlset>${places.join('')}</urlset>`)
  for (const [name, text] of Object.entries(odd)) {
    mkdirSync(path.dirname(path.join(dashboard, 'public', name)), { recursive: true })
    writeFileSync(path.join(dashboard, 'public', name), text)
  }
  environment = clouds.variant('small', {
    DASHBOARD_DIR: dashboard,
    KEEP_RELEASES: '3',
    IONOS_HOST: '127.0.0.1',
    IONOS_PORT: String(relay.port),
    IONOS_PUBLIC_IP: clouds.state.vps,
    IONOS_KNOWN_HOSTS: knownHosts,
    PURGE_URL: `http://127.0.0.1:${(hook.address() as AddressInfo).port}/purge?token=purge-token-1`,
  })
  for (const script of ['setup-server', 'publish-frontend', 'issue-certificate']) {
    const done = await clouds.dominion([script, '--json'], { environment })
    expect(done.code, done.stderr).toBe(0)
  }
})

afterAll(async () => {
  hook?.close()
  await relay?.stop()
  await clouds?.down()
  if (dashboard) rmSync(dashboard, { recursive: true, force: true })
})

/** Names that confuse shells, URLs and nginx. */
const odd: Record<string, string> = {
  'odd/$HOME and !bang.txt': 'dollar',
  'odd/it\'s `quoted` "twice".txt': 'quotes',
  'odd/Überraschung-日本.txt': 'unicode',
  'odd/100%25;&#?.txt': 'percent',
  'odd/-rf.txt': 'dash',
  '-': 'the name that programs take for standard input',
}

const change = (word: string) => writeContent(dashboard, createContent(names.length, word))
const publish = () => clouds.dominion(['publish-frontend', '--json'], { environment })
const live = async () => (await ssh(clouds, `readlink ${site}/current`)).trim().split('/').at(-1)!
const releases = async () =>
  (await ssh(clouds, `ls ${site}/releases`))
    .split('\n')
    .filter((name) => /^\d{8}T\d{6}Z-[0-9a-f]{8}$/.test(name))

/** Commands of the newest run, from its transcript. */
function lastCommands(): { line: string; effect: string }[] {
  const folder = path.join(clouds.folder, 'state', environment, 'transcripts')
  const newest = readdirSync(folder)
    .filter((name) => name.includes('publish-frontend'))
    .sort()
    .at(-1)!
  return readFileSync(path.join(folder, newest), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
    .filter(({ kind }) => kind === 'command' || kind === 'request')
}

async function published(): Promise<{ sent: string; story: string }> {
  const done = await publish()
  expect(done.code, done.stderr).toBe(0)
  const { steps } = JSON.parse(done.stdout)
  const upload = steps.find(({ id }: { id: string }) => id === 'frontend-upload')
  return { sent: upload.fields?.[0]?.after ?? 'nothing', story: done.stderr }
}

test('odd names arrive and are served', async () => {
  for (const [name, text] of Object.entries(odd)) {
    const answer = await get(`/${name.split('/').map(encodeURIComponent).join('/')}`)
    expect([answer.status, answer.body], name).toEqual([200, text])
  }
})

test('an unchanged export sends nothing and changes nothing', async () => {
  const before = await live()
  const connections = relay.connections()
  const done = await publish()
  expect(done.code, done.stderr).toBe(0)
  expect(JSON.parse(done.stdout).changed).toBe(false)
  expect(lastCommands().filter(({ effect }) => effect === 'change')).toEqual([])
  expect(await live()).toBe(before)
  expect(relay.connections() - connections).toBe(1)
})

test('one page changed sends only what differs, over one connection', async () => {
  const content = createContent(names.length, 'one')
  content.pages.p3 = 'another text '.repeat(200)
  writeContent(dashboard, content)
  const old = /src="(\S+)"><\/script><\/head>/.exec((await get('/p3')).body)![1]!
  const [connections, bytes] = [relay.connections(), relay.sent()]
  const { sent, story } = await published()
  console.log(`one page changed: ${sent} files, ${relay.sent() - bytes} bytes towards the VPS`)
  // The page and its own asset; compressed files are created on the VPS.
  expect(sent).toMatch(/^2 of \d+$/)
  expect(story).toMatch(/2 of \d+ files .* on the wire/)
  const folder = `${site}/current`
  const stale = await ssh(
    clouds,
    `cd ${folder} && find . -name '*.gz' | while read -r f; do gzip -dc "$f" | cmp -s - "\${f%.gz}" || echo "$f"; done; find . -name '*.gz' | wc -l`,
  )
  expect(Number(stale), 'every .gz is its text, and there are some').toBeGreaterThan(5)
  expect(relay.connections() - connections).toBe(1)
  const page = await get('/p3')
  const fresh = /src="(\S+)"><\/script><\/head>/.exec(page.body)![1]!
  expect(fresh).not.toBe(old)
  expect((await get(fresh)).body).toContain('another text')
  expect((await get(old)).status, 'the asset of pages opened before').toBe(200)
})

test('the purge hook receives what changed, and its token is not shown', async () => {
  purged.length = 0
  change('purge')
  const done = await publish()
  expect(done.code, done.stderr).toBe(0)
  expect(purged).toHaveLength(1)
  expect(purged[0]!.url).toBe('/purge?token=purge-token-1')
  expect(purged[0]!.body).toMatchObject({ domain: 'codexdominion.app', release: await live() })
  expect(purged[0]!.body.changed).toEqual(expect.arrayContaining(['/', '/p1', '/p1.html']))
  expect(`${done.stdout}${done.stderr}${JSON.stringify(lastCommands())}`).not.toContain('purge-token-1')
})

test('a purge hook that fails is a warning', async () => {
  purgeStatus = 500
  change('purge fails')
  const done = await publish()
  purgeStatus = 200
  expect(done.code, done.stderr).toBe(0)
  expect(done.stderr).toMatch(/warning: 127\.0\.0\.1:\d+ answered the purge with 500: so be it/)
  expect((await get('/p1')).status).toBe(200)
  const again = await publish()
  expect(again.code, again.stderr).toBe(0)
  expect(again.stderr).toMatch(/purged \d+ changed addresses/)
})

test('killed between the switch and the purge: the plan shows it, and the same command purges once', async () => {
  change('purge killed')
  const before = await live()
  const { spawned, ended } = killable()
  whenPurged = () => process.kill(-spawned.pid!, 'SIGKILL')
  await ended
  whenPurged = undefined
  expect(await live()).not.toBe(before)
  const plan = await clouds.dominion(['publish-frontend', '--dry-run'], { environment })
  expect(plan.stdout).toMatch(/~ change +Purge the caches/)
  expect(plan.stdout).toMatch(/\$ POST http:\/\/127\.0\.0\.1:\d+\/purge\?/)
  expect(plan.stdout).not.toContain('purge-token-1')
  purged.length = 0
  const done = await publish()
  expect(done.code, done.stderr).toBe(0)
  expect(purged.map(({ body }) => body.release)).toEqual([await live()])
  expect(purged[0]!.body.changed).toEqual(expect.arrayContaining(['/', '/p1']))
  expect(JSON.parse((await publish()).stdout).changed).toBe(false)
  expect(purged).toHaveLength(1)
})

test('publishing under a load of 24 readers: no request fails, no page misses an asset', async () => {
  const readers = startVisitors(clouds, names, 24)
  const done: number[] = []
  for (const word of ['alpha', 'beta', 'gamma', 'delta']) {
    change(word)
    await published()
    done.push(readers.seen().pages)
  }
  const { pages, assets, failures } = await readers.stop()
  console.log(`under load: ${pages} pages and ${assets} assets read, ${failures.length} failures`)
  expect(failures).toEqual([])
  expect(pages).toBeGreaterThan(200)
  expect(done.every((count, index) => count > (done[index - 1] ?? 0))).toBe(true)
})

test('old releases are removed, but never the live one and the previous one', async () => {
  const before = await live()
  change('prune')
  await published()
  const [now, left] = [await live(), await releases()]
  expect(left).toHaveLength(3)
  expect(left).toEqual(expect.arrayContaining([before, now]))
  const manifests = (await ssh(clouds, `ls ${site}/releases`))
    .split('\n')
    .filter((name) => name.endsWith('.manifest'))
  expect(manifests.sort()).toEqual(left.map((id) => `${id}.manifest`).sort())
})

test('a rollback: open pages keep their assets, and the caches are purged', async () => {
  const older = await live()
  change('left')
  await published()
  const assets = [...(await get('/p1')).body.matchAll(/src="(\/_next\/[^"]+)"/g)].map(([, asset]) => asset!)
  expect(assets).toHaveLength(2)
  purged.length = 0
  const readers = startVisitors(clouds, names, 8)
  const done = await clouds.dominion(['rollback', 'frontend', '--to', older, '--json'], { environment })
  const { pages, failures } = await readers.stop()
  expect(done.code, done.stderr).toBe(0)
  expect(await live()).toBe(older)
  expect(failures).toEqual([])
  expect(pages).toBeGreaterThan(20)
  for (const asset of assets) {
    await ssh(clouds, `cmp ${site}/current${asset} ${site}/previous${asset}`)
    const answer = await get(asset, { headers: { 'accept-encoding': 'gzip' } })
    // The one that all pages share is too short to be worth compressing.
    const coding = asset === assets.at(-1) ? 'gzip' : undefined
    expect([answer.status, answer.headers['content-encoding']], asset).toEqual([200, coding])
    expect(answer.headers['cache-control']).toContain('immutable')
    expect(answer.headers['x-content-type-options']).toBe('nosniff')
  }
  expect(purged.map(({ body }) => body.release)).toEqual([older])
  expect(purged[0]!.body.changed).toEqual(expect.arrayContaining(['/', '/p1']))
})

test('the last verified release is kept, no matter how many unverified ones follow', async () => {
  const seen = await live()
  for (const word of ['one more', 'two more', 'three more', 'four more']) {
    change(word)
    await published()
  }
  const left = await releases()
  expect(left).toContain(seen)
  expect(left).toHaveLength(4)
  // Verified: from now on this one is kept, and a second check writes nothing.
  const looked = await clouds.dominion(['update-frontend'], { environment })
  expect(looked.code, looked.stderr).toBe(0)
  expect((await ssh(clouds, `cd ${site}/releases && ls -d *.keep`)).trim()).toBe(`${await live()}.keep`)
  change('five more')
  await published()
  expect(await releases()).not.toContain(seen)
})

/** A publish with its own process group, and its end. */
function killable() {
  const spawned = spawn(process.execPath, ['bin/dominion.js', 'publish-frontend', '--env', environment], {
    stdio: 'ignore',
    detached: true,
  })
  return { spawned, ended: once(spawned, 'exit') }
}

/** Waits until that many bytes have been sent to the VPS since `from`. */
async function sentSince(from: number, bytes: number): Promise<void> {
  await expect.poll(() => relay.sent() - from, { timeout: 30_000, interval: 50 }).toBeGreaterThan(bytes)
}

test('a connection cut during an upload: exit 3, and the same command finishes', async () => {
  writeFileSync(path.join(dashboard, 'public', 'cut.bin'), randomBytes(2_000_000))
  const before = await live()
  relay.set({ rate: 400_000 })
  const from = relay.sent()
  const running = clouds.dominion(['publish-frontend'], { environment })
  await sentSince(from, 400_000)
  relay.cut()
  const done = await running
  relay.set({ rate: Number.POSITIVE_INFINITY })
  expect(done.code).toBe(3)
  expect(done.stderr).toContain('The connection to 127.0.0.1 was lost')
  expect(done.stderr).toContain(`Resume with: npx dominion publish-frontend --env ${environment}`)
  expect(await live()).toBe(before)
  await published()
  expect((await get('/cut.bin')).status).toBe(200)
  rmSync(path.join(dashboard, 'public', 'cut.bin'))
})

test('killed during an upload, the same command finishes; the old release is served meanwhile', async () => {
  const big = randomBytes(3_000_000)
  writeFileSync(path.join(dashboard, 'public', 'big.bin'), big)
  const before = await live()
  relay.set({ rate: 400_000 })
  const from = relay.sent()
  const { spawned, ended } = killable()
  await sentSince(from, 600_000)
  expect(await ssh(clouds, `ls -d ${site}/releases/*.partial`)).toContain('.partial')
  process.kill(-spawned.pid!, 'SIGKILL')
  await ended
  relay.set({ rate: Number.POSITIVE_INFINITY })
  expect(await live()).toBe(before)
  expect((await get('/p1')).status).toBe(200)
  expect((await get('/big.bin')).status).toBe(404)
  // The files that had arrived do not stay on the disk.
  await expect
    .poll(() => ssh(clouds, `ls -d ${site}/releases/*.partial* 2>/dev/null || true`), { timeout: 20_000 })
    .toBe('')
  await published()
  expect(await ssh(clouds, `sha256sum < ${site}/current/big.bin`)).toContain(
    createHash('sha256').update(big).digest('hex'),
  )
  expect(await ssh(clouds, `ls -d ${site}/releases/*.partial || true`)).not.toContain('.partial')
  expect(await live()).not.toBe(before)
  rmSync(path.join(dashboard, 'public', 'big.bin'))
})

test('a release changed by hand is detected and compared in full', async () => {
  await ssh(clouds, `cd ${site}/current && sed 's/p1/p#/' p1.html > x && cat x > p1.html && rm x`)
  const content = createContent(names.length, 'five more')
  content.pages.p2 = 'by hand '.repeat(200)
  writeContent(dashboard, content)
  const { story } = await published()
  expect(story).toContain('was changed by hand on the VPS; comparing every file')
  expect((await get('/p1')).body).toContain('<title>p1</title>')
  expect((await get('/p2')).status).toBe(200)
})

test('a failing build shows its output and publishes nothing', async () => {
  const before = await live()
  writeFileSync(path.join(dashboard, 'content.json'), '{"shared": ')
  const failed = await clouds.dominion(['publish-frontend'], { environment })
  expect(failed.code).toBe(1)
  expect(failed.stderr).toContain('The build of the dashboard failed; nothing was published')
  expect(failed.stderr).toContain('SyntaxError')
  expect(failed.stderr).toMatch(/npm run build {3}\(in /)
  expect(failed.stderr).toMatch(/Transcript: .*\.jsonl/)
  expect(failed.stderr).toContain(`Resume with: npx dominion publish-frontend --env ${environment}`)
  expect(await live()).toBe(before)
  change('fixed')
  await published()
})

const wrongBuilds = [
  [
    'an empty out/',
    "import { mkdirSync, rmSync } from 'node:fs'\nrmSync('out', { recursive: true, force: true })\nmkdirSync('out')",
    /out is empty, so there is nothing to publish/,
  ],
  [
    'no out/',
    "import { rmSync } from 'node:fs'\nrmSync('out', { recursive: true, force: true })",
    /The build did not create .*out[\s\S]*output: 'export'/,
  ],
  [
    'no index.html',
    "import { mkdirSync, rmSync, writeFileSync } from 'node:fs'\nrmSync('out', { recursive: true, force: true })\nmkdirSync('out')\nwriteFileSync('out/404.html', 'x')",
    /out has no index\.html[\s\S]*start page/,
  ],
  [
    'a symbolic link',
    "import { symlinkSync } from 'node:fs'\nsymlinkSync('/etc/passwd', 'out/passwd')",
    /"passwd" in .* is a symbolic link/,
  ],
] as const

test.each(wrongBuilds)('a build that leaves %s is refused', async (_what, code, words) => {
  const before = await live()
  const file = path.join(dashboard, 'build.mjs')
  const good = readFileSync(file, 'utf8')
  writeFileSync(file, code)
  const failed = await clouds.dominion(['publish-frontend'], { environment })
  writeFileSync(file, good)
  expect(failed.code).toBe(1)
  expect(failed.stderr).toMatch(words)
  expect(await live()).toBe(before)
})

test('a missing dashboard is named', async () => {
  const nowhere = clouds.variant('nowhere', { DASHBOARD_DIR: path.join(dashboard, 'nowhere') })
  const failed = await clouds.dominion(['publish-frontend', '--json'], { environment: nowhere })
  expect(failed.code).toBe(2)
  expect(failed.stdout).toMatch(/There is no dashboard at \S+\/nowhere.*DASHBOARD_DIR/)
})
