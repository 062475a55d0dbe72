/** One request to Azure and its answer, without secrets: a line of a recording. */
export interface Exchange {
  /** ISO 8601. */
  at: string
  /** The script, and the command line that caused the request. */
  script: string
  command: string
  method: string
  url: string
  requestHeaders: Record<string, string>
  /** JSON; a body that is not JSON is replaced by a note on its length. Missing when there is none. */
  request?: unknown
  /** Missing, like everything below, when there was no answer. */
  status?: number
  answerHeaders?: Record<string, string>
  answer?: unknown
}

/** The same before its secrets are removed; its bodies are text. */
export interface RawExchange extends Omit<Exchange, 'script' | 'command' | 'request' | 'answer'> {
  request: string
  answer: string
}
