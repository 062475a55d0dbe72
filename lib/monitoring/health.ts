import { setImmediate as immediate, setTimeout as pause } from 'node:timers/promises'
import { type ProbeRun, runProbes } from '../checks/health.ts'
import type { Run } from '../cli/defineScript.ts'
import type { Config } from '../config/config.ts'
import { type OpenContext, openContext } from '../deploy/context.ts'
import { getMessage } from '../util/errors.ts'
import type { Channel } from './alerts/alert.ts'
import { type HealthFlags, type HealthOptions, parseHealthFlags } from './options.ts'
import type { Report } from './report.ts'
import { acquireRunLock } from './singleInstance.ts'

/** Probes, evaluates, records, confirms, alerts and prints, once (docs/health.md). Returns the exit code. */
export async function health(run: Run<HealthFlags>): Promise<number> {
  if (run.flags.format === 'json') run.flags.json = true
  const asked = parseHealthFlags(run.flags, process.stdout.isTTY === true)
  const config = await run.config()
  const channels = await loadChannels(config)
  const trouble: string[] = []
  // A health check has no dry run because it changes nothing that a deploy touches; alerts and pings do leave this
  // machine.
  const unwritable = (thrown: unknown) => trouble.push(`no transcript is written: ${getMessage(thrown)}`)
  const context = await openContext(run, config, 'health', true, { folder: 'transcripts-health', unwritable })
  try {
    if (asked.testAlert !== undefined) {
      const { sendTestAlert } = await import('./alerts/test.ts')
      const code = await sendTestAlert(run, context, channels, asked.testAlert)
      run.complete = true
      return code
    }
    const kind = asked.fromVps ? 'vps' : 'full'
    const guard = await acquireRunLock(config, asked.quick ? 'quick' : kind)
    try {
      if (guard.trouble) trouble.push(guard.trouble)
      const code = await withPings(context, () => runHealth(run, context, asked, channels, trouble))
      // Everything is printed: a signal that arrived meanwhile has interrupted nothing, and the exit code is the
      // check's.
      run.complete = true
      return code
    } finally {
      guard.release()
    }
  } finally {
    await context.close()
  }
}

interface CheckResult extends Report {
  /** Prints the result, after the ping was sent. */
  print(pingTrouble: string[]): Promise<void>
}

async function runHealth(
  run: Run<HealthFlags>,
  context: OpenContext,
  asked: HealthOptions,
  channels: readonly Channel[],
  trouble: readonly string[],
): Promise<CheckResult> {
  const abort = new AbortController()
  const collecting = collect(context, asked, AbortSignal.any([run.signal, abort.signal]))
  const preparing = Promise.race([collecting, afterFirstPackets()]).then(() => loadModules(context.config))
  const [collected, { formatReport, isNoteworthy, evaluate, persist, store, addTrouble }] = await Promise.all(
    [collecting, preparing],
  ).catch(async (thrown) => {
    // A check that continues would open connections that nobody closes.
    abort.abort()
    await collecting.catch(() => {})
    throw thrown
  })
  try {
    const evaluation = await evaluate(context, collected, store, asked.quick)
    const about = { rules: asked.rules, channels, quick: asked.quick, trouble }
    const report = await persist(context, store, evaluation, about)
    return {
      ...report,
      async print(pingTrouble) {
        const shown = pingTrouble.length > 0 ? addTrouble(context, report, pingTrouble) : report
        // JSON and OpenMetrics are always printed; with --quiet, a line or a table only when there is news.
        const asksForAll = asked.format === 'json' || asked.format === 'openmetrics'
        if (asksForAll || !run.flags.quiet || isNoteworthy(shown))
          run.result(await formatReport(asked.format, shown), shown)
      },
    }
  } finally {
    store.close()
  }
}

export interface Collected {
  here: ProbeRun
  vps?: ProbeRun
}

/** Runs all probes from here and, if requested, from the VPS at the same time. Throws (exit 2) for an unknown probe. */
async function collect(context: OpenContext, asked: HealthOptions, signal: AbortSignal): Promise<Collected> {
  const targets = asked.targets ? (await import('../checks/customTargets.ts')).readTargets(asked.targets) : []
  const { quick, only, fromVps } = asked
  const [here, vps] = await Promise.all([
    runProbes(context, { quick, only, targets, signal }),
    fromVps ? runProbes(context, { quick, targets, from: 'vps', signal }) : undefined,
  ])
  // The VPS runs only some of the probes.
  const observations = vps?.observations.filter(({ probe }) => only.length === 0 || only.includes(probe.id))
  return { here, ...(vps && observations ? { vps: { ...vps, observations } } : {}) }
}

const afterFirstPackets = () => pause(20, undefined, { ref: false })

/** Loads while the probes wait; yields between the modules, because an answer that arrives during a load is timed late. */
async function loadModules(config: Config) {
  const { openHistoryHandle } = await import('./record.ts')
  await immediate()
  const store = await openHistoryHandle(config)
  await immediate()
  const { evaluate } = await import('./evaluate.ts')
  await immediate()
  const { persist } = await import('./persist.ts')
  const { formatReport, isNoteworthy, addTrouble } = await import('./buildReport.ts')
  return { store, evaluate, persist, formatReport, isNoteworthy, addTrouble }
}

/** Runs `work` between the pings of the dead man's switch, if there is one. A failed ping does not fail the run. */
async function withPings(context: OpenContext, work: () => Promise<CheckResult>): Promise<number> {
  if (!context.config.health.pingUrl.given) {
    const result = await work()
    await result.print([])
    return result.exitCode
  }
  const { ping } = await import('./alerts/post.ts')
  const started = ping(context, 'start')
  const result = await work().catch(async (thrown) => {
    await started
    await ping(context, 3, `UNKNOWN - ${getMessage(thrown)}`)
    throw thrown
  })
  const failures = [await started, await ping(context, result.exitCode, result.line)]
  await result.print([...new Set(failures.flatMap((failure) => (failure ? [failure.what] : [])))])
  return result.exitCode
}

/** Loads the channels only where at least one is configured. Throws (exit 2) when one is only partly configured. */
async function loadChannels(config: Config): Promise<Channel[]> {
  const { webhook, slack, teams, email } = config.alerts
  const any = [webhook, slack, teams, email.smtp].some(({ given }) => given) || email.to || email.from
  return any ? (await import('./alerts/channels.ts')).createChannels(config) : []
}
