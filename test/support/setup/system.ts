import { prepareAz } from '../../../rehearsal/az.ts'
import { prepareRoot } from '../../../rehearsal/debianRoot.ts'
import { findMissingPackages, installPackages, rehearsalPackages } from '../../../rehearsal/packages.ts'
import { prepareInstalledVps, prepareRoots, vpsRoot } from '../../../rehearsal/roots.ts'
import { getOtherRelease } from '../otherRelease.ts'
import { testPackages } from '../testPackages.ts'

/**
 * Names the Debian packages that are missing, then installs them and creates the root file systems of the machines.
 * Throws when this is not Debian or the user is not root.
 */
export default async function setup(): Promise<void> {
  const packages = [...rehearsalPackages, ...testPackages]
  const wanted = await findMissingPackages(packages)
  if (wanted.length > 0)
    say(`Debian packages that the tests need and this machine lacks: ${wanted.join(', ')}`)
  if (process.getuid?.() !== 0) {
    throw new Error(
      'The system tests create network namespaces and start servers on ports 22, 80 and 443: run them as root, or only npm run test:unit',
    )
  }
  // What creates the roots comes first; then they and the other packages do not wait for each other.
  await installPackages({ onLine: say, packages: ['debian-archive-keyring', 'mmdebstrap'] })
  await Promise.all([
    installPackages({ onLine: say, packages }),
    prepareRoots(say).then(({ vps }) => prepareInstalledVps(vps, say)),
    prepareRoot(vpsRoot('trixie'), say),
    prepareAz(getOtherRelease(), say),
  ])
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}
