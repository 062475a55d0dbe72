import { expect, test } from 'vitest'
import { createAzure } from '../../../lib/azure/client.ts'
import type { Check } from '../../../lib/checks/check.ts'
import { createCheckContext } from '../../../lib/checks/context.ts'
import { assertResponding, retryUntilKnown } from '../../../lib/checks/retry.ts'
import { verifyTask } from '../../../lib/deploy/verify.ts'
import { nothingAhead } from '../../../lib/tasks/task.ts'
import { type Answer, fakeAz } from '../../support/fakeAz.ts'
import { getFailure } from '../../support/helpers.ts'

const wrong: Check = {
  ...{ id: 'pages', title: 'Pages', tags: ['verify'], needs: 'nothing' },
  run: () => Promise.reject(new Error('/ says 502')),
}
const account: Answer = { match: /^account show/, stdout: '{"id":"s","name":"Codex","tenantId":"t"}' }

/** A machine whose requests all end with this error. */
async function deaf(code: string, ...answers: Answer[]) {
  const { context } = await fakeAz(...answers)
  const request = () => Promise.reject(Object.assign(new Error(`it is ${code}`), { code }))
  return { ...context, runner: { ...context.runner, request } }
}

test.each(['ENETUNREACH', 'ETIMEDOUT', 'ENOTFOUND', 'EAI_AGAIN', ''])(
  'a site that this machine does not hear (%s) is unknown, not broken; what failed is told with it',
  async (code) => {
    expect(
      await getFailure(retryUntilKnown(createCheckContext(await deaf(code)), [wrong], { tries: 1 })),
    ).toMatchObject({
      what: expect.stringContaining('gives this machine no answer'),
      said: `it is ${code}\npages: / says 502`,
      exitCode: 3,
    })
  },
)

test.each(['ECONNREFUSED', 'CERT_HAS_EXPIRED', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'])(
  'a site that is there (%s) has failed, though nothing is known of its pages',
  async (code) => {
    const context = await deaf(code)
    const { failed } = await retryUntilKnown(createCheckContext(context), [wrong], { tries: 1 })
    expect(failed).toMatchObject([{ probe: { id: 'pages' }, detail: '/ says 502' }])
    expect(await getFailure(assertResponding(context))).toMatchObject({ exitCode: 3 })
  },
)

test('a deploy of the core alone: Azure says whether what failed is known', { timeout: 60_000 }, async () => {
  const verified = async (...answers: Answer[]) => {
    const context = await deaf('ENETUNREACH', account, ...answers)
    const step = verifyTask(context, { azure: createAzure(context), ionos: false, after: [] })
    const { what, exitCode } = await getFailure(step.inspect(nothingAhead))
    return [what, exitCode]
  }
  const list = /^container list/
  expect(
    await Promise.all([
      verified({ match: list, stderr: 'HTTPSConnectionPool: Max retries exceeded', code: 1 }),
      verified({ match: list, stderr: 'Please run az login to setup account.', code: 1 }),
      verified({ match: list, stdout: '[]' }),
    ]),
  ).toEqual([
    ['Azure cannot be reached from here', 3],
    ['Not logged in to Azure, or the login has expired', 4],
    ['2 of 2 checks failed', 1],
  ])
})
