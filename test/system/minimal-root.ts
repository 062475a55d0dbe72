import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { homedir } from 'node:os'
import path from 'node:path'
import { must } from '../../rehearsal/processes.ts'

const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg'

/** The lines of a sources.list for a release of Debian, from the mirror that apt uses on this host. */
export async function getDebianSources(release: string): Promise<string[]> {
  const targets = await must(['apt-get', 'indextargets', '--format', '$(ORIGIN) $(LABEL) $(REPO_URI)'])
  const mirror = /^Debian Debian (\S+)$/m.exec(targets)?.[1]
  if (!mirror)
    throw new Error(
      'apt on this machine has no package list of the Debian archive: run apt-get update first.',
    )
  return [`deb [signed-by=${keyring}] ${mirror} ${release} main`]
}

/**
 * Gives the folder of a minimal root: what mmdebstrap's variant minbase installs. The first run makes it, in about a
 * minute; the user's cache folder keeps it. Nobody may write into it.
 */
export async function prepareMinimalRoot(release: string): Promise<string> {
  const base = process.env.XDG_CACHE_HOME ?? ''
  const cache = path.join(path.isAbsolute(base) ? base : path.join(homedir(), '.cache'), 'codex-dominion')
  const architecture = (await must(['dpkg', '--print-architecture'])).trim()
  const place = path.join(cache, 'roots', `minimal-${release}-${architecture}`)
  if (existsSync(place)) return place
  mkdirSync(path.dirname(place), { recursive: true })
  const folder = mkdtempSync(`${place}.new-`)
  try {
    const sources = await getDebianSources(release)
    // Separate namespaces: its mounts end with it, even when it is killed.
    const namespaces = ['unshare', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc', '--']
    const argv = [
      'mmdebstrap',
      '--mode=root',
      '--format=directory',
      '--variant=minbase',
      release,
      folder,
      '-',
    ]
    await must([...namespaces, ...argv], { input: `${sources.join('\n')}\n` })
    renameSync(folder, place)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
  return place
}
