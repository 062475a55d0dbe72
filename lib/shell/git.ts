import { local } from './command.ts'
import type { Runner } from './runner.ts'

/**
 * Returns a folder's git revision, with `+` when tracked files differ from it; '' outside a checkout or without git.
 */
export async function getRevision(runner: Pick<Runner, 'run'>, folder: string): Promise<string> {
  const command = local({ cwd: folder, accept: [0, 128], timeoutMs: 20_000 })`
    git describe --always --abbrev=12 --exclude=* --dirty=+`
  const answer = await runner.run(command).catch(() => undefined) // git may not be installed.
  return answer?.code === 0 ? answer.stdout.trim() : ''
}
