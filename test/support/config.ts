import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Config } from '../../lib/config/config.ts'
import { loadConfig } from '../../lib/config/load.ts'

/** The configuration that results from an `.env` with these lines. */
export async function loadFileConfig(lines = ''): Promise<Config> {
  const folder = mkdtempSync(path.join(tmpdir(), 'dominion-test-'))
  try {
    writeFileSync(path.join(folder, '.env'), lines)
    return await loadConfig(folder)
  } finally {
    rmSync(folder, { recursive: true })
  }
}
