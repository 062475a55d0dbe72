import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'

const fileOf = (environment: string): string => path.join(process.cwd(), `.env.${environment}`)

/** Writes `.env.NAME-SUFFIX`, a copy of `.env.NAME` with other values, and gives its name for --env. */
export function writeVariant(name: string, suffix: string, values: Record<string, string>): string {
  writeFileSync(fileOf(`${name}-${suffix}`), withValues(readFileSync(fileOf(name), 'utf8'), values), {
    mode: 0o600,
  })
  return `${name}-${suffix}`
}

/** Changes values of `.env.NAME` itself. */
export function change(name: string, values: Record<string, string>): void {
  writeFileSync(fileOf(name), withValues(readFileSync(fileOf(name), 'utf8'), values), { mode: 0o600 })
}

/** Takes every variant of an environment away. */
export function removeVariants(name: string): void {
  for (const file of readdirSync(process.cwd()))
    if (file.startsWith(`.env.${name}-`)) rmSync(path.join(process.cwd(), file))
}

function withValues(text: string, values: Record<string, string>): string {
  return Object.entries(values).reduce((changed, [key, value]) => {
    const line = new RegExp(`^${key}=.*$`, 'm')
    if (!line.test(changed)) throw new Error(`.env has no ${key}`)
    return changed.replace(line, () => `${key}=${value}`)
  }, text)
}
