import { usageError } from '../util/errors.ts'
import { escapeControls } from '../util/terminal.ts'

/** Asks the operator to type a word. Resolves to whether it was typed; throws (exit 2) without a terminal. */
export async function askToType(question: string, word: string, flag: string): Promise<boolean> {
  if (!process.stdin.isTTY || !process.stderr.isTTY) {
    throw usageError(
      `Confirmation is required, but there is no terminal to prompt on: ${question}`,
      `Add ${flag}.`,
    )
  }
  const { createInterface } = await import('node:readline/promises')
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  try {
    return (await terminal.question(escapeControls(`${question} Type ${word}: `))).trim() === word
  } finally {
    terminal.close()
  }
}

/** Makes the operator confirm a loss by name, in a prompt or with `--confirm=NAME`. Throws (exit 2) for any other name. */
export async function confirmName(given: string | undefined, name: string, question: string): Promise<void> {
  if (given === name) return
  if (given !== undefined) {
    throw usageError(`--confirm=${given} does not name what would be lost: ${name}`, 'Nothing was changed.')
  }
  if (!(await askToType(question, name, `--confirm=${name}`))) {
    throw usageError(`Not confirmed: ${name} was not changed`)
  }
}
