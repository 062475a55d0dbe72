import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { configOf, openRunner, temporaryFolder } from './helpers.ts'

export interface Answer {
  /** Of the arguments behind `az`, joined by blanks. The first that fits counts. */
  match: RegExp
  stdout?: string
  stderr?: string
  code?: number
}

const program = (folder: string, answers: readonly Answer[]) => `#!${process.execPath}
const { appendFileSync } = require('node:fs')
const argv = process.argv.slice(2)
appendFileSync(${JSON.stringify(path.join(folder, 'asked'))}, JSON.stringify(argv) + '\\n')
const answers = [${answers.map(({ match, ...rest }) => `{ match: ${match}, ...${JSON.stringify(rest)} }`).join(', ')}]
const { stdout = '', stderr = '', code = 0 } = answers.find(({ match }) => match.test(argv.join(' '))) ??
  { stderr: 'no answer prepared for ' + argv.join(' '), code: 99 }
process.stdout.write(stdout)
process.stderr.write(stderr)
process.exitCode = code
`

/** A context whose PATH has a program `az` that gives these answers: to see what is asked, and what is made of it. */
export async function answering(...answers: Answer[]) {
  const folder = temporaryFolder()
  writeFileSync(path.join(folder, 'az'), program(folder, answers), { mode: 0o755 })
  const runner = openRunner({ env: { ...process.env, PATH: `${folder}:${process.env.PATH}` } })
  const log = path.join(folder, 'asked')
  return {
    context: {
      config: await configOf('POSTGRES_PASSWORD=Gr8-password', 'APP_SECRET_KEY=Gr8-app-key-of-tests'),
      runner,
    },
    /** The arguments of every call so far. */
    asked: (): string[][] =>
      existsSync(log)
        ? readFileSync(log, 'utf8')
            .trimEnd()
            .split('\n')
            .map((line) => JSON.parse(line) as string[])
        : [],
    transcript: () => readFileSync(runner.transcript.file, 'utf8'),
  }
}
