import { readdirSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { Writable } from 'node:stream'
import fc from 'fast-check'
import { afterAll, expect, onTestFinished, test, vi } from 'vitest'
import { createAzure } from '../../../lib/azure/client.ts'
import { findTrouble } from '../../../lib/azure/containers/status.ts'
import { parseHealth } from '../../../lib/azure/containers/waitFor.ts'
import { explainAz, explainBuild, removeModuleErrors } from '../../../lib/azure/errors.ts'
import { findHost, getImage } from '../../../lib/azure/resources/containerGroups.ts'
import { findAreaFault, findHealthFault } from '../../../lib/checks/site/api.ts'
import { judgeResponse } from '../../../lib/checks/site/http.ts'
import { findPageFault } from '../../../lib/checks/site/pages.ts'
import { findRedirectFault } from '../../../lib/checks/site/redirects.ts'
import { defineScript, type Script } from '../../../lib/cli/defineScript.ts'
import { loadConfig } from '../../../lib/config/load.ts'
import { keys } from '../../../lib/config/schema.ts'
import { compareContent, describeContent } from '../../../lib/database/backup/content.ts'
import { readBackups, selectExpired } from '../../../lib/database/backup/folder.ts'
import { type Manifest, readManifest } from '../../../lib/database/backup/manifest.ts'
import { extractGrants, parseRestoreErrors } from '../../../lib/database/pgTools.ts'
import { parseMarker } from '../../../lib/database/restore/marker.ts'
import {
  compareReceipts,
  differenceText,
  historyTable,
  receiptText,
} from '../../../lib/deploy/receipts/history.ts'
import { merged, type Receipt, readReceipts } from '../../../lib/deploy/receipts/receipts.ts'
import { documentOutput, jsonLinesOutput, textOutput } from '../../../lib/logs/output.ts'
import {
  createErrorTimestampParser,
  createLineParser,
  parseAccessTimestamp,
  parseContainerTimestamp,
} from '../../../lib/logs/parse.ts'
import type { HttpResponse } from '../../../lib/net/http.ts'
import type { Command } from '../../../lib/shell/command.ts'
import type { Runner } from '../../../lib/shell/runner.ts'
import type { Context } from '../../../lib/tasks/task.ts'
import { exitCode } from '../../../lib/util/errors.ts'
import { readExport } from '../../../lib/vps/frontend/export.ts'
import { findUnserved, formatManifest, parseManifest } from '../../../lib/vps/frontend/release.ts'
import { createHandshakeError, createHostKeyError, createLoginError } from '../../../lib/vps/ssh/errors.ts'
import { createFrame } from '../../../lib/vps/ssh/frame.ts'
import { findHostKey, parseKnownHosts } from '../../../lib/vps/ssh/knownHosts.ts'
import { parseSshSettings } from '../../../lib/vps/ssh/settings.ts'
import { loadFileConfig } from '../../support/config.ts'
import { home, loadTestConfig, testHost } from '../../support/helpers.ts'
import { assertHarmless, attack, countInputs, hostileText, seed, spoil } from '../../support/hostileInputs.ts'

/*
 * What others can write or answer, generated: 10,000 inputs in one process. Every case ends with a result or with a failure
 * on purpose; none starts a process, steers the terminal, shows a stack trace, or leaves a file outside its folder.
 */

// On a loaded machine, one test can take a minute.
vi.setConfig({ testTimeout: 120_000 })
afterAll(() => console.log(`${countInputs()} generated inputs, FUZZ_SEED=${seed}`))

test('configuration', async () => {
  const line = fc.oneof(
    fc.tuple(fc.constantFrom(...Object.keys(keys)), hostileText).map(([key, value]) => `${key}=${value}`),
    hostileText,
  )
  await attack(400, fc.array(line, { maxLength: 4 }), async (lines, folder) => {
    writeFileSync(path.join(folder, '.env'), lines.join('\n'))
    const config = await loadConfig(folder)
    expect(config.domain).toMatch(/^[a-z0-9.-]+$/)
    for (const { address } of config.servers) expect(address).toMatch(/^[^\s-]\S*$/)
    return config
  })
})

const manifest: Manifest = {
  ...{
    format: 1,
    environment: 'default',
    server: 'codexdominion-pg',
    database: 'codex',
    serverVersion: '16',
  },
  ...{ toolVersion: '16', taken: '2026-11-26T10:00:00.000Z', by: 'me', bytes: 1, sha256: 'a'.repeat(64) },
  locale: { provider: 'libc', encoding: 'UTF8', collate: 'C', ctype: 'C', locale: null } as never,
  content: {
    tables: [{ schema: 'public', name: 'one', rows: 1, checksum: '1' }],
    objects: { indexes: 1 },
  },
  proven: { at: '2026-11-26T10:00:00.000Z', server: 'x', seconds: 1 },
}

test('dumps: manifests, tables of contents, restore errors, comments', async () => {
  const config = await loadFileConfig()
  const { server, database } = config.postgres
  const good = { ...manifest, server, database, environment: config.environment }
  await attack(1500, fc.tuple(spoil(good), hostileText), ([spoilt, text], folder) => {
    const dump = path.join(folder, 'a.dump')
    writeFileSync(dump, '')
    writeFileSync(`${dump}.json`, JSON.stringify(spoilt) ?? text)
    const { backups } = readBackups(folder, config)
    selectExpired(backups, 0)
    extractGrants(text)
    parseRestoreErrors(text)
    expect(parseMarker(text)).toBeUndefined()
    const found = readManifest(dump)
    return [describeContent(found.content), ...compareContent(good.content, found.content), found]
  })
})

const receipt: Receipt = {
  ...{ id: '20261126T100000Z-deploy-1', line: 'npx dominion deploy-complete', by: 'me@desk', seconds: 1.5 },
  ...{ started: '2026-11-26T10:00:00.000Z', result: 'done', revision: 'abc', image: 'r.azurecr.io/codex:1' },
  ...{ digest: 'sha256:1', frontend: '20261126T100000Z-1a2b3c4d', unchanged: ['image'], hidden: ['backend'] },
  changed: [
    { id: 'a', title: 'A', what: 'new', fields: [{ name: 'cpu', before: '1', after: '2' }], seconds: 1 },
  ],
  failed: [{ id: 'b', error: 'broken' }],
  longestChain: { seconds: 1, ids: ['a'] },
  commands: { read: 1, change: 2, record: 3 },
}

test('receipts', async () => {
  const name = `${receipt.id}.json`
  await attack(2000, fc.tuple(spoil(receipt), hostileText), ([spoilt, text]) => {
    const line = (content: string) => `${name}\t${Buffer.from(content).toString('base64')}`
    const output = [line(JSON.stringify(spoilt) ?? ''), line(text), 'end'].join('\n')
    const { receipts, damaged } = readReceipts(output, 'vps')
    const kept = merged([receipt], receipts)
    const texts = kept.map(receiptText)
    const differences = receipts.map((each) => differenceText(receipt, each, compareReceipts(receipt, each)))
    return [historyTable(kept), ...texts, ...differences, ...damaged.map(({ why }) => why)].join('\n')
  })
})

test('lines of logs', async () => {
  const parseError = createErrorTimestampParser('Europe/Berlin', '+0100')
  const stamp = fc.constantFrom(
    '2026-11-26T10:00:00Z ',
    '2026-13-99 99:99:99,9 ',
    '2026/11/26 10:00:00 ',
    '[9/',
  )
  const line = fc.tuple(fc.option(stamp, { nil: '' }), hostileText).map((parts) => parts.join(''))
  await attack(1200, fc.array(line, { maxLength: 5 }), async (lines) => {
    const shown: string[] = []
    const sink = () => new Writable({ write: (chunk, _, done) => done(void shown.push(String(chunk))) })
    const outputs = [textOutput, documentOutput, jsonLinesOutput].map((open) => open(sink(), (text) => text))
    for (const parse of [parseContainerTimestamp, parseAccessTimestamp, parseError]) {
      const parser = createLineParser('backend', parse)
      const parsed = [...parser.take(lines), ...parser.rest()]
      expect(parsed).toHaveLength(lines.length)
      for (const output of outputs) await output.lines(parsed)
    }
    for (const output of outputs) await output.end([])
    assertHarmless(shown.join(''))
  })
})

test('names of exported files', async () => {
  const names = hostileText.map((text) => text.replaceAll(/[/\0]/g, '_').slice(0, 80))
  await attack(500, names, async (name, folder) => {
    const file = path.join(folder, name === '.' || name === '..' || name === '' ? 'plain' : name)
    for (const page of ['index.html', '404.html']) writeFileSync(path.join(folder, page), '')
    onlyIfPossible(() => writeFileSync(file, ''))
    try {
      const files = await readExport(folder)
      const manifest = new Map(
        [...files].map(([of, { sha256, size }]) => [of, { sha256, size, retired: '' }]),
      )
      expect([...parseManifest(formatManifest(manifest)).keys()].sort()).toEqual([...files.keys()].sort())
      for (const of of files.keys()) expect(path.join('/site', of)).toBe(`/site/${of}`)
      findUnserved(files.keys())
    } finally {
      rmSync(file, { force: true })
    }
  })
})

/** Some systems refuse some names. */
function onlyIfPossible(write: () => void): void {
  try {
    write()
  } catch {
    // The name is not tested here.
  }
}

const phases = { total: 1 } as HttpResponse['phases']

test('answers over HTTP', async () => {
  const good = {
    status: 'ok',
    release: 'src-1',
    checks: { database: { ok: false, error: 'x' } },
    workflows: [1],
  }
  const body = fc.oneof(
    spoil(good).map((data) => JSON.stringify(data) ?? ''),
    hostileText,
    hostileText.map((text) => `<html><title>${text}`),
  )
  const status = fc.oneof(fc.constantFrom(200, 301, 308, 404, 500, 502), fc.integer())
  const location = fc.option(hostileText, { nil: undefined })
  await attack(2000, fc.record({ status, body, location }), ({ status: code, body: text, location: to }) => {
    const response = { status: code, body: text, phases, headers: { location: to } } as HttpResponse
    const area = { path: '/api/workflows', field: 'workflows' }
    const faults = [
      findHealthFault('https://a/health', response),
      findAreaFault(area, response),
      findPageFault('https://a/', response),
    ]
    if (code !== 200) expect(faults).not.toContain(undefined)
    const redirect = findRedirectFault('http://a/', 'https://a/', response)
    expect(redirect === undefined).toBe((code === 301 || code === 308) && to === 'https://a/')
    const health = parseHealth('https://a/health', code, text, 'src-1')
    if (code !== 200) expect(health.ready).toBe(false)
    const judged = faults.map((fault) => judgeResponse({ id: 'api', fault }, response, undefined))
    return [...faults, redirect, health.last, ...judged.map(({ detail }) => detail)].join('\n')
  })
})

test('banners of ssh, its settings, known_hosts, and the output of login shells', async () => {
  const key = Buffer.from('\0\0\0\x0bssh-ed25519secret').toString('base64')
  const line = fc.oneof(
    hostileText,
    hostileText.map((text) => `${text} ssh-ed25519 ${Buffer.from(text).toString('base64')}`),
    hostileText.map((text) => `hostname ${text}\nproxycommand ${text}\nuserknownhostsfile ${text}`),
  )
  await attack(1000, line, (text) => {
    const settings = parseSshSettings(text, testHost)
    const known = [{ file: 'known_hosts', entries: parseKnownHosts(text) }]
    expect(findHostKey(known, ['vps', '192.0.2.1'], key).verdict.is).not.toBe('known')
    const reader = createFrame().reader()
    for (const part of text.match(/[\s\S]{1,300}/g) ?? [])
      expect(reader.take(Buffer.from(part))).toHaveLength(0)
    expect(reader.started).toBe(false)
    const error = new Error(text)
    const failures = [
      createHandshakeError(testHost, error),
      createLoginError(testHost, error, [text], [text]),
      createHostKeyError(testHost, 'vps', Buffer.from(text).toString('base64'), { is: 'unknown' }),
    ]
    return [JSON.stringify(settings), ...failures.flatMap(({ failure }) => Object.values(failure))].join('\n')
  })
})

const group = {
  ...{ name: 'codex-backend', provisioningState: 'Succeeded', restartPolicy: 'Always', osType: 'Linux' },
  tags: { release: 'src-1' },
  ipAddress: { ip: '192.0.2.1', fqdn: 'codex.eastus.azurecontainer.io', dnsNameLabel: 'codex' },
  containers: [
    {
      ...{ name: 'codex-backend', image: 'r.azurecr.io/codex-backend:src-1', command: ['python'] },
      resources: { requests: { cpu: 1, memoryInGb: 1 } },
      instanceView: {
        currentState: { state: 'Running', startTime: '2026-11-26T10:00:00Z' },
        restartCount: 1,
      },
    },
  ],
}

test('what az prints', async () => {
  const config = await loadTestConfig()
  const wrong = spoil({
    account: { id: 'sub', name: 'n', user: { name: 'me' } },
    groups: [group],
    tag: { name: 'x' },
  })
  const refusals = [
    'AuthorizationFailed',
    'SkuNotAvailable',
    "over scope '/",
    'QuotaExceeded',
    '"message": "',
    'ERROR: ',
  ]
  const stderr = fc.array(fc.oneof(fc.constantFrom(...refusals), hostileText), { maxLength: 4 })
  await attack(1000, fc.tuple(wrong, hostileText, stderr), async ([answers, text, words]) => {
    const said = removeModuleErrors(words.join(' '))
    const explained = [explainAz(said), explainBuild(said)].map((failure) => JSON.stringify(failure) ?? '')
    const { account, groups, tag } = (answers ?? {}) as Record<string, unknown>
    const print = (value: unknown) => JSON.stringify(value) ?? text
    const run = async ({ argv }: Command) => {
      const line = argv.join(' ')
      const found = [/account show/, /container list/, /repository/].findIndex((each) => each.test(line))
      return { code: 0, stdout: print([account, groups, tag][found]), stderr: '', timedOut: false }
    }
    const azure = createAzure({ config, runner: { run } as Runner } as Context)
    const found = (await azure.groups()).map((each) => [getImage(each), findTrouble(each), findHost(each)])
    await azure.tag('x')
    return [...explained, JSON.stringify(found)].join('\n')
  })
})

test('flags', async () => {
  const scripts = await importScripts()
  const word = fc.oneof(
    fc.constantFrom(
      '--env',
      '--json',
      '--dry-run',
      '--record',
      '--yes',
      '--tag',
      '--only',
      '--no-color',
      '--help',
      '-x',
    ),
    fc.constantFrom(
      '--detailed-exitcode',
      '--since',
      '--lines',
      '--show',
      '--',
      '--json=x',
      '-q',
      '--verbose',
      '-nyv',
    ),
    // No system passes a NUL.
    hostileText.map((text) => text.replaceAll('\0', '')),
  )
  let shown = ''
  const write = (text: unknown) => {
    shown += String(text)
    return true
  }
  const { argv } = process
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
  for (const stream of [process.stdout, process.stderr]) vi.spyOn(stream, 'write').mockImplementation(write)
  onTestFinished(() => {
    process.argv = argv
    process.exitCode = 0
    vi.restoreAllMocks()
  })
  const before = new Map(signals.map((signal) => [signal, process.listeners(signal)]))
  const streams = [process.stdout, process.stderr].map(
    (stream) => [stream, stream.listeners('error')] as const,
  )
  await attack(
    1500,
    fc.tuple(fc.constantFrom(...scripts), fc.array(word, { maxLength: 5 })),
    async ([script, words]) => {
      shown = ''
      process.argv = ['node', 'script', ...words]
      let ran = false
      await defineScript({
        ...script,
        async run(run) {
          ran = true
          run.result(JSON.stringify(run.flags), { flags: run.flags })
          return exitCode.done
        },
      }).start()
      const code = process.exitCode ?? exitCode.done
      assertHarmless(shown)
      if (!ran && !words.some((each) => /^-[a-z]*h|^--help/.test(each)))
        expect(code).toBe(script.failure?.exitCode ?? 2)
      process.exitCode = 0
      for (const [signal, listeners] of before)
        for (const each of process.listeners(signal)) if (!listeners.includes(each)) process.off(signal, each)
      for (const [stream, listeners] of streams)
        for (const each of stream.listeners('error'))
          if (!listeners.includes(each)) stream.off('error', each as () => void)
    },
  )
})

async function importScripts(): Promise<Script<object>[]> {
  const folder = path.join(home, 'scripts')
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.ts'),
  )
  const modules = await Promise.all(names.map((name) => import(path.join(folder, name))))
  return modules.map(({ default: script }) => script as Script<object>).filter(Boolean)
}
