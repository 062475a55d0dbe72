import { homedir, userInfo } from 'node:os'
import { afterEach, expect, test, vi } from 'vitest'
import { type DebianRoot, getCacheFolder, getRootName, prepareRoot } from '../../../rehearsal/debianRoot.ts'
import { deriveSources } from '../../../rehearsal/debianSources.ts'
import { getOtherRelease } from '../../support/otherRelease.ts'

/* Where a clean root file system comes from, and where it is stored. Every system test creates one. */

afterEach(() => vi.unstubAllEnvs())

const index = (...fields: string[]) => fields.join('\t')
const signedBy = '[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]'

test('another release comes from the mirrors of this host, with updates and security updates', () => {
  const indexes = [
    index('http://mirror.example/debian/', 'Debian', 'Debian', 'trixie', 'main'),
    index('http://mirror.example/debian/', 'Debian', 'Debian', 'trixie', 'contrib'),
    index('http://mirror.example/debian/', 'Debian', 'Debian', 'trixie-updates', 'main'),
    index(
      'http://mirror.example/debian/',
      'Debian Backports',
      'Debian Backports',
      'trixie-backports',
      'main',
    ),
    index('http://security.example/debian-security/', 'Debian', 'Debian-Security', 'trixie-security', 'main'),
    '',
  ].join('\n')
  expect(deriveSources(indexes, 'bookworm')).toEqual([
    `deb ${signedBy} http://mirror.example/debian/ bookworm main`,
    `deb ${signedBy} http://mirror.example/debian/ bookworm-updates main`,
    `deb ${signedBy} http://security.example/debian-security/ bookworm-security main`,
  ])
})

test("only the Debian archive's sources count", () => {
  const others = [
    index('https://packages.example/apt/', 'Microsoft', 'azure-cli', 'bookworm', 'main'),
    index('https://deb.example/node_20.x/', '. nodistro', '. nodistro', 'nodistro', 'main'),
    index('http://archive.example/ubuntu/', 'Ubuntu', 'Ubuntu', 'noble', 'main'),
    index('cdrom:[Debian 12]/', 'Debian', 'Debian', 'bookworm', 'main'),
  ]
  expect(deriveSources(others.join('\n'), 'bookworm')).toEqual([])
  const security = index('http://security.example/', 'Debian', 'Debian-Security', 'bookworm-security', 'main')
  expect(deriveSources(security, 'bookworm'), 'security updates alone make no root').toEqual([])
  const indexes = [...others, index('file:/srv/debian/', 'Debian', 'Debian', 'sid', 'main')].join('\n')
  expect(deriveSources(indexes, 'bookworm')).toEqual([`deb ${signedBy} file:/srv/debian/ bookworm main`])
})

test("roots are kept in the user's cache folder", () => {
  expect(getCacheFolder({ XDG_CACHE_HOME: '/var/cache/me' })).toBe('/var/cache/me/codex-dominion')
  for (const value of [undefined, '', 'relative'])
    expect(getCacheFolder({ XDG_CACHE_HOME: value })).toBe(`${homedir()}/.cache/codex-dominion`)
  vi.stubEnv('HOME', '')
  expect(getCacheFolder({})).toBe(`${userInfo().homedir}/.cache/codex-dominion`)
})

test('a root is named after its release, its architecture and its packages', () => {
  const root: DebianRoot = { purpose: 'tests', release: 'bookworm', packages: ['python3', 'iproute2'] }
  const name = getRootName(root, 'amd64')
  expect(name).toMatch(/^bookworm-amd64-[0-9a-f]{12}$/)
  expect(getRootName({ ...root, purpose: 'others', packages: ['iproute2', 'python3'] }, 'amd64')).toBe(name)
  const others = [
    getRootName({ ...root, release: 'trixie' }, 'amd64'),
    getRootName(root, 'arm64'),
    getRootName({ ...root, packages: ['python3'] }, 'amd64'),
    getRootName({ ...root, before: 'true' }, 'amd64'),
    getRootName({ ...root, after: 'true' }, 'amd64'),
  ]
  expect(new Set([name, ...others]).size).toBe(6)
})

test('only root can make one', async () => {
  const user = vi.spyOn(process, 'getuid').mockReturnValue(1000)
  const root: DebianRoot = { purpose: 'tests', release: 'bookworm', packages: [] }
  await expect(prepareRoot(root, () => {})).rejects.toThrow(/run it as root \(sudo npm run rehearse\)/)
  user.mockRestore()
})

test.each([
  ['PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nVERSION_CODENAME=bookworm\n', 'trixie'],
  ['VERSION_CODENAME=trixie\n', 'bookworm'],
  ['NAME="Ubuntu"\nVERSION_CODENAME=noble\n', 'trixie'],
])('the az of another release than this machine has: %j', (osRelease, release) => {
  expect(getOtherRelease(osRelease)).toBe(release)
})
