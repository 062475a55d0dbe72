import { createHash } from 'node:crypto'
import { connect, createServer } from 'node:net'
import { text } from 'node:stream/consumers'
import { type OpsError, usageError } from '../lib/util/errors.ts'
import { poll } from '../lib/util/poll.ts'

/** The owner of a rehearsal's name on this machine. */
export interface Owner {
  /** The id of this run; its `.env.NAME` contains it. */
  id: string
  /** The process that emulates both clouds, or the one that cleans up. */
  pid: number
  /** The process that started it. */
  startedBy: number
  doing: 'running' | 'being taken down'
  /** The folder it was started from. */
  from: string
  /** ISO 8601. */
  since: string
  keep: boolean
  /** The `.env.NAME` that it writes. */
  environment: string
}

/**
 * An abstract socket (unix(7)): the kernel gives a name to only one process and releases it when that process
 * ends, however it ends. Therefore a claim is never stale, and two processes that start at the same moment
 * cannot both have it. The claim is on the rehearsal's name, not on its folder, because the folder depends on
 * TMPDIR and the network interfaces do not.
 */
const socketFor = (name: string): string =>
  `\0codex-dominion-${createHash('sha256').update(name).digest('hex').slice(0, 32)}`

/**
 * Claims a rehearsal's name for this process. Anyone who connects receives `owner`. @returns a function that
 * releases it; undefined when another process has it
 */
export async function claimRehearsal(name: string, owner: Owner): Promise<(() => void) | undefined> {
  const attempt = async () => {
    const release = await listen(name, owner)
    if (release) return { release }
    // A process that is ending no longer answers, and its name is free a moment later.
    return (await readOwner(name)) ? { release: undefined } : undefined
  }
  return (await poll(attempt, { intervalMs: 50, attempts: 101 }))?.release
}

function listen(name: string, owner: Owner): Promise<(() => void) | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => {
      socket.on('error', () => {})
      socket.end(JSON.stringify(owner))
    })
    server.once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'EADDRINUSE' ? resolve(undefined) : reject(error),
    )
    server.listen(socketFor(name), () => {
      server.unref()
      resolve(() => void server.close())
    })
  })
}

const answerWithinMs = 5000

/** Returns who has claimed the name; undefined if nobody has. Throws (exit 2) when the owner does not answer. */
export async function readOwner(name: string): Promise<Owner | undefined> {
  const socket = connect(socketFor(name))
  socket.setTimeout(answerWithinMs, () => socket.destroy(doesNotAnswer(name)))
  try {
    return JSON.parse(await text(socket)) as Owner
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ECONNREFUSED' || code === 'ENOENT') return undefined
    // It ended during the query.
    if (code === 'ECONNRESET' || error instanceof SyntaxError) return readOwner(name)
    throw error
  }
}

/** A stopped process, for example: the kernel accepts connections on its behalf, but it never reads them. */
const doesNotAnswer = (name: string): OpsError =>
  usageError(
    `The process that has claimed the rehearsal "${name}" does not answer; it may be stopped`,
    `To find it: ss -xlp | grep ${socketFor(name).slice(1)}   (fg or kill -CONT continues it). To start another one in parallel: npm run rehearse -- --name ANOTHER`,
  )
