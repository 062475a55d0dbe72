import { merge, type Source } from '../../lib/logs/merge.ts'
import { textOutput } from '../../lib/logs/output.ts'
import {
  createErrorTimestampParser,
  createLineParser,
  parseAccessTimestamp,
  parseContainerTimestamp,
  readLines,
  type TimestampParser,
} from '../../lib/logs/parse.ts'

/*
 * Merges a million generated lines to standard output and reports on stderr how much memory that took; see
 * memory.test.ts.
 */

const began = Date.parse('2026-11-23T00:00:00Z')
const clock = (id: number) => new Date(began + id * 40).toISOString()

const makers: Record<string, { dating: TimestampParser; line(id: number): string }> = {
  access: {
    dating: parseAccessTimestamp,
    line: (id) =>
      `10.0.0.1 - - [23/Nov/2026:${clock(id).slice(11, 19)} +0000] "GET /page-${id} HTTP/2.0" 200 5321 "-" "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36"`,
  },
  error: {
    dating: createErrorTimestampParser('UTC', '+0000'),
    line: (id) =>
      `2026/11/23 ${clock(id).slice(11, 19)} [error] 7#7: *${id} connect() failed (111: Connection refused)`,
  },
  backend: {
    dating: parseContainerTimestamp,
    line: (id) =>
      `${clock(id)} ${clock(id)} level=info logger=gunicorn.access method=GET path=/api/workflows status=200 ms=4`,
  },
}

async function* bytes(line: (id: number) => string, count: number): AsyncGenerator<Buffer> {
  for (let id = 0; id < count; id += 300)
    yield Buffer.from(
      Array.from({ length: Math.min(300, count - id) }, (_none, index) => `${line(id + index)}\n`).join(''),
    )
}

const sources: Source[] = Object.entries(makers).map(([id, { dating, line }]) => ({
  id,
  async *open() {
    const dates = createLineParser(id, dating)
    for await (const texts of readLines(bytes(line, id === 'access' ? 400_000 : 300_000)))
      yield dates.take(texts)
  },
}))

let [count, last, ordered] = [0, 0, true]
const output = textOutput(process.stdout, (text) => text)
const options = { signal: new AbortController().signal, patienceMs: 60_000, onLate() {}, onFailure() {} }
for await (const batch of merge(sources, options)) {
  for (const { at = 0 } of batch) {
    ordered &&= at >= last
    last = at
  }
  count += batch.length
  await output.lines(batch)
}
process.stderr.write(JSON.stringify({ count, ordered, maxRssMb: process.resourceUsage().maxRSS / 1024 }))
