/** One instruction of a Dockerfile, its continued lines joined. */
export interface Instruction {
  name: string
  /** What follows the name, as written. */
  text: string
  line: number
}

/** A Dockerfile that cannot be parsed or executed; the message becomes the last line of the build log. */
export class BuildError extends Error {}

const known = [
  'FROM',
  'RUN',
  'CMD',
  'LABEL',
  'EXPOSE',
  'ENV',
  'ADD',
  'COPY',
  'ENTRYPOINT',
  'VOLUME',
  'USER',
  'WORKDIR',
  'ARG',
  'ONBUILD',
  'STOPSIGNAL',
  'HEALTHCHECK',
  'SHELL',
  'MAINTAINER',
]

/** Reads a Dockerfile. Source: the Dockerfile reference of Docker's documentation. */
export function parseDockerfile(text: string): Instruction[] {
  const instructions: Instruction[] = []
  const lines = text.replaceAll('\r\n', '\n').split('\n')
  for (let at = 0; at < lines.length; at += 1) {
    const start = at
    let whole = lines[at]!.trim()
    if (whole === '' || whole.startsWith('#')) continue
    while (whole.endsWith('\\') && at + 1 < lines.length) {
      at += 1
      const next = lines[at]!.trim()
      // Skip comment lines inside a continued instruction.
      if (!next.startsWith('#')) whole = `${whole.slice(0, -1).trimEnd()} ${next}`
      else whole = `${whole.slice(0, -1).trimEnd()} \\`
    }
    const [, word = '', rest = ''] = /^(\S+)\s*([\s\S]*)$/.exec(whole.replace(/\\$/, '').trim()) ?? []
    const name = word.toUpperCase()
    if (!known.includes(name))
      throw new BuildError(`dockerfile parse error on line ${start + 1}: unknown instruction: ${word}`)
    if (rest === '')
      throw new BuildError(
        `dockerfile parse error on line ${start + 1}: ${name} requires at least one argument`,
      )
    instructions.push({ name, text: rest.trim(), line: start + 1 })
  }
  const first = instructions.find(({ name }) => name !== 'ARG')
  if (!first) throw new BuildError('the Dockerfile cannot be empty')
  if (first.name !== 'FROM')
    throw new BuildError('no build stage in current context: the first instruction must be FROM')
  return instructions
}

/** Words of a line as a shell splits them: quotes and backslashes, no expansion. */
export function splitWords(text: string): string[] {
  const found: string[] = []
  for (const match of text.matchAll(/(?:"(?:[^"\\]|\\.)*"|'[^']*'|\\.|[^\s"'\\])+/g)) {
    found.push(
      match[0].replace(/"((?:[^"\\]|\\.)*)"|'([^']*)'|\\(.)/g, (_whole, double, single, escaped) =>
        double !== undefined ? double.replace(/\\(["\\$])/g, '$1') : (single ?? escaped),
      ),
    )
  }
  return found
}

/** `$NAME`, `${NAME}`, `${NAME:-default}` and `${NAME:+other}` with the values of ARG and ENV. */
export function expand(text: string, values: Record<string, string>): string {
  return text.replace(/\\\$|\$(\w+)|\$\{(\w+)(?::([-+])([^}]*))?\}/g, (whole, plain, braced, sign, other) => {
    if (whole === '\\$') return '$'
    const value = values[plain ?? braced] ?? ''
    if (sign === '-') return value || other
    if (sign === '+') return value ? other : ''
    return value
  })
}

/** The exec form `["a", "b"]`, or the shell form as `/bin/sh -c`. */
export function parseCommand(text: string): string[] {
  if (text.startsWith('[')) {
    try {
      const parsed: unknown = JSON.parse(text)
      if (Array.isArray(parsed) && parsed.every((each) => typeof each === 'string')) return parsed
    } catch {
      // Docker too takes a malformed array as shell form.
    }
  }
  return ['/bin/sh', '-c', text]
}

/** `KEY=value KEY2="a b"` or the old `KEY value`. */
export function parsePairs(text: string): [string, string][] {
  const list = splitWords(text)
  if (list.every((word) => word.includes('='))) {
    return list.map((word) => [word.slice(0, word.indexOf('=')), word.slice(word.indexOf('=') + 1)])
  }
  const [key = '', ...rest] = list
  return [[key, rest.join(' ')]]
}
