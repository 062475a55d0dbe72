import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { translateLegacyFlags } from '../../../lib/cli/defineScript.ts'
import { quoteLine } from '../../../lib/shell/quote.ts'
import { home, temporaryFolder } from '../../support/helpers.ts'
import { runScript, startScript } from '../../support/runScript.ts'

const main = (statements: string) => `async run(run) { ${statements} }`

describe('exit codes and messages', () => {
  test.each([
    ['nothing given back', '', 0],
    ['a code of its own', 'return 2', 2],
    ['a failure', "throw new OpsError({ what: 'it broke' })", 1],
    ['wrong usage', "throw usageError('wrong', 'fix')", 2],
    ['an unknown state', "throw unknownError('who knows')", 3],
    ['no login', "throw new OpsError({ what: 'x', exitCode: 4 })", 4],
    ['a lock', "throw new OpsError({ what: 'x', exitCode: 5 })", 5],
    ['a mistake of the program', 'null.x', 1],
  ])('%s', async (_, statements, code) => {
    expect((await runScript(main(statements))).code).toBe(code)
  })

  test('a failure says what failed, the tool’s output, what to do, the transcript and the command that resumes', async () => {
    const { stdout, stderr } = await runScript(
      main(`run.transcript = '/state/t.jsonl'; run.clean = (text) => text.replaceAll('hunter2', '***')
throw new OpsError({ what: 'az said no to hunter2', said: 'first\\nsecond hunter2\\n', next: 'az login' })`),
      ['--env', 'eu', '-n'],
    )
    expect(stdout).toBe('')
    expect(stderr.split('\n')).toEqual([
      '✖ az said no to ***',
      '  │ first',
      '  │ second ***',
      '→ az login',
      '  Transcript:  /state/t.jsonl',
      '  Resume with: npx dominion example --env eu -n',
      '',
    ])
  })

  test('a wrong command is not suggested again', async () => {
    const { stderr } = await runScript(main("throw usageError('wrong', 'fix it')"))
    expect(stderr).toBe('✖ wrong\n→ fix it\n')
  })

  test('a stack trace is shown only for a bug, and only with --verbose', async () => {
    expect((await runScript(main('null.x'))).stderr).not.toContain('example.ts:')
    expect((await runScript(main('null.x'), ['-v'])).stderr).toContain('example.ts:')
    expect((await runScript(main("throw new OpsError({ what: 'x' })"), ['-v'])).stderr).not.toContain(
      'example.ts:',
    )
  })
})

