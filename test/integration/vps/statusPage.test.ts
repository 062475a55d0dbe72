import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { buffer } from 'node:stream/consumers'
import { afterAll, expect, test } from 'vitest'
import type { Command } from '../../../lib/shell/command.ts'
import { renderNginx } from '../../../lib/vps/nginx/render.ts'
import { formatDigestTag, publishPageCommand, readDigestCommand } from '../../../lib/vps/statusPage.ts'
import { loadFileConfig } from '../../support/config.ts'
import { toSite } from '../../support/helpers.ts'

const home = mkdtempSync(path.join(tmpdir(), 'dominion-status-'))
afterAll(() => rmSync(home, { recursive: true }))

const config = await loadFileConfig(`WEB_ROOT=${home}\n`)
const site = path.join(home, 'codexdominion.app')
const getPage = (digest: string) => ({
  html: `<!doctype html>\n${formatDigestTag(digest)}\n<p>${digest}</p>`,
  digest,
  summary: 'all works',
})

/** Runs the command's script here, on a temporary folder; the last `cut` bytes of its input never arrive. */
async function perform({ argv, stdin }: Command, cut = 0): Promise<string> {
  const input = stdin ? await buffer((stdin as () => NodeJS.ReadableStream)()) : Buffer.alloc(0)
  const [program, ...rest] = argv as string[]
  return execFileSync(program!, rest, {
    input: input.subarray(0, input.length - cut),
    stdio: 'pipe',
    encoding: 'utf8',
  })
}

test('published by one rename next to the releases; an incomplete page changes nothing', async () => {
  await expect(perform(publishPageCommand(toSite(config), getPage('aa')))).rejects.toThrow(
    'there is no site on this machine',
  )
  await expect(perform(readDigestCommand(toSite(config)))).rejects.toThrow('there is no site on this machine')
  expect(readdirSync(home)).toEqual([])

  mkdirSync(path.join(site, 'releases'), { recursive: true })
  expect(await perform(readDigestCommand(toSite(config)))).toBe('none\n')
  await perform(publishPageCommand(toSite(config), getPage('aa11')))
  const file = path.join(site, 'status', 'index.html')
  expect(readFileSync(file, 'utf8')).toBe(getPage('aa11').html)
  expect(statSync(file).mode & 0o777).toBe(0o644)
  expect(await perform(readDigestCommand(toSite(config)))).toBe('aa11\n')

  // What a run killed with SIGKILL has left.
  writeFileSync(path.join(site, 'status', '.new'), 'half')
  await expect(perform(publishPageCommand(toSite(config), getPage('bb22')), 5)).rejects.toThrow(
    'did not arrive complete',
  )
  expect(await perform(readDigestCommand(toSite(config)))).toBe('aa11\n')
  await perform(publishPageCommand(toSite(config), getPage('bb22')))
  expect(await perform(readDigestCommand(toSite(config)))).toBe('bb22\n')
  expect(readdirSync(path.join(site, 'status')).sort()).toEqual(['.lock', 'index.html'])

  writeFileSync(file, 'a page of other making')
  expect(await perform(readDigestCommand(toSite(config)))).toBe('other\n')
})

test('nginx: both spellings, no scripts, not cached, and not hidden by the maintenance page', () => {
  const facts = { version: '1.22.1', ipv6: false, nameservers: ['10.0.0.2'], backend: 'b.example' }
  const text = renderNginx(toSite(config), 'https', facts)['site.conf']!
  const block = /location = \/_dominion\/status\.html \{([^}]*)\}/.exec(text)![1]!
  expect(block).toContain("default-src 'none'")
  expect(block).not.toContain('script')
  expect(block).toContain('"no-cache" always')
  expect(block).not.toContain('maintenance')
  expect(text).toContain(`if (-f ${site}/status/index.html) {\n        rewrite ^/status/?$ `)
})
