import { type Dirent, existsSync, readFileSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import path from 'node:path'
import { usageError } from '../util/errors.ts'

/** An entry that `az acr build` packs. */
export interface Packed {
  /** Relative to the build context, with `/` between folders. */
  path: string
  kind: 'file' | 'folder' | 'link'
}

/** A rule of .dockerignore. Later lines take precedence, so the last one comes first. */
interface Rule {
  pattern: RegExp
  ignore: boolean
  /** Whether it names what it matches: its last part is more than stars. */
  names: boolean
}

/** The result for a folder: its children inherit it, and only rules stronger than the one that decided can change it. */
interface Verdict {
  ignored: boolean
  decidedBy: number
}

/** Skipped at the top of the context, whatever .dockerignore says (`bzrignore` is az's spelling). */
const versionControl = new Set(['.git', '.gitignore', '.bzr', 'bzrignore', '.hg', '.hgignore', '.svn'])

/** Behaviour that differs between releases of az. */
export interface Reading {
  /** Whether the slash after `**` counts, so that `**\/x` does not match an `x` at the top. */
  slashAfterStars: boolean
  /** The ignore file that belongs to one Dockerfile, relative to the context. */
  getOwnIgnoreFile(dockerfile: string): string | undefined
}

const byName = (dockerfile: string) => {
  const name = path.posix.basename(dockerfile)
  return name === 'Dockerfile' ? undefined : `${name}.dockerignore`
}

/**
 * The interpretations by az, oldest first: 2.45; since https://github.com/Azure/azure-cli/pull/29901
 * (compared with 2.74); since https://github.com/Azure/azure-cli/pull/32633 (according to its description,
 * not compared with a release).
 */
export const readings: readonly Reading[] = [
  { slashAfterStars: false, getOwnIgnoreFile: byName },
  { slashAfterStars: true, getOwnIgnoreFile: byName },
  { slashAfterStars: true, getOwnIgnoreFile: (dockerfile) => `${dockerfile}.dockerignore` },
]

/**
 * Lists what any release of az packs from a folder for `az acr build`, sorted by path; az always adds the
 * Dockerfile. An entry counts if at least one release packs it, so no change that any release would build
 * goes unnoticed. Throws (exit 2) for what az cannot pack, or packs under another name.
 */
export async function packedFiles(folder: string, dockerfile: string): Promise<Packed[]> {
  const lists = await Promise.all(readings.map((reading) => packedBy(reading, folder, dockerfile)))
  const packed = new Map(lists.flat().map((each) => [each.path, each]))
  return [...packed.values()].sort((a, b) => (a.path < b.path ? -1 : 1))
}

/**
 * Lists what one release packs. az interprets .dockerignore differently from Docker and git: see `acr/_archive_utils.py`
 * of azure-cli. It packs symbolic links as links, and empty folders.
 */
export async function packedBy(reading: Reading, folder: string, dockerfile: string): Promise<Packed[]> {
  const rules = readRules(reading, folder, dockerfile.replaceAll('\\', '/'))
  const packed: Packed[] = []

  async function scan(inside: string, parent: Verdict): Promise<void> {
    const entries = await readdir(path.join(folder, inside), { withFileTypes: true })
    for (const entry of entries) {
      const name = inside === '' ? entry.name : `${inside}/${entry.name}`
      const verdict = judge(name, parent, rules)
      const kind = kindOf(entry)
      // A socket makes az fail even when it is ignored.
      if (entry.isSocket() || (!verdict.ignored && (!kind || name.includes('\ufffd')))) throw unpackable(name)
      if (!verdict.ignored && kind) packed.push({ path: name, kind })
      // A rule with `!` may include something of an ignored folder again.
      if (kind === 'folder') await scan(name, verdict)
    }
  }
  const unpackable = (name: string) =>
    usageError(
      `${path.join(folder, name)} cannot be packed for the build: ${name.includes('\ufffd') ? 'its name is not UTF-8' : 'it is not a file, folder or link'}`,
      'Remove it from the folder, or exclude it in .dockerignore (a socket must be removed).',
    )

  // The context itself comes first: a rule `*` or `**` matches it, and everything inherits that.
  await scan('', judge('', { ignored: false, decidedBy: rules.length }, rules))
  return packed.sort((a, b) => (a.path < b.path ? -1 : 1))
}

/** Whether a rule with `!` names a file, in at least one release of az. */
export function createNamedTest(folder: string, dockerfile: string): (name: string) => boolean {
  const rules = readings
    .flatMap((reading) => readRules(reading, folder, dockerfile.replaceAll('\\', '/')))
    .filter(({ ignore, names }) => !ignore && names)
  return (name) => rules.some(({ pattern }) => pattern.test(name))
}

function kindOf(entry: Dirent): Packed['kind'] | undefined {
  if (entry.isFile()) return 'file'
  if (entry.isDirectory()) return 'folder'
  return entry.isSymbolicLink() ? 'link' : undefined
}

function judge(name: string, parent: Verdict, rules: readonly Rule[]): Verdict {
  if (versionControl.has(name)) return { ...parent, ignored: true }
  const index = rules.slice(0, parent.decidedBy).findIndex(({ pattern }) => pattern.test(name))
  return index < 0 ? parent : { ignored: rules[index]!.ignore, decidedBy: index }
}

/** The ignore file of the Dockerfile if it exists, otherwise `.dockerignore`. */
function readRules(reading: Reading, folder: string, dockerfile: string): Rule[] {
  const own = reading.getOwnIgnoreFile(dockerfile)
  const special = own !== undefined && existsSync(path.join(folder, own))
  const file = special ? own : '.dockerignore'
  if (!existsSync(path.join(folder, file))) return []
  const lines = decode(readFileSync(path.join(folder, file)), path.join(folder, file)).split(/\r\n|\r|\n/)
  const rules = lines.flatMap((line, index) => {
    const rule = line.trimEnd()
    const where = `${file} line ${index + 1}`
    return rule === '' || rule.startsWith('#') ? [] : [readRule(reading, rule, where)]
  })
  return [...(special ? [readRule(reading, '.dockerignore', '')] : []), ...rules].reverse()
}

function decode(bytes: Uint8Array, file: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw usageError(`${file} is not UTF-8 text`, 'Save it as UTF-8, the only encoding that az reads.')
  }
}

