import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import { buffer } from 'node:stream/consumers'
import { gzipSync } from 'node:zlib'
import { pack } from 'tar-stream'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { createAuthority } from '../../rehearsal/authority.ts'
import { buildImage } from '../../rehearsal/azure/build.ts'
import type { Call } from '../../rehearsal/azure/http.ts'
import { type Image, pushImage, type Repository } from '../../rehearsal/azure/images.ts'
import { packageIndex, packageIndexHost } from '../../rehearsal/azure/packageIndex.ts'
import { openGateway } from '../../rehearsal/azure/proxy.ts'
import { publicRegistries, publicRegistry } from '../../rehearsal/azure/publicRegistries.ts'
import { registryApi } from '../../rehearsal/azure/registryApi.ts'
import { findRemoved, unpackImage } from '../../rehearsal/azure/unpackImage.ts'
import { createWorld, type World } from '../../rehearsal/azure/world.ts'
import { startDns } from '../../rehearsal/dns.ts'
import { startMachine } from '../../rehearsal/machine.ts'
import { startNetwork } from '../../rehearsal/network.ts'
import { runOrThrow } from '../../rehearsal/processes.ts'
import { prepareRoots } from '../../rehearsal/roots.ts'
import { createWorkFolder } from '../support/system/applications.ts'

/*
 * The content of an image depends only on its sources and on the image root, whatever happens on this host meanwhile.
 */

const work = createWorkFolder('dominion-image-builds')
const repositories = new Map<string, Repository>()
const stops: (() => Promise<void>)[] = []
let world: World
let builds = 0

beforeAll(async () => {
  const network = await startNetwork({ name: 'sys-image-builds' })
  stops.push(network.stop)
  const dns = await startDns({ network, folder: work.folder })
  stops.push(dns.stop)
  world = createWorld({
    types: [],
    folder: work.folder,
    network,
    dns,
    authority: await createAuthority(path.join(work.folder, 'authority')),
    roots: await prepareRoots(console.error),
    latency: 'none',
    subscription: { id: 's', name: 'Rehearsal', tenant: 't' },
    servicePrincipal: { id: 'p', secret: '' },
  })
  world.resources.set('own', {
    id: 'own',
    group: 'rg',
    type: 'Microsoft.ContainerRegistry/registries',
    name: 'own',
    wanted: { properties: {} },
    state: 'Succeeded',
    createdAt: new Date(),
    runtime: { repositories },
  })
  const registries = publicRegistries.map((host) => [host, (call: Call) => publicRegistry(world, call)])
  const gateway = await openGateway(world, {
    ...Object.fromEntries(registries),
    '*.azurecr.io': (call) => registryApi(world, call),
    [packageIndexHost]: packageIndex,
  })
  stops.push(gateway.stop)
})
afterAll(async () => {
  for (const stop of stops.reverse()) await stop()
  work.remove()
})

/** Builds an image of these files; returns it with the build's log. */
async function build(files: Record<string, string>): Promise<{ image: Image; log: string }> {
  const context = pack()
  for (const [name, text] of Object.entries(files)) context.entry({ name, mtime: new Date(0) }, text)
  context.finalize()
  const source = gzipSync(await buffer(context))
  let log = ''
  builds += 1
  const input = {
    name: `build-${builds}`,
    source,
    dockerfile: 'Dockerfile',
    arguments: {},
    loginServer: 'own.azurecr.io',
  }
  const image = await buildImage(world, input, (text) => {
    log += text
  }).catch((error: Error) => {
    throw new Error(`${log}${error.message}`)
  })
  return { image, log }
}

const PYTHON = 'FROM mcr.microsoft.com/mirror/docker/library/python:3.11-slim\n'

async function filesIn(image: Image): Promise<string[]> {
  const lists = await Promise.all(image.layers.map((layer) => runOrThrow(['tar', '-tf', layer])))
  return lists.flatMap((list) => list.trimEnd().split('\n')).map((name) => name.replace(/\/$/, ''))
}

