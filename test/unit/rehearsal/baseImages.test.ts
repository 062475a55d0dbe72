import { readFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { hasPythonImage } from '../../../rehearsal/azure/baseImages.ts'
import { home } from '../../support/helpers.ts'

test.each([
  ['mcr.microsoft.com/mirror/docker/library/python:3.11-slim', true],
  ['mcr.microsoft.com/mirror/docker/library/python:3.13-slim', false],
  [`mcr.microsoft.com/mirror/docker/library/python:3.13-slim@sha256:${'0'.repeat(64)}`, true],
  ['mcr.microsoft.com/devcontainers/python:3.12-bookworm', true],
  ['mcr.microsoft.com/azurelinux/base/python:3.9', false],
  ['python:3.12', true],
  ['docker.io/library/python:3.12-slim', true],
  ['public.ecr.aws/docker/library/python:3.12-slim', true],
  ['mcr.microsoft.com/dotnet/runtime:8.0', undefined],
  ['example.org/python:3.12', undefined],
])('%s: %s', (name, has) => {
  expect(hasPythonImage(name)).toBe(has)
})

test('the example builds on a slim image of Microsoft’s registry, which has no libpq', () => {
  const file = path.join(home, 'examples', 'codex-dominion', 'backend', 'Dockerfile.azure')
  const text = readFileSync(file, 'utf8')
  const [, from = ''] = /^FROM (.*)/m.exec(text) ?? []
  expect(from).toMatch(/^mcr\.microsoft\.com\/.*-slim$/)
  expect(hasPythonImage(from)).toBe(true)
  expect(text).toMatch(/^RUN apt-get (?:.*\\\n)*.*apt-get install .*\blibpq5\b/m)
  expect(readFileSync(path.join(path.dirname(file), 'requirements.txt'), 'utf8')).toMatch(/^psycopg>=/m)
})
