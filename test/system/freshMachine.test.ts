import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { type DebianRoot, prepareRoot } from '../../rehearsal/debianRoot.ts'
import { getDebianSources } from '../../rehearsal/debianSources.ts'
import { runInNamespaces } from '../support/namespaces.ts'
import { createWorkFolder } from '../support/system/applications.ts'
import { installNode } from '../support/system/nodeReleases.ts'

/*
 * The launcher on a bare Debian with Node 20: a root with only the base system, in namespaces, with the project and
 * Node bind-mounted. Everything written there is in memory and disappears with the test.
 */

const home = path.join(import.meta.dirname, '..', '..')
const work = createWorkFolder('dominion-fresh')
let node = ''
beforeAll(async () => {
  node = await installNode('20.19.2')
  return () => work.remove()
})

/** $1 the root, $2 Node, $3 the project, $4 the folder for results, with the lines to run. */
const enter = `
set -e
mount -t tmpfs tmpfs "$4/writable"
mkdir "$4/writable/upper" "$4/writable/work" "$4/writable/root"
root="$4/writable/root"
mount -t overlay overlay -o "lowerdir=$1,upperdir=$4/writable/upper,workdir=$4/writable/work" "$root"
mkdir -p "$root/ops" "$root/results"
touch "$root/usr/local/bin/node" "$root/etc/resolv.conf"
mount --bind "$2" "$root/usr/local/bin/node"
mount --rbind "$3" "$root/ops"
mount --bind "$4/results" "$root/results"
mount --bind /etc/resolv.conf "$root/etc/resolv.conf"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
cp "$4/sources.list" "$root/etc/apt/sources.list"
exec chroot "$root" /bin/sh /results/lines < /dev/null
`

interface Result {
  code: number
  stdout: string
  stderr: string
}

/**
 * Runs lines one after the other on a bare machine, in the project's folder; returns the result of each by its name.
 */
async function onBareMachine<Name extends string>(
  release: DebianRoot['release'],
  lines: Readonly<Record<Name, string>>,
): Promise<Record<Name, Result>> {
  const place = path.join(work.folder, release)
  const results = path.join(place, 'results')
  for (const folder of [results, path.join(place, 'writable')]) mkdirSync(folder, { recursive: true })
  writeFileSync(path.join(place, 'sources.list'), `${(await getDebianSources(release)).join('\n')}\n`)
  const root = await prepareRoot({ purpose: 'bare machines', release, packages: [] }, () => {})
  const script = Object.entries<string>(lines).map(
    ([name, line]) => `(${line}) > /results/${name}.out 2> /results/${name}.err; echo $? > /results/${name}`,
  )
  writeFileSync(path.join(results, 'lines'), ['cd /ops', ...script].join('\n'))
  const machine = await runInNamespaces(
    ['--mount', '--pid', '--fork', '--kill-child'],
    ['sh', '-c', enter, 'sh', root, node, home, place],
    {
      env: { PATH: process.env.PATH, HOME: '/root', LC_ALL: 'C' },
    },
  )
  expect([machine.code, machine.stderr]).toEqual([0, ''])
  const read = (name: string) => readFileSync(path.join(results, name), 'utf8')
  return Object.fromEntries(
    Object.keys(lines).map((name) => [
      name,
      { code: Number(read(name)), stdout: read(`${name}.out`), stderr: read(`${name}.err`) },
    ]),
  ) as Record<Name, Result>
}

/** As npm runs the package scripts and npx the command: node_modules/.bin comes first. */
const npm = 'PATH=/ops/node_modules/.bin:$PATH npm_node_execpath=/usr/local/bin/node'
const explained = {
  code: 2,
  stdout: '',
  stderr:
    "✖ The project's Node does not start: the library libatomic.so.1 is missing (Debian package libatomic1)\n→ As root: apt-get install --no-install-recommends libatomic1\n",
}

describe.each(['bookworm', 'trixie'] as const)('a bare Debian %s with Node 20', (release) => {
  test('without libatomic1 every entry point says what is missing; rehearse --install installs it; then everything works', async () => {
    const { scripts } = JSON.parse(readFileSync(path.join(home, 'package.json'), 'utf8')) as {
      scripts: Record<'rehearse' | 'deploy' | 'test:unit', string>
    }
    const ended = await onBareMachine(release, {
      // Not the link in .bin, which npm 9 does not always make.
      loader: 'node_modules/node-linux-*/bin/node --version',
      node: 'node bin/dominion.js',
      deploy: `${npm} ${scripts.deploy} --help`,
      unit: `${npm} ${scripts['test:unit']}`,
      path: 'bin/node scripts/azure/provision.ts --help',
      npx: `mkdir /tmp/links; ln -s /ops/bin/dominion.cmd /tmp/links/dominion; PATH=/tmp/links:/ops/node_modules/.bin:$PATH dominion`,
      install: `${npm} ${scripts.rehearse} --help`,
      list: `${npm} node bin/dominion.js`,
      script: 'bin/node scripts/azure/provision.ts --help',
    })
    // Otherwise the machine is not bare, and the rest proves nothing.
    expect(ended.loader).toMatchObject({ code: 127, stderr: expect.stringContaining('libatomic.so.1') })
    for (const way of ['node', 'deploy', 'unit', 'path', 'npx'] as const)
      expect(ended[way], way).toEqual(explained)
    expect(ended.install).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^Usage: dominion rehearse/),
    })
    expect(ended.install.stderr).toMatch(
      /^The project's Node needs the library libatomic\.so\.1\. Installing its Debian package: apt-get install .*libatomic1\n/,
    )
    expect(ended.list).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^Usage: npx dominion SCRIPT/),
    })
    expect(ended.list.stderr).toBe('')
    expect(ended.script).toMatchObject({ code: 0, stderr: '' })
  })
})
