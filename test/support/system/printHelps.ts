import path from 'node:path'
import { pathToFileURL } from 'node:url'

/* Prints the help of each script that is named, in one process: under wine, starting Node costs more than the help. */

const [program = '', self = '', ...files] = process.argv
for (const file of files) {
  process.argv = [program, self, '--help']
  process.stdout.write(`# ${path.basename(file)}\n`)
  const { default: script } = await import(pathToFileURL(file).href)
  await script.start()
}
