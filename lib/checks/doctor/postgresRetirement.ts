import { formatKeyFile, formatScriptLine } from '../../config/pasteLine.ts'
import type { Check } from './check.ts'
import { retires } from './endOfLife.ts'

/** postgresql.org/support/versioning; Azure follows it. */
const ends: Readonly<Record<string, string>> = {
  13: '2025-11-13',
  14: '2026-11-12',
  15: '2027-11-11',
  16: '2028-11-09',
  17: '2029-11-08',
  18: '2030-11-14',
}

export const postgresRetirement: Check = {
  id: 'postgres-retirement',
  title: 'Version of PostgreSQL',
  category: 'retirement',
  get next() {
    return `Back up, set a newer POSTGRES_VERSION in ${formatKeyFile('POSTGRES_VERSION')}, then ${formatScriptLine('provision')}.`
  },
  async look({ context, now }) {
    const { version } = context.config.postgres
    return retires(`PostgreSQL ${version}`, ends[version], now)
  },
}
