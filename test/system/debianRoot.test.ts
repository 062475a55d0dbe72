import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { type Finished, run } from '../../rehearsal/processes.ts'
import { createWorkFolder } from '../support/system/applications.ts'

/* What the rehearsal reports when it cannot create a clean root file system. */

const work = createWorkFolder('dominion-debian-root')
afterAll(work.remove)

const cache = path.join(work.folder, 'cache')
const roots = path.join(cache, 'codex-dominion', 'roots')
const module = path.join(import.meta.dirname, '..', '..', 'rehearsal', 'debianRoot.ts')

/** Requests a root that is not cached, in a process started through `prefix`. */
const prepare = (prefix: string[], packages = ['iproute2']): Promise<Finished> =>
  run(
    [
      ...prefix,
      process.execPath,
      '-e',
      `import(${JSON.stringify(module)})
        .then(({ prepareRoot }) =>
          prepareRoot({ purpose: 'these tests', release: 'bookworm', packages: ${JSON.stringify(packages)} }, console.log))
        .catch((error) => { console.error(error.message); process.exitCode = 1 })`,
    ],
    { env: { XDG_CACHE_HOME: cache } },
  )

/** With other files or folders in place of this host's (path → replacement); no other process sees them. */
const withMounts = (mounts: Record<string, string>) => [
  ...['unshare', '--mount', 'sh', '-euc'],
  `${Object.entries(mounts)
    .map(([place, other]) => `mount --bind '${other}' '${place}'`)
    .join('\n')}\nexec "$@"`,
  'sh',
]

function expectNothingLeft(): void {
  const left = existsSync(roots) ? readdirSync(roots) : []
  expect(left.filter((name) => !name.endsWith('.lock'))).toEqual([])
}

test('without a network it names the mirror and what to check, and leaves nothing', async () => {
  const { code, stdout, stderr } = await prepare(['unshare', '--net'])
  expect(code, stderr).toBe(1)
  expect(stdout).toContain(
    `Creating a clean Debian 12 root for these tests: about a minute, once; it is kept in ${roots}/bookworm-`,
  )
  expect(stderr).toMatch(
    /^Cannot create the Debian 12 root for these tests: this machine cannot reach its Debian mirror; check its network and apt's sources\. \([EW]: /,
  )
  expectNothingLeft()
})

test('a package that Debian does not have is named', async () => {
  const { code, stderr } = await prepare([], ['iproute2', 'no-such-package-of-codex-dominion'])
  expect(code, stderr).toBe(1)
  expect(stderr).toMatch(
    /^Cannot create the Debian 12 root .*Unable to locate package no-such-package-of-codex-dominion/,
  )
  expectNothingLeft()
})

test('without mmdebstrap it says how to install it', async () => {
  const status = path.join(work.folder, 'status')
  const paragraphs = readFileSync('/var/lib/dpkg/status', 'utf8').split('\n\n')
  writeFileSync(status, paragraphs.filter((text) => !text.startsWith('Package: mmdebstrap\n')).join('\n\n'))
  const { code, stderr } = await prepare(withMounts({ '/var/lib/dpkg/status': status }))
  expect(code, stderr).toBe(1)
  expect(stderr.trim()).toBe(
    'Cannot create the Debian 12 root for these tests: mmdebstrap is missing. Or run: apt-get install --no-install-recommends mmdebstrap',
  )
})

test('without a Debian mirror in the sources of apt it says so', async () => {
  const [settings, lists] = ['apt', 'lists'].map((name) => path.join(work.folder, name)) as [string, string]
  const copy = 'cp -a /etc/apt "$1"; rm -rf "$1"/sources.list*; mkdir "$1"/sources.list.d'
  await run(['sh', '-euc', copy, 'sh', settings])
  // apt-get update deletes the lists of removed sources: it must not reach this host's.
  mkdirSync(lists)
  const { code, stderr } = await prepare(withMounts({ '/etc/apt': settings, '/var/lib/apt/lists': lists }))
  expect(code, stderr).toBe(1)
  expect(stderr).toMatch(
    /^Cannot create the Debian 12 root for these tests: apt on this machine has no package list of the Debian archive; add a mirror to \/etc\/apt\/sources\.list\.d and run apt-get update\./,
  )
})
