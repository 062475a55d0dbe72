import { expect, test } from 'vitest'
import { whyWorkersAreDead } from '../../../lib/azure/containers/status.ts'

const of = (line: (pid: number) => string, pids = [5, 6, 7]) => pids.map(line).join('\n')

test.each([
  ['gunicorn 20.1', of((pid) => `[2026-11-25 21:00:01 +0000] [${pid}] [INFO] Worker exiting (pid: ${pid})`)],
  ['gunicorn 21 and newer', of((pid) => `[…] [1] [ERROR] Worker (pid:${pid}) exited with code 1`)],
  ['killed', of((pid) => `[…] [1] [ERROR] Worker (pid:${pid}) was sent SIGKILL! Perhaps out of memory?`)],
  ['by a signal', of((pid) => `[…] [1] [WARNING] Worker with pid ${pid} was terminated due to signal 11`)],
  ['that hang', of((pid) => `[…] [1] [CRITICAL] WORKER TIMEOUT (pid:${pid})`)],
])('workers that keep exiting: %s', (_, log) => {
  expect(whyWorkersAreDead({ state: 'Running', accepted: false, log })).toBe(
    'its workers keep exiting (3 in its last log lines)',
  )
})

test('a worker that is named several times counts once; a stopped container proves nothing', () => {
  const log = of((pid) => `Worker (pid:${pid}) exited with code 1\nWorker exiting (pid: ${pid})`, [5, 6])
  expect(whyWorkersAreDead({ state: 'Running', accepted: false, log })).toBeUndefined()
  expect(whyWorkersAreDead({ state: 'Waiting', accepted: true, log })).toBeUndefined()
})
