import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import path from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { expect, test } from 'vitest'
import { packedBy, packedFiles, readings } from '../../../lib/azure/buildContext.ts'
import { getFailure, temporaryFolder } from '../../support/helpers.ts'

/** The interpreter that az runs in: Microsoft's package ships one. */
const python = existsSync('/opt/az/bin/python3') ? '/opt/az/bin/python3' : '/usr/bin/python3'

/** Packs each folder with az's own code and lists what is in the archive. */
const packer = `
import json, os, sys, tarfile, tempfile
from azure.cli.command_modules.acr._archive_utils import _pack_source_code
kinds = {tarfile.REGTYPE: 'file', tarfile.LNKTYPE: 'file', tarfile.DIRTYPE: 'folder', tarfile.SYMTYPE: 'link'}
answers = []
for folder, dockerfile in json.load(sys.stdin):
    os.chdir(folder)
    with tempfile.NamedTemporaryFile() as archive:
        _pack_source_code('.', archive.name, dockerfile, 'the Dockerfile')
        with tarfile.open(archive.name) as tar:
            answers.append(sorted([m.name, kinds.get(m.type, 'other')] for m in tar.getmembers() if m.name not in ('', 'the Dockerfile')))
json.dump(answers, sys.stdout)
`
const packedByAz = (folders: [folder: string, dockerfile: string][]): [string, string][][] =>
  JSON.parse(
    execFileSync(python, ['-c', packer], {
      input: JSON.stringify(folders),
      encoding: 'utf8',
      env: { ...process.env, PYTHONUTF8: '1' },
      stdio: ['pipe', 'pipe', 'ignore'],
    }),
  )

const files = [
  ...['Dockerfile', 'Dockerfile.azure', 'a.py', 'a.pyc', 'b.py', 'README.md', 'KEEP.md', 'app.py.bak'],
  ...['.env', '.git/HEAD', '.git/objects/aa', '.gitignore', '.hg/store', 'bzrignore', '.bzrignore'],
  ...['app/a.py', 'app/a.pyc', 'app/.git/HEAD', 'app/.gitignore', 'app/__pycache__/a.pyc', 'app/README.md'],
  ...['app/deep/er/a.py', 'app/deep/er/KEEP.md', 'node_modules/x/index.js', 'node_modules/KEEP.md'],
  ...[
    'tests/a_test.py',
    'tests/data/one.json',
    'x+y.txt',
    'xxy.txt',
    'a(b).txt',
    '{{name}}.txt',
    'sp ace.txt',
  ],
  ...[
    'ünï.txt',
    '😀.txt',
    '😀😀.txt',
    'line\nend.txt',
    'end\n',
    'end',
    'a|b',
    '[x].txt',
    'x.txt',
    '^x',
    '$x',
  ],
  ...['c', 'cc', 'c++', 'C', 'docker/Dockerfile'],
]

function tree(rules: Record<string, string | Uint8Array>): string {
  const folder = temporaryFolder()
  for (const name of files) {
    mkdirSync(path.dirname(path.join(folder, name)), { recursive: true })
    writeFileSync(path.join(folder, name), name)
  }
  mkdirSync(path.join(folder, 'app/empty'))
  symlinkSync('../a.py', path.join(folder, 'app/link.py'))
  symlinkSync('app', path.join(folder, 'linked-folder'))
  symlinkSync('/nowhere/at/all', path.join(folder, 'dangling'))
  for (const [name, text] of Object.entries(rules)) writeFileSync(path.join(folder, name), text)
  return folder
}

const ignoreFiles = [
  '',
  'tests\n*.md\n!KEEP.md\n',
  '**/*.pyc\n**/__pycache__\n',
  '**/*.md\n!**/KEEP.md\r\n# comment\n\n   \n',
  '*\n!app\n!Dockerfile*\napp/deep\n!app/deep/er/KEEP.md\n',
  '**\n!a.py\n!/app/\n',
  'node_modules/\n/tests\n./app\n',
  'node_modules\n!node_modules/KEEP.md\n!/tests///\n',
  'app/*\n!app/**/a.py\napp/deep/**\n',
  '!.git\n!.git/**\n!**/.gitignore\n**/.git\n',
  '.git\n!**\n',
  '?.py\n??.txt\n[ab]*.py*\n',
  '?.txt\n',
  'x+y.txt\na(b).txt\n',
  '{{name}}.txt\n*{{*\n',
  '[x].txt\n[^a].py\n[!a].txt\n',
  'a|b\n',
  'end\nline?end.txt\n',
  'ünï.txt\nsp ace.txt   \n  sp ace.txt\n # no comment\n',
  '^x\n$x\nC\n',
  'app/**/er/**\n**/data\n**app\n',
  '!a.py\n*.py\n!b.py\nb.py\n!app/a.py',
  '.dockerignore\nDockerfile*\n',
]

