import { readdirSync, rmSync } from 'node:fs'
import path from 'node:path'

/** Removes all but the last `kept` files with this ending by name. Ids begin with their time, so names sort by age. */
export function keepNewest(folder: string, ending: string, kept: number): void {
  const names = readdirSync(folder).filter((name) => name.endsWith(ending))
  for (const name of names.sort().slice(0, Math.max(0, names.length - kept)))
    rmSync(path.join(folder, name), { force: true })
}
