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
