import pg from 'pg'
import { expect, test } from 'vitest'
import { quoteName, quoteText } from '../../../lib/database/sql.ts'

test.each(['', 'agents', 'A b', `it's`, '"', `""'''`, '\\', `\\'; DROP TABLE agents; --`, '$$', 'ü€\n\t'])(
  'names and texts are quoted as pg does it: %j',
  (words) => {
    expect(quoteName(words)).toBe(pg.escapeIdentifier(words))
    expect(quoteText(words)).toBe(pg.escapeLiteral(words))
  },
)