test('packs the same files as az’s own code for any .dockerignore', {
  timeout: 60_000,
}, async () => {
  const cases: { folder: string; dockerfile: string; rules: string }[] = [
    ...ignoreFiles.map((rules) => ({
      dockerfile: 'Dockerfile.azure',
      rules,
      folder: tree({ '.dockerignore': rules }),
    })),
    { dockerfile: 'Dockerfile', rules: 'none at all', folder: tree({}) },
    {
      dockerfile: 'Dockerfile.azure',
      rules: 'a byte order mark',
      folder: tree({ '.dockerignore': '\ufeffa.py\nb.py' }),
    },
    ...['Dockerfile.azure', 'Dockerfile', 'docker/Dockerfile'].map((dockerfile) => ({
      dockerfile,
      rules: 'another ignore file',
      folder: tree({
        '.dockerignore': 'app\n',
        'Dockerfile.azure.dockerignore': 'tests\n',
        'Dockerfile.dockerignore': 'node_modules\n',
      }),
    })),
  ]
  const byAz = packedByAz(cases.map(({ folder, dockerfile }) => [folder, dockerfile]))
  const theirs = cases.map(({ dockerfile, rules }, index) => ({
    ...{ dockerfile, rules },
    packed: byAz[index]!.sort(([a], [b]) => (a < b ? -1 : 1)),
  }))
  const ours = await Promise.all(
    readings.map((reading) =>
      Promise.all(
        cases.map(async ({ folder, dockerfile, rules }) => {
          const packed = (await packedBy(reading, folder, dockerfile)).map(
            ({ path, kind }): [string, string] => [path, kind],
          )
          // A file that any az release would pack contributes to the tag, whichever az is installed.
          const union = (await packedFiles(folder, dockerfile)).map(({ path }) => path)
          expect(union).toEqual(expect.arrayContaining(packed.map(([path]) => path)))
          return { dockerfile, rules, packed }
        }),
      ),
    ),
  )
  // Every interpretation belongs to some release; the az of this machine has one of them.
  const getWrong = (reading: typeof theirs) =>
    reading.filter(({ packed }, index) => !isDeepStrictEqual(packed, theirs[index]!.packed))
  const closest = ours.sort((a, b) => getWrong(a).length - getWrong(b).length)[0]!
  expect(closest).toEqual(theirs)
  // The cases differ: apart from two that exclude nothing, no two give the same archive.
  const lists = byAz.slice(0, ignoreFiles.length).map((list) => JSON.stringify(list))
  const same = ignoreFiles.filter((_, index) => lists.indexOf(lists[index]!) < index)
  expect(same).toEqual(['node_modules/\n/tests\n./app\n', '.git\n!**\n'])
})

test.each(['a\\b', 'c++', '[]x]', 'x{,2}', '!', '!/', 'a(b', '*['])(
  'a rule %s that az or Python would reject or read differently is refused with its line',
  async (rule) => {
    const folder = tree({ '.dockerignore': `# first\n${rule}\n` })
    expect(await getFailure(packedFiles(folder, 'Dockerfile'))).toMatchObject({
      what: `.dockerignore line 2: the meaning of the rule ${JSON.stringify(rule)} for az is unknown`,
      exitCode: 2,
    })
  },
)

test('an ignore file that is not text is refused', async () => {
  const folder = tree({ '.dockerignore': Uint8Array.of(0x61, 0xff) })
  expect((await getFailure(packedFiles(folder, 'Dockerfile'))).what).toBe(
    `${path.join(folder, '.dockerignore')} is not UTF-8 text`,
  )
})

test('a socket anywhere makes az fail and is named; a queue only where it would be packed', async () => {
  const folder = tree({ '.dockerignore': 'tests\n' })
  execFileSync('mkfifo', [path.join(folder, 'tests/queue')])
  await packedFiles(folder, 'Dockerfile')
  const server = createServer().listen(path.join(folder, 'tests/socket'))
  await new Promise((resolve) => server.once('listening', resolve))
  const refused = await getFailure(packedFiles(folder, 'Dockerfile'))
  await new Promise((resolve) => server.close(resolve))
  expect(refused.what).toBe(
    `${path.join(folder, 'tests/socket')} cannot be packed for the build: it is not a file, folder or link`,
  )
  execFileSync('mkfifo', [path.join(folder, 'app/queue')])
  expect((await getFailure(packedFiles(folder, 'Dockerfile'))).what).toContain('app/queue cannot be packed')
  rmSync(path.join(folder, 'app/queue'))
  writeFileSync(Buffer.concat([Buffer.from(`${folder}/app/`), Buffer.of(0xff)]), '')
  expect((await getFailure(packedFiles(folder, 'Dockerfile'))).what).toContain('its name is not UTF-8')
})
