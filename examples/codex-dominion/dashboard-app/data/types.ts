import type { Format } from '@/lib/format'
import type { Where } from '@/lib/rows'

/** One backend list or object. `key` names the list inside the response. */
export const SOURCES = {
  workflows: { path: '/api/workflows', key: 'workflows' },
  queue: { path: '/api/workflows/queue', key: '' },
  runs: { path: '/api/workflows/runs', key: 'runs' },
  councils: { path: '/api/councils', key: 'councils' },
  agents: { path: '/api/agents', key: 'agents' },
  treasury: { path: '/api/treasury/summary', key: '' },
  metrics: { path: '/api/treasury/metrics', key: 'metrics' },
  ai: { path: '/api/ai/status', key: '' },
  capsules: { path: '/api/ai/capsules', key: 'capsules' },
} as const

export type SourceName = keyof typeof SOURCES

/**
 * One figure. `count` counts rows, `share` is the fraction that matches `where`, `sum` adds up `field`, `field` reads
 * an object.
 */
export type Stat = {
  label: string
  source: SourceName
  compute: 'count' | 'share' | 'sum' | 'field'
  field?: string
  where?: Where[]
  format?: Format
  hint?: string
}

export type Column = { field: string; label: string; format?: Format; align?: 'right' }

/** What a page shows, as data: one component in components/widgets draws each kind. */
export type Widget =
  | { kind: 'stats'; items: Stat[] }
  | {
      kind: 'table'
      title: string
      note?: string
      source: SourceName
      columns: Column[]
      where?: Where[]
      sort?: { field: string; descending?: boolean }
      limit?: number
      search?: boolean
      empty: string
    }
  | {
      kind: 'breakdown'
      title: string
      note?: string
      source: SourceName
      by: string
      sum?: string
      where?: Where[]
      format?: Format
      empty: string
    }
  | { kind: 'trend'; title: string; note?: string; contains?: string[]; empty: string }
  | { kind: 'probe'; title: string; note?: string; sources: SourceName[] }
  | { kind: 'run'; title: string; note?: string; contains?: string[] }
  | { kind: 'ask'; title: string; suggestions: string[] }
  | { kind: 'steps'; title: string; steps: { title: string; text: string }[] }
  | { kind: 'notes'; title: string; items: string[] }

export type Page = {
  slug: string
  title: string
  /** One sentence: what this page answers. */
  description: string
  widgets: Widget[]
}

export type SectionIcon =
  | 'councils'
  | 'agents'
  | 'workflows'
  | 'capsules'
  | 'treasury'
  | 'ai'
  | 'dawn'
  | 'automation'
  | 'orchestration'
  | 'notifications'
  | 'health'
  | 'metrics'
  | 'governance'

export type Section = {
  slug: string
  title: string
  icon: SectionIcon
  summary: string
  /** The section has its own page under app/, so the section route omits it. */
  handmade?: boolean
  /** Widgets of the section's page when it has none under app/. */
  widgets?: Widget[]
  pages: Page[]
}
