import { councilColumns } from '../columns'
import type { Section } from '../types'

export const governance: Section = {
  slug: 'governance',
  title: 'Governance',
  icon: 'governance',
  summary: 'How the dominion is built and run: architecture, data, interfaces, words.',
  widgets: [
    {
      kind: 'steps',
      title: 'Two clouds, one system',
      steps: [
        { title: 'The core', text: 'API, database, cache and workers: everything that thinks or remembers.' },
        { title: 'The face', text: 'This site: static pages, TLS and the domain, close to the visitor.' },
        { title: 'Between them', text: 'One proxy path, /api/, and nothing else.' },
      ],
    },
    {
      kind: 'table',
      title: 'Who decides',
      source: 'councils',
      columns: councilColumns,
      sort: { field: 'name' },
      empty: 'No council has been founded yet.',
    },
  ],
  pages: [
    {
      slug: 'architecture',
      title: 'Architecture',
      description: 'The parts of the system and why each runs where it does.',
      widgets: [
        {
          kind: 'steps',
          title: 'The parts',
          steps: [
            {
              title: 'Static site',
              text: 'Built once, served from disk; it stays up when the core is down.',
            },
            {
              title: 'Proxy',
              text: 'nginx passes /api/ on and keeps working when the backend’s address moves.',
            },
            {
              title: 'Backend',
              text: 'Flask, two CPUs, health checks; restarted by the platform when it ends.',
            },
            { title: 'Worker', text: 'Same image, takes jobs from the queue “workflows”.' },
            { title: 'Database', text: 'PostgreSQL over TLS with automatic backups.' },
            { title: 'Cache', text: 'Redis over TLS for queues, sessions and short-lived answers.' },
          ],
        },
      ],
    },
    {
      slug: 'data-model',
      title: 'Data model',
      description: 'The tables and what a row in each stands for.',
      widgets: [
        {
          kind: 'steps',
          title: 'Tables',
          steps: [
            { title: 'councils', text: 'A standing body with a purpose.' },
            { title: 'agents', text: 'A member of the workforce; belongs to a council.' },
            { title: 'workflows', text: 'Repeatable work with a status, a run counter and a last run.' },
            { title: 'metrics', text: 'One recorded figure: name, value, unit, time.' },
            { title: 'capsules', text: 'A sealed piece of knowledge the advisor can quote.' },
            { title: 'write_log', text: 'One write: who, when, from which address. Only the operator sees it.' },
          ],
        },
        {
          kind: 'stats',
          items: [
            { label: 'councils', source: 'councils', compute: 'count', hint: 'rows' },
            { label: 'agents', source: 'agents', compute: 'count', hint: 'rows' },
            { label: 'workflows', source: 'workflows', compute: 'count', hint: 'rows' },
          ],
        },
      ],
    },
    {
      slug: 'interfaces',
      title: 'Interfaces',
      description: 'Every address this dashboard calls, and whether it answers now.',
      widgets: [
        {
          kind: 'probe',
          title: 'Read',
          sources: ['workflows', 'queue', 'councils', 'agents', 'treasury', 'metrics', 'ai', 'capsules'],
        },
        {
          kind: 'notes',
          title: 'Write',
          items: [
            'POST /api/session with {"token", "name"} signs the operator in; everything else here needs that.',
            'POST /api/workflows/run with {"name"} queues a job and answers 202 with its id.',
            'GET /api/workflows/jobs/<id> reports the progress of that job; /api/workflows/runs lists who started what.',
            'POST /api/ai/ask with {"question"} answers from the capsules.',
          ],
        },
      ],
    },
    {
      slug: 'glossary',
      title: 'Glossary',
      description: 'The words of the dominion, each with one meaning.',
      widgets: [
        {
          kind: 'steps',
          title: 'Words',
          steps: [
            { title: 'Agent', text: 'Somebody or something that does work under a role.' },
            { title: 'Capsule', text: 'A piece of knowledge, sealed when it is agreed on.' },
            { title: 'Council', text: 'A body that owns an outcome.' },
            { title: 'Dawn dispatch', text: 'The first run of the day.' },
            { title: 'Job', text: 'One run of a workflow, from queued to finished.' },
            { title: 'Workflow', text: 'Repeatable work, defined once, run often.' },
          ],
        },
      ],
    },
    {
      slug: 'data-care',
      title: 'Data care',
      description: 'Where data lives, who can read it and how long it is kept.',
      widgets: [
        {
          kind: 'notes',
          title: 'Principles',
          items: [
            'This site keeps nothing about you but the colour theme, and that only in your browser.',
            'Fonts and images come from this site; no third party sees your visit.',
            'The database is reachable over TLS only, and is backed up automatically.',
            'Secrets never appear in a page, a log or an address.',
          ],
        },
      ],
    },
  ],
}
