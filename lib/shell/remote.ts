import type { Readable } from 'node:stream'
import type { ProcessResult } from './spawn.ts'

/** How a streamed line ended. */
export interface StreamEnd {
  /** -1 when it was ended by a signal. */
  code: number
  /** The end of it, at most 4000 characters. */
  stderr: string
}

/** A machine that commands reach over ssh. */
export interface Host {
  /** What plans and transcripts put before its commands: `vps: nginx -t`. */
  readonly name: string
  /** What messages call it: `the VPS`. */
  readonly label: string
  readonly address: string
  readonly port: number
  readonly user: string
  /** The private key file; '' means whatever OpenSSH would use: its configuration, the agent and the usual files. */
  readonly key: string
  readonly knownHosts: string
}

/** How a held line was lost: it ended on the host, or the connection broke. */
export type Loss = 'ended' | 'cut'

/** An open connection to a host. lib/vps/ssh/connect.ts makes one. */
export interface Remote {
  /** Runs one shell line there. Rejects only when the connection itself fails. */
  exec(
    line: string,
    options: {
      stdin?: string | Uint8Array | Readable
      timeoutMs: number
      signal: AbortSignal
      onOutput?: ((chunk: string, from: 'stdout' | 'stderr') => void) | undefined
    },
  ): Promise<ProcessResult>
  /**
   * Runs a line and hands its output on as it comes, no faster than it is taken. It ends with the line; the signal, or
   * taking no more, ends the line. Throws when the connection fails.
   */
  stream(
    line: string,
    options: { stdin?: string | Uint8Array | Readable; signal: AbortSignal },
  ): AsyncGenerator<Uint8Array, StreamEnd>
  /**
   * Starts a line that stays open until `close()`; used for the lock. Resolves at its first line of output or its end.
   * It hears an empty line every `beatMs`, and so can tell a caller that is silent from one that lives.
   */
  hold(
    line: string,
    beatMs: number,
  ): Promise<{ firstLine: string; code: number | undefined; close(): Promise<void>; lost: Promise<Loss> }>
  close(): void
}
