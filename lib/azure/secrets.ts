import { isInKeyVault, revealSecret, type Secret } from '../config/secret.ts'
import { type Context, ok, type Task } from '../tasks/task.ts'
import { getMessage, OpsError } from '../util/errors.ts'

/**
 * Checks that the secrets a script needs are set and acceptable to Azure, before anything is created, also in a plan.
 * Follows references and checks their values. Reports all invalid ones at once.
 */
export const secretsTask = ({ runner }: Context, secrets: readonly Secret[], login: Task): Task => ({
  id: 'secrets',
  title: 'Secrets',
  part: 'prepare',
  // A key vault uses the same login.
  after: secrets.some(isInKeyVault) ? [login] : [],
  async inspect() {
    const asked = await Promise.allSettled(secrets.map((secret) => revealSecret(secret, runner)))
    const wrong = asked.flatMap((each) => (each.status === 'rejected' ? [each.reason as unknown] : []))
    if (wrong.length > 0) throw together(wrong)
    return ok(`${secrets.map(({ key }) => key).join(' and ')} can be used`)
  },
})

/** The secrets of both containers. */
export const containerSecretsTask = (context: Context, login: Task): Task =>
  secretsTask(context, [context.config.postgres.password, context.config.backend.secretKey], login)

/** Combines several failures into one; a single one stays unchanged. */
function together(thrown: readonly unknown[]): unknown {
  const [first, ...rest] = thrown
  if (!(first instanceof OpsError) || rest.length === 0) return first
  const next = thrown.flatMap((each) => (each instanceof OpsError ? (each.failure.next ?? []) : []))
  return new OpsError({
    ...first.failure,
    what: thrown.map(getMessage).join('; '),
    next: [...new Set(next)].join('\n  '),
    exitCode: first.exitCode,
  })
}
