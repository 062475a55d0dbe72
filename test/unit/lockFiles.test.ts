import { readFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { home } from '../support/helpers.ts'

interface Locked {
  version?: string
  resolved?: string
  integrity?: string
  link?: boolean
  hasInstallScript?: boolean
  license?: string
}
interface Lock {
  lockfileVersion: number
  packages: Record<string, Locked>
}

const read = <T>(file: string) => JSON.parse(readFileSync(path.join(home, file), 'utf8')) as T
const locks = ['package-lock.json', 'examples/codex-dominion/dashboard-app/package-lock.json'].map(
  (file) => [file, read<Lock>(file)] as const,
)

/** Licences that do not restrict how the project itself may be used and passed on. */
const licenses = new Set([
  ...['0BSD', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', 'BlueOak-1.0.0', 'ISC', 'MIT', 'MIT-0'],
  ...['MPL-2.0', 'Unlicense', 'CC-BY-4.0'],
  // Fonts.
  ...['OFL-1.1', 'SIL OPEN FONT LICENSE'],
  // libvips, with which the build of the dashboard shrinks pictures; nothing of it is published.
  'LGPL-3.0-or-later',
])

/** MIT according to their file LICENSE; their package.json has the field in npm's old form. */
const oldForm = ['node_modules/buildcheck', 'node_modules/cpu-features', 'node_modules/ssh2']

/** What in a lock file would let npm install something other than what was reviewed. */
function findFaults({ lockfileVersion, packages }: Lock): string[] {
  const faults = Object.entries(packages).flatMap(([place, { resolved, integrity = '', link, license }]) => {
    if (place === '') return []
    const wrong: string[] = []
    if (!/^sha512-[A-Za-z0-9+/]{86}==$/.test(integrity)) wrong.push('no SHA-512')
    if (link || (resolved && !resolved.startsWith('https://'))) wrong.push('not from the registry')
    const its = license?.replaceAll(/[()]/g, '').split(/ (?:AND|OR) /) ?? []
    if (!oldForm.includes(place) && (its.length === 0 || !its.every((each) => licenses.has(each))))
      wrong.push(`licence ${license}`)
    return wrong.map((each) => `${place}: ${each}`)
  })
  return lockfileVersion === 3 ? faults : ['another version of the file', ...faults]
}

test.each(locks)('%s: a checksum for every package, from the registry only, known licences', (_, lock) => {
  expect(Object.keys(lock.packages).length).toBeGreaterThan(100)
  expect(findFaults(lock)).toEqual([])
})

test('every kind of fault is found', () => {
  const integrity = `sha512-${'A'.repeat(86)}==`
  const packages: Record<string, Locked> = {
    '': {},
    good: { integrity, license: '(MIT OR Apache-2.0)' },
    bare: { license: 'MIT' },
    old: { integrity: 'sha1-AAAA', license: 'MIT' },
    git: { integrity, license: 'MIT', resolved: 'git+ssh://git@example.net/x.git#0123' },
    plain: { integrity, license: 'MIT', resolved: 'http://example.net/x.tgz' },
    folder: { integrity, license: 'MIT', link: true, resolved: '../x' },
    copyleft: { integrity, license: 'MIT AND AGPL-3.0-only' },
    unknown: { integrity },
  }
  expect(findFaults({ lockfileVersion: 2, packages })).toEqual([
    'another version of the file',
    'bare: no SHA-512',
    'old: no SHA-512',
    'git: not from the registry',
    'plain: not from the registry',
    'folder: not from the registry',
    'copyleft: licence MIT AND AGPL-3.0-only',
    'unknown: licence undefined',
  ])
})

test('the packages with an install script are those that package.json forbids to run it', () => {
  const { allowScripts } = read<{ allowScripts: Record<string, boolean> }>('package.json')
  const named = locks.flatMap(([, { packages }]) =>
    Object.entries(packages)
      .filter(([, { hasInstallScript }]) => hasInstallScript)
      .map(([place]) => [place.replace(/.*node_modules\//, ''), false]),
  )
  expect(allowScripts).toEqual(Object.fromEntries(named))
})
