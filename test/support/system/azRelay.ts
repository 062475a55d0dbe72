import { spawn } from 'node:child_process'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { collect } from '../../../rehearsal/processes.ts'

/** What azRelayClient.cjs sends. */
export interface AzCall {
  argv: string[]
  env: Record<string, string>
  stdin: string
}

/** The variables that are meant for az; the others describe the Windows. */
const passedOn = /^(AZURE_|PYTHON|REQUESTS_CA_BUNDLE$|(HTTPS?|NO|ALL)_PROXY$)/i

/** `Z:\tmp\x` as this machine knows it; in an argument also after the `@` of az. */
const toLinuxPath = (word: string) =>
  word.replace(/^(@?)[Zz]:(\\.*)$/, (_, at: string, file: string) => `${at}${file.replaceAll('\\', '/')}`)

/**
 * Runs this machine's az for programs under wine, which cannot start Linux programs with pipes: each connection is one
 * call and its answer. An az started by wine itself would also have no exit code.
 */
export async function startAzRelay(): Promise<{ port: number; stop(): void }> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    let call = ''
    socket.setEncoding('utf8').on('data', (chunk) => {
      call += chunk
    })
    socket.on('error', () => {})
    socket.once('end', async () => {
      const { argv, env, stdin } = JSON.parse(call) as AzCall
      const meant = Object.entries(env)
        .filter(([name]) => passedOn.test(name))
        .map(([name, value]) => [name, toLinuxPath(value)])
      const child = spawn('az', argv.map(toLinuxPath), {
        env: { ...process.env, ...Object.fromEntries(meant) },
        stdio: 'pipe',
      })
      // The caller was killed.
      socket.once('close', () => child.kill())
      socket.end(JSON.stringify(await collect(child, stdin)))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { port: (server.address() as AddressInfo).port, stop: () => void server.close() }
}
