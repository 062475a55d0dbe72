'use client'

import { SendIcon, SparklesIcon } from 'lucide-react'
import { type FormEvent, useId, useState } from 'react'
import { Button } from '@/components/ui/button'
import { Card, CardContent, CardDescription, CardHeader, CardTitle } from '@/components/ui/card'
import { Input } from '@/components/ui/input'
import type { Widget } from '@/data/types'
import { type ApiProblem, isProblem, type Row } from '@/lib/api'
import { rowsOf, textOf } from '@/lib/rows'
import { postJson, requestSession } from '@/lib/session'
import { ErrorState, LoadingRows } from './states'

const MAX_QUESTION = 500

type Asked = { question: string; answer?: Row; problem?: ApiProblem }

/** The sources that an answer names, whatever the backend calls them: a list of titles or of objects with one. */
function sourcesOf(answer: Row): string[] {
  const list = Object.values(answer).find(Array.isArray)
  const plain = (list ?? []).filter((item) => typeof item === 'string')
  const titled = rowsOf(answer, 'sources').map((row) => textOf(row, 'title') || textOf(row, 'name'))
  return [...new Set([...plain, ...titled].filter(Boolean))]
}

function Answer({ asked, onRetry }: { asked: Asked; onRetry: () => void }) {
  const { question, answer, problem } = asked
  return (
    <div className="space-y-3 rounded-lg bg-muted/60 p-4 text-sm" aria-live="polite">
      <p className="font-medium">{question}</p>
      {problem && <ErrorState problem={problem} onRetry={onRetry} />}
      {!answer && !problem && <LoadingRows rows={2} />}
      {answer && (
        <p className="leading-relaxed whitespace-pre-line">
          {textOf(answer, 'answer') || textOf(answer, 'message') || 'The advisor found nothing on this.'}
        </p>
      )}
      {answer && sourcesOf(answer).length > 0 && (
        <p className="text-xs text-muted-foreground">From: {sourcesOf(answer).join(', ')}</p>
      )}
    </div>
  )
}

export function AskWidget({ widget }: { widget: Extract<Widget, { kind: 'ask' }> }) {
  const [question, setQuestion] = useState('')
  const [asked, setAsked] = useState<Asked>()
  const inputId = useId()
  const busy = Boolean(asked && !asked.answer && !asked.problem)

  async function ask(text: string) {
    const wanted = text.trim()
    if (!wanted || busy || (await requestSession()) === undefined) return
    setQuestion(wanted)
    setAsked({ question: wanted })
    try {
      setAsked({ question: wanted, answer: await postJson('/api/ai/ask', { question: wanted }) })
    } catch (reason) {
      const problem = isProblem(reason)
        ? reason
        : { status: 0, message: String(reason), advice: 'Try again.' }
      setAsked({ question: wanted, problem })
    }
  }

  function submit(event: FormEvent) {
    event.preventDefault()
    void ask(question)
  }

  return (
    <Card>
      <CardHeader>
        <CardTitle>{widget.title}</CardTitle>
        <CardDescription>Answers quote the capsules; nothing is made up.</CardDescription>
      </CardHeader>
      <CardContent className="space-y-4">
        <form onSubmit={submit} className="flex gap-2">
          <label htmlFor={inputId} className="sr-only">
            Your question
          </label>
          <Input
            id={inputId}
            value={question}
            maxLength={MAX_QUESTION}
            placeholder="Ask in plain words…"
            onChange={(event) => setQuestion(event.target.value)}
          />
          <Button type="submit" disabled={busy || question.trim() === ''}>
            <SendIcon aria-hidden />
            <span className="max-sm:sr-only">Ask</span>
          </Button>
        </form>
        <div className="flex flex-wrap gap-2">
          {widget.suggestions.map((suggestion) => (
            <Button
              key={suggestion}
              variant="secondary"
              size="sm"
              className="h-auto max-w-full py-1.5 text-left whitespace-normal"
              disabled={busy}
              onClick={() => void ask(suggestion)}
            >
              <SparklesIcon aria-hidden />
              {suggestion}
            </Button>
          ))}
        </div>
        {asked && <Answer asked={asked} onRetry={() => void ask(asked.question)} />}
      </CardContent>
    </Card>
  )
}
