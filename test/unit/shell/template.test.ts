import { expect, test } from 'vitest'
import { az } from '../../../lib/azure/cli.ts'
import { commandTemplate, display, local, secretFile, toArgv, type Word } from '../../../lib/shell/command.ts'

const words = (text: TemplateStringsArray, ...values: Word[]) => toArgv(text, values)
const key = secretFile('key.json', 'hunter2')
const tag = 'src-1'

test.each([
  ['words', words`npm  run build`, ['npm', 'run', 'build']],
  [
    'several lines',
    words`
    certbot certonly
      --agree-tos
  `,
    ['certbot', 'certonly', '--agree-tos'],
  ],
  ['a value with spaces', words`echo ${'a b  c'} end`, ['echo', 'a b  c', 'end']],
  ['an empty value', words`crontab ${''}`, ['crontab', '']],
  ['a line break in a value', words`sh -c ${'a\nb'}`, ['sh', '-c', 'a\nb']],
  ['a number', words`ssh -p ${22}`, ['ssh', '-p', '22']],
  ['zero', words`exit ${0}`, ['exit', '0']],
  ['values within a word', words`acr --image codex:${tag}-${2}.tar`, ['acr', '--image', 'codex:src-1-2.tar']],
  ['two values side by side', words`${'a '}${' b'}`, ['a  b']],
  ['a list', words`install -d ${['a b', 'c']} --`, ['install', '-d', 'a b', 'c', '--']],
  ['an empty list', words`rm ${[]} x`, ['rm', 'x']],
  ['absent values', words`a ${false} b ${undefined}`, ['a', 'b']],
  ['a secret file', words`az --file ${key}`, ['az', '--file', key]],
  [
    'text before a secret file',
    words`az --parameters @${key}`,
    ['az', '--parameters', { ...key, prefix: '@' }],
  ],
  ['a secret file in a list', words`az ${['--file', key]}`, ['az', '--file', key]],
  ['no quotes, no expansion', words`echo "a b" '$(id)' *`, ['echo', '"a', `b"`, `'$(id)'`, '*']],
  ['nothing', words``, []],
])('a template of %s', (_what, argv, expected) => expect(argv).toEqual(expected))

test.each([
  ['a list', () => words`--name=${['a']}`],
  ['a list after a value', () => words`${'a'}${['b']}`],
  ['an absent value', () => words`--name=${undefined}`],
  ['text after a secret file', () => words`${key}.json`],
])('%s is refused within a word', (_what, make) => expect(make).toThrow(TypeError))

test('options are passed by a call and do not affect the next command', () => {
  const run = commandTemplate((argv, effect, options) => ({
    argv: ['run', ...argv],
    on: 'here',
    effect,
    timeoutMs: 1,
    ...options,
  }))
  const command = { argv: ['run', 'x'], on: 'here', timeoutMs: 1 }
  expect(run({ timeoutMs: 7, cwd: '/srv' })`x`).toEqual({
    ...command,
    effect: 'read',
    timeoutMs: 7,
    cwd: '/srv',
  })
  expect(run`x`).toEqual({ ...command, effect: 'read' })
  expect(run.change({ accept: [1] })`x`).toEqual({ ...command, effect: 'change', accept: [1] })
  expect(run.record`x`).toEqual({ ...command, effect: 'record' })
})

test('a local command reads within two minutes and changes within thirty', () => {
  expect(local`git describe`).toEqual({
    argv: ['git', 'describe'],
    on: 'here',
    effect: 'read',
    timeoutMs: 120_000,
  })
  expect(local.change`npm ci`).toMatchObject({ effect: 'change', timeoutMs: 1_800_000 })
  expect(local.record`touch x`).toMatchObject({ effect: 'record', timeoutMs: 1_800_000 })
})

test.each([
  [
    az.change`container restart --resource-group ${'rg'} --name ${'codex-backend'} ${['--subscription', 's']}`,
    'az container restart --resource-group rg --name codex-backend --subscription s --output json --only-show-errors',
  ],
  [
    az.change({ cwd: '/srv' })`acr build --image codex-backend:${tag} --file ${'Dockerfile.azure'} .`,
    '(in /srv) az acr build --image codex-backend:src-1 --file Dockerfile.azure . --output json --only-show-errors',
  ],
  [
    az.change`deployment group create --parameters @${key}`,
    'az deployment group create --parameters @<key.json> --output json --only-show-errors',
  ],
])('az shows as %#', (command, line) => expect(display(command)).toBe(line))
