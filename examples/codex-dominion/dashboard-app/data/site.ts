import { agents } from './sections/agents'
import { ai } from './sections/ai'
import { automation } from './sections/automation'
import { capsules } from './sections/capsules'
import { councils } from './sections/councils'
import { dawn } from './sections/dawn'
import { governance } from './sections/governance'
import { health } from './sections/health'
import { metrics } from './sections/metrics'
import { notifications } from './sections/notifications'
import { orchestration } from './sections/orchestration'
import { treasury } from './sections/treasury'
import { workflows } from './sections/workflows'
import type { Page, Section, Widget } from './types'
import { SOURCES } from './types'

/** The route table: every section and page of the dashboard, in the order of the navigation. */
export const SECTIONS: Section[] = [
  councils,
  agents,
  workflows,
  capsules,
  treasury,
  ai,
  dawn,
  automation,
  orchestration,
  notifications,
  health,
  metrics,
  governance,
]

export function findSection(slug: string): Section | undefined {
  return SECTIONS.find((section) => section.slug === slug)
}

export function findPage(sectionSlug: string, pageSlug: string): Page | undefined {
  return findSection(sectionSlug)?.pages.find((page) => page.slug === pageSlug)
}

function pathsOf(widget: Widget): string[] {
  switch (widget.kind) {
    case 'stats':
      return widget.items.map((item) => SOURCES[item.source].path)
    case 'table':
    case 'breakdown':
      return [SOURCES[widget.source].path]
    case 'trend':
      return [SOURCES.metrics.path]
    case 'probe':
      return widget.sources.map((source) => SOURCES[source].path)
    case 'run':
      return [SOURCES.workflows.path, '/api/workflows/run']
    case 'ask':
      return ['/api/ai/ask']
    case 'steps':
    case 'notes':
      return []
  }
}

/** The API paths that these widgets request, each once, sorted: what a page depends on. */
export function apiPaths(widgets: Widget[]): string[] {
  return [...new Set(widgets.flatMap(pathsOf))].sort()
}

/** Every address of the site, for the sitemap and for tests of the export. */
export function allPaths(): string[] {
  return [
    '/',
    '/dashboard',
    ...SECTIONS.flatMap((section) => [
      `/${section.slug}`,
      ...section.pages.map((page) => `/${section.slug}/${page.slug}`),
    ]),
  ]
}
