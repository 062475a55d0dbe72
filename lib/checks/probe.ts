import type { Limits } from '../config/config.ts'
import type { Phases } from '../net/http.ts'
import type { Judged } from '../util/status.ts'

/** A figure that a probe measured, as performance data names it. */
export interface Figure {
  /** `static`, `certificate`, `queue_jobs` … */
  name: string
  value: number
  /** As the Monitoring Plugins' guidelines know them; '' for a plain number. */
  unit: '' | 'ms' | 's' | '%' | 'B' | 'c'
  limits?: Limits
}

/** What a probe saw. */
export interface Reading extends Judged {
  /** Milliseconds until the whole answer was there; absent when nothing that takes time was asked, or no answer came. */
  ms?: number
  phases?: Phases
  figures?: readonly Figure[]
  /** Nothing was heard from the other side: this machine's own network could be the reason. */
  silent?: true
  /** Something answered that could not prove to be the other side: whoever is on the way could be the reason. */
  unproven?: true
  /** Only plain HTTP was heard, and nothing in it that only the other side says: anybody on the way can answer so. */
  plain?: true
  /** The site itself says that it is in maintenance: our page, or the API's answer. */
  maintenance?: true
}

/** One question to the running system. It never changes anything. */
export interface Probe {
  /** Names its samples in history: `static`, `api`, `certificate` … */
  id: string
  title: string
  /** Needs no login: asked by --quick, too. */
  quick: boolean
  /** What a visitor would notice: an outage of these is the worst. */
  visible: boolean
  /** Fails while the maintenance page hides the site. */
  hiddenByMaintenance: boolean
  /** web: what is timed; core: what needs a login; target: one of the operator's own. */
  group: 'web' | 'core' | 'target'
  /** The one host that it asks over HTTP, as the URL writes it. */
  host?: string
  /** Its answer comes over the network: any shows that this machine's own works. */
  showsNetwork: boolean
  /** How long it may take, in milliseconds. */
  timeoutMs: number
  /** Its verdict when it takes longer: for what visitors use, no answer is an outage. */
  silence: 'CRITICAL' | 'UNKNOWN'
  /** Throws only when nothing can be said (UNKNOWN). */
  ask(signal: AbortSignal): Promise<Reading>
}

export interface Observation extends Reading {
  probe: Probe
  /** Milliseconds from asking to verdict. */
  took: number
}

/** What the probes have in common that need a login: az, ssh, or the database's password. */
export const coreProbe = {
  group: 'core',
  quick: false,
  visible: false,
  hiddenByMaintenance: false,
  showsNetwork: true,
  timeoutMs: 30_000,
  silence: 'UNKNOWN',
} as const
