import { readFileSync } from 'node:fs'
import type { Release } from '../../rehearsal/debianRoot.ts'

/** The release whose az is not this machine's: trixie, or bookworm on a trixie. */
export function getOtherRelease(osRelease = readFileSync('/etc/os-release', 'utf8')): Release {
  return /^VERSION_CODENAME=trixie$/m.test(osRelease) ? 'bookworm' : 'trixie'
}
