import type { Readable } from 'node:stream'
import type { OnOutput, ProcessResult } from './spawn.ts'

export interface StreamEnd {
  /** -1 when a signal ended the process. */
  code: number
  /** At most its last 4000 characters. */
  stderr: string
}

/** A machine that commands reach through ssh. */
export interface Host {
  /** The prefix of its commands in plans and transcripts: `vps: nginx -t`. */
  readonly name: string
  /** Its name in messages: `the VPS`. */
  readonly label: string
  readonly address: string
  readonly port: number
  readonly user: string
  /** The private key file; '' means whatever OpenSSH would use: its configuration, the agent and the usual files. */
  readonly key: string
  readonly knownHosts: string
}

/** Why a held command was lost: it ended on the host, or the connection broke. */
export type Loss = 'ended' | 'cut'

/** An open connection to a host, created by lib/vps/ssh/connect.ts. */
export interface Remote {
  /** Runs one shell line there. Rejects only when the connection itself fails. */
  exec(
    line: string,
    options: {
      stdin?: string | Uint8Array | Readable
      timeoutMs: number
      signal: AbortSignal
      onOutput?: OnOutput | undefined
    },
  ): Promise<ProcessResult>
  /** Yields the output of a line, no faster than it is consumed, until its end, the signal or the consumer's return. */
  stream(
    line: string,
    options: { stdin?: string | Uint8Array | Readable; signal: AbortSignal },
  ): AsyncGenerator<Uint8Array, StreamEnd>
  /** Starts a line that runs until `close()` and gets an empty line every `beatMs`. Resolves at its first line or end. */
  hold(
    line: string,
    beatMs: number,
  ): Promise<{ firstLine: string; code: number | undefined; close(): Promise<void>; lost: Promise<Loss> }>
  close(): void
}
