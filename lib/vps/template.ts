import { readFileSync } from 'node:fs'
import path from 'node:path'

/**
 * Reads a file of `templates/` and fills its holes, written `{{name}}`.
 * Throws when a hole has no value or a value has no hole: that is a mistake in this program.
 */
export function renderTemplate(file: string, values: Readonly<Record<string, string>> = {}): string {
  const text = readFileSync(path.join(import.meta.dirname, 'templates', file), 'utf8')
  const used = new Set<string>()
  const filled = text.replaceAll(/\{\{(\w+)\}\}/g, (_hole, name: string) => {
    const value = values[name]
    if (value === undefined) throw new Error(`${file}: nothing fills {{${name}}}`)
    used.add(name)
    return value
  })
  const idle = Object.keys(values).filter((name) => !used.has(name))
  if (idle.length > 0) throw new Error(`${file} has no hole for ${idle.join(', ')}`)
  return filled
}
