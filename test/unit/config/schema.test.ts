import { Ajv } from 'ajv'
import { expect, test } from 'vitest'
import { schema } from '../../../lib/config/schema.ts'

test('the schema of the configuration is valid JSON Schema in the strict sense of ajv', () => {
  const ajv = new Ajv({ strict: true })
  expect(ajv.validateSchema(schema)).toBe(true)
  expect(ajv.compile(schema)({})).toBe(true)
})
