import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'

/** A page of the browser, and the errors it caused. */
export interface Page {
  open(url: string): Promise<void>
  /** The value of an expression in the page. */
  evaluate<T>(expression: string): Promise<T>
  /** Waits until an expression is true. Rejects after `ms` with what the page shows at that time. */
  until(expression: string, ms: number): Promise<void>
  /** Types text into the focused element and presses one key, as a keyboard does. */
  type(text: string): Promise<void>
  press(key: 'Enter' | 'Escape' | 'Tab'): Promise<void>
  /** Shows the page at this screen width in the visitor's preferred colours; returns a picture (PNG). */
  lookAs(screen: { width: number; dark: boolean }): Promise<Buffer>
  /** Console errors, exceptions, and requests that failed or were answered with 400 or above. */
  problems: string[]
}

export interface Browser extends Page {
  close(): Promise<void>
}

interface Message {
  id?: number
  method?: string
  // biome-ignore lint/suspicious/noExplicitAny: each response of the protocol has its own shape
  params?: any
  // biome-ignore lint/suspicious/noExplicitAny: as above
  result?: any
  error?: { message: string }
}

/**
 * Starts Debian's Chromium headless and drives it over its DevTools protocol, for which Node's own WebSocket is enough.
 * It resolves `hosts` to `address` and nothing else, and trusts certificates with the public key `spki`.
 *
 * @param spki base64 of the sha256 of the key's SubjectPublicKeyInfo
 */
export async function openBrowser(options: {
  hosts: string[]
  address: string
  spki: string
}): Promise<Browser> {
  const profile = mkdtempSync(path.join(tmpdir(), 'test-browser-'))
  const known = options.hosts.map((host) => `MAP ${host} ${options.address}`)
  const rules = [...known, 'MAP * ~NOTFOUND', `EXCLUDE ${options.address}`]
  const child = spawn(
    'chromium',
    [
      ...['--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run'],
      ...['--disable-background-networking', '--disable-component-update', '--disable-sync'],
      ...['--remote-debugging-port=0', `--user-data-dir=${profile}`, '--window-size=1280,900'],
      `--host-resolver-rules=${rules.join(', ')}`,
      `--ignore-certificate-errors-spki-list=${options.spki}`,
      'about:blank',
    ],
    { stdio: ['ignore', 'ignore', 'pipe'], detached: true, env: { ...process.env, HOME: profile } },
  )
  const ended = new Promise((resolve) => child.once('close', resolve))
  const close = async () => {
    try {
      process.kill(-child.pid!, 'SIGKILL')
    } catch {
      // It has already ended.
    }
    await ended
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 })
  }
  try {
    const port = await devToolsPort(child)
    const pages = (await (await fetch(`http://127.0.0.1:${port}/json/list`)).json()) as {
      type: string
      webSocketDebuggerUrl: string
    }[]
    const page = await attach(pages.find(({ type }) => type === 'page')!.webSocketDebuggerUrl)
    return { ...page, close }
  } catch (error) {
    await close()
    throw error
  }
}

/** The port that Chromium names on stderr; rejects after 30 s with its output. */
function devToolsPort(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = ''
    const fail = () => reject(new Error(`Chromium does not start: ${said.slice(-2000)}`))
    const timer = setTimeout(fail, 30_000)
    child.once('error', reject)
    child.once('exit', fail)
    child.stderr!.on('data', (chunk) => {
      said += chunk
      const port = /DevTools listening on ws:\/\/127\.0\.0\.1:(\d+)\//.exec(said)?.[1]
      if (!port) return
      clearTimeout(timer)
      child.removeListener('exit', fail)
      resolve(port)
    })
  })
}

async function attach(url: string): Promise<Page> {
  const socket = new WebSocket(url)
  const waiting = new Map<number, (message: Message) => void>()
  const problems: string[] = []
  let last = 0
  await new Promise((resolve, reject) => {
    socket.onopen = resolve
    socket.onerror = () => reject(new Error('Chromium does not take a DevTools connection'))
  })
  socket.onmessage = ({ data }) => {
    const message = JSON.parse(String(data)) as Message
    if (message.id !== undefined) waiting.get(message.id)?.(message)
    const problem = getProblem(message)
    if (problem) problems.push(problem)
  }
  const call = (method: string, params: object = {}) =>
    new Promise<Message>((resolve, reject) => {
      const id = ++last
      const timer = setTimeout(() => reject(new Error(`Chromium does not answer ${method}`)), 20_000)
      waiting.set(id, (message) => {
        clearTimeout(timer)
        waiting.delete(id)
        if (message.error) reject(new Error(`${method}: ${message.error.message}`))
        else resolve(message)
      })
      socket.send(JSON.stringify({ id, method, params }))
    })
  for (const domain of ['Page', 'Runtime', 'Log', 'Network']) await call(`${domain}.enable`)

  async function evaluate<T>(expression: string): Promise<T> {
    const { result } = await call('Runtime.evaluate', { expression, returnByValue: true, awaitPromise: true })
    if (result.exceptionDetails)
      throw new Error(result.exceptionDetails.exception?.description ?? 'exception')
    return result.result.value as T
  }
  return {
    problems,
    evaluate,
    async open(address) {
      const { result } = await call('Page.navigate', { url: address })
      if (result.errorText) throw new Error(`${address}: ${result.errorText}`)
      await untilTrue(evaluate, "document.readyState === 'complete'", 20_000)
    },
    until: (expression, ms) => untilTrue(evaluate, expression, ms),
    async type(text) {
      await call('Input.insertText', { text })
    },
    async press(key) {
      const code = { Enter: 13, Escape: 27, Tab: 9 }[key]
      const event = {
        key,
        code: key,
        windowsVirtualKeyCode: code,
        ...(key === 'Enter' ? { text: '\r' } : {}),
      }
      await call('Input.dispatchKeyEvent', { type: 'keyDown', ...event })
      await call('Input.dispatchKeyEvent', { type: 'keyUp', ...event })
    },
    async lookAs({ width, dark }) {
      const size = { width, height: 800, deviceScaleFactor: 1, mobile: width < 600 }
      await call('Emulation.setDeviceMetricsOverride', size)
      const features = [{ name: 'prefers-color-scheme', value: dark ? 'dark' : 'light' }]
      await call('Emulation.setEmulatedMedia', { features })
      const { result } = await call('Page.captureScreenshot', { format: 'png' })
      return Buffer.from(result.data, 'base64')
    },
  }
}

async function untilTrue(evaluate: Page['evaluate'], expression: string, ms: number): Promise<void> {
  const end = Date.now() + ms
  while (!(await evaluate<boolean>(expression).catch(() => false))) {
    if (Date.now() > end)
      throw new Error(
        `not so within ${ms} ms: ${expression}. The page: ${await evaluate('document.body.innerText')}`,
      )
    await pause(100)
  }
}

function getProblem({ method, params }: Message): string | undefined {
  if (method === 'Runtime.exceptionThrown')
    return `exception: ${params.exceptionDetails.exception?.description}`
  if (method === 'Runtime.consoleAPICalled' && params.type === 'error')
    return `console: ${params.args.map((arg: { value?: unknown; description?: string }) => arg.value ?? arg.description).join(' ')}`
  if (method === 'Log.entryAdded' && params.entry.level === 'error')
    return `log: ${params.entry.text} ${params.entry.url ?? ''}`
  if (method === 'Network.loadingFailed' && !params.canceled) return `not loaded: ${params.errorText}`
  if (method === 'Network.responseReceived' && params.response.status >= 400)
    return `${params.response.status}: ${params.response.url}`
  return undefined
}
