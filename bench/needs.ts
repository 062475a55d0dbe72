import { findMissingPackages } from '../rehearsal/packages.ts'
import { readState } from '../rehearsal/rehearsal.ts'

interface Needs {
  /** Debian packages. */
  packages?: string[]
  /** Name of a kept rehearsal. */
  rehearsal?: string
}

/**
 * Ends the benchmark (exit 2) with what this machine lacks and the command that provides it. All benchmarks need root.
 */
export async function assertMachine({ packages = [], rehearsal }: Needs): Promise<void> {
  // Real-time scheduling (figures.ts) requires root.
  if (process.getuid?.() !== 0) return end('root', `sudo ${process.argv.join(' ')}`)
  const lacking = packages.length === 0 ? [] : await findMissingPackages(packages).catch(unknown)
  if (lacking.length > 0)
    end(
      `Debian packages that are missing: ${lacking.join(', ')}`,
      `apt-get install --no-install-recommends ${lacking.join(' ')}`,
    )
  if (rehearsal !== undefined && !readState(rehearsal))
    end(`a rehearsal "${rehearsal}" that was kept`, `npm run rehearse -- --name ${rehearsal} --keep`)
}

function end(what: string, line: string): never {
  process.stderr.write(`✖ This benchmark needs ${what}\n→ ${line}\n`)
  process.exit(2)
}

function unknown(thrown: Error): never {
  process.stderr.write(`✖ ${thrown.message}\n`)
  process.exit(2)
}
