import { type Dirent, existsSync, readFileSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import path from 'node:path'
import { usageError } from '../util/errors.ts'

/** Something that `az acr build` packs. */
export interface Packed {
  /** From the build context, `/` between folders. */
  path: string
  kind: 'file' | 'folder' | 'link'
}

/** A line of .dockerignore, the strongest (the last) first. */
interface Rule {
  pattern: RegExp
  ignore: boolean
}

/** What became of a folder: its children inherit it, and only stronger rules than the one that decided can change it. */
interface Verdict {
  ignored: boolean
  decidedBy: number
}

/** Left out at the top of the context, whatever .dockerignore says (`bzrignore` is az's own spelling). */
const versionControl = new Set(['.git', '.gitignore', '.bzr', 'bzrignore', '.hg', '.hgignore', '.svn'])

/**
 * What `az acr build` packs of a folder, in the order of the paths; the Dockerfile comes with it in any case.
 * az has its own reading of .dockerignore, other than Docker's and git's: `acr/_archive_utils.py` of azure-cli, the same
 * from 2.45 to 2.91. Symbolic links are packed as links, empty folders too.
 * Throws (exit 2) for what az would not pack, or would pack otherwise than it looks.
 */
export async function packedFiles(folder: string, dockerfile: string): Promise<Packed[]> {
  const rules = readRules(folder, dockerfile)
  const packed: Packed[] = []

  async function scan(inside: string, parent: Verdict): Promise<void> {
    const entries = await readdir(path.join(folder, inside), { withFileTypes: true })
    for (const entry of entries) {
      const name = inside === '' ? entry.name : `${inside}/${entry.name}`
      const verdict = judge(name, parent, rules)
      const kind = kindOf(entry)
      // A socket stops az even where it is ignored.
      if (entry.isSocket() || (!verdict.ignored && (!kind || name.includes('\ufffd')))) throw unpackable(name)
      if (!verdict.ignored && kind) packed.push({ path: name, kind })
      // Of an ignored folder, too, a rule with `!` may take something back in.
      if (kind === 'folder') await scan(name, verdict)
    }
  }
  const unpackable = (name: string) =>
    usageError(
      `${path.join(folder, name)} cannot be packed for the build: ${name.includes('\ufffd') ? 'its name is not UTF-8' : 'it is neither a file nor a folder nor a link'}`,
      'Take it out of the folder, or name it in .dockerignore (a socket must go).',
    )

  // The context itself is judged first: a rule `*` or `**` fits it, and everything inherits.
  await scan('', judge('', { ignored: false, decidedBy: rules.length }, rules))
  return packed.sort((a, b) => (a.path < b.path ? -1 : 1))
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

/** `<Dockerfile>.dockerignore` where there is one and the Dockerfile has a name of its own, else `.dockerignore`. */
function readRules(folder: string, dockerfile: string): Rule[] {
  const name = path.posix.basename(dockerfile.replaceAll('\\', '/'))
  const own = `${name}.dockerignore`
  const special = name !== 'Dockerfile' && existsSync(path.join(folder, own))
  const file = special ? own : '.dockerignore'
  if (!existsSync(path.join(folder, file))) return []
  const lines = decode(readFileSync(path.join(folder, file)), path.join(folder, file)).split(/\r\n|\r|\n/)
  const rules = lines.flatMap((line, index) => {
    const rule = line.trimEnd()
    return rule === '' || rule.startsWith('#') ? [] : [readRule(rule, `${file} line ${index + 1}`)]
  })
  return [...(special ? [readRule('.dockerignore', '')] : []), ...rules].reverse()
}

function decode(bytes: Uint8Array, file: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw usageError(`${file} is not UTF-8 text`, 'Save it as UTF-8: az reads nothing else.')
  }
}

/** Slashes at the ends are taken off only behind a `!`; `node_modules/` fits nothing, as az has it. */
function readRule(line: string, where: string): Rule {
  const ignore = !line.startsWith('!')
  const rule = ignore ? line : line.slice(1).replace(/^\//, '').replace(/\/+$/, '')
  const pattern = rule === '' ? undefined : compile(rule)
  if (pattern) return { ignore, pattern }
  throw usageError(
    `${where}: what az makes of the rule ${JSON.stringify(line)} cannot be told`,
    'az reads a rule as a regular expression: write / for \\, and ? in place of + ( ) { [ and their like.',
  )
}

/**
 * The rule as az hands it to Python's re.match. `undefined` where Python does not take it, or takes it otherwise than
 * JavaScript does.
 */
function compile(rule: string): RegExp | undefined {
  if (/\\|\{,|\[\^?\]/.test(rule)) return undefined
  const parts = rule.split('/')
  const body = parts.map((part, index) => {
    if (part === '**') return '[^\\n]*'
    const translated = part.replaceAll('*', '[^/]*').replaceAll('?', '[^/]').replaceAll('.', '\\.')
    return index < parts.length - 1 ? `${translated}/` : translated
  })
  // re.match is anchored at the start for both sides of a `|`; Python's `$` fits before a last line end, too.
  const source = `^(?:${body.join('')}(?=\\n?$))`
  // By code point, as Python reads; a lone bracket or brace is text only without that.
  for (const flags of ['u', '']) {
    try {
      return new RegExp(source, flags)
    } catch {
      // tried the other way, or refused
    }
  }
  return undefined
}
