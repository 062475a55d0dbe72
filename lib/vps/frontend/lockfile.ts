import { readFileSync } from 'node:fs'
import path from 'node:path'

interface Locked {
  version?: string
  resolved?: string
  integrity?: string
  link?: boolean
  optional?: boolean
  peer?: boolean
  inBundle?: boolean
}

/**
 * Is what lies in node_modules what package-lock.json says? npm writes down what it installed in
 * node_modules/.package-lock.json; times of files say nothing after a checkout.
 * Packages for other systems are optional in the lock and may be missing.
 */
export function isInstalled(folder: string): boolean {
  const wanted = readPackages(path.join(folder, 'package-lock.json'))
  const found = readPackages(path.join(folder, 'node_modules', '.package-lock.json'))
  return wanted !== undefined && found !== undefined && isSameInstallation(wanted, found)
}

export function isSameInstallation(
  wanted: Readonly<Record<string, Locked>>,
  found: Readonly<Record<string, Locked>>,
): boolean {
  const same = (a: Locked, b: Locked) =>
    a.version === b.version && (a.integrity ?? '') === (b.integrity ?? '')
  for (const [name, locked] of Object.entries(wanted)) {
    if (name === '' || locked.link || !name.startsWith('node_modules/')) continue
    const there = found[name]
    if (there ? !same(locked, there) : !locked.optional && !locked.inBundle) return false
  }
  return Object.keys(found).every((name) => name in wanted)
}

function readPackages(file: string): Record<string, Locked> | undefined {
  try {
    return (JSON.parse(readFileSync(file, 'utf8')) as { packages?: Record<string, Locked> }).packages
  } catch {
    return undefined
  }
}
