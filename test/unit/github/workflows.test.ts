import { globSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { home } from '../../support/helpers.ts'
import { findWorkflowFaults } from '../../support/workflowParser.ts'

const files = globSync('.github/workflows/*.yml', { cwd: home })
const read = (file: string) => readFileSync(path.join(home, file), 'utf8')

test('the parser finds what is wrong', async () => {
  const job = (more: string) => `on: push\njobs:\n  a:\n    runs-on: x\n${more}`
  expect(await findWorkflowFaults(job('    steps: [{ run: a }]\n'))).toEqual([])
  expect(await findWorkflowFaults(job('    stps: []\n'))).not.toEqual([])
  expect(await findWorkflowFaults(job('    needs: [b]\n    steps: [{ run: a }]\n'))).not.toEqual([])
  // biome-ignore lint/suspicious/noTemplateCurlyInString: a GitHub expression.
  expect(await findWorkflowFaults(job('    steps: [{ run: "${{ matirx.os }}" }]\n'))).not.toEqual([])
})

test.each(files)('%s: valid, actions pinned by commit, least permissions', async (file) => {
  const content = read(file)
  expect(await findWorkflowFaults(content)).toEqual([])
  const workflow = parse(content) as {
    permissions: object
    jobs: Record<string, { permissions?: object; steps: { uses?: string; with?: Record<string, unknown> }[] }>
  }
  expect(workflow.permissions).toEqual({ contents: 'read' })
  for (const job of Object.values(workflow.jobs)) {
    expect(job.permissions).toBeUndefined()
    for (const { uses, with: options } of job.steps) {
      if (uses) expect(uses).toMatch(/^actions\/[a-z-]+@[0-9a-f]{40}$/)
      if (uses?.startsWith('actions/checkout@'))
        expect(options).toMatchObject({ 'persist-credentials': false })
    }
  }
})

test('workflows run package scripts that exist', () => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }
  const named = files.flatMap((file) =>
    Array.from(read(file).matchAll(/npm run ([\w:]+)/g), ([, name]) => name!),
  )
  expect(named).toContain('test:unit')
  expect(named.filter((name) => !(name in scripts))).toEqual([])
})
