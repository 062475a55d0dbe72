import path from 'node:path'
import { Ajv } from 'ajv'
import standaloneCode from 'ajv/dist/standalone/index.js'
import { expect, test } from 'vitest'
import { type Key, keys } from '../../../lib/config/schema.ts'

/*
 * Loading ajv and compiling the schema takes longer than all else that a script does at its start
 * (docs/measurements.md), so lib/config holds what ajv makes of schema.ts. After a change of schema.ts:
 *   npx vitest run test/unit/config/check.test.ts --update
 */
const file = path.join(import.meta.dirname, '..', '..', '..', 'lib', 'config', 'schema.generated.ts')

const head = `// @ts-nocheck
// Written by ajv from schema.ts. After a change there: npx vitest run test/unit/config/check.test.ts --update`

/** Numbers arrive as numbers, all else as text; a number's text that is none stays text, and is of the wrong type. */
function schemaOf({ type, pattern, minimum, maximum, ...about }: Key): object {
  return {
    ...(type === 'string' ? {} : { type }),
    ...(pattern === undefined ? {} : { pattern }),
    ...(about.enum ? { enum: about.enum } : {}),
    ...(minimum === undefined ? {} : { minimum }),
    ...(maximum === undefined ? {} : { maximum }),
  }
}

function compiled(): string {
  const ajv = new Ajv({
    allErrors: true,
    strictTypes: false,
    messages: false,
    code: { source: true, esm: true },
  })
  const properties = Object.fromEntries(Object.entries(keys).map(([key, about]) => [key, schemaOf(about)]))
  const code = standaloneCode.default(ajv, ajv.compile({ type: 'object', properties }))
  // A line for each key, so that a change shows what it changes.
  return `${head}\n${code.replaceAll(/(?=if\(data\.[A-Z_]+ !== undefined\))/g, '\n')}\n`
}

test('the check of .env is the one that keys.ts asks for', async () => {
  await expect(compiled()).toMatchFileSnapshot(file)
})

test('it needs nothing of ajv at run time', () => {
  expect(compiled()).not.toMatch(/\brequire\(|\bimport\b/)
})
