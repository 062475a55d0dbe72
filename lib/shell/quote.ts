const plain = /^[A-Za-z0-9_@%+=:,./-]+$/

/**
 * Quotes one argument for a POSIX shell (XCU 2.2.2: nothing is special within single quotes).
 * Never zx's own quote(): it writes `$'…'`, which dash does not know.
 * Throws on NUL, which no argument can carry.
 */
export function quotePosix(argument: string): string {
  if (argument.includes('\0')) throw new TypeError('an argument cannot contain a NUL byte')
  if (plain.test(argument)) return argument
  return `'${argument.replaceAll("'", `'\\''`)}'`
}

export const quoteLine = (argv: readonly string[]): string => argv.map(quotePosix).join(' ')

/** Words that mean the same to cmd.exe and PowerShell, where `@` and `,` are operators. */
const plainOnWindows = /^[A-Za-z0-9_+=:./\\-]+$/

/** A line for the operator to paste: on Windows for PowerShell, and for cmd.exe wherever one quoting means the same to both. */
export function quoteToPaste(argv: readonly string[], platform = process.platform): string {
  if (platform !== 'win32') return quoteLine(argv)
  const quote = (word: string) => {
    if (plainOnWindows.test(word)) return word
    if (/["$`%]/.test(word)) return `'${word.replaceAll("'", "''")}'`
    // To the program, a backslash before the closing quote would escape it.
    return `"${word.replace(/(\\+)$/, '$1$1')}"`
  }
  return argv.map(quote).join(' ')
}

/** Several such lines as one. Windows PowerShell 5.1 has no `&&`. */
export const joinToPaste = (lines: readonly string[], platform = process.platform): string =>
  lines.join(platform === 'win32' ? '; ' : ' && ')
