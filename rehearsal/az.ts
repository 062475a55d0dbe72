import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { prepareRoot, type Release } from './debianRoot.ts'

/** Returns the root that has the Azure CLI of a Debian release, and its SDK. Errors: those of prepareRoot. */
export const prepareAzRoot = (release: Release, onLine: (line: string) => void): Promise<string> =>
  prepareRoot({ purpose: 'the Azure CLI', release, packages: ['azure-cli'] }, onLine)

/**
 * Returns a folder with the `az` of a Debian release, for the front of PATH. Programs and libraries are that release's
 * (bookworm has az 2.45, trixie 2.74); files, network and login remain this host's.
 * Errors: those of prepareRoot.
 */
export async function prepareAz(release: Release, onLine: (line: string) => void): Promise<string> {
  const root = await prepareAzRoot(release, onLine)
  const folder = join(dirname(root), 'bin')
  mkdirSync(folder, { recursive: true })
  const script = `#!/bin/sh
exec unshare --mount -- sh -c 'mount -o bind,ro "$0/usr" /usr && exec /usr/bin/az "$@"' '${root}' "$@"
`
  writeFileSync(join(folder, 'az'), script, { mode: 0o755 })
  return folder
}
