import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { createAzure } from '../lib/azure/client.ts'
import { readRedisKey } from '../lib/azure/resources/redis.ts'
import { readRegistryCredentials } from '../lib/azure/resources/registry.ts'
import { type Check, type CheckContext, type Observation, pass } from '../lib/checks/check.ts'
import { createCheckContext } from '../lib/checks/context.ts'
import { assertThat, hasPassed, runChecks } from '../lib/checks/run.ts'
import type { CommonFlags, Run } from '../lib/cli/defineScript.ts'
import { getApplicationLogin } from '../lib/config/applicationLogin.ts'
import { noteConfig } from '../lib/config/config.ts'
import { loadConfig } from '../lib/config/load.ts'
import { getApiToken } from '../lib/config/secret.ts'
import { type OpenContext, openContext } from '../lib/deploy/context.ts'
import type { Receipt } from '../lib/deploy/receipts/receipts.ts'
import { startProcess } from '../lib/shell/spawn.ts'
import { exitCode, OpsError, usageError } from '../lib/util/errors.ts'
import { formatDuration } from '../lib/util/format.ts'
import { prepareAz } from './az.ts'
import { createCrashCheck, createModelsCheck, ordinaryChecks, renewalCheck } from './checks.ts'
import type { Release } from './debianRoot.ts'
import { login } from './login.ts'
import { assertRoot } from './network.ts'
import { findMissingPackages, installPackages } from './packages.ts'
import { argv, TIED } from './processes.ts'
import {
  assertStartable,
  findForeignEnvironment,
  getFolder,
  readState,
  type State,
  startClouds,
  takeDown,
} from './rehearsal.ts'
import { prepareRoots } from './roots.ts'
import { watchArguments } from './secretWatch.ts'

type Flags = CommonFlags & {
  keep?: boolean
  down?: boolean
  install?: boolean
  latency: 'none' | 'realistic'
  name: string
  azFrom?: Release
  vpsFrom: Release
}

const home = path.join(import.meta.dirname, '..')

/** The whole rehearsal: packages, clouds, login, deploy, checks, and teardown. */
export async function rehearse(run: Run<Flags>): Promise<number> {
  const { name, latency, keep = false, azFrom, vpsFrom } = run.flags
  // The name is used for an environment, a folder, and as part of a network interface's name.
  if (!/^[A-Za-z0-9][A-Za-z0-9_-]*$/.test(name) || name === 'default')
    throw usageError(
      `--name ${JSON.stringify(name)} is not a valid name`,
      'Use letters, digits, - and _, but not default, which stands for .env.',
    )
  assertRoot()
  if (run.flags.down) return down(run, name)
  const startedAt = Date.now()
  await assertStartable(name)
  await preparePackages(run)
  try {
    await prepareRoots((line) => run.log(line), vpsFrom)
    if (azFrom !== undefined)
      process.env.PATH = `${await prepareAz(azFrom, (line) => run.log(line))}:${process.env.PATH}`
  } catch (error) {
    throw run.interruptedBy() ? interrupted() : error
  }
  run.log('Starting both clouds …')
  // A start that fails takes down what it started; anything else with that name is not part of this run.
  const state = await startClouds({ name, latency, keep, vpsFrom })
  try {
    await login(name, state, run.signal)
    const results = await deployAndCheck(run, name, state)
    if (run.interruptedBy()) throw interrupted()
    return report(run, results, startedAt)
  } finally {
    if (!keep || run.interruptedBy()) {
      run.log('Taking both clouds down …')
      for (const line of await takeDown(name, state.id)) run.log(`  ${line}`)
    }
  }
}

const interrupted = () => new OpsError({ what: 'Interrupted', next: 'Run this command again.' })

async function down(run: Run<Flags>, name: string): Promise<number> {
  const lines = await takeDown(name)
  const stays = findForeignEnvironment(name)
  const nothing = `No rehearsal "${name}" was running, and nothing was left of one.`
  run.result([...(lines.length > 0 ? lines : [nothing]), ...stays].join('\n'), {
    ...{ ok: true, removed: lines },
    ...(stays.length > 0 ? { stays } : {}),
  })
  return exitCode.done
}

async function preparePackages(run: Run<Flags>): Promise<void> {
  const lacking = await findMissingPackages()
  if (lacking.length === 0) return
  if (!run.flags.install) {
    throw usageError(
      `These Debian packages are missing: ${lacking.join(' ')}`,
      'npm run rehearse installs them (--install), or: apt-get install --no-install-recommends …',
    )
  }
  run.log(`Installing Debian packages: ${lacking.join(' ')}`)
  await installPackages({ onLine: (line) => run.log(`  ${line}`) })
}

interface Deployed {
  changed: boolean
  receipt: Receipt
}

/** Deploys with the ordinary script, as an operator would, and returns its --json document. */
async function deploy(run: Run<Flags>, name: string): Promise<Deployed> {
  const result = await startProcess(
    argv`
      ${TIED} ${process.execPath} ${path.join(home, 'bin', 'dominion.js')} deploy-complete
        --env ${name} --json ${run.flags.quiet && '--quiet'}`,
    {
      env: process.env,
      timeoutMs: 60 * 60_000,
      signal: AbortSignal.any([run.signal, run.stopping]),
      onOutput: (chunk, from) => {
        if (from === 'stderr' && !run.flags.quiet) process.stderr.write(chunk.replaceAll(/^(?=.)/gm, '  '))
      },
    },
  )
  if (run.interruptedBy()) throw interrupted()
  if (result.code !== 0)
    throw new OpsError({
      what: `The deploy of the rehearsal failed (exit ${result.code})`,
      said: result.stderr.slice(-6000),
    })
  return JSON.parse(result.stdout) as Deployed
}

