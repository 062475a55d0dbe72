import { apt } from './packages.ts'

/** Contains the archive keys of every release since Debian 11; from the package debian-archive-keyring. */
const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg'

/**
 * The fields to print for every package index that apt has fetched (`apt-get indextargets` in apt-get(8)).
 */
const FIELDS = ['REPO_URI', 'ORIGIN', 'LABEL', 'CODENAME', 'COMPONENT'].map((field) => `$(${field})`)
const INDEXES = ['indextargets', '--format', FIELDS.join('\t'), 'Created-By: Packages']

/**
 * The lines of a sources.list for a release of Debian, from the mirrors that apt uses on this host: the release, and
 * its updates and security updates when the host has those. Sources outside the Debian archive are left out.
 * Error: apt knows no mirror of the Debian archive.
 */
export async function getDebianSources(release: string): Promise<string[]> {
  const known = deriveSources((await apt(INDEXES)).stdout, release)
  if (known.length > 0) return known
  // A container image often has no package lists, and apt then does not know the origin of any source.
  const update = await apt(['update'])
  const fetched = deriveSources((await apt(INDEXES)).stdout, release)
  if (fetched.length > 0) return fetched
  throw new Error(
    `apt on this machine has no package list of the Debian archive; add a mirror to /etc/apt/sources.list.d and run apt-get update. ${update.stderr}`.trim(),
  )
}

/** @param indexes one line per index with its fields separated by tabs, as in the mirror's Release file */
export function deriveSources(indexes: string, release: string): string[] {
  const suites = indexes.split('\n').flatMap((line) => {
    const [uri = '', origin, label, codename = '', component] = line.split('\t')
    const isArchive = origin === 'Debian' && (label === 'Debian' || label === 'Debian-Security')
    const [, suffix] = /^[a-z]+(|-updates|-security)$/.exec(codename) ?? []
    if (!isArchive || suffix === undefined || component !== 'main' || uri.startsWith('cdrom:')) return []
    return [{ suffix, line: `deb [signed-by=${KEYRING}] ${uri} ${release}${suffix} main` }]
  })
  if (!suites.some(({ suffix }) => suffix === '')) return []
  return [...new Set(suites.map(({ line }) => line))]
}
