import { readFileSync } from 'node:fs'
import path from 'node:path'

interface Locked {
  version?: string
  integrity?: string
  link?: boolean
  optional?: boolean
  inBundle?: boolean
}

type Packages = Readonly<Record<string, Locked>>

/**
 * Whether node_modules matches package-lock.json. npm records what it installed in node_modules/.package-lock.json; file
 * times are no evidence after a checkout. Optional packages, such as those for other systems, may be missing.
 */
export function isInstalled(folder: string): boolean {
  const wanted = readPackages(path.join(folder, 'package-lock.json'))
  const found = readPackages(path.join(folder, 'node_modules', '.package-lock.json'))
  return wanted !== undefined && found !== undefined && isSameInstallation(wanted, found)
}

export function isSameInstallation(wanted: Packages, found: Packages): boolean {
  const same = (a: Locked, b: Locked) =>
    a.version === b.version && (a.integrity ?? '') === (b.integrity ?? '')
  for (const [name, locked] of Object.entries(wanted)) {
    if (name === '' || locked.link || !name.startsWith('node_modules/')) continue
    const there = found[name]
    if (there ? !same(locked, there) : !locked.optional && !locked.inBundle) return false
  }
  return Object.keys(found).every((name) => name in wanted)
}

function readPackages(file: string): Packages | undefined {
  try {
    return (JSON.parse(readFileSync(file, 'utf8')) as { packages?: Packages }).packages
  } catch {
    return undefined
  }
}
