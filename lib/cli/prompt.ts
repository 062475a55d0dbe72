import { usageError } from '../util/errors.ts'
import { printable } from '../util/terminal.ts'

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
    return (await terminal.question(printable(`${question} Type ${word}: `))).trim() === word
  } finally {
    terminal.close()
  }
}

/**
 * Before something is destroyed: its name must have been typed, here or as `--confirm=NAME`. `question` says what is lost.
 * Throws (exit 2) when it was not, or was another name; nothing has been touched then.
 */
export async function confirmName(given: string | undefined, name: string, question: string): Promise<void> {
  if (given === name) return
  if (given !== undefined) {
    throw usageError(
      `--confirm=${given} is not the name of what would be lost: ${name}`,
      'Nothing was changed.',
    )
  }
  if (!(await confirmedByTyping(question, name, `--confirm=${name}`))) {
    throw usageError(`Not confirmed: ${name} stays as it is`)
  }
}
