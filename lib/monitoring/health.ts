import { setImmediate as immediate, setTimeout as pause } from 'node:timers/promises'
import type { Run } from '../cli/defineScript.ts'
import type { Config } from '../config/config.ts'
import { type OpenContext, openContext } from '../deploy/context.ts'
import { getMessage } from '../util/errors.ts'
import type { Channel } from './alerts/alert.ts'
import { collect } from './collect.ts'
import { type HealthFlags, type HealthOptions, parseHealthFlags } from './options.ts'
import { acquireRunLock } from './singleInstance.ts'

/** One run of the health check: look, know, record, confirm, tell, say (docs/health.md). Gives the exit code. */
export async function health(run: Run<HealthFlags>): Promise<number> {
  if (run.flags.format === 'json') run.flags.json = true
  const asked = parseHealthFlags(run.flags, process.stdout.isTTY === true)
  const config = await run.config()
  const channels = await loadChannels(config)
  const trouble: string[] = []
  // It changes nothing that a deploy touches, and so has no dry run; but alerts and pings leave this machine.
  const context = await openContext(run, config, 'health', true, {
    folder: 'transcripts-health',
    unwritable: (thrown) => trouble.push(`there is no transcript: ${getMessage(thrown)}`),
  })
  try {
    if (asked.testAlert !== undefined) {
      const { sendTestAlert: testAlert } = await import('./alerts/test.ts')
      const code = await testAlert(run, context, channels, asked.testAlert)
      run.complete = true
      return code
    }
    const guard = await acquireRunLock(config, asked.quick ? 'quick' : asked.fromVps ? 'vps' : 'full')
    try {
      if (guard.trouble) trouble.push(guard.trouble)
      const code = await withPings(context, () => runCheck(run, context, asked, channels, trouble))
      // All is said: a signal that came meanwhile has cut nothing short, and the code is the look's.
      run.complete = true
      return code
    } finally {
      guard.release()
    }
  } finally {
    await context.close()
  }
}

interface CheckResult {
  exitCode: number
  line: string
  /** Gives what goes to stdout once the ping is out. */
  say(pingTrouble: string[]): Promise<void>
}

async function runCheck(
  run: Run<HealthFlags>,
  context: OpenContext,
  asked: HealthOptions,
  channels: readonly Channel[],
  trouble: readonly string[],
): Promise<CheckResult> {
  const inVain = new AbortController()
  const looking = collect(context, asked, AbortSignal.any([run.signal, inVain.signal]))
  const preparing = Promise.race([looking, afterFirstPackets()]).then(() => loadModules(context.config))
  const [looked, { formatted, isNews, evaluate, keep, store, withTrouble }] = await Promise.all([
    looking,
    preparing,
  ]).catch(async (thrown) => {
    // A look that goes on would open connections that nobody closes any more.
    inVain.abort()
    await looking.catch(() => {})
    throw thrown
  })
  try {
    const judged = await evaluate(context, looked, store, asked.quick)
    const about = { rules: asked.rules, channels, quick: asked.quick, trouble }
    const report = await keep(context, store, judged, about)
    return {
      ...report,
      async say(pingTrouble) {
        const told = pingTrouble.length > 0 ? withTrouble(context, report, pingTrouble) : report
        // Who asks for a document or for metrics gets them; a line or a table only when there is news.
        const asksForAll = asked.format === 'json' || asked.format === 'openmetrics'
        if (asksForAll || !run.flags.quiet || isNews(told))
          run.result(await formatted(asked.format, told), told)
      },
    }
  } finally {
    store.close()
  }
}

/** By then the probes' first packets are out. */
const afterFirstPackets = () => pause(20, undefined, { ref: false })

/**
 * What is needed when the probes have answered, loaded while they are waited for; a little at a time, because an answer that
 * comes meanwhile would be timed late.
 */
async function loadModules(config: Config) {
  const { openHistoryHandle: openStore } = await import('./record.ts')
  await immediate()
  const store = await openStore(config)
  await immediate()
  const { evaluate } = await import('./evaluate.ts')
  await immediate()
  const { persist: keep } = await import('./persist.ts')
  const {
    formatReport: formatted,
    isNoteworthy: isNews,
    addTrouble: withTrouble,
  } = await import('./buildReport.ts')
  return { store, evaluate, keep, formatted, isNews, withTrouble }
}

/** Between `/start` and `/<exit code>` of the dead man's switch, if there is one. A ping that fails is told, no more. */
async function withPings(context: OpenContext, work: () => Promise<CheckResult>): Promise<number> {
  if (!context.config.health.pingUrl.given) {
    const said = await work()
    await said.say([])
    return said.exitCode
  }
  const { pingEnd, pingStart } = await import('./alerts/ping.ts')
  const started = pingStart(context)
  const said = await work().catch(async (thrown) => {
    await started
    await pingEnd(context, 3, `UNKNOWN - ${getMessage(thrown)}`)
    throw thrown
  })
  const failures = [await started, await pingEnd(context, said.exitCode, said.line)]
  await said.say([...new Set(failures.flatMap((failure) => (failure ? [failure.what] : [])))])
  return said.exitCode
}

/** Loaded only where an alert can leave this machine at all. Throws (exit 2) when a channel is configured by half. */
async function loadChannels(config: Config): Promise<Channel[]> {
  const { webhook, slack, teams, email } = config.alerts
  const any = [webhook, slack, teams, email.smtp].some(({ given }) => given) || email.to || email.from
  return any ? (await import('./alerts/channels.ts')).createChannels(config) : []
}