describe('flags', () => {
  test('an unknown flag suggests the nearest known one', async () => {
    const { code, stderr } = await runScript(
      `options: (parser) => parser.option('--skip-azure', 'x'), ${main('')}`,
      ['--skip-azur'],
    )
    expect([code, stderr]).toEqual([
      2,
      "✖ unknown option '--skip-azur' (Did you mean --skip-azure?)\n→ npx dominion example --help lists the flags.\n",
    ])
  })

  test.each([
    [['sideways'], 'mode must be on, off or status, not sideways'],
    [['on', '--only=web'], '--only must be backend or worker, not web'],
    [['on', '--only='], '--only must be backend or worker, not empty'],
  ])('%j is no choice: %s', async (argv, what) => {
    const options = `options: (parser) => parser
      .addArgument(parser.createArgument('<mode>', 'x').choices(['on', 'off', 'status']))
      .addOption(parser.createOption('--only <part>', 'x').choices(['backend', 'worker'])).action(() => {})`
    const { code, stderr } = await runScript(`${options}, ${main('')}`, argv)
    expect([code, stderr]).toEqual([2, `✖ ${what}\n→ npx dominion example --help lists the flags.\n`])
    expect((await runScript(`${options}, ${main('')}`, ['off', '--only', 'worker'])).code).toBe(0)
  })

  test.each([[['stray']], [['--env']], [['--nonsense-entirely']], [['-x']]])(
    '%j is refused',
    async (argv) => {
      const { code, stdout, stderr } = await runScript(main("run.result('ran', {})"), argv)
      expect([code, stdout]).toEqual([2, ''])
      expect(stderr).toMatch(/^✖ .+\n→ npx dominion example --help/)
    },
  )

  test('a read-only script accepts no --dry-run', async () => {
    expect((await runScript(`changes: false, ${main('')}`, ['--dry-run'])).code).toBe(2)
  })

  test('short and long flags are passed on', async () => {
    const body = main("run.result('', run.flags)")
    const seen = async (...argv: string[]) =>
      JSON.parse((await runScript(body, [...argv, '--json'])).stdout) as object
    expect(await seen('-n', '-y', '-q', '-v', '--env', 'eu', '--detailed-exitcode')).toEqual({
      ...{ dryRun: true, yes: true, quiet: true, verbose: true, env: 'eu', detailedExitcode: true },
      ...{ json: true, color: true },
    })
    expect(await seen('--no-color')).toEqual({ json: true, color: false })
  })

  test('--help prints to stdout and runs nothing', async () => {
    const { code, stdout, stderr } = await runScript(main("throw new Error('ran')"), ['--help'])
    expect([code, stderr]).toEqual([0, ''])
    for (const flag of [
      '--env',
      '--dry-run',
      '--detailed-exitcode',
      '--yes',
      '--json',
      '--quiet',
      '--verbose',
      '--no-color',
      '--record',
    ]) {
      expect(stdout).toContain(flag)
    }
    expect(stdout).toContain('an example')
  })

  test('PowerShell spellings map to today’s flags, in any case', () => {
    const old = { '-skipazure': '--skip-azure', '-quickdeploy': '--quick' }
    expect(translateLegacyFlags(['-SkipAzure', '-QUICKDEPLOY', '-skipazure', '--env', 'eu'], old)).toEqual([
      ...['--skip-azure', '--quick', '--skip-azure', '--env', 'eu'],
    ])
    expect(translateLegacyFlags(['constructor', 'toString', '-SkipOther'], old)).toEqual([
      'constructor',
      'toString',
      '-SkipOther',
    ])
  })

  test('deploy-complete knows those of deploy-dominion-complete.ps1', async () => {
    const { code, stderr } = await runScript(
      `legacyFlags: { '-skipazure': '--skip-azure' }, options: (parser) => parser.option('--skip-azure', 'x'),
${main("run.log(String(run.flags.skipAzure)); throw new OpsError({ what: 'stop' })")}`,
      ['-SkipAzure'],
    )
    expect(code).toBe(1)
    expect(stderr).toContain('true\n')
    expect(stderr).toContain('npx dominion example --skip-azure\n')
  })

  test('the command that resumes is quoted', async () => {
    const { stderr } = await runScript(
      `options: (parser) => parser.option('--what <text>', 'x'), ${main("throw new OpsError({ what: 'stop' })")}`,
      ['--what', "it's $(id)"],
    )
    const line = /Resume with: +(.*)/.exec(stderr)![1]!
    const words = execFileSync('sh', ['-c', `printf '%s\\n' ${line}`]).toString()
    expect(words.trimEnd().split('\n')).toEqual(['npx', 'dominion', 'example', '--what', "it's $(id)"])
  })
})

describe('--json', () => {
  test('one document on stdout, text for people on stderr', async () => {
    const { stdout, stderr } = await runScript(
      main("run.log('the story'); run.result('the text', { ok: true, lines: ['a\\nb'] })"),
      ['--json'],
    )
    expect(JSON.parse(stdout)).toEqual({ ok: true, lines: ['a\nb'] })
    expect(stdout.trimEnd()).not.toContain('\n')
    expect(stderr).toBe('the story\n')
  })

  test.each([
    ['a failure', "throw new OpsError({ what: 'no hunter2', said: 'w', next: 'n' })", []],
    ['a mistake of the program', 'null.x', []],
    ['an unknown flag', '', ['--nonsense-entirely']],
    ['a missing configuration', 'await run.config()', []],
  ])('%s is exactly one document', async (_, statements, argv) => {
    const clean = "run.clean = (text) => text.replaceAll('hunter2', '***');"
    const { code, stdout, stderr } = await runScript(main(clean + statements), ['--json', ...argv])
    const document = JSON.parse(stdout) as { ok: boolean; exitCode: number; error: { what: string } }
    expect(document).toMatchObject({ ok: false, exitCode: code, error: { what: expect.any(String) } })
    expect(code).toBeGreaterThan(0)
    expect(stderr).toContain(`✖ ${document.error.what}`)
    expect(stdout).not.toContain('hunter2')
  })

  test('a result printed before the failure remains the only document', async () => {
    const { code, stdout } = await runScript(
      main("run.result('', { ok: false, why: 'plan' }); throw new OpsError({ what: 'x' })"),
      ['--json'],
    )
    expect([code, JSON.parse(stdout)]).toEqual([1, { ok: false, why: 'plan' }])
  })

  test('--quiet still prints the result', async () => {
    const { stdout, stderr } = await runScript(main("run.log('s'); run.result('text', {})"), ['-q'])
    expect([stdout, stderr]).toEqual(['text\n', ''])
  })
})

