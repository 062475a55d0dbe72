import { openHistory } from '../../lib/monitoring/store/store.ts'
import { createRun, createSample } from './runFixtures.ts'

/*
 * A health check in a separate process: node historyWriter.ts FILE NAME COUNT. Each check run is written with its
 * number, in one transaction; `written N` on stdout once it is stored.
 */
const [file = '', name = '', count = '0'] = process.argv.slice(2)
const history = await openHistory(file, { sampleDays: 35, days: 400 })
for (let turn = 0; turn < Number(count); turn++) {
  history.transaction(() => {
    // Times span hours, so that roll-ups are written along with the check runs.
    const looks = history.note<number>('looks') ?? 0
    history.record(
      createRun(
        Date.UTC(2026, 0, 1) + looks * 300_000,
        createSample('static'),
        createSample('api'),
        createSample(name),
      ),
    )
    history.setNote('looks', looks + 1)
  })
  process.stdout.write(`written ${turn + 1}\n`)
}
history.close()
