import { type Check, pass, type QuickContext, select } from '../lib/checks/check.ts'
import { checks } from '../lib/checks/list.ts'
import { assertThat } from '../lib/checks/run.ts'
import { poll } from '../lib/util/poll.ts'
import { vps } from '../lib/vps/remote/vps.ts'
import type { Finding, Verdict } from './judge/judge.ts'
import type { State } from './rehearsal.ts'

/** The checks that any deployment must pass; none of them relies on this being a rehearsal. */
export const ordinaryChecks = [...select(checks, 'verify'), ...select(checks, 'acceptance')]

/** certbot can renew the certificate, and a hook then reloads nginx. */
export const renewalCheck: Check<QuickContext> = {
  id: 'renewal',
  title: 'Certificate renewal',
  tags: ['acceptance'],
  needs: 'ssh',
  async run({ context: { config, runner, server } }) {
    const onVps = vps(server)
    const timer = await runner.run(onVps({ accept: [0, 1] })`systemctl is-enabled certbot.timer`)
    assertThat(timer.stdout.trim() === 'enabled', `certbot.timer is ${timer.stdout.trim() || 'absent'}`)
    const hooks = await runner.run(onVps`ls /etc/letsencrypt/renewal-hooks/deploy`)
    assertThat(hooks.stdout.trim() !== '', 'no deploy hook reloads nginx')
    const renewal = onVps({ timeoutMs: 180_000 })`
      certbot renew --dry-run --cert-name ${config.domain} --no-random-sleep-on-renew`
    await runner.run(renewal)
    return pass('dry run passed, timer enabled, deploy hook in place')
  },
}

/**
 * Kills the main process of the backend and waits until the API of the site answers again, thanks to the
 * restart policy alone.
 */
export const createCrashCheck = ({ controlUrl }: State): Check<QuickContext> => ({
  id: 'crash-restart',
  title: 'Killed container restarts',
  tags: ['acceptance'],
  needs: 'nothing',
  async run({ context: { config, runner } }) {
    const group = `${controlUrl}/containers/codex-backend`
    const read = async () => (await (await fetch(group)).json()) as { pid: number; restarts: number }
    const before = await read()
    const killed = await fetch(`${group}/kill`, { method: 'POST' })
    assertThat(killed.ok, `the container could not be killed: ${await killed.text()}`)
    const started = Date.now()
    const attempt = async () => {
      const answer = await runner
        .request({
          method: 'GET',
          url: `https://${config.domain}/api/workflows`,
          effect: 'read',
          timeoutMs: 5000,
        })
        .catch(() => undefined)
      const now = await read()
      if (answer?.status !== 200 || now.pid === before.pid || now.restarts <= before.restarts)
        return undefined
      return pass(
        `pid ${before.pid} → ${now.pid}, restart ${now.restarts}, API back after ${Date.now() - started} ms`,
      )
    }
    return poll(attempt, {
      ...{ intervalMs: 250, timeoutMs: 60_000 },
      describe: () => new Error('the API was not back within 60 s'),
    })
  },
})

const formatFinding = ({ side, model, at, what, times, seenAt }: Finding): string =>
  `${side} ${model} ${at}: ${what} (${times} ×, first in ${seenAt})`

/** Every request from az and every answer of the rehearsal's Azure fits the models of Microsoft's SDK. */
export const createModelsCheck = ({ controlUrl }: State): Check<QuickContext> => ({
  id: 'models',
  title: "Requests and answers fit Microsoft's models",
  tags: ['acceptance'],
  needs: 'nothing',
  async run() {
    const verdict = (await (await fetch(`${controlUrl}/verdict`)).json()) as Verdict
    const { requests, answers, withoutModel, wanted, findings } = verdict
    assertThat(
      findings.length === 0,
      `${findings.length} differences from Microsoft's models:\n${findings.map(formatFinding).join('\n')}`,
    )
    return pass(
      `${requests} requests and ${answers} answers fit (${wanted} wanted differences; ${withoutModel} polls have no model)`,
    )
  },
})
