import { expect, test } from 'vitest'
import { warnIfMarkedBad } from '../../../lib/deploy/badReleaseWarnings.ts'
import { type Difference, nothingAhead, type Task } from '../../../lib/tasks/task.ts'
import { loadTestConfig, openRunner } from '../../support/helpers.ts'

const id = '20261122T100000Z-aaaaaaaa'

/** What the switch says when the upload has found this, and how often the VPS was asked for marks. */
async function told(upload: Difference): Promise<[string, number]> {
  let asked = 0
  const runner = openRunner()
  const run: typeof runner.run = async () => {
    asked++
    const mark = JSON.stringify({ at: '', why: 'all white' })
    return { code: 0, stdout: `frontend\t${id}\t${mark}\nend\n`, stderr: '' } as never
  }
  const step = (name: string, difference: Difference): Task => ({
    ...{ id: name, title: name, part: 'ionos' },
    inspect: async () => difference,
  })
  const fields = [{ name: 'live release', before: 'other', after: id }]
  const steps = warnIfMarkedBad({ config: await loadTestConfig(), runner: { ...runner, run } }, [
    step('frontend-upload', upload),
    step('frontend-switch', { state: 'change', what: `release ${id}`, fields, effects: [] }),
  ])
  const seen: Difference[] = []
  for (const each of steps) seen.push(await each.inspect(nothingAhead))
  const last = seen.at(-1)
  return [last && 'what' in last ? last.what : '', asked]
}

test('pages that are marked as bad come back with a word; new ones are not asked about', async () => {
  expect(await told({ state: 'ok', reason: 'there' })).toEqual([
    `release ${id}; it is marked as bad (all white), and published all the same`,
    1,
  ])
  expect(await told({ state: 'create', what: 'new', effects: [] })).toEqual([`release ${id}`, 0])
})
