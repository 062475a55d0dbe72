import { readFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { references } from '../../docs/tools/reference.ts'
import { home } from '../support/helpers.ts'

test.each(Object.entries(references))(
  '%s is what npm run docs writes',
  async (name, render) => {
    expect(readFileSync(path.join(home, name), 'utf8')).toBe(await render())
  },
  120_000,
)
