import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import type { Machine } from '../machine.ts'
import { refuse } from './errors.ts'
import { type Call, ok, type Reply } from './http.ts'
import type { Bag } from './json.ts'
import type { Resource } from './world.ts'

const period = 15_000
const longestKept = 4 * 60 * 60 * 1000
/** USER_HZ, the unit of CPU times in /proc: 100 on every Linux architecture Debian has. */
const ticksPerSecond = 100
const pageSize = 4096

interface Sample {
  at: number
  /** Thousandths of a core. */
  cpu: number
  memory: number
  received: number
  transmitted: number
}

export interface MetricsStore {
  samples: Sample[]
  stop(): void
}

interface Totals {
  ticks: Map<number, number>
  memory: number
  received: number
  transmitted: number
}

function readTotals(machine: Machine): Totals {
  const space = readlinkSync(`/proc/${machine.pid}/ns/pid`)
  const totals: Totals = { ticks: new Map(), memory: 0, received: 0, transmitted: 0 }
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    try {
      if (readlinkSync(`/proc/${name}/ns/pid`) !== space) continue
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8')
      // The program's name is in parentheses and may contain spaces, so fields are counted from its end.
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
      totals.ticks.set(Number(name), Number(fields[11]) + Number(fields[12]))
      totals.memory += Number(fields[21]) * pageSize
    } catch {
      // It has ended in the meantime.
    }
  }
  for (const line of readFileSync(`/proc/${machine.pid}/net/dev`, 'utf8').split('\n')) {
    const [device, numbers = ''] = line.split(':')
    if (device?.trim() !== 'eth0') continue
    const fields = numbers.trim().split(/\s+/).map(Number)
    totals.received = fields[0] ?? 0
    totals.transmitted = fields[8] ?? 0
  }
  return totals
}

/** Samples a machine's processes every 15 s; `earlier` samples of the same group are kept. */
export function startMetrics(machine: Machine, earlier?: MetricsStore): MetricsStore {
  const store: MetricsStore = { samples: earlier?.samples ?? [], stop: () => clearInterval(timer) }
  let before: { at: number; totals: Totals } | undefined
  const sample = (): void => {
    try {
      const now = { at: Date.now(), totals: readTotals(machine) }
      if (before) {
        const seconds = (now.at - before.at) / 1000
        let ticks = 0
        for (const [pid, used] of now.totals.ticks) ticks += used - (before.totals.ticks.get(pid) ?? 0)
        store.samples.push({
          at: now.at,
          cpu: (ticks / ticksPerSecond / seconds) * 1000,
          memory: now.totals.memory,
          received: (now.totals.received - before.totals.received) / seconds,
          transmitted: (now.totals.transmitted - before.totals.transmitted) / seconds,
        })
        store.samples = store.samples.filter(({ at }) => at > now.at - longestKept)
      }
      before = now
    } catch {
      // The machine is being stopped.
    }
  }
  const timer = setInterval(sample, period)
  timer.unref()
  sample()
  // The first figures should not have to wait for a whole period.
  setTimeout(sample, 2000).unref()
  return store
}

const names: Record<string, keyof Sample> = {
  CpuUsage: 'cpu',
  MemoryUsage: 'memory',
  NetworkBytesReceivedPerSecond: 'received',
  NetworkBytesTransmittedPerSecond: 'transmitted',
}

/** In minutes. */
const grains: Record<string, number> = {
  ...{ PT1M: 1, PT5M: 5, PT15M: 15, PT30M: 30, PT1H: 60, PT6H: 360, PT12H: 720, P1D: 1440 },
}

function aggregate(values: number[], wanted: string[]): Bag {
  if (values.length === 0) return {}
  const total = values.reduce((sum, value) => sum + value, 0)
  const all: Bag = {
    average: total / values.length,
    minimum: Math.min(...values),
    maximum: Math.max(...values),
    total,
    count: values.length,
  }
  return Object.fromEntries(wanted.map((each) => [each, all[each]]))
}

function timespan(text: string): [number, number] {
  // `az` encodes the colons a second time.
  const [from, to] = decodeURIComponent(text).split('/')
  const parse = (value: string | undefined): number =>
    Date.parse(/Z|[+-]\d\d:\d\d$/.test(value ?? '') ? value! : `${value}Z`)
  const [start, end] = [parse(from), parse(to)]
  if (Number.isNaN(start) || Number.isNaN(end)) throw refuse('timeInterval', { text })
  return [start, end]
}

/** `…/providers/Microsoft.Insights/metrics` of a container group, in Azure Monitor's form. */
export function metricsReply(resource: Resource, call: Call): Reply {
  const wanted = (call.query.get('metricnames') ?? 'CpuUsage').split(',').filter(Boolean)
  const unknown = wanted.find((each) => !names[each])
  if (unknown !== undefined || !resource.runtime.story)
    throw refuse('unknownMetric', {
      namespace: resource.type.split('/')[0],
      type: resource.type.split('/')[1],
      metric: unknown ?? wanted[0],
      known: Object.keys(names).join(','),
    })
  const interval = call.query.get('interval') ?? 'PT1M'
  const grain = (grains[interval] ?? 0) * 60_000
  if (!grain) throw refuse('timeGrain', { interval, known: Object.keys(grains).join(', ') })
  const [start, end] = timespan(call.query.get('timespan') ?? '')
  const aggregations = (call.query.get('aggregation') ?? 'average')
    .toLowerCase()
    .split(',')
    .map((each) => each.trim())
  const samples = ((resource.runtime.metrics?.samples ?? []) as Sample[]).filter(
    ({ at }) => at >= start && at <= end,
  )
  const series = (key: keyof Sample): Bag[] => {
    const data: Bag[] = []
    for (let at = Math.floor(start / grain) * grain; at < end; at += grain) {
      const values = samples.filter((each) => each.at >= at && each.at < at + grain).map((each) => each[key])
      data.push({ timeStamp: new Date(at).toISOString(), ...aggregate(values, aggregations) })
    }
    return data
  }
  return ok({
    cost: 59,
    timespan: `${new Date(start).toISOString()}/${new Date(end).toISOString()}`,
    interval,
    namespace: resource.type,
    resourceregion: resource.wanted.location,
    value: wanted.map((name) => ({
      id: `${resource.id}/providers/Microsoft.Insights/metrics/${name}`,
      type: 'Microsoft.Insights/metrics',
      name: { value: name, localizedValue: name },
      unit: name === 'CpuUsage' ? 'Count' : 'Bytes',
      errorCode: 'Success',
      timeseries: [{ metadatavalues: [], data: series(names[name]!) }],
    })),
  })
}
