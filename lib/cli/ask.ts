import { usageError } from '../command/errors.ts'

/**
 * Asks the operator to type a word before something that cannot be taken back. Gives true when it was typed.
 * Throws (exit 2) where nobody can be asked, naming the flag that answers instead.
 */
export async function confirmedByTyping(question: string, word: string, flag: string): Promise<boolean> {
  if (!process.stdin.isTTY || !process.stderr.isTTY) {
    throw usageError(`This needs a yes, and there is no terminal to ask on: ${question}`, `Add ${flag}.`)
  }
  const { createInterface } = await import('node:readline/promises')
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  try {
    return (await terminal.question(`${question} Type ${word}: `)).trim() === word
  } finally {
    terminal.close()
  }
}
