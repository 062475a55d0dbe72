import type { HttpRequest, HttpResponse } from '../net/http.ts'

/** Keeps the requests to Azure and their answers for `--record`. A failure to write does not end the run. */
export interface Recorder {
  /** Called before az starts: the variables to start it with, and what to do at its end. */
  watch(line: string): { env: Readonly<Record<string, string>>; end(): void }
  /** A request that this program made itself, with az's login. */
  add(request: HttpRequest, answer: HttpResponse): void
  /** Registers a further redactor: a run may open several contexts. */
  cleanWith(clean: (text: string) => string): void
  /** What was recorded and where, in one line. */
  summary(): string
}
