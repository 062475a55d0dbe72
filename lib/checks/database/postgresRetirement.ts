import { formatKeyFile, formatScriptLine } from '../../config/pasteLine.ts'
import type { Check } from '../check.ts'
import { judgeEndOfLife } from '../endOfLife.ts'

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
  tags: ['doctor', 'retirement'],
  needs: 'nothing',
  advice: () =>
    `Back up, set a newer POSTGRES_VERSION in ${formatKeyFile('POSTGRES_VERSION')}, then ${formatScriptLine('provision')}.`,
  async run({ context, now }) {
    const { version } = context.config.postgres
    return judgeEndOfLife(`PostgreSQL ${version}`, ends[version], now)
  },
}
