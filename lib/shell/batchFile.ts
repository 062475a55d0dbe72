import { existsSync } from 'node:fs'
import path from 'node:path'

/** What to start in place of a program on Windows, with arguments that need no more quoting. */
export interface Verbatim {
  program: string
  argv: string[]
}

/**
 * On Windows, az and npm are batch files, which only cmd.exe can run. Returns its line for a program that is one, and
 * undefined for every other program.
 * Throws a TypeError for an argument with a line break, which would end that line.
 */
export function runBatchFile(
  argv: readonly string[],
  env: NodeJS.ProcessEnv,
  exists: (file: string) => boolean = existsSync,
): Verbatim | undefined {
  const [program = '', ...words] = argv
  const file = findProgram(program, env, exists)
  if (!file || !/\.(cmd|bat)$/i.test(file)) return undefined
  const line = [`"${file}"`, ...words.map(quoteForBatch)].join(' ')
  // /e:on and /v:off because the registry can change both; /d: no AutoRun; /s: only the outer quotes are removed.
  const flags = ['/e:on', '/v:off', '/d', '/s', '/c']
  return { program: getVariable(env, 'ComSpec') ?? 'cmd.exe', argv: [...flags, `"${line}"`] }
}

/**
 * Quotes an argument that a batch file passes on with %*. cmd.exe reads the line twice, first as its own and then where
 * the batch file inserts %*. Every `"` begins or ends a quoted part, even in `\"`, so that `"&calc.exe` would start a second
 * program (Azure/azure-cli#15529). `""` stays inside the quotes, and the program that gets the argument reads it as one `"`.
 * A `%` cannot be escaped; the empty expression after it keeps it from starting a variable. Rust's standard library has
 * done both since CVE-2024-24576
 * (https://flatt.tech/research/posts/batbadbut-you-cant-securely-execute-commands-on-windows/).
 */
export function quoteForBatch(word: string): string {
  if (/[\r\n]/.test(word)) throw new TypeError('an argument of a batch file cannot contain a line break')
  const text = word
    .replaceAll(/(\\*)"/g, '$1$1""')
    .replace(/(\\+)$/, '$1$1')
    .replaceAll('%', '%%cd:~,%')
  return `"${text}"`
}

/** Finds the file of a program as Windows does: on the PATH, with one of the extensions in PATHEXT. */
function findProgram(
  program: string,
  env: NodeJS.ProcessEnv,
  exists: (file: string) => boolean,
): string | undefined {
  const endings = (getVariable(env, 'PATHEXT') ?? '.COM;.EXE;.BAT;.CMD').split(';')
  const isFull = endings.some((ending) => program.toUpperCase().endsWith(ending.toUpperCase()))
  const folders = /[\\/]/.test(program)
    ? ['']
    : (getVariable(env, 'PATH') ?? '').split(';').map((folder) => folder.replaceAll('"', ''))
  return folders
    .flatMap((folder) =>
      (isFull ? [''] : endings).map((ending) => path.win32.join(folder, `${program}${ending}`)),
    )
    .find(exists)
}

/** Windows does not distinguish case in the names of variables. */
const getVariable = (env: NodeJS.ProcessEnv, name: string): string | undefined =>
  Object.entries(env).find(([key]) => key.toUpperCase() === name.toUpperCase())?.[1]