interface Results {
  checks: Observation[]
  receipt: Receipt
}

async function deployAndCheck(run: Run<Flags>, name: string, state: State): Promise<Results> {
  const config = await loadConfig(process.cwd(), name)
  noteConfig(config)
  const watch = watchArguments()
  run.log('Deploying …')
  const { receipt } = await deploy(run, name)
  run.log('Checking …')
  const context = await openContext(run, config, 'rehearse', true)
  try {
    const checking = createCheckContext(context, { filled: true })
    const first = await runChecks(ordinaryChecks, checking)
    const later = await inTurn(
      [renewalCheck, createCrashCheck(state), rerunCheck(run, name), createModelsCheck(state)],
      checking,
    )
    const stateFolder = path.join(getFolder(name), 'state')
    const unseen: Check = {
      id: 'secrets-unseen',
      title: 'Secrets stay unseen',
      tags: ['acceptance'],
      needs: 'nothing',
      async run() {
        const seen = watch.stop(await getSecrets(context, state), stateFolder)
        assertThat(seen.length === 0, `seen in ${seen.join('; ')}`)
        return pass(
          `not in the arguments of ${watch.processes()} processes, nor in transcripts and receipts (0600)`,
        )
      },
    }
    return { checks: [...first, ...later, ...(await runChecks([unseen], checking))], receipt }
  } finally {
    await context.close()
    delete run.transcript
  }
}

/** Every secret of the deployment: those of the configuration, and those that the clouds generated. */
async function getSecrets(context: OpenContext, state: State): Promise<string[]> {
  const { config } = context
  const azure = createAzure(context)
  return [
    config.postgres.password.text(),
    (await getApplicationLogin(config, context.runner)).password,
    config.backend.secretKey.text(),
    await getApiToken(config, context.runner),
    state.servicePrincipal.servicePrincipal.secret,
    await readRedisKey(context, azure),
    (await readRegistryCredentials(context, azure)).password,
  ]
}

async function inTurn(checks: Check[], checking: CheckContext): Promise<Observation[]> {
  const results: Observation[] = []
  for (const check of checks) results.push(...(await runChecks([check], checking)))
  return results
}

/** Checks that a second deploy has nothing to do, changes nothing, and calls az at most eight times. */
const rerunCheck = (run: Run<Flags>, name: string): Check => ({
  id: 'rerun-unchanged',
  title: 'A second deploy changes nothing',
  tags: ['acceptance'],
  needs: 'nothing',
  async run() {
    const { changed, receipt } = await deploy(run, name)
    const commands = getCommands(name, receipt.id)
    const az = commands.filter(({ line }) => line.startsWith('az '))
    const changes = commands.filter(({ effect }) => effect === 'change')
    assertThat(
      !changed && receipt.changed.length === 0,
      `it changed ${receipt.changed.map(({ id }) => id).join(', ')}`,
    )
    assertThat(changes.length === 0, `it ran ${changes.map(({ line }) => line).join('; ')}`)
    assertThat(az.length <= 8, `it took ${az.length} az calls: ${az.map(({ line }) => line).join('; ')}`)
    return pass(`no changing command, ${az.length} az calls, ${receipt.seconds} s`)
  },
})

/** The commands that the transcript of a deploy lists. */
function getCommands(name: string, id: string): { line: string; effect: string }[] {
  const file = path.join(getFolder(name), 'state', name, 'transcripts', `${id}.jsonl`)
  assertThat(existsSync(file), `there is no transcript ${file}`)
  return readFileSync(file, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { kind: string; line: string; effect: string })
    .filter(({ kind }) => kind !== 'step' && kind !== 'start' && kind !== 'end')
}

function report(run: Run<Flags>, { checks, receipt }: Results, startedAt: number): number {
  const ok = checks.every(hasPassed)
  const took = Math.round((Date.now() - startedAt) / 100) / 10
  const width = Math.max(...checks.map(({ probe }) => probe.id.length))
  const oneAfterTheOther = receipt.changed.reduce((sum, step) => sum + step.seconds, 0)
  const table = checks.map(
    (check) =>
      `${hasPassed(check) ? '✔' : '✖'} ${check.probe.id.padEnd(width)}  ${check.detail.split('\n')[0]}`,
  )
  const summary = `${checks.filter(hasPassed).length} of ${checks.length} checks passed; deploy ${formatDuration(receipt.seconds * 1000)}, critical path ${formatDuration(receipt.longestChain.seconds * 1000)}, sum of all tasks ${formatDuration(oneAfterTheOther * 1000)}; in all ${formatDuration(took * 1000)}`
  const around = run.flags.keep ? lookAround(run.flags.name) : []
  run.result([...table, '', summary, ...around].join('\n'), {
    ok,
    seconds: took,
    checks: checks.map((each) => ({ id: each.probe.id, ok: hasPassed(each), detail: each.detail })),
    deploy: { seconds: receipt.seconds, longestChain: receipt.longestChain, oneAfterTheOther },
  })
  return ok ? exitCode.done : exitCode.failed
}

/** How to inspect a kept rehearsal. */
function lookAround(name: string): string[] {
  const folder = getFolder(name)
  const vps = readState(name)?.vps ?? ''
  return [
    '',
    'Both clouds are still running. To inspect them:',
    `  npx dominion deploy-complete --env ${name} --dry-run`,
    `  curl --cacert ${folder}/trusted.pem --resolve codexdominion.app:443:${vps} https://codexdominion.app/api/workflows`,
    `  ssh -i ${folder}/id_ed25519 -o UserKnownHostsFile=${folder}/known_hosts root@${vps}`,
    `  npm run rehearse -- --down${name === 'rehearsal' ? '' : ` --name ${name}`}`,
  ]
}
