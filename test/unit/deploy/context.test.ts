import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import type { Exchange } from '../../../lib/azure/recording/exchange.ts'
import type { CommonFlags, Run } from '../../../lib/cli/defineScript.ts'
import { loadConfig } from '../../../lib/config/load.ts'
import { deriveApiToken } from '../../../lib/config/secret.ts'
import { openContext } from '../../../lib/deploy/context.ts'
import { chooseRenderer } from '../../../lib/deploy/runTasks.ts'
import { local } from '../../../lib/shell/command.ts'
import { temporaryFolder } from '../../support/helpers.ts'

async function open(mayChange: boolean) {
  const folder = temporaryFolder()
  writeFileSync(
    path.join(folder, '.env'),
    'POSTGRES_PASSWORD=pg-hunter2\nAPP_SECRET_KEY=app-hunter2\nIONOS_DNS_KEY=env:NOT_A_SECRET\nHTTPS_PROXY=http://proxy:1\n',
  )
  const config = await loadConfig(folder)
  const never = new AbortController().signal
  const run: Run<CommonFlags> = {
    ...{
      script: 'x',
      flags: {},
      resumeCommand: 'npx dominion x --env pg-hunter2',
      config: async () => config,
    },
    ...{ stopping: never, signal: never, interruptedBy: () => undefined, log() {}, result() {} },
    clean: (text) => text,
  }
  const context = await openContext(run, config, 'x', mayChange)
  onTestFinished(() => context.close())
  return { run, config, context }
}

test('a run knows every configured secret, keeps a transcript, and gives az its proxy', async () => {
  const { run, config, context } = await open(true)
  expect(context.id).toMatch(new RegExp(`^\\d{8}T\\d{6}Z-x-${process.pid}$`))
  expect(run.transcript).toBe(path.join(config.stateDir, 'transcripts', `${context.id}.jsonl`))
  expect(run.clean('pg-hunter2 app-hunter2 env:NOT_A_SECRET')).toBe('*** *** env:NOT_A_SECRET')
  expect(run.clean(`Bearer ${deriveApiToken('app-hunter2')}`)).toBe('Bearer ***')
  const folder = temporaryFolder()
  for (const program of ['az', 'npm']) {
    writeFileSync(path.join(folder, program), '#!/bin/sh\necho "$HTTPS_PROXY"\n', { mode: 0o755 })
  }
  const getProxy = async (program: string) =>
    (
      await context.runner.run(local({ env: { PATH: `${folder}:${process.env.PATH}` } })`${program}`)
    ).stdout.trim()
  expect(await getProxy('az')).toBe('http://proxy:1')
  expect(await getProxy('npm')).toBe(process.env.HTTPS_PROXY ?? '')
  const text = readFileSync(run.transcript!, 'utf8')
  expect(text).not.toContain('hunter2')
  expect(JSON.parse(text.split('\n')[0]!)).toMatchObject({
    kind: 'start',
    script: 'x',
    line: 'npx dominion x --env ***',
  })
  expect(statSync(run.transcript!).mode & 0o777).toBe(0o600)
})

test('prompts before the list and the list itself share one run and one transcript', async () => {
  const { run, config, context } = await open(false)
  const second = await openContext(run, config, 'x', true)
  await second.runner.run(local`${process.execPath} --version`)
  await second.close()
  expect(second.id).toBe(context.id)
  const lines = readFileSync(run.transcript!, 'utf8').trim().split('\n')
  expect(lines.map((line) => (JSON.parse(line) as { kind: string }).kind)).toEqual(['start', 'command'])
})

test('all contexts of a run share one recording, which knows the secrets of each', async () => {
  const { run, config } = await open(false)
  const folder = path.join(temporaryFolder(), 'recording')
  run.flags = { record: folder }
  const bin = temporaryFolder()
  const log = `1 : 2026-11-26 07:33:30,230 : INFO : cli.azure.cli.core.util : `
  const lines = [
    "Request URL: 'https://management.azure.com/s'",
    "Request method: 'GET'",
    'Response status: 200',
  ]
  const body = ['Response content:', '{"note":"pg-hunter2 app-hunter2 later-hunter2"}']
  const text = [...lines, ...body].map((line) => `${log}${line}`).join('\n')
  const script = `#!/bin/sh\ncat > "$AZURE_LOGGING_LOG_DIR/az.log" <<'END'\n${text}\nEND\n`
  writeFileSync(path.join(bin, 'az'), script, { mode: 0o755 })
  const read = local({ env: { PATH: `${bin}:${process.env.PATH}` } })`az group list`
  for (const mayChange of [false, true]) {
    const context = await openContext(run, config, 'x', mayChange)
    if (mayChange) context.runner.secrets.add('later-hunter2')
    await context.runner.run(read)
    await context.close()
  }
  expect(run.recorder?.summary()).toMatch(/^Recorded 2 requests to Azure, without secrets: .*\.jsonl$/)
  const [file] = readdirSync(folder)
  const kept = readFileSync(path.join(folder, file!), 'utf8').trimEnd().split('\n')
  expect(kept.map((line) => (JSON.parse(line) as Exchange).answer)).toEqual([
    { note: '*** *** later-hunter2' },
    { note: '*** *** ***' },
  ])
})

test('a context of a dry run changes nothing', async () => {
  const { context } = await open(false)
  await expect(context.runner.run(local.change`true`)).rejects.toThrow('a dry run must not run')
})

test('without a terminal the output is plain lines', () => {
  expect(chooseRenderer()).toBe('verbose')
})
