import { readFileSync } from 'node:fs'
import path from 'node:path'

/** Fills the placeholders `{{name}}` of a file in `templates/`. Throws when placeholders and values do not match. */
export function renderTemplate(file: string, values: Readonly<Record<string, string>> = {}): string {
  const text = readFileSync(path.join(import.meta.dirname, 'templates', file), 'utf8')
  const used = new Set<string>()
  const filled = text.replaceAll(/\{\{(\w+)\}\}/g, (_placeholder, name: string) => {
    const value = values[name]
    if (value === undefined) throw new Error(`${file}: {{${name}}} has no value`)
    used.add(name)
    return value
  })
  const unused = Object.keys(values).filter((name) => !used.has(name))
  if (unused.length > 0) throw new Error(`${file} has no placeholder for ${unused.join(', ')}`)
  return filled
}
