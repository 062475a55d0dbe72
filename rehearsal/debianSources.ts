import { apt } from './packages.ts'

/** Holds the archive's keys of every release since Debian 11; in the package debian-archive-keyring. */
const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg'

/** Of every package index that apt has fetched; `apt-get indextargets` is described in apt-get(8). */
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
  // A container image often comes without package lists, and then apt knows the origin of none.
  const update = await apt(['update'])
  const fetched = deriveSources((await apt(INDEXES)).stdout, release)
  if (fetched.length > 0) return fetched
  throw new Error(
    `apt on this machine has no package list of the Debian archive; add a mirror to /etc/apt/sources.list.d and run apt-get update. ${update.stderr}`.trim(),
  )
}

/** @param indexes a line for each index, with its fields separated by tabs, as in the mirror's Release file */
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
