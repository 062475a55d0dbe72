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
  run: () => Promise.reject(new Error('/ answers 502')),
}
const account: Answer = { match: /^account show/, stdout: '{"id":"s","name":"Codex","tenantId":"t"}' }

/** A machine on which every request ends with this error. */
async function deaf(code: string, ...answers: Answer[]) {
  const { context } = await fakeAz(...answers)
  const request = () => Promise.reject(Object.assign(new Error(`it is ${code}`), { code }))
  return { ...context, runner: { ...context.runner, request } }
}

test.each(['ENETUNREACH', 'ETIMEDOUT', 'ENOTFOUND', 'EAI_AGAIN', ''])(
  'a site that does not answer this machine (%s) is unknown, not broken; the failed checks are listed',
  async (code) => {
    expect(
      await getFailure(retryUntilKnown(createCheckContext(await deaf(code)), [wrong], { tries: 1 })),
    ).toMatchObject({
      what: expect.stringContaining('does not answer this machine'),
      said: `it is ${code}\npages: / answers 502`,
      exitCode: 3,
    })
  },
)

test.each(['ECONNREFUSED', 'CERT_HAS_EXPIRED', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'])(
  'a site that answers (%s) has failed, although nothing is known about its pages',
  async (code) => {
    const context = await deaf(code)
    const { failed } = await retryUntilKnown(createCheckContext(context), [wrong], { tries: 1 })
    expect(failed).toMatchObject([{ probe: { id: 'pages' }, detail: '/ answers 502' }])
    expect(await getFailure(assertResponding(context))).toMatchObject({ exitCode: 3 })
  },
)

test('a deploy of Azure alone: Azure decides whether a failure is conclusive', {
  timeout: 60_000,
}, async () => {
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
