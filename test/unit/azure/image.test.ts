import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { createAzure } from '../../../lib/azure/client.ts'
import { type ImageMarks, imageTask, sourceTag } from '../../../lib/azure/image.ts'
import { nothingAhead } from '../../../lib/tasks/task.ts'
import { unknownError } from '../../../lib/util/errors.ts'
import { fakeAz } from '../../support/fakeAz.ts'
import { getFailure, temporaryFolder } from '../../support/helpers.ts'
import { createTask } from '../../support/tasks.ts'

const login = createTask('azure-login')

const tag = (name: string, day: number) => ({
  name,
  digest: `sha256:${name}`,
  createdTime: `2026-11-${day}T10:00:00Z`,
})

/** A registry with one image a day, and a backend whose sources match none of them. */
async function registry(...names: string[]) {
  const tags = names.map((name, index) => tag(name, 10 + index))
  const { context } = await fakeAz(
    { match: /^account show/, stdout: '{"id":"s","name":"Codex","tenantId":"t"}' },
    { match: /^resource show/, stdout: '{"name":"registry"}' },
    { match: /show-tags/, stdout: JSON.stringify(tags) },
    { match: /^acr repository show /, stdout: JSON.stringify(tags.at(-1)) },
  )
  const dir = temporaryFolder()
  writeFileSync(path.join(dir, 'Dockerfile.azure'), 'FROM x')
  const config = { ...context.config, backend: { ...context.config.backend, dir } }
  return { config, runner: context.runner }
}

async function look(names: string[], quick: boolean, marks?: () => Promise<ImageMarks>) {
  const context = await registry(...names)
  const task = imageTask(context, createAzure(context), { login, registry: login, quick, marks })
  const seen = await task.inspect(nothingAhead)
  return { words: 'reason' in seen ? seen.reason : '', image: seen.fact?.image.split(':')[1] }
}
const marked =
  (...names: string[]) =>
  async () =>
    new Map(names.map((name) => [name, { why: `${name} crashed` }]))

test('--quick uses the newest image that is not marked as bad, and names those it skips', async () => {
  expect((await look(['a', 'b', 'c'], true)).image).toBe('c')
  const seen = await look(['a', 'b', 'c'], true, marked('c', 'b', 'elsewhere'))
  expect(seen.image).toBe('a')
  expect(seen.words).toMatch(/codex-backend:a of .*; marked as bad: c \(c crashed\), b \(b crashed\)$/)
  expect(await getFailure(look(['a'], true, marked('a')))).toEqual({
    what: 'No image to use: every codex-backend in codexacr1216 is marked as bad',
    said: 'a (a crashed)',
    next: 'Run this command without --quick to build one.',
    exitCode: 1,
  })
})

test('a script that only uses existing images names the one that builds', async () => {
  const context = await registry()
  const task = imageTask(context, createAzure(context), { login, quick: true, existingOnly: true })
  expect(await getFailure(task.inspect(nothingAhead))).toMatchObject({
    what: 'No image to use: the registry codexacr1216 has no codex-backend',
    next: 'npx dominion build-image   (it builds one)',
  })
})

test('unreadable marks: --quick selects none (exit 3); without it the sources decide, and the uncertainty is reported', async () => {
  const silent = () => Promise.reject(unknownError('The VPS does not answer', undefined, 'Look at it.'))
  expect(await getFailure(look(['a'], true, silent))).toEqual({
    what: 'Could not read which images are marked as bad, so --quick selects none: The VPS does not answer',
    said: undefined,
    next: 'Look at it. Without --quick, the image of the local sources is used.',
    exitCode: 3,
  })
  const { words } = await look(['a'], false, silent)
  expect(words).toContain('could not determine whether it is marked as bad: The VPS does not answer')
})

test('a marked image of the current sources is still released, and the plan says so', async () => {
  const context = await registry('a')
  const name = await sourceTag(context.config)
  const task = imageTask(context, createAzure(context), { login, registry: login, marks: marked(name) })
  expect(await task.inspect(nothingAhead)).toMatchObject({
    reason: expect.stringContaining(`it is marked as bad (${name} crashed) but will be released`),
  })
})