test('the configuration comes from the folder and from --env', async () => {
  const body = main('run.result((await run.config()).domain, {})')
  const files = { '.env': 'DOMAIN=a.app', '.env.eu': 'DOMAIN=eu.a.app' }
  expect((await runScript(body, [], { files })).stdout).toBe('a.app\n')
  expect((await runScript(body, ['--env', 'eu'], { files })).stdout).toBe('eu.a.app\n')
  const { code, stderr } = await runScript(body, ['--env', '../eu'], { files })
  expect([code, stderr.split('\n')[0]]).toEqual([2, '✖ --env "../eu" is not a valid name'])
})

describe('signals', () => {
  const working = main(`
run.log('ready')
const end = Date.now() + 20000
while (!run.stopping.aborted && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, 10))
run.log('the step ends')`)

  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('%s once: running steps finish, then exit %i', async (signal, code) => {
    const { child, says, ended } = startScript(working)
    await says('ready')
    child.kill(signal)
    const { code: exit, stderr } = await ended
    expect(exit).toBe(code)
    expect(stderr).toBe(
      'ready\n\nFinishing the current step; press Ctrl-C again to stop now.\nthe step ends\n',
    )
  })

  test('a script that returns a code after a signal still counts as interrupted', async () => {
    const { child, says, ended } = startScript(working.replace(/ }$/, '; return 0 }'))
    await says('ready')
    child.kill('SIGINT')
    expect((await ended).code).toBe(130)
  })

  test('a script that had finished when the signal came says so and succeeds', async () => {
    const { child, says, ended } = startScript(
      working.replace('async run(run) {', 'async run(run) { run.complete = true;'),
    )
    await says('ready')
    child.kill('SIGTERM')
    expect((await ended).code).toBe(0)
  })

  test('a failure after a signal shows its message and exits with the code of the signal', async () => {
    const { child, says, ended } = startScript(
      working.replace(/ }$/, "; throw new OpsError({ what: 'Interrupted' }) }"),
    )
    await says('ready')
    child.kill('SIGTERM')
    const { code, stderr } = await ended
    expect(code).toBe(143)
    expect(stderr).toContain('✖ Interrupted\n  Resume with: npx dominion example\n')
  })

  test('a second one stops at once', async () => {
    const { child, says, ended } = startScript(
      main(`
run.log('ready')
await new Promise((_, reject) => {
  setTimeout(() => {}, 20000)
  run.signal.addEventListener('abort', () => reject(run.signal.reason))
})`),
    )
    await says('ready')
    child.kill('SIGINT')
    await says('again to stop now')
    child.kill('SIGINT') // An echo of the first: `timeout` and sudo pass on what the terminal already sent to all.
    await new Promise((resolve) => setTimeout(resolve, 200))
    expect(child.exitCode).toBeNull()
    const started = Date.now()
    child.kill('SIGINT')
    const { code, stderr } = await ended
    expect(code).toBe(130)
    expect(Date.now() - started).toBeLessThan(3000)
    expect(stderr).toContain('✖ stopped by a second signal')
  })
})

test.each([
  ['a terminal shows colour', {}, true],
  ['NO_COLOR takes it away', { NO_COLOR: '1' }, false],
  ['an empty NO_COLOR does not', { NO_COLOR: '' }, true],
  ['a dumb terminal has none', { TERM: 'dumb' }, false],
])('%s', (_, env, coloured) => {
  const program = path.join(temporaryFolder(), 'plan.ts')
  writeFileSync(
    program,
    `import { planText } from ${JSON.stringify(path.join(home, 'lib/tasks/plan.ts'))}
console.log(planText([{ task: { id: 'a', title: 'A' }, after: [], state: 'create' }], { clean: (text) => text }))`,
  )
  // script(1) gives the program a terminal.
  const output = execFileSync('script', ['-qec', quoteLine([process.execPath, program]), '/dev/null'], {
    env: { PATH: process.env.PATH, TERM: 'xterm-256color', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  }).toString()
  expect(output).toContain('+ create')
  expect(output.includes('\u001b[')).toBe(coloured)
})
