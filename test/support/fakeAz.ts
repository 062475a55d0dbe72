import { readFileSync } from 'node:fs'
import { quoteLine } from '../../lib/shell/quote.ts'
import { startProcess } from '../../lib/shell/spawn.ts'
import { loadTestConfig, openRunner, toSite } from './helpers.ts'

export interface Answer {
  /** Matched against the arguments after `az`, joined by spaces. The first match wins. */
  match: RegExp
  stdout?: string
  stderr?: string
  code?: number
}

/**
 * A context that does not start az but returns these answers, to test which calls are made and how the answers are
 * used.
 */
export async function fakeAz(...answers: Answer[]) {
  const asked: string[] = []
  const runner = openRunner({
    async startLocal(argv, options) {
      const [program, ...words] = argv
      if (program !== 'az') return startProcess(argv, options)
      asked.push(quoteLine(['az', ...words]))
      const line = words.join(' ')
      const {
        stdout = '',
        stderr = '',
        code = 0,
      } = answers.find(({ match }) => match.test(line)) ?? {
        stderr: `no answer prepared for ${line}`,
        code: 99,
      }
      if (stdout) options.onOutput?.(stdout, 'stdout')
      if (stderr) options.onOutput?.(stderr, 'stderr')
      return { code, stdout, stderr, timedOut: false }
    },
  })
  return {
    context: {
      ...toSite(
        await loadTestConfig('POSTGRES_PASSWORD=Gr8-password', 'APP_SECRET_KEY=Gr8-app-key-of-tests'),
      ),
      runner,
    },
    /** Every line so far. */
    asked: (): string[] => asked,
    transcript: () => readFileSync(runner.transcript.file, 'utf8'),
  }
}