/** As in az, slashes at the ends are removed only after a `!`, so `node_modules/` matches nothing. */
function readRule(reading: Reading, line: string, where: string): Rule {
  const ignore = !line.startsWith('!')
  const rule = ignore ? line : line.slice(1).replace(/^\//, '').replace(/\/+$/, '')
  const pattern = rule === '' ? undefined : compile(reading, rule)
  if (pattern) return { ignore, pattern, names: !/(^|\/)\*+$/.test(rule) }
  throw usageError(
    `${where}: the meaning of the rule ${JSON.stringify(line)} for az is unknown`,
    'az reads a rule as a regular expression: write / for \\, and ? for characters such as + ( ) { [.',
  )
}

/**
 * Compiles the rule as az passes it to Python's re.match; undefined when Python rejects it, or reads it differently from
 * JavaScript.
 */
function compile({ slashAfterStars }: Reading, rule: string): RegExp | undefined {
  if (/\\|\{,|\[\^?\]/.test(rule)) return undefined
  const parts = rule.split('/')
  const body = parts.map((part, index) => {
    const slash = index < parts.length - 1 ? '/' : ''
    if (part === '**') return `[^\\n]*${slashAfterStars ? slash : ''}`
    return part.replaceAll('*', '[^/]*').replaceAll('?', '[^/]').replaceAll('.', '\\.') + slash
  })
  // re.match is anchored at the start for both sides of a `|`; Python's `$` also matches before a final line end.
  const source = `^(?:${body.join('')}(?=\\n?$))`
  // By code point, as in Python; a lone bracket or brace is text only without the flag.
  for (const flags of ['u', '']) {
    try {
      return new RegExp(source, flags)
    } catch {
      // Try the next set of flags.
    }
  }
  return undefined
}
