'use client'

import { type FormEvent, useId, useRef, useState } from 'react'
import { Button } from '@/components/ui/button'
import { Dialog, DialogContent, DialogDescription, DialogTitle } from '@/components/ui/dialog'
import { Input } from '@/components/ui/input'
import { Label } from '@/components/ui/label'
import { type Question, useQuestion } from '@/lib/token'

/** The format in which the backend derives it: a mistyped token is detected here, without a request. */
const TOKEN = /^[0-9a-f]{64}$/

const REJECTED = 'The backend did not accept this token. Print it again and enter it here.'
const MALFORMED = 'This is not a token. A token has 64 characters: digits and the letters a to f.'

function TokenForm({ rejected, answer }: Question) {
  const [token, setToken] = useState('')
  const [fault, setFault] = useState(rejected ? REJECTED : '')
  const fieldId = useId()
  const faultId = useId()

  function submit(event: FormEvent) {
    event.preventDefault()
    const given = token.trim()
    if (TOKEN.test(given)) answer(given)
    else setFault(MALFORMED)
  }

  return (
    <form onSubmit={submit} className="space-y-4">
      <div className="space-y-2">
        <Label htmlFor={fieldId}>Token</Label>
        <Input
          id={fieldId}
          type="password"
          autoComplete="current-password"
          spellCheck={false}
          value={token}
          aria-invalid={fault !== ''}
          aria-describedby={fault ? faultId : undefined}
          onChange={(event) => {
            setToken(event.target.value)
            setFault('')
          }}
        />
        {fault && (
          <p id={faultId} role="alert" className="text-sm text-destructive">
            {fault}
          </p>
        )}
      </div>
      <div className="flex justify-end gap-2">
        <Button type="button" variant="outline" onClick={() => answer(undefined)}>
          Cancel
        </Button>
        <Button type="submit" disabled={token.trim() === ''}>
          Continue
        </Button>
      </div>
    </form>
  )
}

/** Asks for the operator's token when a request needs it (lib/token.ts). Escape cancels. */
export function TokenDialog() {
  const question = useQuestion()
  // Radix returns the focus to a trigger; this dialog has none, so it remembers which element had the focus.
  const opener = useRef<Element | null>(null)
  return (
    <Dialog open={question !== undefined} onOpenChange={(open) => !open && question?.answer(undefined)}>
      <DialogContent
        data-token-dialog
        onOpenAutoFocus={() => {
          opener.current = document.activeElement
        }}
        onCloseAutoFocus={(event) => {
          event.preventDefault()
          if (opener.current instanceof HTMLElement) opener.current.focus()
        }}
      >
        <DialogTitle>Enter the operator’s token</DialogTitle>
        <DialogDescription>
          Anyone may read; only the operator may start workflows. Print the token in the Codex Dominion Ops
          folder, with <code className="whitespace-nowrap">--env NAME</code> for another environment:
        </DialogDescription>
        <pre className="overflow-x-auto rounded-md bg-muted px-3 py-2 font-mono text-sm">
          npx dominion api-token
        </pre>
        {question && <TokenForm {...question} />}
        <p className="text-xs text-muted-foreground">This tab keeps the token until you close it.</p>
      </DialogContent>
    </Dialog>
  )
}