test('a multi-stage build, .dockerignore, an argument as the image and an image with a digest work', async () => {
  const { image, log } = await build({
    Dockerfile: `ARG BASE=python:3-slim\nFROM $BASE AS first\nRUN echo made > /made
FROM mcr.microsoft.com/mirror/docker/library/python:3-slim@sha256:${'0'.repeat(64)}\nWORKDIR /app\nCOPY . .\nCOPY --from=first /made /app/\nUSER 10001:10001
HEALTHCHECK CMD true\nENTRYPOINT ["python3", "-m"]\nCMD ["http.server"]\n`,
    '.dockerignore': 'ignored\n',
    ignored: '',
  })
  expect((await filesIn(image)).filter((name) => name.startsWith('app/'))).toEqual([
    'app/.dockerignore',
    'app/Dockerfile',
    'app/made',
  ])
  const { config } = image
  expect(config).toMatchObject({ User: '10001:10001', WorkingDir: '/app' })
  expect([...config.Entrypoint!, ...config.Cmd!]).toEqual(['python3', '-m', 'http.server'])
  expect(log).toContain('[1/2] STEP 2/2: RUN echo made > /made')
})

test.each([
  ['a failing step', `${PYTHON}RUN echo before; exit 3\n`, /before[\s\S]*RUN echo before; exit 3.*status 3/],
  ['an unknown image', 'FROM alpine:3\n', /alpine.*manifest unknown.*Python images/],
  ['an unknown tag', PYTHON.replace('3.11', '3.13'), /manifest unknown: .*3\.13-slim/],
  ['an image that is not in the registry', 'FROM own.azurecr.io/none:1\n', /own\.azurecr\.io\/none/],
  ['a missing file', `${PYTHON}COPY none .\n`, /none.*no such file/],
  ['an unknown instruction', `${PYTHON}NONE none\n`, /nknown instruction.*NONE/],
])('%s: the log and its last line say so', async (_, Dockerfile, words) => {
  await expect(build({ Dockerfile })).rejects.toThrow(words)
})

test('the pull limit of Docker Hub applies to its images only', async () => {
  world.faults.set('docker-hub-limit', {})
  try {
    await expect(build({ Dockerfile: 'FROM python:3\n' })).rejects.toThrow(/toomanyrequests/)
    await build({ Dockerfile: PYTHON })
  } finally {
    world.faults.delete('docker-hub-limit')
  }
})

/** Folders of this host in which another program writes while images are built. */
const noisy = ['/usr/local', '/opt', '/etc', '/var/lib', '/var/tmp'].map((above) =>
  path.join(above, `dominion-noise-${process.pid}`),
)

/** Writes and removes 1,000 files a second in those folders until it is stopped; reports how many it wrote. */
function startNoise(): { stop(): Promise<number> } {
  const code = `
const { mkdirSync, rmSync, writeFileSync } = require('node:fs')
const folders = ${JSON.stringify(noisy)}
for (const folder of folders) mkdirSync(folder, { recursive: true })
let count = 0
const start = Date.now()
const timer = setInterval(() => {
  while (count < Date.now() - start) {
    const name = (number) => folders[number % folders.length] + '/file-' + number
    writeFileSync(name(count), 'x'.repeat(20_000))
    if (count >= 500) rmSync(name(count - 500))
    count += 1
  }
}, 5)
process.stdin.resume().on('end', () => {
  clearInterval(timer)
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
  console.log(count)
})`
  const child = spawn(process.execPath, ['-e', code], { stdio: ['pipe', 'pipe', 'inherit'] })
  const ended = new Promise((resolve) => child.once('close', resolve))
  let said = ''
  child.stdout.on('data', (chunk: Buffer) => {
    said += chunk
  })
  return {
    async stop() {
      child.stdin.end()
      await ended
      return Number(said)
    },
  }
}

test('what another program writes on this host in the meantime is not in the image', async () => {
  const sources = {
    Dockerfile: `${PYTHON}WORKDIR /app\nCOPY . .\nRUN sleep 2 && echo made > /usr/lib/made && ls -d ${noisy.join(' ')} || true\n`,
    'hello.txt': 'hello\n',
  }
  const noise = startNoise()
  let written = 0
  const both = []
  try {
    both.push(await build(sources), await build(sources))
  } finally {
    written = await noise.stop()
  }
  expect(written).toBeGreaterThan(2000)
  for (const { image, log } of both) {
    const files = await filesIn(image)
    expect(files.filter((name) => name.includes('dominion-noise'))).toEqual([])
    expect(files.filter((name) => !['etc', 'run', 'usr', 'usr/lib'].includes(name))).toEqual([
      'app',
      'app/Dockerfile',
      'app/hello.txt',
      'usr/lib/made',
    ])
    expect(log).not.toMatch(/^\/\S*dominion-noise/m)
  }
  const [first, second] = both.map(({ image }) => image.digest)
  expect(second).toBe(first)
  const other = await build({ ...sources, 'hello.txt': 'HELLO\n' })
  expect(other.image.digest).not.toBe(first)
})

