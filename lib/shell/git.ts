import { look } from './command.ts'
import type { Runner } from './runner.ts'

/** The git revision of a folder, with `+` when tracked files differ from it; '' outside of a checkout, or without git. */
export async function getRevision(runner: Pick<Runner, 'run'>, folder: string): Promise<string> {
  const asked = look(['git', 'describe', '--always', '--abbrev=12', '--exclude=*', '--dirty=+'], {
    cwd: folder,
    accept: [0, 128],
    timeoutMs: 20_000,
  })
  const answer = await runner.run(asked).catch(() => undefined) // git need not be installed
  return answer?.code === 0 ? answer.stdout.trim() : ''
}
