'use client'

import { useCallback, useEffect, useState } from 'react'
import { Badge } from '@/components/ui/badge'
import { Card, CardAction, CardContent, CardDescription, CardHeader, CardTitle } from '@/components/ui/card'
import { SOURCES, type SourceName, type Widget } from '@/data/types'
import { type ApiProblem, getJson, isProblem } from '@/lib/api'
import { ReloadButton } from './states'

/** Milliseconds until the whole response has arrived; the target is 500 ms. */
const TARGET_MS = 500

type Probe = { ms: number; problem?: ApiProblem }

async function measure(path: string): Promise<Probe> {
  const begin = performance.now()
  try {
    await getJson(path)
    return { ms: performance.now() - begin }
  } catch (reason) {
    const problem = isProblem(reason) ? reason : { status: 0, message: String(reason), advice: '' }
    return { ms: performance.now() - begin, problem }
  }
}

function Verdict({ probe }: { probe?: Probe }) {
  if (!probe) return <Badge variant="secondary">asking…</Badge>
  if (probe.problem) return <Badge variant="destructive">{probe.problem.status || 'no answer'}</Badge>
  return probe.ms > TARGET_MS ? <Badge variant="warning">slow</Badge> : <Badge variant="success">ok</Badge>
}

/** Requests each source once, one after the other, so that the measurements do not disturb each other. */
export function ProbeWidget({ widget }: { widget: Extract<Widget, { kind: 'probe' }> }) {
  const [probes, setProbes] = useState<Partial<Record<SourceName, Probe>>>({})
  const [round, setRound] = useState(0)
  const [asking, setAsking] = useState(true)

  // `round` is the reload button: a new number requests everything again.
  useEffect(() => {
    let left = false
    async function askAll() {
      setAsking(true)
      setProbes({})
      for (const source of widget.sources) {
        const probe = await measure(SOURCES[source].path)
        if (left) return
        setProbes((known) => ({ ...known, [source]: probe }))
      }
      setAsking(false)
    }
    void askAll()
    return () => {
      left = true
    }
  }, [widget.sources, round])

  return (
    <Card>
      <CardHeader>
        <CardTitle>{widget.title}</CardTitle>
        <CardDescription>
          {widget.note ?? `Measured in your browser; target ${TARGET_MS} ms.`}
        </CardDescription>
        <CardAction>
          <ReloadButton
            loading={asking}
            onClick={useCallback(() => setRound((count) => count + 1), [])}
            label={widget.title}
          />
        </CardAction>
      </CardHeader>
      <CardContent>
        <ul className="divide-y text-sm">
          {widget.sources.map((source) => {
            const probe = probes[source]
            return (
              <li key={source} className="flex flex-wrap items-center gap-x-4 gap-y-1 py-2.5">
                <code className="min-w-0 flex-1 truncate font-mono text-[0.8125rem]">
                  {SOURCES[source].path}
                </code>
                <span className="text-muted-foreground tabular-nums">
                  {probe && `${Math.round(probe.ms)} ms`}
                </span>
                <span className="w-20 text-right">
                  <Verdict probe={probe} />
                </span>
                {probe?.problem && (
                  <p className="w-full text-muted-foreground">
                    {probe.problem.message}. {probe.problem.advice}
                  </p>
                )}
              </li>
            )
          })}
        </ul>
      </CardContent>
    </Card>
  )
}