test("the packages that pip finds are the image root's, not this host's", async () => {
  const folders = await runOrThrow(['/usr/bin/python3', '-c', 'import sys; print("\\n".join(sys.path))'])
  const local = folders.split('\n').find((folder) => /^\/usr\/local\/.*\/dist-packages$/.test(folder))!
  const distribution = path.join(local, `dominion_probe_${process.pid}-1.0.dist-info`)
  mkdirSync(distribution)
  try {
    writeFileSync(
      path.join(distribution, 'METADATA'),
      `Metadata-Version: 2.1\nName: dominion-probe-${process.pid}\nVersion: 1.0\n`,
    )
    const wanted = `${PYTHON}RUN pip install 'rq>=99' || pip install dominion-probe-${process.pid}\n`
    await expect(build({ Dockerfile: wanted })).rejects.toThrow(
      /found for rq>=99[\s\S]*found for dominion-probe[\s\S]*cannot reach the package index/,
    )
  } finally {
    rmSync(distribution, { recursive: true })
  }
  // Debian 12's RQ, whatever Debian this host runs.
  const { log } = await build({
    Dockerfile: `${PYTHON}RUN pip install 'rq>=1.13,<1.14' && python --version\n`,
  })
  expect(log).toMatch(/Requirement already satisfied: rq.*\nPython 3\.11\./)
})

test('where a package index answers, pip installs from it', async () => {
  const wheel = path.join(work.folder, 'dominion_probe-1.0-py3-none-any.whl')
  const make = `import sys, zipfile
with zipfile.ZipFile(sys.argv[1], 'w') as wheel:
    wheel.writestr('dominion_probe.py', 'answer = 42')
    wheel.writestr('dominion_probe-1.0.dist-info/METADATA', 'Metadata-Version: 2.1\\nName: dominion-probe\\nVersion: 1.0\\n')
    wheel.writestr('dominion_probe-1.0.dist-info/WHEEL', 'Wheel-Version: 1.0\\nGenerator: none\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n')
    wheel.writestr('dominion_probe-1.0.dist-info/RECORD', '')`
  await runOrThrow(['/usr/bin/python3', '-c', make, wheel])
  const index = createServer((request, response) => {
    const page = request.url === '/simple/dominion-probe/'
    if (page) response.setHeader('Content-Type', 'text/html')
    response.end(page ? `<a href="/files/${path.basename(wheel)}">it</a>` : readFileSync(wheel))
  })
  await once(index.listen(0, '127.0.0.1'), 'listening')
  vi.stubEnv('PIP_INDEX_URL', `http://127.0.0.1:${(index.address() as AddressInfo).port}/simple`)
  try {
    const { log } = await build({
      Dockerfile: `${PYTHON}RUN pip install --no-cache-dir dominion-probe && python -c 'import dominion_probe as p; print("answer", p.answer)'\n`,
    })
    expect(log).toMatch(/Successfully installed dominion-probe-1\.0\nanswer 42\n/)
  } finally {
    vi.unstubAllEnvs()
    index.close()
  }
})

test('what a build removes or replaces is also gone in derived images and in containers', async () => {
  const { image } = await build({
    Dockerfile: `${PYTHON}RUN rm /etc/debian_version && rm -r /usr/share/doc/python3-rq && mkdir /usr/share/doc/python3-rq \\
  && echo own > /usr/share/doc/python3-rq/own && rm -r /opt && ln -s /srv /opt && rm /etc/issue && mkdir /etc/issue \\
  && echo in > /etc/issue/in && chmod 700 /mnt\n`,
  })
  pushImage(repositories, 'base', 'one', image)
  const check = `test ! -e /etc/debian_version; test "$(ls /usr/share/doc/python3-rq)" = own; test -L /opt
test "$(cat /etc/issue/in)" = in; test "$(stat -c %a /mnt)" = 700`
  const { image: above } = await build({
    Dockerfile: `FROM own.azurecr.io/base:one\nCOPY check /check\nRUN sh -eu /check && rm -r /etc/issue\n`,
    check,
  })
  expect(await findRemoved(above.layers.at(-1)!)).toEqual(['check', 'etc/issue'])
  const machine = await startMachine({
    name: 'container',
    folder: work.folder,
    network: world.network,
    resolver: world.dns.address,
    root: world.roots.images,
  })
  try {
    await unpackImage(machine, above)
    const seen = await machine.run([
      'sh',
      '-euc',
      `${check.replace(/test "\$\(cat.*?;/, '')}; test ! -e /etc/issue`,
    ])
    expect(seen.code, seen.stderr).toBe(0)
  } finally {
    await machine.stop()
  }
})
